"""A build made by a task is completed: files into place, rows, notification (data-model.md section 7.3).

`complete_build` can be repeated after it was cut off at any point: until its
transaction commits the build is BUILDING, so whatever lies in the build's
directory is what an attempt left behind and may be replaced.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moromi.constants import BuildState
from moromi.errors import GenericError
from moromi.names import draft_release
from moromi.paths import join
from moromi.rpm import Header, read_header
from moromi_hub import files
from moromi_hub.buildroots import service as buildroots
from moromi_hub.builds import notify
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.imports import noarch
from moromi_hub.imports.rpms import Delivery, import_rpms, uploaded_file
from moromi_hub.tasks import service as tasks
from moromi_hub.uploads.service import work_path
from moromi_hub.volumes import links
from moromi_hub.volumes.policy import volume_for_import

Info = Mapping[str, Any]


@dataclass(frozen=True)
class Results:
    """What a build task delivers; paths are relative to the work directory."""

    srpm: str
    rpms: Sequence[str]
    buildroots: Mapping[str, int] = field(default_factory=dict)
    """Path -> id of the buildroot that it was made in."""
    logs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Directory below the build's logs -> paths."""


def init_build(call: Call, data: Info) -> int:
    """The entry of a build that a task (`data["task_id"]`) has under way."""
    task = tasks.get_task(call, data["task_id"], strict=True)
    assert task is not None
    entry = {**data, "owner": task["owner"], "state": int(BuildState.BUILDING), "completion_time": None}
    build_id = builds.new_build(call, entry)
    builds.add_types(call, build_id, "rpm")
    return build_id


def complete_build(call: Call, task_id: int, build_id: int, results: Results) -> dict[str, Any]:
    """Import what a task built and take its build to COMPLETE; the new record is returned.

    Raises GenericError for missing files, names that do not fit or a build that is
    not BUILDING, BuildError for noarch packages that differ.
    """
    contents = {name: uploaded_file(call, work_path(call, name)) for name in _all_files(results)}
    rpms = noarch.one_of_each((name, contents[name]) for name in results.rpms)
    buildroots.check_ids(call, set(results.buildroots.values()))
    source = read_header(contents[results.srpm])
    if not source.is_source:
        raise GenericError(f"not a source package: {work_path(call, results.srpm)}")
    build = builds.require_build(call, build_id)
    _check_entry(build, source, task_id)
    builds.lock_building(call, build_id, "Unable to complete build")
    details: dict[str, Any] = {
        "type": "build",
        "srpm": results.srpm,
        "rpms": rpms,
        "brmap": dict(results.buildroots),
        "task_id": task_id,
        "build_id": build_id,
        "logs": dict(results.logs),
    }
    call.run_callbacks("preImport", **details, build=None)
    volume = volume_for_import(call, _policy_data(call, task_id, source, results))
    build = builds.set_state(call, build, BuildState.COMPLETE, volume_id=volume["id"])
    names = (results.srpm, *rpms)
    import_rpms(
        call, build, [Delivery(work_path(call, name), results.buildroots.get(name)) for name in names]
    )
    import_logs(call, build, results.logs)
    links.keep_default_link(call, build)
    call.run_callbacks("postImport", **details, build=build)
    notify.build_notification(call, build, task_id)
    return build


def _all_files(results: Results) -> list[str]:
    logs = [name for names in results.logs.values() for name in names]
    return [results.srpm, *results.rpms, *logs]


def _check_entry(build: Info, source: Header, task_id: int) -> None:
    release = draft_release(source.release, build["id"]) if build["draft"] else source.release
    stated = {
        "name": source.name,
        "version": source.version,
        "release": release,
        "epoch": source.epoch,
        "task_id": task_id,
    }
    for key, value in stated.items():
        if build[key] != value:
            raise GenericError(
                f"Unable to complete build: {key} mismatch (build: {build[key]}, rpm: {value})"
            )


def _policy_data(call: Call, task_id: int, source: Header, results: Results) -> dict[str, Any]:
    return {
        "package": source.name,
        "version": source.version,
        "release": source.release,
        "buildroots": sorted(set(results.buildroots.values())),
        "import": True,
        "import_type": "rpm",
        **builds.policy_task_data(call, task_id),
    }


# logs


def import_logs(call: Call, build: Info, logs: Mapping[str, Sequence[str]]) -> None:
    """Move logs (`{directory: [paths below work]}`) to a build that is being completed."""
    placed: set[Path] = set()
    top = call.paths.build_logs(build)
    for directory, names in logs.items():
        for name in names:
            source = work_path(call, name)
            import_log(call, source, Path(join(top, directory, os.path.basename(name))), placed)


def import_log(call: Call, source: Path, target: Path, placed: set[Path]) -> None:
    """Move one log. `placed` holds what this import has put there: a second of the name is refused."""
    if target in placed:
        raise GenericError(f"Error importing build log. {target} already exists.")
    if not uploaded_file(call, source).is_file():
        raise GenericError(f"Error importing build log. {source} is not a regular file.")
    placed.add(target)
    files.put(call.tx, source, target)
