"""How a task waits for its subtasks (spec: data-model.md section 9.5).

A parent that waits is marked so (its weight does not count then), the children
that it waits for are marked as awaited; a child that has been seen finished is
not awaited any more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from moromi.constants import FINISHED_TASKS, TaskState
from moromi.errors import GenericError
from moromi_hub.call import Call
from moromi_hub.tasks import model, queries


def set_wait(call: Call, parent: int, task_ids: Sequence[int] | None) -> None:
    """Let `parent` wait for these children; None: for all."""
    _tell(call, queries.set_wait(call.tx, parent, task_ids))


def look(call: Call, parent: int) -> tuple[list[int], list[int]]:
    """`(finished, unfinished)` of the awaited children; the finished are not awaited any more."""
    finished: list[int] = []
    unfinished: list[int] = []
    for row in queries.awaited(call.tx, parent):
        (finished if row["state"] in FINISHED_TASKS else unfinished).append(row["id"])
    if finished:
        queries.clear_awaited(call.tx, finished)
        if call.session is not None and call.session.host_id is not None:
            # what the daemon was told of the parent has changed
            call.tx.notify({"type": "held", "id": call.session.host_id})
    return finished, unfinished


def results(
    call: Call, parent: int, task_ids: Sequence[int] | None, can_fail: Collection[int]
) -> list[list[Any]]:
    """`[id, result]` of the children (None: every finished one); ends the wait.

    A failed child in `can_fail` gives `{faultCode, faultString}`, another raises its fault.
    """
    ids = queries.finished_children(call.tx, parent) if task_ids is None else list(task_ids)
    found = queries.results(call.tx, ids)
    answer = [[task_id, _result(found.get(task_id), task_id in can_fail)] for task_id in ids]
    _tell(call, queries.end_wait(call.tx, parent))
    return answer


def _tell(call: Call, host_id: int | None) -> None:
    """The load of the parent's host has changed."""
    if host_id is not None:
        call.tx.notify({"type": "checkin", "id": host_id})


def _result(row: dict[str, Any] | None, can_fail: bool) -> Any:
    if row is None:
        raise GenericError("No such task")
    if row["state"] not in FINISHED_TASKS:
        raise GenericError(f"Task {row['id']} is not finished")
    try:
        if row["state"] == TaskState.CANCELED:
            raise GenericError(f"Task {row['id']} is canceled")
        return model.decode_result(row["result"])
    except Exception as error:
        if not can_fail:
            raise
        return model.fault_map(error)
