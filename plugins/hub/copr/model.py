"""Projects and what belongs to them, as the rest of the plugin sees them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, TypeVar


class Level(IntEnum):
    """How far somebody has come with a permission (section 3.1)."""

    nothing = 0
    request = 1
    approved = 2


class State(IntEnum):
    """States of builds and of their chroots, with their numbers (section 2.9)."""

    failed = 0
    succeeded = 1
    canceled = 2
    running = 3
    pending = 4
    skipped = 5
    starting = 6
    importing = 7
    forked = 8
    waiting = 9


FINAL = frozenset({State.failed, State.succeeded, State.canceled, State.skipped, State.forked})
PERMISSIONS = ("builder", "admin")
"""In the order in which changes are told."""


@dataclass(frozen=True)
class Owner:
    """A user, or a group, in whose name projects are."""

    id: int
    name: str
    """As in paths: a group's with `@`."""
    is_group: bool


@dataclass(frozen=True)
class Settings:
    """The settings of a project that need no column of their own (section 2.6)."""

    instructions: str = ""
    homepage: str | None = None
    contact: str | None = None
    additional_repos: list[str] = field(default_factory=list)
    runtime_dependencies: list[str] = field(default_factory=list)
    enable_net: bool = False
    devel_mode: bool = False
    persistent: bool = False
    auto_prune: bool = True
    bootstrap: str = "default"
    isolation: str = "default"
    multilib: bool = False
    fedora_review: bool = False
    module_hotfixes: bool = False
    appstream: bool = False
    follow_fedora_branching: bool = True
    repo_priority: int | None = None
    packit_forge_projects_allowed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Project:
    """A project."""

    id: int
    owner: Owner
    name: str
    created_on: datetime
    description: str
    unlisted_on_hp: bool
    settings: Settings
    delete_on: datetime | None
    webhook_secret: str
    tag_id: int

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner.name}/{self.name}"


@dataclass(frozen=True)
class Chroot:
    """What can be built in: a release of a distribution on an arch."""

    id: int
    name: str
    os: str
    version: str
    arch: str
    active: bool
    comment: str

    @property
    def release(self) -> str:
        """The name without the arch."""
        return f"{self.os}-{self.version}"


@dataclass(frozen=True)
class ChrootSettings:
    """What a project sets for one of its chroots (section 2.7)."""

    additional_repos: list[str] = field(default_factory=list)
    additional_packages: list[str] = field(default_factory=list)
    additional_modules: list[str] = field(default_factory=list)
    with_opts: list[str] = field(default_factory=list)
    without_opts: list[str] = field(default_factory=list)
    bootstrap: str = "unchanged"
    bootstrap_image: str | None = None
    isolation: str = "unchanged"
    comps_name: str | None = None
    """The name of the file with groups that was given, and"""
    comps_file: str | None = None
    """of the one that is kept."""


@dataclass(frozen=True)
class ProjectChroot:
    """A chroot of a project. One that is disabled keeps its data for a while."""

    id: int
    project_id: int
    chroot: Chroot
    settings: ChrootSettings
    disabled_on: datetime | None

    @property
    def name(self) -> str:
        """`fedora-42-x86_64`."""
        return self.chroot.name


@dataclass(frozen=True)
class Directory:
    """The main directory of a project, or a side directory: `name:custom:…`, `name:pr:…`."""

    id: int
    project_id: int
    name: str
    last_build_on: datetime | None

    @property
    def is_main(self) -> bool:
        """Whether it is that of the project itself."""
        return ":" not in self.name


@dataclass(frozen=True)
class Repository:
    """A published repository: a directory and a chroot, with the tags of its builds."""

    id: int
    dir_id: int
    dir_name: str
    project_chroot_id: int
    chroot_name: str
    dest_tag_id: int
    build_tag_id: int
    wanted: int
    made: int
    publish_all: bool


@dataclass(frozen=True)
class PackageSettings:
    """What a package has besides its source (section 2.8)."""

    webhook_rebuild: bool = False
    max_builds: int = 0
    timeout: int = 0
    chroot_denylist: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Package:
    """A package of a project."""

    id: int
    project_id: int
    name: str
    source_type: str
    source: dict[str, Any]
    settings: PackageSettings


@dataclass(frozen=True)
class BuildOptions:
    """How a build is to be made (section 2.8)."""

    timeout: int = 18000
    background: bool = False
    enable_net: bool = False
    bootstrap: str = "unchanged"
    isolation: str = "unchanged"


@dataclass(frozen=True)
class ChrootState:
    """Where a build has come in one chroot."""

    id: int
    build_id: int
    repository_id: int
    name: str
    state: State
    task_id: int | None
    koji_build_id: int | None
    started_on: datetime | None
    ended_on: datetime | None


@dataclass(frozen=True)
class Build:
    """A build with its chroots."""

    id: int
    project_id: int
    owner: str
    project: str
    dir_id: int
    dirname: str
    package_id: int | None
    package: str | None
    submitter: str
    submitter_id: int
    task_id: int | None
    source_type: str
    source: dict[str, Any]
    options: BuildOptions
    submitted_on: datetime
    state: State
    source_state: State
    version: str | None
    srpm: str | None
    batch_id: int | None
    chroots: tuple[ChrootState, ...]

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in FINAL and all(each.state in FINAL for each in self.chroots)

    @property
    def directory(self) -> str:
        """The directory of its sources; those of its chroots begin with the same digits."""
        return f"{self.id:08d}"


S = TypeVar("S", Settings, ChrootSettings, PackageSettings, BuildOptions)


def from_stored(kind: type[S], stored: Mapping[str, Any]) -> S:
    """Settings as they were stored; those that were not yet known then have their defaults."""
    names = {each.name for each in dataclasses.fields(kind)}
    return kind(**{key: value for key, value in stored.items() if key in names})
