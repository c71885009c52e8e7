"""`saveFailedTree`: keep the buildroot of a failed task (spec: builder.md section 8.3)."""

from __future__ import annotations

from typing import Any

from moromi.constants import TaskState
from moromi.errors import ActionNotAllowed, PreBuildError
from moromi.wire.named import join_named
from moromi_hub.plugin_api import (
    Call,
    Configuration,
    Sections,
    buildroots,
    checked,
    exported,
    hosts,
    permissions,
    section,
    tasks,
)

ALL = "*"


def _allowed_methods(sections: Sections) -> list[str]:
    text = section(sections, "permissions").get("allowed_methods", "buildArch")
    return [word.strip() for word in text.split(",") if word.strip()]


CONFIG = Configuration("save_failed_tree", _allowed_methods)


@exported("saveFailedTree", access=checked("the owner of the failed task, or an admin"))
def save_failed_tree(call: Call, buildrootID: Any, full: bool = False, **opts: Any) -> int:
    """Have the host of a failed task's buildroot upload its build directory (`full`: all of it); a task's id.

    Raises PreBuildError for a task that has not failed, one of another method than
    the site allows, and a disabled host.
    """
    root = buildroots.get_buildroot(call, buildrootID, strict=True)
    assert root is not None
    task = None if root["task_id"] is None else tasks.get_task(call, root["task_id"])
    if task is None or task["state"] != TaskState.FAILED:
        raise PreBuildError(
            f"Task {root['task_id']} has not failed. Only failed tasks can upload their buildroots."
        )
    allowed = CONFIG.of(call)
    if ALL not in allowed and task["method"] not in allowed:
        raise PreBuildError(
            f"Only {', '.join(allowed)} tasks can upload their buildroots "
            f"(Task {task['id']} is {task['method']})."
        )
    if not permissions.is_user(call, task["owner"]):
        raise ActionNotAllowed("Only owner of failed task or 'admin' can run this task.")
    host = hosts.require_host(call, root["host_id"])
    if not host["enabled"]:
        raise PreBuildError("Host is disabled.")
    request = join_named([root["id"], bool(full)], opts)
    return tasks.make_task(call, "saveFailedTree", request, assign=host["id"])
