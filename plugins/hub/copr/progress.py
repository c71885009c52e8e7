"""What a builder tells of a build on its way, and what follows from it (copr.md, section 4.3).

The task `coprBuild` gets the sources, has a task `build` for each chroot, and reports here. All
of it can be repeated: a task that was interrupted begins again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moromi.constants import TaskState
from moromi.errors import GenericError
from moromi_hub.plugin_api import Call, files, tagging, tags, tasks
from moromi_hub.plugin_api import builds as hub_builds

from . import (
    artifacts,
    build_queries,
    chroot_queries,
    distgit,
    intake,
    logs,
    mock_options,
    packages,
    people,
    projects,
    publishing,
    scripts,
    sources,
)
from .errors import CoprError
from .model import Build, ChrootState, State
from .names import dest_tag, split_chroot


def _mine(call: Call, task_id: int) -> Build:
    found = build_queries.by_task(call.tx, task_id)
    if found is None:
        raise GenericError(f"Task {task_id} works for no build")
    return found


def begin(call: Call, task_id: int) -> dict[str, Any]:
    """What the task is to do: source, chroots, seconds; `tag` is the build tag to make sources in."""
    build = _mine(call, task_id)
    first = _repositories(call, build)[build.chroots[0].repository_id]
    source = dict(build.source)
    tag = first.build_tag_id
    if build.source_type == "upload":
        source["path"] = intake.work_path(source)
    elif build.source_type == "distgit":
        source["lookaside"] = distgit.lookaside(call, source)
    elif build.source_type == "custom":
        tag = scripts.tag_of(call, source, tag)
    return {
        "source_type": build.source_type,
        "source": source,
        "tag": tag,
        "timeout": build.options.timeout,
    }


def chroot_options(call: Call, task_id: int) -> dict[str, Any]:
    """What the build that a task, or one above it, works for wants of its chroots (`mock_options`)."""
    task = tasks.get_task(call, task_id, strict=True)
    while task is not None:
        build = build_queries.by_task(call.tx, task["id"])
        if build is not None:
            return mock_options.for_build(build.options)
        task = None if task["parent"] is None else tasks.get_task(call, task["parent"])
    return {}


def _repositories(call: Call, build: Build) -> dict[int, Any]:
    return {each.id: each for each in chroot_queries.repositories(call.tx, dir_id=build.dir_id)}


# the source


def take_source(call: Call, task_id: int, relative: str) -> list[dict[str, Any]]:
    """Keep the source package at a path below the work area; the chroots to build it in, with targets.

    Raises GenericError for one that is none.
    """
    build = _mine(call, task_id)
    path = Path(call.paths.work()) / relative
    path = files.below(Path(call.paths.work()), path)
    try:
        source = sources.read(path)
    except CoprError as error:
        raise GenericError(error.text) from error
    project = projects.by_id(call, build.project_id)
    package = packages.ensure(call, project, source.name)
    keep_source(call, build, path, source.file_name)
    values = {"package_id": package.id, "version": source.evr, "srpm": source.file_name}
    build_queries.change(call.tx, build.id, values)
    wanted = []
    for chroot in build.chroots:
        parts = split_chroot(chroot.name)
        assert parts is not None, "chroots have names of chroots"
        if source.fits(parts[2]):
            target = dest_tag(project.owner, build.dirname, chroot.name)
            wanted.append({"chroot": chroot.name, "target": target})
        else:
            skip(call, chroot)
    return wanted


def skip(call: Call, chroot: ChrootState) -> None:
    """Note that nothing can be built, or published, in a chroot."""
    values = {"state": int(State.skipped), "ended_on": build_queries.now()}
    build_queries.change_chroot(call.tx, chroot.id, values)


def keep_source(call: Call, build: Build, path: Path, name: str) -> None:
    """Publish the source package of a build, with the logs of getting it so far."""
    said = logs.of_task(call, build.task_id, logs.SOURCE_METHODS, reason="")
    artifacts.place_source(call, build, path, name, said)


def keep_source_logs(call: Call, task_id: int, reason: str) -> None:
    """Publish the logs of sources that could not be got, and why."""
    build = _mine(call, task_id)
    said = logs.of_task(call, task_id, logs.SOURCE_METHODS, reason)
    artifacts.place_source_logs(call, build, said)


# the chroots


def start_chroot(call: Call, task_id: int, name: str, child_id: int) -> None:
    """Note the task that builds in a chroot."""
    chroot = _chroot(_mine(call, task_id), name)
    build_queries.change_chroot(call.tx, chroot.id, {"task_id": child_id})


def _chroot(build: Build, name: str) -> ChrootState:
    for each in build.chroots:
        if each.name == name:
            return each
    raise GenericError(f"Build {build.id} was not submitted to {name} chroot.")


def publish(call: Call, task_id: int, name: str) -> None:
    """Publish what the task of a chroot has made, or why it made nothing."""
    build = _mine(call, task_id)
    publish_chroot(call, build, _chroot(build, name))


def give_up(call: Call, task_id: int, name: str) -> None:
    """The same when time is up, and the task of a chroot was ended: a failure, unless it was done."""
    build = _mine(call, task_id)
    chroot = _chroot(build, name)
    reason = f"The build took longer than its {build.options.timeout} seconds"
    publish_chroot(call, build, chroot, reason)
    task = None if chroot.task_id is None else tasks.get_task(call, chroot.task_id)
    if task is not None and task["state"] == TaskState.CANCELED:
        values = {"state": int(State.failed), "ended_on": build_queries.now()}
        build_queries.change_chroot(call.tx, chroot.id, values)


def publish_chroot(call: Call, build: Build, chroot: ChrootState, reason: str | None = None) -> None:
    """The same, once it is known of whom; nothing for what was published before.

    `reason`: why its task was canceled, if it was.
    """
    if chroot.koji_build_id is not None or build.package is None or chroot.task_id is None:
        return
    child = tasks.get_task(call, chroot.task_id, strict=True)
    assert child is not None, "asked for strictly"
    closed = child["state"] == TaskState.CLOSED
    koji_build_id = build_queries.koji_build_of(call.tx, chroot.task_id) if closed else None
    why = reason if child["state"] == TaskState.CANCELED else None
    said = logs.of_task(call, chroot.task_id, logs.CHROOT_METHODS, why)
    artifacts.place_chroot(call, build, chroot, said, koji_build_id)
    if koji_build_id is not None:
        _record(call, chroot, koji_build_id)


def publish_given(call: Call, build: Build, chroot: ChrootState, koji_build_id: int) -> None:
    """Publish a build of the hub that no task has made."""
    said = logs.Logs((), "This package was given as it is.")
    artifacts.place_chroot(call, build, chroot, said, koji_build_id)
    _record(call, chroot, koji_build_id)


def _record(call: Call, chroot: ChrootState, koji_build_id: int) -> None:
    """Tag a build into the repository it was made for, and have that published."""
    repository = chroot_queries.repository_of(call.tx, chroot.repository_id)
    assert repository is not None, "a chroot of a build goes with its repository"
    made = build_queries.rpms_of(call.tx, koji_build_id)
    build_queries.put_results(call.tx, chroot.id, made)
    service = people.find_user(call, people.SERVICE_ACCOUNT)
    assert service is not None, "there is one as soon as there is a chroot"
    build = hub_builds.require_build(call, koji_build_id)
    tagging.put(call, tags.require_tag(call, repository.dest_tag_id), build, service, force=True)
    number = publishing.want(call, repository.id)
    values = {"koji_build_id": koji_build_id, "published_in": number}
    build_queries.change_chroot(call.tx, chroot.id, values)
