"""The packages of projects, with the sources that they are built from (copr.md, section 2.7)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from moromi_hub.plugin_api import Call, package_lists

from . import build_queries, builds, package_queries
from .errors import BadRequest, Conflict, CoprError, NotFound
from .model import Build, Package, PackageSettings, Project
from .paging import Page

MOST = 10000
"""How many a listing without a limit may show."""


def get(call: Call, project: Project, name: str, *, lock: bool = False) -> Package:
    """A package of a project. Raises NotFound."""
    found = package_queries.find(call.tx, project.id, name, lock=lock)
    if found is None:
        raise NotFound(f"No package with name {name} in copr {project.name}")
    return found


class TooMany(CoprError):
    """A listing that is too long for one answer."""

    status = 413


def listing(call: Call, page: Page, project: Project) -> list[Package]:
    """Packages of a project. Raises TooMany."""
    page = page.checked("package", package_queries.ORDERABLE)
    if page.limit is None and package_queries.count(call.tx, project.id) > MOST:
        raise TooMany(
            f"Too many packages, please use pagination. Requests are limited to only {MOST} packages at once."
        )
    return package_queries.listing(call.tx, page, project.id)


def latest(call: Call, found: Collection[Package], *, succeeded: bool = False) -> dict[int, Build]:
    """The newest build of each package, or the newest that succeeded, by the packages' ids."""
    return build_queries.latest(call.tx, [each.id for each in found], succeeded=succeeded)


def add(
    call: Call,
    project: Project,
    name: str,
    source_type: str,
    source: Mapping[str, Any],
    settings: PackageSettings,
) -> Package:
    """A new package, which may be built from now on. Raises Conflict."""
    made = package_queries.add(call.tx, project.id, name, source_type, source, settings)
    if made is None:
        raise Conflict(f"Package {name} already exists in copr {project.full_name}.")
    _list(call, project, name)
    return made


def ensure(call: Call, project: Project, name: str) -> Package:
    """The package of a name, made without a source if a build reveals it."""
    found = package_queries.find(call.tx, project.id, name)
    if found is None:
        found = package_queries.add(call.tx, project.id, name, "unset", {}, PackageSettings())
    if found is None:
        # another build of it was faster
        return get(call, project, name)
    _list(call, project, name)
    return found


def _list(call: Call, project: Project, name: str) -> None:
    """Put a name on the package list of the project's tag."""
    package_lists.add(call, project.tag_id, name, project.owner.id, block=False, force=True, use_policy=False)


def change(
    call: Call, package: Package, source_type: str, source: Mapping[str, Any], settings: PackageSettings
) -> None:
    """Write source and settings of a package."""
    package_queries.change(call.tx, package.id, source_type, source, settings)


def delete(call: Call, project: Project, package: Package) -> None:
    """Forget a package with all its builds. Raises BadRequest while one is running."""
    running = build_queries.unfinished(call.tx, package_id=package.id)
    if running:
        numbers = ", ".join(str(each) for each in running)
        raise BadRequest(f"Build(s) {numbers} are still running.\n")
    builds.delete(call, build_queries.get_many(call.tx, build_queries.of_package(call.tx, package.id)))
    package_lists.remove(call, project.tag_id, package.name, force=True, use_policy=False)
    package_queries.remove(call.tx, package.id)
