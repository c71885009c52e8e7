"""Tasks that send mail about builds (builder.md section 9.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moromi.constants import BuildState
from moromi_hub.call import Call
from moromi_hub.notifications.recipients import recipients
from moromi_hub.targets import service as targets
from moromi_hub.tasks import service as tasks

Build = Mapping[str, Any]
_TARGET_ARGUMENT = {"build": 1, "maven": 1, "winbuild": 2}


def build_notification(call: Call, build: Build, task_id: int | None) -> None:
    """Queue mail about a build that was completed, failed or was cancelled.

    Nothing happens without recipients, without a task, or where mail is switched off.
    """
    if call.settings.DisableNotifications or task_id is None:
        return
    target = _target(call, task_id)
    addresses = recipients(call, build, target["dest_tag"] if target else None)
    if addresses:
        arguments = [addresses, dict(build), target, call.settings.KojiWebURL]
        tasks.make_task(call, "buildNotification", arguments)


def _target(call: Call, task_id: int) -> dict[str, Any] | None:
    task = tasks.get_task(call, task_id, request=True)
    position = _TARGET_ARGUMENT.get(task["method"]) if task else None
    if task is None or position is None or len(task["request"]) <= position:
        return None
    name = task["request"][position]
    return targets.get_target(call, name) if isinstance(name, (str, int)) else None


def tag_notification(
    call: Call,
    build: Build,
    user_id: int,
    *,
    successful: bool,
    tag_id: int | None = None,
    from_id: int | None = None,
    ignore_success: bool = False,
    failure: str = "",
) -> None:
    """Queue mail about a build that was tagged, moved or untagged, or could not be."""
    if call.settings.DisableNotifications or (successful and ignore_success):
        return
    state = BuildState.COMPLETE if successful else BuildState.FAILED
    addresses: dict[str, None] = {}
    for tag in (tag_id, from_id):
        if tag is not None:
            addresses |= dict.fromkeys(recipients(call, build, tag, state))
    if addresses:
        arguments = [list(addresses), successful, tag_id, from_id, build["id"], user_id]
        tasks.make_task(call, "tagNotification", [*arguments, ignore_success, failure])
