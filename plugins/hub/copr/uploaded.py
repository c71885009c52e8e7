"""The packages of a copr that came as source packages (copr.md, sections 1.2 and 1.4).

Each release and arch has a build of its own, so that each has a task as soon as it is asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi_hub.plugin_api import Call

from . import build_queries, builds, chroots, intake, legacy, package_queries, packages, progress, sources
from .builds import Order
from .errors import BadRequest, Conflict, NotFound
from .model import Build, BuildOptions, Package, Project, ProjectChroot, State
from .people import Person
from .settings import CONFIG
from .sources import Source


@dataclass(frozen=True)
class Version:
    """One source package with its builds, of which the newest is first."""

    name: str
    epoch: int | None
    version: str
    release: str
    builds: tuple[Build, ...]

    @property
    def nvr(self) -> str:
        """`name-version-release`."""
        return f"{self.name}-{self.version}-{self.release}"


def _versions(found: Iterable[Build]) -> list[Version]:
    """Source packages of one name, newest first."""
    grouped: dict[tuple[str, str], list[Build]] = defaultdict(list)
    for build in found:
        grouped[build.package or "", build.version or ""].append(build)
    return [_version(name, evr, tuple(members)) for (name, evr), members in grouped.items()]


def _version(name: str, evr: str, members: tuple[Build, ...]) -> Version:
    epoch, colon, rest = evr.rpartition(":")
    version, _, release = rest.rpartition("-")
    return Version(name, int(epoch) if colon else None, version, release, members)


def listing(call: Call, project: Project) -> list[list[Version]]:
    """The versions of each package of a copr, by name."""
    found: dict[str, list[Build]] = defaultdict(list)
    for build in build_queries.uploaded(call.tx, project.id):
        found[build.package or ""].append(build)
    return [_versions(found[name]) for name in sorted(found)]


def get(call: Call, project: Project, name: str) -> tuple[Version, list[Version]]:
    """A package by its name, or a version of one by its NVR, and all versions. Raises NotFound."""
    package = package_queries.find(call.tx, project.id, name)
    if package is not None:
        versions = _versions(build_queries.uploaded(call.tx, project.id, package.id))
        if versions:
            return versions[0], versions
    for versions in listing(call, project):
        for each in versions:
            if each.nvr == name:
                return each, versions
    raise NotFound(f"No package with name {name} in copr {project.name}")


# uploading


def upload(
    call: Call, who: Person, project: Project, path: Path, releases: Sequence[str]
) -> tuple[str, list[int]]:
    """Build a source package, whose file moves away; its name and the tasks, by release and arch.

    Raises WrongType, BadRequest, Conflict.
    """
    source = sources.read(path)
    chosen = _chosen(call, project, releases)
    package = packages.ensure(call, project, source.name)
    if any(each.nvr == source.nvr for each in _versions_of(call, project, package)):
        raise Conflict(f"Package {source.nvr} already exists in copr {project.full_name}.")
    kept = intake.keep(call, path, source.file_name)
    if package.source_type in ("unset", "upload"):
        packages.change(call, package, "upload", kept, package.settings)
    options = BuildOptions(timeout=CONFIG.of(call).timeout, enable_net=project.settings.enable_net)
    file = call.settings.topdir / "work" / intake.work_path(kept)
    tasks = []
    for chroot in chosen:
        order = Order("upload", kept, options, chroots=[chroot.name], package=package)
        build = _begin(call, who, project, order, source.fits(chroot.chroot.arch))
        _publish_source(call, build, source, file)
        if build.task_id is not None:
            tasks.append(build.task_id)
    return source.name, tasks


def _versions_of(call: Call, project: Project, package: Package) -> list[Version]:
    return _versions(build_queries.uploaded(call.tx, project.id, package.id))


def _chosen(call: Call, project: Project, releases: Sequence[str]) -> list[ProjectChroot]:
    enabled = chroots.of_project(call, project)
    present = {each.chroot.release for each in enabled}
    if releases:
        legacy.chroots_of(call, releases)
    for release in releases:
        if release not in present:
            raise BadRequest(f"'{release}' is not a release of '{project.full_name}'")
    chosen = [each for each in enabled if not releases or each.chroot.release in releases]
    if not chosen:
        raise BadRequest(legacy.NO_RELEASE)
    return sorted(chosen, key=lambda each: (each.chroot.release, each.chroot.arch))


def _begin(call: Call, who: Person, project: Project, order: Order, fits: bool) -> Build:
    if fits:
        return builds.submit(call, who, project, order)
    # what an arch cannot build needs no task to find out
    return builds.get(
        call, builds.record(call, who, project, order, order.chroots or (), state=State.skipped)
    )


def _publish_source(call: Call, build: Build, source: Source, file: Path) -> None:
    """Have the source package for everybody before it is built."""
    progress.keep_source(call, build, file, source.file_name)
    build_queries.change(call.tx, build.id, {"version": source.evr, "srpm": source.file_name})


# deleting


def delete(call: Call, project: Project, name: str) -> None:
    """Forget a package, or one version of it, with what was built. Raises NotFound, Conflict."""
    version, _ = get(call, project, name)
    package = packages.get(call, project, version.name, lock=True)
    if name == version.name:
        legacy.refuse_unfinished(project, build_queries.unfinished(call.tx, package_id=package.id))
        packages.delete(call, project, package)
        return
    busy = sorted(build.id for build in version.builds if not build.finished)
    legacy.refuse_unfinished(project, busy)
    builds.delete(call, version.builds)
    if not build_queries.of_package(call.tx, package.id):
        packages.delete(call, project, package)


def states(version: Version) -> list[dict[str, Any]]:
    """The newest build of each release and arch: `{release, arch, state, task_id}`."""
    found: dict[str, dict[str, Any]] = {}
    for build in version.builds:
        for each in build.chroots:
            release, _, arch = each.name.rpartition("-")
            state = _STATES[each.state]
            shape = {"release": release, "arch": arch, "state": state, "task_id": build.task_id}
            found.setdefault(each.name, shape)
    return sorted(found.values(), key=lambda each: (each["release"], each["arch"]))


_STATES = {
    State.waiting: "waiting",
    State.pending: "waiting",
    State.starting: "waiting",
    State.importing: "building",
    State.running: "building",
    State.succeeded: "complete",
    State.forked: "complete",
    State.failed: "failed",
    State.canceled: "canceled",
    State.skipped: "skipped",
}
