"""Made-up repositories, and what is in the metadata of a repository, whoever wrote it."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import createrepo_c

from moromi.repodata import PackStore, pack_fragments, render
from rpmmaker import Package, make_rpm

DOCUMENTS = ("primary", "filelists", "other")


@dataclass(frozen=True)
class Tree:
    """rpm files in `directory`, the lines of their entries (relative to it), and their fragments."""

    directory: Path
    lines: list[bytes]
    store: PackStore


def made_up(directory: Path, packages: Sequence[Package]) -> Tree:
    """Write rpms and render them."""
    directory.mkdir(parents=True)
    paths = [directory / package.file_name for package in packages]
    for path, package in zip(paths, packages, strict=True):
        path.write_bytes(make_rpm(package))
        os.utime(path, (package.time, package.time))
    return kept(directory, paths)


def kept(directory: Path, paths: Iterable[Path]) -> Tree:
    """Render rpms that lie in a directory."""
    found = {path: render(path) for path in paths}
    (directory / "pack").write_bytes(pack_fragments(each.fragment for each in found.values()))
    lines = [each.entry(str(path.relative_to(directory)), "pack").line() for path, each in found.items()]
    # packs of external repositories have absolute names
    return Tree(directory, lines, PackStore(lambda name: (directory / name).read_bytes()))


def contents(repository: Path) -> list[tuple[str, ...]]:
    """What a repository says of each package (location, all three documents), in any order written."""
    files = documents(repository)
    paths = {f"{kind}_path": str(files[kind]) for kind in DOCUMENTS}
    return sorted(
        (package.location_base or "", package.location_href, *createrepo_c.xml_dump(package))
        for package in createrepo_c.PackageIterator(**paths)
    )


def documents(repository: Path) -> dict[str, Path]:
    """The files that repomd.xml names, by their types; each must have the sums and sizes that it states."""
    found = {}
    for record in createrepo_c.Repomd(str(repository / "repodata" / "repomd.xml")).records:
        path = repository / record.location_href
        data = path.read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (record.size, record.checksum)
        if record.checksum_open:
            data = expanded(path)
            assert (len(data), hashlib.sha256(data).hexdigest()) == (record.size_open, record.checksum_open)
        found[record.type] = path
    return found


def expanded(path: Path) -> bytes:
    """The content of a compressed file, as createrepo_c reads it."""
    plain = path.with_name("expanded")
    createrepo_c.decompress_file(str(path), str(plain), createrepo_c.AUTO_DETECT_COMPRESSION)
    data = plain.read_bytes()
    plain.unlink()
    return data


def origins(repository: Path) -> dict[str, list[str]]:
    """Where the packages of a merged repository come from: all URLs for each name."""
    found: dict[str, list[str]] = {}
    for line in gzip.decompress(documents(repository)["origin"].read_bytes()).decode().splitlines():
        package, url = line.split("\t")
        found.setdefault(package, []).append(url)
    return {package: sorted(urls) for package, urls in found.items()}


def emptied(directory: Path) -> Path:
    """The directory, without what was in it."""
    shutil.rmtree(directory, ignore_errors=True)
    return directory
