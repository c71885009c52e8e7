"""What a repository is made from, as local files.

The hub leaves a package list and its links in the new repository's directory. On a mount of the hub's tree
they are used in place. Without one the lists are downloaded, and of the packages those that the previous
metadata does not describe: createrepo_c opens no others.
"""

from __future__ import annotations

import gzip
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.errors import GenericError
from moromi_builder.hubfiles import HubFiles

COMMON_XML = "{http://linux.duke.edu/metadata/common}"
REPO_XML = "{http://linux.duke.edu/metadata/repo}"
PROBE = "repo.json"
TOPLINK = "toplink/"


@dataclass(frozen=True)
class RepoSource:
    """One arch of a repository to be made. `packages` are the lines of `pkglist`, paths below `directory`.

    `groups` and `blocklist` are None where there are none; `old` is a copy of the previous repodata.
    """

    directory: Path
    packages: tuple[str, ...]
    groups: Path | None
    blocklist: Path | None
    old: Path | None

    @property
    def pkglist(self) -> Path:
        """Give the file with the package list."""
        return self.directory / "pkglist"


def repo_path(repo: dict[str, Any]) -> str:
    """Give a repository's directory below the hub's tree."""
    return f"repos/{repo['tag_name']}/{repo['id']}"


def open_source(
    files: HubFiles, repo: dict[str, Any], arch: str, old_repo: dict[str, Any] | None, scratch: Path
) -> RepoSource:
    """Make a repository's ingredients local. `scratch` is an empty place for downloads and copies."""
    path = repo_path(repo)
    mounted = files.mounted_tree(path, PROBE)
    old = _copy_old(files, old_repo, arch, scratch / "old") if old_repo else None
    if mounted is not None:
        return _describe(mounted / arch, mounted / "groups" / "comps.xml", old)
    directory = scratch / "mirror" / arch
    directory.mkdir(parents=True)
    if not _mirror(files, f"{path}/{arch}/pkglist", directory / "pkglist"):
        raise GenericError(f"No package list for {arch} of repo {repo['id']}")
    _mirror(files, f"{path}/{arch}/blocklist", directory / "blocklist")
    groups = scratch / "mirror" / "comps.xml"
    _mirror(files, f"{path}/groups/comps.xml", groups)
    source = _describe(directory, groups, old)
    _fetch_packages(files, source)
    return source


def _describe(directory: Path, groups: Path, old: Path | None) -> RepoSource:
    pkglist, blocklist = directory / "pkglist", directory / "blocklist"
    lines = pkglist.read_text(encoding="utf-8").splitlines() if pkglist.exists() else []
    return RepoSource(
        directory,
        tuple(line for line in lines if line),
        groups if groups.is_file() else None,
        blocklist if blocklist.is_file() else None,
        old,
    )


def _mirror(files: HubFiles, path: str, target: Path) -> bool:
    data = files.read(path)
    if data is not None:
        target.write_bytes(data)
    return data is not None


def _copy_old(files: HubFiles, repo: dict[str, Any], arch: str, target: Path) -> Path | None:
    """Copy the previous metadata; None if there is none."""
    path = f"{repo_path(repo)}/{arch}/repodata"
    mounted = files.mounted_tree(path, "repomd.xml")
    if mounted is not None:
        shutil.copytree(mounted, target)
    else:
        repomd = files.read(f"{path}/repomd.xml")
        if repomd is None:
            return None
        target.mkdir(parents=True)
        (target / "repomd.xml").write_bytes(repomd)
        for name in metadata_files(repomd):
            files.download(files.url(f"{path}/{name}"), target / name)
    for origins in target.glob("*pkgorigins.gz"):
        origins.unlink()
    return target


def metadata_files(repomd: bytes) -> list[str]:
    """List the files below `repodata` that a repomd.xml names."""
    names = []
    for item in ElementTree.fromstring(repomd).iter(f"{REPO_XML}location"):
        name = (item.get("href") or "").removeprefix("repodata/")
        if name and "/" not in name:
            names.append(name)
    return names


def _fetch_packages(files: HubFiles, source: RepoSource) -> None:
    """Download the packages that the previous metadata does not describe."""
    known = _described(source.old) if source.old else set()
    (source.directory / "toplink").symlink_to(files.cache)
    for line in source.packages:
        if line.rsplit("/", 1)[-1] in known:
            continue
        path = line.removeprefix(TOPLINK)
        target = files.cache / path
        if path == line or ".." in path.split("/"):
            raise GenericError(f"Package list names a file outside of the tree: {line}")
        target.parent.mkdir(parents=True, exist_ok=True)
        files.download(files.url(path), target)


def _described(repodata: Path) -> set[str]:
    """List the file names that metadata describes."""
    names = set()
    for primary in repodata.glob("*primary.xml.gz"):
        with gzip.open(primary) as stream:
            for _event, element in ElementTree.iterparse(stream):
                if element.tag == f"{COMMON_XML}location":
                    names.add((element.get("href") or "").rsplit("/", 1)[-1])
                elif element.tag == f"{COMMON_XML}package":
                    element.clear()
    return names
