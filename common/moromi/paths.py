"""Where things are in the file tree (hub-protocol.md 5.5, client-session.md 8).

Paths are made of names that came from callers or from packages, so each is
checked where it is joined: it can name something below its start and nothing
else. `topdir` may be a URL, for those who read the tree over HTTP.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from moromi.constants import DEFAULT_TOPDIR, DEFAULT_VOLUME
from moromi.errors import GenericError

__all__ = ["PathInfo", "is_storable", "join", "join_names", "task_relpath"]

Info = Mapping[str, Any]

_TYPE_DIRECTORIES: Final = {"maven": "maven", "win": "win", "image": "images"}


_MAX_NAME: Final = 255
_MAX_PATH: Final = 2500
"""Bytes of a path below a build's directory or another start; Linux takes 4095 for all of it."""


def is_storable(path: str) -> bool:
    """Whether file systems take a relative path: no NUL, no half characters, nothing too long."""
    if len(path) < 64 and path.isascii():
        return "\0" not in path
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return False
    too_long = len(encoded) > _MAX_PATH or any(len(part) > _MAX_NAME for part in encoded.split(b"/"))
    return not too_long and b"\0" not in encoded


def join(base: str, *parts: str) -> str:
    """Append relative paths; each is normalised first.

    GenericError `Invalid path segment: …`: one is absolute, climbs above its
    start, or is nothing that a file system takes.
    """
    path = base
    for part in parts:
        clean = posixpath.normpath(part) if part else "."
        if clean.startswith("/") or clean == ".." or clean.startswith("../") or not is_storable(clean):
            raise GenericError(f"Invalid path segment: {part}")
        if clean != ".":
            path = f"{path.rstrip('/')}/{clean}" if path else clean
    return path


def join_names(base: str, *names: object) -> str:
    """Append names, which unlike paths must not be empty nor hold `.` or `..`.

    A `/` inside is allowed, as the default rules for names allow it in tags and packages.
    GenericError `Invalid path segment: …`.
    """
    path = base.rstrip("/")
    for name in names:
        text = str(name)
        if not is_storable(text) or any(part in ("", ".", "..") for part in text.split("/")):
            raise GenericError(f"Invalid path segment: {text}")
        path = f"{path}/{text}" if path else text
    return path


def task_relpath(task_id: int) -> str:
    """Return a task's directory below the work directory."""
    return f"tasks/{task_id % 10000}/{task_id}"


@dataclass(frozen=True)
class PathInfo:
    """The paths below one top directory.

    Builds, rpms and archives are given as mappings with the keys of the wire:
    `name`, `version`, `release`, `volume_name`; `arch` for rpms.
    """

    topdir: str = DEFAULT_TOPDIR

    def volumedir(self, volume: str | None = None) -> str:
        """The top of a volume."""
        if volume is None or volume == DEFAULT_VOLUME:
            return self.topdir
        return join_names(self.topdir, "vol", volume)

    def build(self, build: Info) -> str:
        """The directory of a build."""
        top = self.volumedir(build.get("volume_name"))
        return join_names(top, "packages", build["name"], build["version"], build["release"])

    def typedir(self, build: Info, btype: str) -> str:
        """The directory of a build's files of one type other than rpm."""
        directory = _TYPE_DIRECTORIES.get(btype)
        if directory:
            return f"{self.build(build)}/{directory}"
        return join_names(self.build(build), "files", btype)

    def mavenbuild(self, build: Info) -> str:
        """The directory of a build's Maven artifacts."""
        return self.typedir(build, "maven")

    def winbuild(self, build: Info) -> str:
        """The directory of a build's Windows files."""
        return self.typedir(build, "win")

    def imagebuild(self, build: Info) -> str:
        """The directory of a build's images."""
        return self.typedir(build, "image")

    @staticmethod
    def mavenrepo(artifact: Info) -> str:
        """The directory of a Maven artifact, relative to a Maven repository."""
        group = str(artifact["group_id"]).replace(".", "/")
        return join_names("", group, artifact["artifact_id"], artifact["version"])

    def mavenfile(self, artifact: Info) -> str:
        """A file of a Maven artifact, relative to a Maven repository."""
        return join_names(self.mavenrepo(artifact), artifact["filename"])

    @staticmethod
    def winfile(archive: Info) -> str:
        """A Windows file, relative to the build's directory for them."""
        return join_names(join("", archive.get("relpath") or ""), archive["filename"])

    @staticmethod
    def rpm(rpm: Info) -> str:
        """An rpm, relative to its build."""
        arch = rpm["arch"]
        return join_names("", arch, f"{rpm['name']}-{rpm['version']}-{rpm['release']}.{arch}.rpm")

    def signed(self, rpm: Info, sigkey: str) -> str:
        """A signed copy of an rpm, relative to its build. An empty key has no directory of its own."""
        return self._keyed("data/signed", sigkey, self.rpm(rpm))

    def sighdr(self, rpm: Info, sigkey: str) -> str:
        """A stored signature header of an rpm, relative to its build."""
        return self._keyed("data/sigcache", sigkey, self.rpm(rpm)) + ".sig"

    @staticmethod
    def _keyed(base: str, sigkey: str, rpm: str) -> str:
        return join_names(base, sigkey, rpm) if sigkey else join_names(base, rpm)

    def build_logs(self, build: Info) -> str:
        """The directory of a build's logs."""
        return f"{self.build(build)}/data/logs"

    def repo(self, repo_id: int, tag: str) -> str:
        """The directory of a repository."""
        return join_names(self.topdir, "repos", tag, repo_id)

    def repocache(self, tag: str) -> str:
        """The directory of a tag's repository cache."""
        return join_names(self.topdir, "repos", tag, "cache")

    def distrepo(self, repo_id: int, tag: str, volume: str | None = None) -> str:
        """The directory of a dist repository."""
        return join_names(self.volumedir(volume), "repos-dist", tag, repo_id)

    def work(self, volume: str | None = None) -> str:
        """The directory that uploads go to."""
        return f"{self.volumedir(volume).rstrip('/')}/work"

    @staticmethod
    def taskrelpath(task_id: int) -> str:
        """A task's directory, relative to the work directory."""
        return task_relpath(task_id)

    def task(self, task_id: int, volume: str | None = None) -> str:
        """A task's directory."""
        return f"{self.work(volume)}/{task_relpath(task_id)}"

    def scratch(self) -> str:
        """The directory of scratch builds."""
        return join_names(self.topdir, "scratch")
