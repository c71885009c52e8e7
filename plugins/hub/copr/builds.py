"""Builds: asking for one, following, cancelling and deleting it (copr.md, sections 2.8 and 4.3).

The work is done by a task `coprBuild` of the submitter, which a builder leads; what that
tells the hub on its way is in `progress`.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moromi.constants import PRIO_DEFAULT
from moromi_hub.plugin_api import Call, tasks

from . import (
    access,
    batches,
    build_queries,
    chroot_queries,
    chroots,
    project_queries,
    projects,
    publishing,
    results,
)
from .batches import Batch
from .entities import forget_result
from .errors import BadRequest, Conflict, Forbidden, Invalid, NotFound
from .model import Build, BuildOptions, ChrootState, Package, Project, State
from .paging import Page
from .people import Person

METHOD = "coprBuild"
BACKGROUND = 10
"""How much less urgent a build in the background is."""


@dataclass(frozen=True)
class Order:
    """A build that is asked for. `chroots` are names or patterns; None is all that are enabled."""

    source_type: str
    source: Mapping[str, Any]
    options: BuildOptions
    dirname: str | None = None
    chroots: Sequence[str] | None = None
    exclude: Sequence[str] = field(default_factory=tuple)
    package: Package | None = None
    batch: Batch | None = None


def get(call: Call, build_id: int) -> Build:
    """A build. Raises NotFound."""
    found = build_queries.get(call.tx, build_id) if 0 < build_id < 2**31 else None
    if found is None:
        raise NotFound(f"Build {build_id} does not exist.")
    return found


def listing(
    call: Call, page: Page, project: Project, package: str | None = None, status: str | None = None
) -> list[Build]:
    """Builds of a project; none for a status that there is not."""
    page = page.checked("build", build_queries.ORDERABLE)
    state = None if status is None else State.__members__.get(status)
    if status is not None and state is None:
        return []
    return build_queries.listing(call.tx, page, project.id, package, state)


def chroots_of(call: Call, build_id: int, page: Page) -> list[ChrootState]:
    """A page of the chroots of a build; none for an unknown one."""
    page = page.checked("build_chroot", build_queries.CHROOT_ORDERABLE)
    return build_queries.chroot_page(call.tx, build_id, page) if 0 < build_id < 2**31 else []


# asking


def select(call: Call, project: Project, order: Order) -> list[str]:
    """The names of the chroots to build in. Raises BadRequest, Invalid."""
    enabled = [each.name for each in chroots.of_project(call, project)]
    if not enabled:
        raise BadRequest(f"Can't create build - project {project.full_name} has no active chroots")
    wanted = _matching("chroots", enabled, order.chroots) if order.chroots is not None else enabled
    left_out = set(_matching("exclude_chroots", enabled, order.exclude))
    if order.chroots is None and order.package is not None:
        for pattern in order.package.settings.chroot_denylist:
            left_out |= set(fnmatch.filter(enabled, pattern))
    chosen = [name for name in wanted if name not in left_out]
    if not chosen:
        raise Invalid({"chroots": ["No chroots selected"]})
    return chosen


def _matching(field_name: str, enabled: Sequence[str], patterns: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    missing = []
    for pattern in patterns:
        matches = fnmatch.filter(enabled, pattern)
        if not matches:
            missing.append(f"'{pattern}' is not a valid choice for this field.")
        found |= dict.fromkeys(matches)
    if missing:
        raise Invalid({field_name: missing})
    return list(found)


def submit(call: Call, who: Person, project: Project, order: Order) -> Build:
    """A new build with its task. Raises BadRequest, Invalid; who may build is for the caller to ask."""
    names = select(call, project, order)
    build_id = record(call, who, project, order, names)
    if order.batch is None or not order.batch.waits:
        _start(call, build_id, who.id, order.options)
    return get(call, build_id)


def record(
    call: Call, who: Person, project: Project, order: Order, names: Sequence[str], state: State | None = None
) -> int:
    """The id of a new build without a task; its chroots get a state if it is one that no task tells."""
    directory = projects.add_directory(call, project, order.dirname or project.name)
    repositories = {
        each.chroot_name: each for each in chroot_queries.repositories(call.tx, dir_id=directory.id)
    }
    values = {
        "project_id": project.id,
        "dir_id": directory.id,
        "package_id": None if order.package is None else order.package.id,
        "submitter_id": who.id,
        "source_type": order.source_type,
        "source": dict(order.source),
    }
    build_id = build_queries.add(call.tx, values, order.options)
    if order.batch is not None:
        build_queries.change(call.tx, build_id, {"batch_id": order.batch.id})
    own = {"build_id": build_id, "state": None if state is None else int(state)}
    rows = [{**own, "repository_id": repositories[name].id, "name": name} for name in names]
    build_queries.add_chroots(call.tx, rows)
    project_queries.touch_directory(call.tx, directory.id)
    return build_id


def _start(call: Call, build_id: int, owner_id: int, options: BuildOptions) -> None:
    priority = PRIO_DEFAULT + (BACKGROUND if options.background else 0)
    task_id = tasks.make_task(call, METHOD, [build_id], owner=owner_id, priority=priority)
    build_queries.change(call.tx, build_id, {"task_id": task_id})


def start_ready(call: Call) -> None:
    """Begin the builds whose batch has come to its turn."""
    for build in batches.ready(call):
        _start(call, build.id, build.submitter_id, build.options)


def forge_allowed(project: Project, forge: str) -> bool:
    """Whether a project takes builds that packit makes for another: a pattern of its list fits."""
    plain = forge.partition("://")[2] or forge
    allowed = project.settings.packit_forge_projects_allowed
    return any(fnmatch.fnmatchcase(plain, pattern) for pattern in allowed)


# ending


def cancel(call: Call, who: Person, build_id: int) -> Build:
    """Cancel a build; chroots that have finished stay. Raises NotFound, Forbidden, Conflict."""
    build_queries.lock(call.tx, build_id)
    build = get(call, build_id)
    if not access.may_build(call, who, projects.by_id(call, build.project_id)):
        raise Forbidden("You are not allowed to cancel this build.")
    if build.finished:
        raise Conflict(f"Cannot cancel build {build.id}")
    if build.task_id is not None:
        tasks.cancel_task(call, build.task_id)
    build_queries.change(call.tx, build.id, {"canceled": True})
    return get(call, build_id)


def assert_deletable(call: Call, who: Person, build: Build) -> None:
    """Raise Forbidden or BadRequest unless somebody may delete a build now."""
    project = projects.by_id(call, build.project_id)
    if not access.may_edit(call, who, project):
        raise Forbidden(f"User '{who.name}' doesn't have permissions to delete build {build.id}")
    if project.settings.persistent:
        raise Forbidden(f"User '{who.name}' can not delete a persistent build {build.id}")
    if not build.finished:
        raise BadRequest(f"User '{who.name}' can not delete build {build.id}")


def delete_many(call: Call, who: Person, build_ids: Sequence[int]) -> None:
    """Delete builds, all of them or none. Raises BadRequest with a line for each obstacle."""
    found = {each.id: each for each in build_queries.get_many(call.tx, build_ids)}
    forbidden = [each for each in found.values() if not _may_delete(call, who, each)]
    running = [each for each in found.values() if each not in forbidden and not each.finished]
    unknown = [number for number in build_ids if number not in found]
    text = ""
    if forbidden:
        text += f"You don't have permissions to delete build(s) {_numbers(forbidden)}.\n"
    if running:
        text += f"Build(s) {_numbers(running)} are still running.\n"
    if unknown:
        text += f"Build(s) {', '.join(str(number) for number in unknown)} don't exist.\n"
    if text:
        raise BadRequest(text)
    delete(call, list(found.values()))


def _may_delete(call: Call, who: Person, build: Build) -> bool:
    project = projects.by_id(call, build.project_id)
    return access.may_edit(call, who, project) and not project.settings.persistent


def _numbers(found: Sequence[Build]) -> str:
    return ", ".join(str(each.id) for each in found)


def delete(call: Call, doomed: Sequence[Build]) -> None:
    """Untag and delete what builds made, and forget them; published repositories follow.

    What somebody else has deleted meanwhile is nothing to do.
    """
    found = build_queries.get_many(call.tx, build_queries.lock_many(call.tx, [each.id for each in doomed]))
    for build in found:
        for chroot in build.chroots:
            _forget_chroot(call, chroot)
            place = results.directory(call, build.owner, build.dirname)
            for name in results.build_directories(place / chroot.name, build.id):
                results.remove_part(call, place / chroot.name / name)
        sources = results.directory(call, build.owner, build.dirname) / results.SOURCES / build.directory
        results.remove_part(call, sources)
    # in one order, as others do the same with theirs
    for repository_id in sorted({chroot.repository_id for build in found for chroot in build.chroots}):
        publishing.want(call, repository_id)
    build_queries.remove(call.tx, [each.id for each in found])


def _forget_chroot(call: Call, chroot: ChrootState) -> None:
    if chroot.koji_build_id is None:
        return
    repository = chroot_queries.repository_of(call.tx, chroot.repository_id)
    assert repository is not None, "a chroot of a build goes with its repository"
    forget_result(call, repository, chroot.koji_build_id)


def built_packages(call: Call, chroots_: Sequence[ChrootState]) -> dict[str, list[dict[str, Any]]]:
    """What was built in chroots that have published something, by the chroots' names."""
    found = build_queries.results_of(call.tx, [each.id for each in chroots_])
    return {each.name: found[each.id] for each in chroots_ if each.id in found}
