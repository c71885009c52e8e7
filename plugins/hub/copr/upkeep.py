"""What goes by itself when its time has come: the hourly work (copr.md, sections 2.6 and 4.4)."""

from __future__ import annotations

from moromi_hub.plugin_api import Call

from . import (
    build_queries,
    chroot_queries,
    entities,
    functions,
    people,
    project_queries,
    projects,
    pruning,
    results,
    sweeping,
)
from .errors import NotFound
from .model import Directory, ProjectChroot
from .settings import CONFIG


def run(call: Call) -> None:
    """Remove projects, directories and chroots that are due, replaced builds, and what belongs to nobody."""
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
        pruning.replaced(call, project)
    sweeping.run(call)


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
