"""Results of scratch builds go to the scratch area; no row knows them (builder.md section 2.12)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from moromi.errors import GenericError
from moromi.paths import join, join_names
from moromi_hub import files
from moromi_hub.call import Call
from moromi_hub.imports import noarch
from moromi_hub.imports.rpms import uploaded_file
from moromi_hub.tasks import service as tasks
from moromi_hub.uploads.service import work_path
from moromi_hub.users import service as users


def directory(call: Call, task_id: int) -> str:
    """`<top>/scratch/<owner of the task>/task_<id>`."""
    task = tasks.get_task(call, task_id, strict=True)
    owner = users.get_user(call, task["owner"], strict=True) if task else None
    if owner is None:
        raise GenericError(f"No such task: {task_id}")
    return join_names(call.paths.scratch(), owner["name"], f"task_{task_id}")


def move_build(
    call: Call, task_id: int, srpm: str, rpms: Sequence[str], logs: Mapping[str, Sequence[str]]
) -> None:
    """Move the packages, and logs to `logs/<key>/`."""
    everything = [srpm, *rpms, *(name for names in logs.values() for name in names)]
    contents = {name: uploaded_file(call, work_path(call, name)) for name in everything}
    kept = noarch.one_of_each((name, contents[name]) for name in rpms)
    top = directory(call, task_id)
    for name in (srpm, *kept):
        move(call, name, Path(top) / os.path.basename(name))
    for key, names in logs.items():
        for name in names:
            move(call, name, Path(join(top, "logs", key, os.path.basename(name))))


def move(call: Call, name: str, target: Path) -> None:
    """Move one uploaded file. Raises GenericError `Destination exists: …`."""
    files.put(call.tx, work_path(call, name), target, orphans=False)


def move_maven(call: Call, task_id: int, results: Mapping[str, Any], rpm_results: Any) -> None:
    """Move artifacts to their relative paths, logs to `logs/`, wrapper rpms and their logs to `rpms/`."""
    top, source = directory(call, task_id), call.paths.taskrelpath(results["task_id"])
    for relpath, names in results["files"].items():
        for name in names:
            move(call, join(source, relpath, name), Path(join(top, relpath, name)))
    _move_rest(call, top, source, results["logs"], rpm_results)


def move_win(call: Call, task_id: int, results: Mapping[str, Any], rpm_results: Any) -> None:
    """Move files to their relative paths, logs to `logs/`, wrapper rpms and their logs to `rpms/`."""
    top, source = directory(call, task_id), call.paths.taskrelpath(results["task_id"])
    for relpath in results["output"]:
        move(call, join(source, relpath), Path(join(top, relpath)))
    _move_rest(call, top, source, results["logs"], rpm_results)


def move_image(call: Call, task_id: int, results: Mapping[str, Any]) -> None:
    """Move what each subtask with a `task_id` made to a directory of its own."""
    owner_directory = os.path.dirname(directory(call, task_id))
    for result in results.values():
        if "task_id" not in result:
            continue
        top, source = (
            f"{owner_directory}/task_{int(result['task_id'])}",
            call.paths.taskrelpath(result["task_id"]),
        )
        for name in [*result["files"], *result["logs"]]:
            move(call, join(source, name), Path(join(top, name)))
        _move_rest(call, top, source, [], result.get("rpmresults"))


def _move_rest(call: Call, top: str, source: str, logs: Sequence[str], rpm_results: Any) -> None:
    for name in logs:
        move(call, join(source, name), Path(join(top, "logs", name)))
    if rpm_results:
        source = call.paths.taskrelpath(rpm_results["task_id"])
        for name in [rpm_results["srpm"], *rpm_results["rpms"], *rpm_results["logs"]]:
            move(call, join(source, name), Path(join(top, "rpms", os.path.basename(name))))
