"""The command lines of createrepo_c and mergerepo_c (spec: builder, section 5.6)."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from moromi.errors import GenericError
from moromi_builder.repos.source import RepoSource
from moromi_builder.settings import Settings

CREATEREPO_C = "/usr/bin/createrepo_c"
CREATEREPO = "/usr/bin/createrepo"
MERGEREPO_C = "/usr/bin/mergerepo_c"
NEEDED_FOR_SIMPLE = (0, 13, 0)
NEEDED_FOR_ARCH_EXPAND = (0, 15, 11)


def createrepo(settings: Settings, source: RepoSource, output: Path) -> list[str]:
    """Write the command that makes the metadata of the local packages in `output`."""
    words = [CREATEREPO_C, "--error-exit-val"] if settings.use_createrepo_c else [CREATEREPO]
    words += ["-vd", "-o", str(output)]
    if source.packages:
        words += ["-i", str(source.pkglist)]
    if source.groups is not None:
        words += ["-g", str(source.groups)]
    if source.old is not None:
        words.append("--update")
        if settings.createrepo_skip_stat:
            words.append("--skip-stat")
    words.append(str(source.directory if source.packages else output))
    return words


def dist_createrepo(
    settings: Settings,
    directory: Path,
    opts: Mapping[str, Any],
    *,
    groups: Path | None,
    update: bool,
    old_packages: Sequence[Path],
) -> list[str]:
    """Write the command that makes the metadata of a dist repository, or of one beside it, in place.

    `opts` are the repository's options, `old_packages` directories to make deltas against. GenericError for
    options that do not fit together or that this machine's tool lacks.
    """
    words = [CREATEREPO_C, "--error-exit-val", "-vd", "-i", str(directory / "pkglist")]
    if groups is not None:
        words += ["-g", str(groups)]
    if update:
        words.append("--update")
        skip = opts.get("createrepo_skip_stat")
        if settings.distrepo_skip_stat if skip is None else skip:
            words.append("--skip-stat")
    if old_packages:
        words.append("--deltas")
        for place in old_packages:
            words += ["--oldpackagedirs", str(place)]
    return [*words, *_zchunk(opts), str(directory)]


def _zchunk(opts: Mapping[str, Any]) -> list[str]:
    """Write the options for zchunk metadata, once they are known to work."""
    place = opts.get("zck_dict_dir")
    if not opts.get("zck"):
        if place:
            raise GenericError("--zck-dict-dir makes no sense without --zck")
        return []
    if "--zck" not in _output([CREATEREPO_C, "--help-all"]):
        raise GenericError("createrepo doesn't support zchunks")
    if not place:
        return ["--zck"]
    if not Path(place).exists():
        raise GenericError(f"zchunk dir path doesn't exist: {place}")
    if not Path(place).is_dir():
        raise GenericError(f"zchunk dir path is file: {place}")
    return ["--zck", "--zck-dict-dir", str(place)]


def mergerepo(
    mode: str,
    version: tuple[int, ...],
    arch: str,
    source: RepoSource,
    local: Path,
    urls: Sequence[str],
    output: Path,
) -> list[str]:
    """Write the command that merges the local repository and external ones; local packages come first."""
    words = [MERGEREPO_C]
    if mode == "bare":
        words += ["--pkgorigins", "--all"]
    else:
        words.append("--koji")
        if mode == "simple":
            if version < NEEDED_FOR_SIMPLE:
                text = ".".join(map(str, version))
                raise GenericError(
                    f"mergerepo_c is not installed or has low version: {text} (0.13.0 needed for --simple)"
                )
            words.append("--simple")
        if source.blocklist is not None:
            words += ["-b", str(source.blocklist)]
    words += ["-a", arch, "-o", str(output)]
    if version >= NEEDED_FOR_ARCH_EXPAND:
        words.append("--arch-expand")
    if source.groups is not None:
        words += ["-g", str(source.groups)]
    for url in (f"file://{local}/", *urls):
        words += ["-r", url]
    return words


def mergerepo_version() -> tuple[int, ...]:
    """Ask the installed mergerepo_c; (0,) if there is none."""
    return parse_version(_output([MERGEREPO_C, "--version"]))


def _output(words: Sequence[str]) -> str:
    """Give what a program prints; nothing if there is no such program."""
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def parse_version(text: str) -> tuple[int, ...]:
    """Find the numbers of a `Version: 0.17.3 (Features: ...)`."""
    found = re.search(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in found[0].split(".")) if found else (0,)
