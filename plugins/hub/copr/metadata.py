"""The metadata of published repositories.

What the packages of one build say is kept beside them in hidden files, so that a
repository is put together from those by the hub's engine in time that depends on what changed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from moromi.repodata import ChunkCache, Entry, PackStore, pack_fragments, render, write_repository
from moromi_hub.plugin_api import files

_ENTRIES, _FRAGMENTS = ".entries", ".fragments"
_KEPT = 600.0
"""Seconds that files of the metadata before stay for readers who have begun with those."""


def describe(directory: Path, name: str) -> None:
    """Keep what the packages in the directory of a build say, which is going to have a name.

    Raises GenericError for a broken package.
    """
    rendered = [(path.name, render(path)) for path in sorted(directory.glob("*.rpm"))]
    pack = f"{name}/{_FRAGMENTS}"
    lines = [each.entry(f"{name}/{file}", pack=pack).line() for file, each in rendered]
    (directory / _FRAGMENTS).write_bytes(pack_fragments(each.fragment for _, each in rendered))
    (directory / _ENTRIES).write_bytes(b"".join(line + b"\n" for line in lines))


def write(
    place: Path, builds: Iterable[str], cache: Path, *, below: str = "", comps: Path | None = None
) -> None:
    """Describe builds, the names of directories in `place`, in its `repodata` or that of a directory below.

    `comps`: the file with the groups.

    A reader sees either what was before or all that is new: only the last file, which names the others, is
    replaced.
    """
    repodata = place / below / "repodata"
    files.make_directories(repodata.parent)
    packages = _lines(place, builds, "../" if below else "")
    store = PackStore(lambda pack: (place / pack.removeprefix("../")).read_bytes())
    written = write_repository(packages, store, ChunkCache(cache), repodata, compression="gzip", comps=comps)
    _tidy(repodata, set(written.files))


def _lines(place: Path, builds: Iterable[str], prefix: str) -> Iterator[bytes]:
    for name in builds:
        for line in (place / name / _ENTRIES).read_bytes().splitlines():
            entry = Entry.parse(line)
            yield entry._replace(href=prefix + entry.href).line() if prefix else line


def _tidy(repodata: Path, current: set[str]) -> None:
    old = time.time() - _KEPT
    for path in repodata.iterdir():
        gone = path.name not in current and (path.stat().st_mtime < old or path.name == "EMPTY_REPO")
        if gone and path.is_file():
            path.unlink(missing_ok=True)
