"""The functions that builders run for coprs: create_copr, remove_repos, async_build_x86, move_to_copr.

Each is a task method (copr.md, section 1.9). The builder that has the task calls back, and what
is to be done is read from the task itself, whatever the builder says. All can be repeated.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from moromi.constants import TaskState
from moromi.errors import GenericError, ParameterError
from moromi.wire.named import split_named
from moromi_hub.plugin_api import Call, files, repo_requests, tasks
from moromi_hub.plugin_api import builds as hub_builds

from . import (
    access,
    build_queries,
    builds,
    chroot_queries,
    chroots,
    comps,
    entities,
    names,
    packages,
    people,
    progress,
    projects,
    publishing,
    results,
    sources,
)
from .builds import Order
from .errors import CoprError
from .model import Build, BuildOptions, Project, ProjectChroot, Repository
from .settings import CONFIG

CHANNEL = "createrepo"
CREATE, REMOVE, BUILD, MOVE = "create_copr", "remove_repos", "async_build_x86", "move_to_copr"
_TASK = re.compile(r"(?:tasks/\d+/)?(\d+)/?")


def order_creation(call: Call, project: Project, releases: Sequence[str]) -> int:
    """A task that sees to the repositories of a copr; its id."""
    return _order(call, CREATE, [project.owner.name, project.name, list(releases)])


def order_removal(call: Call, project: Project, releases: Sequence[str]) -> int:
    """A task that deletes what a copr has in releases that were taken from it; its id."""
    return _order(call, REMOVE, [project.owner.name, project.name, list(releases)])


def _order(call: Call, method: str, arguments: list[Any]) -> int:
    return tasks.make_task(call, method, arguments, owner=call.user_id, channel=CHANNEL)


def _arguments(call: Call, task_id: int, method: str, *wanted: str) -> list[Any]:
    """The arguments of a task of a method, by their names; those that are missing are None."""
    task = tasks.get_task(call, task_id, strict=True)
    if task is None or task["method"] != method:
        raise GenericError(f"Task {task_id} is no {method}")
    given, named = split_named(tasks.get_request(call, task_id))
    found = {**dict(zip(wanted, given, strict=False)), **named}
    if len(given) > len(wanted) or set(found) - set(wanted):
        raise ParameterError(f"{method} takes {', '.join(wanted)}")
    return [found.get(name) for name in wanted]


def _texts(given: Any) -> list[str]:
    """A list of names, or names in one text with blanks between. Raises ParameterError."""
    found = given.split() if isinstance(given, str) else given
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ParameterError(f"a list of names is needed, not {given!r}")
    return found


def _project(call: Call, owner: Any, name: Any) -> Project:
    try:
        return projects.get(call, str(owner), str(name), lock=True)
    except CoprError as error:
        raise GenericError(error.text) from error


# create_copr


def create(call: Call, task_id: int) -> list[str]:
    """See to it that a copr has its repositories for some releases; the names of their chroots."""
    owner, name, releases = _arguments(call, task_id, CREATE, "owner", "copr_name", "releases")
    project = _project(call, owner, name)
    enabled = chroots.of_project(call, project)
    asked = {each.chroot.release for each in enabled} if releases is None else set(_texts(releases))
    wanted = [each.name for each in enabled if each.chroot.release in asked]
    for directory in projects.directories(call, project):
        chroots.fill_directory(call, project, directory)
    for repository in chroot_queries.repositories(call.tx, project_id=project.id):
        if repository.chroot_name in wanted:
            publishing.want(call, repository.id, everything=True)
            repo_requests.request(call, repository.build_tag_id, None, None, None, None, False)
    return wanted


# remove_repos


def remove(call: Call, task_id: int) -> list[str]:
    """Delete the repositories of releases that a copr has no more, or without releases the copr itself.

    The names of the chroots. Those of a release that it has again stay.
    """
    owner, name, releases = _arguments(call, task_id, REMOVE, "owner", "copr_name", "releases")
    if releases is None:
        return _remove_all(call, str(owner), str(name))
    project, gone = _project(call, owner, name), _texts(releases)
    doomed = [
        each
        for each in chroot_queries.of_project(call.tx, project.id, disabled=True)
        if each.disabled_on is not None and each.chroot.release in gone
    ]
    remove_chroots(call, project, doomed)
    return [each.name for each in doomed]


def _remove_all(call: Call, owner: str, name: str) -> list[str]:
    try:
        project = projects.get(call, owner, name, lock=True)
    except CoprError:
        return []  # a task before has done it
    busy = build_queries.unfinished(call.tx, project_id=project.id)
    if busy:
        raise GenericError(f"{project.full_name} has unfinished builds: {', '.join(map(str, busy))}")
    present = [each.name for each in chroots.of_project(call, project)]
    projects.delete(call, project)
    return present


def remove_chroots(call: Call, project: Project, doomed: Collection[ProjectChroot]) -> None:
    """Delete what a project has in chroots that are disabled: directories, builds, targets, tags, rows.

    The directories go first: nobody is promised them any more. Raises GenericError while something is
    built there.
    """
    ids = [each.id for each in doomed]
    if not ids:
        return
    busy = build_queries.unfinished_in(call.tx, ids)
    if busy:
        raise GenericError(f"{project.full_name} has unfinished builds: {', '.join(map(str, busy))}")
    for place, repository in entities.places_of(call, project):
        if place.chroot.id in ids:
            directory = results.directory(call, project.owner.name, place.directory.name)
            files.remove_tree(directory / place.chroot.name)
            entities.forget_results(call, repository)
            entities.remove_repository(call, place, repository)
    # a build that has no chroot left has nothing that could be shown of it
    builds.delete(call, build_queries.built_nowhere_else(call.tx, ids))
    for each in doomed:
        comps.drop(call, each.settings)
        chroot_queries.remove(call.tx, each.id)


# async_build_x86


def start_build(call: Call, task_id: int) -> list[int]:
    """Have a source package built for every arch of a release of a copr; the ids of the tasks.

    The copr is the first of `copr_names`; the others must be among its dependencies, as those are what
    it is built with. Nothing is published. Raises GenericError.
    """
    srpm, release, coprs = _arguments(call, task_id, BUILD, "srpm", "release", "copr_names")
    full_names = _texts(coprs)
    if not full_names:
        raise GenericError("copr_names has to name the copr to build for")
    owner, _, name = full_names[0].rpartition("/")
    project = _project(call, owner, name)
    submitter = _builder(call, task_id, project)
    known = {
        "/".join(found) for found in map(names.copr_reference, project.settings.additional_repos) if found
    }
    unknown = [each for each in full_names[1:] if each not in known]
    if unknown:
        raise GenericError(f"{project.full_name} does not depend on {', '.join(unknown)}")
    chosen = [each for each in chroots.of_project(call, project) if each.chroot.release == release]
    if not chosen:
        raise GenericError(f"{project.full_name} has no release {release}")
    options = {"draft": True, "wait_repo": True, "skip_tag": True}
    made = []
    for chroot in chosen:
        target = names.dest_tag(project.owner, project.name, chroot.name)
        made.append(tasks.make_task(call, "build", [srpm, target, options], owner=submitter))
    return made


def _builder(call: Call, task_id: int, project: Project) -> int:
    """The id of a task's owner, who must be allowed to build in a project."""
    task = tasks.get_task(call, task_id, strict=True)
    assert task is not None, "asked for strictly"
    who = people.person(call, task["owner"])
    if not access.may_build(call, who, project):
        raise GenericError(f"User '{who.name}' is not allowed to build in '{project.full_name}'")
    return who.id


# move_to_copr


def move(call: Call, task_id: int) -> list[str]:
    """Publish what a build task left in its directory in repositories of a copr; their chroots.

    Files are in place before the metadata are asked for. Raises GenericError.
    """
    wanted = ("tmpdir", "owner", "copr_name", "repos")
    tmpdir, owner, name, given = _arguments(call, task_id, MOVE, *wanted)
    repos = _texts(given)
    project = _project(call, owner, name)
    _builder(call, task_id, project)
    built = _built(call, tmpdir)
    present = {each.chroot_name: each for each in _repositories(call, project)}
    unknown = [each for each in repos if each not in present]
    if unknown or not repos:
        raise GenericError(f"{project.full_name} has no repository {', '.join(unknown)}".strip())
    fresh = [each for each in repos if built["id"] not in _has(call, present[each])]
    if fresh:
        build = _adopt(call, project, built, fresh)
        for chroot in build.chroots:
            progress.publish_chroot(call, build, chroot)
    return repos


def _repositories(call: Call, project: Project) -> list[Repository]:
    enabled = {each.id for each in chroots.of_project(call, project)}
    main = projects.add_directory(call, project, project.name)
    found = chroot_queries.repositories(call.tx, dir_id=main.id)
    return [each for each in found if each.project_chroot_id in enabled]


def _has(call: Call, repository: Repository) -> list[int]:
    return build_queries.koji_builds(call.tx, repository.id)


def _built(call: Call, tmpdir: Any) -> dict[str, Any]:
    """The build of the hub that a task has made, whose directory is given below the work area."""
    found = _TASK.fullmatch(str(tmpdir))
    task = tasks.get_task(call, int(found[1]), strict=False) if found else None
    if task is None or task["method"] != "build" or task["state"] != TaskState.CLOSED:
        raise GenericError(f"There is no build in {tmpdir}")
    koji_build_id = build_queries.koji_build_of(call.tx, task["id"])
    build = None if koji_build_id is None else hub_builds.get_build(call, koji_build_id)
    if build is None or not build["draft"]:
        raise GenericError(f"There is no draft build in {tmpdir}")
    return build


def _adopt(call: Call, project: Project, built: dict[str, Any], chroot_names: Sequence[str]) -> Build:
    """A build of the copr for a build of the hub that nobody knows of yet."""
    (rpm,) = [each for each in build_queries.rpms_of(call.tx, built["id"]) if each["arch"] == "src"]
    file = f"{rpm['name']}-{rpm['version']}-{rpm['release']}.src.rpm"
    path = hub_builds.build_directory(call, built) / "src" / file
    source = sources.read(path)
    package = packages.ensure(call, project, source.name)
    who = people.person(call, built["owner_id"])
    options = BuildOptions(timeout=CONFIG.of(call).timeout)
    kept = {"url": "", "pkg": source.file_name, "tmp": ""}
    order = Order("upload", kept, options, package=package)
    build_id = builds.record(call, who, project, order, chroot_names)
    values = {"task_id": built["task_id"], "version": source.evr, "srpm": source.file_name}
    build_queries.change(call.tx, build_id, values)
    for chroot in builds.get(call, build_id).chroots:
        build_queries.change_chroot(call.tx, chroot.id, {"task_id": built["task_id"]})
    build = builds.get(call, build_id)
    progress.keep_source(call, build, path, source.file_name)
    return build
