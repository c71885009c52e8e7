"""`runroot`: a command of a user in a fresh buildroot (spec: builder, section 8.2).

Directories of the host can be mounted into the buildroot, where the configuration file `runroot.conf` says
from where and how. They are mounted aside first, in the task's own mount namespace, and the engine binds
them into the buildroot, so that any kind of file system can be had with any engine.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moromi.constants import USABLE_REPOS, RepoState
from moromi.errors import BuildrootError, ConfigurationError, GenericError
from moromi_builder.plugin_api import (
    BuildRoot,
    Handler,
    Mount,
    RootPlan,
    Section,
    mounted,
    open_beneath,
    plugin_config,
    task,
)

LOG = "/builddir/runroot.log"
WEIGHT = 2.0
LEAST_WEIGHT = 0.5


# configuration


@dataclass(frozen=True)
class MountPoint:
    """A section `[pathN]`: what is mounted at a path of the buildroot."""

    mountpoint: str
    path: str
    fstype: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Config:
    """`runroot.conf`."""

    default_mounts: tuple[str, ...] = ()
    safe_roots: tuple[str, ...] = ()
    path_subs: tuple[tuple[str, str], ...] = ()
    points: tuple[MountPoint, ...] = ()
    internal_dev_setup: bool | None = None

    def mount(self, path: str, *, writable: bool) -> Mount:
        """Say how a path of the buildroot is mounted. Raises GenericError if the file does not."""
        wanted = path
        for old, new in self.path_subs:
            if below(wanted, old):
                wanted = os.path.normpath(f"{new}/{wanted[len(old.rstrip('/')) :]}")
        for point in self.points:
            if below(wanted, point.mountpoint):
                break
        else:
            raise GenericError(f"bad config: missing corresponding mountpoint: {path}")
        inner = wanted[len(point.mountpoint.rstrip("/")) :]
        source = f"{point.path.rstrip('/')}{inner}"
        options = ["rw" if writable and option == "ro" else option for option in point.options]
        if "bind" in options and not os.path.isdir(source):
            raise BuildrootError(f"No such directory to mount at {path}: {source}")
        return Mount(path, source, point.fstype or "none", ",".join(options))

    def is_safe(self, path: str) -> bool:
        """Say whether users may have a path mounted to write to."""
        return any(below(path, root) for root in self.safe_roots)


def below(path: str, top: str) -> bool:
    """Say whether a path is that of a directory or of something below it."""
    return os.path.commonpath([path, top]) == os.path.normpath(top)


def read_config(sections: Mapping[str, Section]) -> Config:
    """Make the configuration of the file's sections. Raises ConfigurationError."""
    paths = sections.get("paths") or Section("paths")
    own = sections.get("runroot")
    points: list[MountPoint] = []
    while (name := f"path{len(points)}") in sections:
        points.append(_point(name, sections[name]))
    substitutions = []
    for line in paths.get("path_subs", "").splitlines():
        if line.strip():
            old, comma, new = line.partition(",")
            if not comma:
                raise ConfigurationError(f"Invalid value for [paths] path_subs: {line.strip()!r}")
            substitutions.append((_absolute(old), _absolute(new)))
    has_dev = own is not None and "internal_dev_setup" in own
    return Config(
        default_mounts=_absolutes(paths.get("default_mounts", "")),
        safe_roots=_absolutes(paths.get("safe_roots", "")),
        path_subs=tuple(substitutions),
        points=tuple(points),
        internal_dev_setup=own.boolean("internal_dev_setup", True) if own is not None and has_dev else None,
    )


def _point(name: str, section: Section) -> MountPoint:
    for key in ("mountpoint", "path", "fstype", "options"):
        if key not in section:
            raise ConfigurationError(f"bad config: missing options in {name} section: {key}")
    options = tuple(word.strip() for word in section["options"].split(",") if word.strip())
    if "bg" in options:
        raise ConfigurationError(f"bad config: bg option not allowed in {name} section")
    # The path of a network file system is `host:/path`.
    path = section["path"].strip()
    if "bind" in options:
        path = _absolute(path)
    elif not path or path.startswith("-"):
        raise ConfigurationError(f"bad config: {path!r} cannot be mounted ({name} section)")
    return MountPoint(_absolute(section["mountpoint"]), path, section["fstype"].strip(), options)


def _absolutes(text: str) -> tuple[str, ...]:
    return tuple(_absolute(part) for part in text.split(",") if part.strip())


def _absolute(path: str) -> str:
    path = path.strip()
    if not os.path.isabs(path):
        raise ConfigurationError(
            f"bad config: all paths (default_mounts, safe_roots, …) need to be absolute: {path}"
        )
    return path


# the task


@dataclass
class RunRootParams:
    """`runroot(root, arch, command, …)`; `root` is the build tag, `command` a shell's text or words."""

    root: int | str
    arch: str
    command: str | list[str]
    keep: bool = False
    packages: list[str] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)
    repo_id: int | None = None
    skip_setarch: bool = False
    weight: float | None = None
    upload_logs: list[str] = field(default_factory=list)
    new_chroot: bool | None = None


@task("runroot", RunRootParams, weight=WEIGHT)
class RunRoot(Handler[RunRootParams]):
    """Runs a command."""

    def run(self) -> str:
        """Give a line that names the program."""
        params = self.params
        if params.weight is not None:
            self._set_weight(max(float(params.weight), LEAST_WEIGHT))
        config = read_config(plugin_config(self.settings, "runroot"))
        tag = self.session.getBuildConfig(params.root)
        repo = self._repo(tag)
        arch = self.find_arch(params.arch, tag)
        with self._binds(config) as binds:
            dev = config.internal_dev_setup
            plan = RootPlan(
                tag=tag["id"],
                repo_id=int(repo["id"]),
                arch=arch,
                dns=True,
                binds=binds,
                internal_dev_setup=True if dev is None and binds else dev,
            )
            root = BuildRoot(self, plan)
            root.init()
            root.begin()
            return self._run_in(root)

    def _set_weight(self, weight: float) -> None:
        self.session.host.setTaskWeight(self.task_id, weight)
        self.context.report(None, weight)

    def _repo(self, tag: dict[str, Any]) -> dict[str, Any]:
        """Find the repository to use, waiting for one if the tag has none."""
        if self.params.repo_id is not None:
            given: dict[str, Any] = self.session.repoInfo(self.params.repo_id, strict=True)
            if given["tag_id"] != tag["id"]:
                raise BuildrootError(
                    f"build tag ({tag['name']}) does not match repo tag ({given['tag_name']})"
                )
            state = RepoState(given["state"])
            if state not in USABLE_REPOS:
                raise BuildrootError(f"repos in the {state.name} state may not be used by runroot")
            return given
        found: dict[str, Any] | None = self.session.getRepo(tag["id"])
        if found is not None:
            return found
        waiting = self.subtask("waitrepo", [tag["id"], None, None], label="waitrepo", arch="noarch")
        waited: dict[str, Any] = self.wait([waiting], all=True, failany=True)[waiting]
        return waited

    # -- mounts

    @contextmanager
    def _binds(self, config: Config) -> Iterator[tuple[tuple[str, str], ...]]:
        """Mount what the site and the user want; gives (path here, path in the buildroot)."""
        mounts = [config.mount(path, writable=False) for path in config.default_mounts]
        for asked in self.params.mounts:
            path = os.path.normpath(asked)
            if not os.path.isabs(path) or not config.is_safe(path):
                raise GenericError(f"read-write mount point is not safe: {asked}")
            mounts.append(config.mount(path, writable=True))
        with mounted(self, mounts) as places:
            yield tuple((str(place), mount.name) for place, mount in zip(places, mounts, strict=True))

    # -- the command

    def _run_in(self, root: BuildRoot) -> str:
        params = self.params
        root.install(params.packages)
        root.make_directory("/builddir")
        self.logs.follow(root.root, LOG.lstrip("/"))
        options = ["--no-clean"]
        if params.new_chroot is not None:
            options.append("--new-chroot" if params.new_chroot else "--old-chroot")
        if params.skip_setarch:
            options += ["--arch", platform.machine()]
        status = root.mock([*options, "--chroot", "--", "/bin/bash", "-c", script(params.command)])
        root.update_list()
        self._upload_logs(root)
        root.expire()
        name = program_name(params.command)
        if not status:
            raise BuildrootError(status.describe(name))
        return f"{name} completed successfully"

    def _upload_logs(self, root: BuildRoot) -> None:
        """Upload further files of the buildroot; one that is not there is none."""
        for path in self.params.upload_logs:
            name = os.path.basename(path)
            copied = self.context.workdir / "logs" / name
            copied.parent.mkdir(exist_ok=True)
            try:
                found = open_beneath(root.root, os.path.normpath(path).lstrip("/"))
            except FileNotFoundError:
                continue
            with found as source, open(copied, "wb") as target:
                shutil.copyfileobj(source, target)
            self.upload(copied)
            self.logs.add_name(name)


def script(command: str | list[str]) -> str:
    """Make the text for a shell: what the command prints goes to the log, and its status is kept."""
    text = command if isinstance(command, str) else shlex.join(command)
    return f"{{ {text}; }} < /dev/null 2>&1 | /usr/bin/tee {LOG}; exit ${{PIPESTATUS[0]}}"


def program_name(command: str | list[str]) -> str:
    """Find the program in a command, behind settings of variables."""
    words = command.split() if isinstance(command, str) else command
    return next((word for word in words if "=" not in word), "(none)")
