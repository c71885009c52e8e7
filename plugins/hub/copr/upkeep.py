"""What goes by itself when its time has come: the hourly work (copr.md, sections 2.6 and 4.4)."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from moromi.rpm.versions import compare
from moromi_hub.plugin_api import Call

from . import (
    build_queries,
    builds,
    chroot_queries,
    entities,
    functions,
    people,
    project_queries,
    projects,
    publishing,
    results,
)
from .errors import NotFound
from .model import Build, Directory, Project, ProjectChroot, Repository
from .settings import CONFIG

_PRUNE_AGE = timedelta(days=14)


def run(call: Call) -> None:
    """Remove projects, directories and chroots that are due, and old builds that newer ones have replaced."""
    try:
        people.act_as_service(call)
    except NotFound:
        return  # no chroot was ever offered
    for project in project_queries.due(call.tx):
        if not build_queries.unfinished(call.tx, project_id=project.id):
            projects.delete(call, project)
    for directory in project_queries.stale_directories(call.tx, CONFIG.of(call).pull_request_days):
        _remove_directory(call, directory)
    for chroot in chroot_queries.outlived(call.tx, CONFIG.of(call).grace_days):
        _remove_chroot(call, chroot)
    for project in project_queries.pruned(call.tx):
        _prune(call, project)


def _remove_directory(call: Call, directory: Directory) -> None:
    project = projects.by_id(call, directory.project_id)
    for place, repository in entities.places_of(call, project):
        if place.directory.id == directory.id:
            entities.forget_results(call, repository)
            entities.remove_repository(call, place, repository)
    results.remove_later(call, project.owner.name, directory.name)
    project_queries.remove_directory(call.tx, directory.id)


def _remove_chroot(call: Call, chroot: ProjectChroot) -> None:
    project_queries.lock_all(call.tx, [chroot.project_id])
    project = projects.by_id(call, chroot.project_id)
    # before the lock somebody may have wanted it again
    found = chroot_queries.of_project(call.tx, project.id, disabled=True)
    doomed = [each for each in found if each.id == chroot.id and each.disabled_on is not None]
    if not build_queries.unfinished_in(call.tx, [each.id for each in doomed]):
        functions.remove_chroots(call, project, doomed)


# old builds


def _prune(call: Call, project: Project) -> None:
    """Remove builds from repositories that are old, with a newer version of each of their packages there."""
    for repository in chroot_queries.repositories(call.tx, project_id=project.id):
        found = build_queries.published(call.tx, repository.id)
        doomed = [each for each in _superseded(call, repository, found) if _is_old(each)]
        alone = [each for each in doomed if len(each.chroots) == 1]
        if alone:
            builds.delete(call, alone)
            publishing.want(call, repository.id)


def _is_old(build: Build) -> bool:
    return build.finished and build.submitted_on < datetime.now(UTC) - _PRUNE_AGE


Evr = tuple[int, str, str]


def _compare(one: Evr, other: Evr) -> int:
    if one[0] != other[0]:
        return 1 if one[0] > other[0] else -1
    return compare(one[1], other[1]) or compare(one[2], other[2])


_KEY = functools.cmp_to_key(_compare)


def _superseded(call: Call, repository: Repository, found: Iterable[Build]) -> list[Build]:
    """The builds of which every package is there in a newer version."""
    chroots = {
        chroot.id: build
        for build in found
        for chroot in build.chroots
        if chroot.repository_id == repository.id
    }
    made = build_queries.results_of(call.tx, list(chroots))
    newest: dict[tuple[str, str], Evr] = {}
    for rows in made.values():
        for row in rows:
            name = (row["name"], row["arch"])
            newest[name] = max(newest.get(name, _evr(row)), _evr(row), key=_KEY)
    return [
        chroots[chroot_id]
        for chroot_id, rows in made.items()
        if rows and all(_compare(_evr(row), newest[row["name"], row["arch"]]) < 0 for row in rows)
    ]


def _evr(row: dict[str, object]) -> Evr:
    epoch = row["epoch"]
    return (epoch if isinstance(epoch, int) else 0, str(row["version"]), str(row["release"]))
