"""Where results are published, and their addresses (copr.md, section 4.4).

Paths are made of names that were checked, and of numbers.
"""

from __future__ import annotations

from pathlib import Path

from moromi_hub.plugin_api import Call, files

from . import metadata, project_queries, signing
from .model import Build, ChrootState, Project, State
from .settings import CONFIG

SOURCES = "srpm-builds"
DEVEL = "devel"


def top(call: Call) -> Path:
    """The directory of all results."""
    given = CONFIG.of(call).results_dir
    return Path(given) if given else call.settings.topdir / "copr"


def build_directories(place: Path, build_id: int) -> list[str]:
    """The directory of a build in a repository, as a list that may be empty."""
    return sorted(path.name for path in place.glob(f"{build_id:08d}-*") if path.is_dir())


def cache(call: Call) -> Path:
    """Where finished pieces of metadata are kept for all repositories."""
    return top(call) / ".chunks"


def directory(call: Call, owner: str, dirname: str) -> Path:
    """The place of a directory of a project."""
    return files.below(top(call), top(call) / owner / dirname)


def repository(call: Call, owner: str, dirname: str, chroot: str) -> Path:
    """The place of a published repository."""
    return directory(call, owner, dirname) / chroot


def url(call: Call, *parts: str) -> str:
    """The address of something that is published, without a slash at its end."""
    return "/".join([CONFIG.of(call).results_url, *parts])


def chroot_url(call: Call, owner: str, dirname: str, chroot: str) -> str:
    """The address of a published repository."""
    return url(call, owner, dirname, chroot) + "/"


def source_url(call: Call, build: Build) -> str | None:
    """Where the sources of a build are with the logs of getting them, None before there can be any."""
    begun = (State.running, State.failed, State.canceled)
    if build.srpm is None and build.source_state not in begun:
        return None
    return url(call, build.owner, build.dirname, SOURCES, build.directory) + "/"


def result_url(call: Call, build: Build, chroot: ChrootState) -> str | None:
    """Where the results of a chroot are, None before there can be any."""
    if build.package is None or chroot.state in (State.waiting, State.skipped):
        return None
    return url(call, build.owner, build.dirname, chroot.name, f"{build.directory}-{build.package}") + "/"


def make_empty(call: Call, project: Project, dirname: str, chroots: list[str]) -> None:
    """Published repositories without packages, before the rows that promise them.

    With devel mode also what buildroots see. What is there stays: a chroot that comes back has its packages.
    """
    signing.keep_key(call, directory(call, project.owner.name, dirname))
    for chroot in chroots:
        place = repository(call, project.owner.name, dirname, chroot)
        for below in ("", DEVEL) if project.settings.devel_mode else ("",):
            if not (place / below / "repodata" / "repomd.xml").exists():
                metadata.write(place, (), cache(call), below=below)


def clear(call: Call, owner: str, dirname: str) -> None:
    """Remove what is left of an earlier directory of this name; nobody else has one until the commit."""
    project_queries.lock_place(call.tx, f"{owner}/{dirname}")
    files.remove_tree(directory(call, owner, dirname))


def remove_later(call: Call, owner: str, dirname: str) -> None:
    """Remove a directory after the commit that stops promising it, unless there is a new one by then.

    A crash before that leaves it until one of the name is made, or until it is swept.
    """

    def remove() -> None:
        with call.hub.call("copr.remove") as own:
            project_queries.lock_place(own.tx, f"{owner}/{dirname}")
            if not project_queries.place_is_taken(own.tx, owner.removeprefix("@"), dirname):
                files.remove_tree(directory(own, owner, dirname))

    call.tx.after_commit(remove)


def remove_part(call: Call, path: Path) -> None:
    """Remove something below a directory after the commit that stops promising it."""
    call.tx.after_commit(lambda: files.remove_tree(files.below(top(call), path)))
