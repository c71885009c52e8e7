"""The life of a task: which changes of state there are, and the only code that makes them.

    made ─────────► FREE ◄──────────────────────────┐
      │              │ ▲                            │ freed
      │ (assign=)    │ │ freed                      │
      ▼              ▼ │                            │
      └────────► ASSIGNED ─── host.openTask ──► OPEN ──► CLOSED   host.closeTask
                     │                            │ └──► FAILED   host.failTask
                     ▼                            ▼
                  CANCELED  ◄─────────────────────┘
                  (from FREE too)

    assigned   FREE -> ASSIGNED        the scheduler; an admin (assignTask); at birth (assign=)
               OPEN, ASSIGNED -> ASSIGNED   an admin with force: the task moves to another host
    opened     ASSIGNED -> OPEN        the host it is assigned to
               FREE -> OPEN            any host
    freed      OPEN, ASSIGNED -> FREE  an admin; its host; the scheduler, when the host is lost
    finished   OPEN -> CLOSED, FAILED  the host that holds it; a late report of a host that lost it is refused
    cancelled  FREE, ASSIGNED, OPEN -> CANCELED   owner, admin, its host

Every change locks the rows, calls the plugins before and after, is a conditional
UPDATE (so it happens once, however many ask), and is told to the push service.
Spec: data-model.md section 9.2; callbacks: hub-protocol.md section 7.4.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moromi.constants import HELD_TASKS, UNFINISHED_TASKS, TaskState
from moromi.errors import ActionNotAllowed, GenericError
from moromi_hub.call import Call
from moromi_hub.tasks import model, queries

log = logging.getLogger(__name__)

Row = Mapping[str, Any]

_PRE, _POST = "preTaskStateChange", "postTaskStateChange"


@dataclass(frozen=True)
class Move:
    """A kind of change: where from, where to, and the attribute that changes besides the state."""

    new: TaskState
    sources: Collection[TaskState]
    second: str


_ASSIGN = Move(TaskState.ASSIGNED, (TaskState.FREE, TaskState.ASSIGNED), "host_id")
_FORCE = Move(TaskState.ASSIGNED, UNFINISHED_TASKS, "host_id")
_OPEN = Move(TaskState.OPEN, (TaskState.FREE, TaskState.ASSIGNED), "host_id")
_FREE = Move(TaskState.FREE, HELD_TASKS, "host_id")
_CLOSE = Move(TaskState.CLOSED, (TaskState.OPEN,), "completion_ts")
_FAIL = Move(TaskState.FAILED, (TaskState.OPEN,), "completion_ts")
_CANCEL = Move(TaskState.CANCELED, UNFINISHED_TASKS, "completion_ts")


def assign(call: Call, pairs: Mapping[int, int], force: bool = False) -> list[int]:
    """Assign tasks (keys) to hosts (values); the ids of those that are now assigned so.

    Without `force` only free tasks, and those that are assigned to the very same
    host already, are taken. Two statements, however many tasks.
    """
    move = _FORCE if force else _ASSIGN

    def mine(row: Row) -> bool:
        return force or row["state"] == TaskState.FREE or row["host_id"] == pairs[row["id"]]

    def write(ids: Sequence[int]) -> list[int]:
        return queries.assign_many(call.tx, {task_id: pairs[task_id] for task_id in ids}, move.sources)

    return _move(call, move, list(pairs), write, accept=mine, hosts=pairs)


def open_task(call: Call, task_id: int, host_id: int) -> TaskState | None:
    """Let a host begin a task; the state that the task had, or None if the host is not to have it.

    Raises GenericError `No such task: …`.
    """
    before = TaskState.FREE

    def mine(row: Row) -> bool:
        nonlocal before
        before = TaskState(row["state"])
        return before == TaskState.FREE or bool(row["host_id"] == host_id)

    values = {"state": int(TaskState.OPEN), "host_id": host_id, "start_time": queries.NOW}
    writer = _writer(call, _OPEN, values)
    return before if _move(call, _OPEN, [task_id], writer, mine, {task_id: host_id}, True) else None


def free(call: Call, task_ids: Sequence[int], accept: Callable[[Row], bool] | None = None) -> list[int]:
    """Give tasks back; the ids of those that were freed. Raises GenericError `No such task: …`."""
    values = {"state": int(TaskState.FREE), "host_id": None}
    return _move(call, _FREE, task_ids, _writer(call, _FREE, values), accept, strict=True)


def require_free(call: Call, task_id: int) -> None:
    """Free one task, or raise GenericError with what its state is."""
    if free(call, [task_id]):
        return
    state = TaskState(queries.lock(call.tx, [task_id])[task_id]["state"])
    if state == TaskState.FREE:
        raise GenericError(f"No such task: {task_id}")
    raise GenericError(f"Cannot free task {task_id}, state is {state.name}")


def finish(call: Call, task_id: int, host_id: int, result: str, failed: bool) -> None:
    """Close (or fail) a task that the host holds, with the text of its result.

    Raises ActionNotAllowed for a host that does not hold it (any more).
    """
    move = _FAIL if failed else _CLOSE
    box = {"result": result}

    def mine(row: Row) -> bool:
        return bool(row["host_id"] == host_id)

    def write(ids: Sequence[int]) -> list[int]:
        values = {"state": int(move.new), "completion_time": queries.NOW, "result": box["result"]}
        return queries.change(call.tx, ids, move.sources, values)

    if not _move(call, move, [task_id], write, mine, strict=True, result=box):
        raise ActionNotAllowed(f"host {host_id} does not own task {task_id}")


def cancel(call: Call, task_ids: Sequence[int]) -> list[int]:
    """Cancel those of the tasks that are not finished; their ids."""
    values = {"state": int(TaskState.CANCELED), "completion_time": queries.NOW}
    return _move(call, _CANCEL, task_ids, _writer(call, _CANCEL, values))


def create(call: Call, values: Mapping[str, Any], assigned_to: int | None) -> dict[str, Any]:
    """A new task, FREE, or ASSIGNED to a host from birth; its row."""
    state = TaskState.FREE if assigned_to is None else TaskState.ASSIGNED
    full = {**values, "state": int(state), "host_id": assigned_to}
    told = {"attribute": "state", "old": None, "new": TaskState.FREE.name}
    call.run_callbacks(_PRE, **told, info=full)
    row = queries.insert_task(call.tx, full)
    call.run_callbacks(_POST, **told, info=row)
    _tell(call, row, None, state, assigned_to)
    return row


def set_priority(call: Call, task_ids: Sequence[int], priority: int) -> None:
    """Change the priority of those of the tasks that are not finished."""
    rows = list(queries.lock(call.tx, task_ids).values())
    watch = _Watch(call, rows)
    watch.fire(_PRE, "priority", {row["id"]: priority for row in rows})
    changed = queries.set_priority(call.tx, task_ids, priority)
    _tell_hosts(call, rows)
    watch.fire(_POST, "priority", dict.fromkeys(changed, priority))


def set_weight(call: Call, task_id: int, weight: float) -> None:
    """Change what a task weighs on its host."""
    rows = list(queries.lock(call.tx, [task_id]).values())
    watch = _Watch(call, rows)
    watch.fire(_PRE, "weight", {task_id: weight})
    queries.change(call.tx, [task_id], (TaskState.OPEN,), {"weight": weight})
    _tell_hosts(call, rows)
    watch.fire(_POST, "weight", {task_id: weight})


# how a change is made


def _writer(call: Call, move: Move, values: Mapping[str, Any]) -> Callable[[Sequence[int]], list[int]]:
    return lambda ids: queries.change(call.tx, ids, move.sources, values)


def _move(
    call: Call,
    move: Move,
    task_ids: Sequence[int],
    write: Callable[[Sequence[int]], list[int]],
    accept: Callable[[Row], bool] | None = None,
    hosts: Mapping[int, int] | None = None,
    strict: bool = False,
    result: dict[str, str] | None = None,
) -> list[int]:
    """Lock the rows, run the callbacks, let `write` change those that may change; their ids.

    `hosts`: the new host of each. `result`: holds the text of a result, which a
    callback may replace. `strict`: a task that is not there is an error.
    """
    found = queries.lock(call.tx, task_ids)
    if strict and (missing := [task_id for task_id in task_ids if task_id not in found]):
        raise GenericError(f"No such task: {missing[0]}")
    rows = list(found.values())
    watch = _Watch(call, rows, result)
    second = _second_values(call, move, rows, hosts)
    watch.fire(_PRE, "state", {row["id"]: move.new.name for row in rows})
    watch.fire(_PRE, move.second, second)
    ids = [row["id"] for row in rows if row["state"] in move.sources and (accept is None or accept(row))]
    changed = write(ids) if ids else []
    for task_id in changed:
        row = found[task_id]
        _tell_move(call, row, move.new, second[task_id] if move.second == "host_id" else row["host_id"])
    watch.refresh(changed, with_result=move.new == TaskState.CLOSED)
    watch.fire(_POST, "state", dict.fromkeys(changed, move.new.name))
    watch.fire(_POST, move.second, {task_id: second[task_id] for task_id in changed})
    return changed


def _second_values(
    call: Call, move: Move, rows: Sequence[Row], hosts: Mapping[int, int] | None
) -> dict[int, Any]:
    if move.second == "completion_ts":
        return dict.fromkeys((row["id"] for row in rows), call.clock())
    return {row["id"]: (hosts or {}).get(row["id"]) for row in rows}


def _tell_move(call: Call, row: Row, new: TaskState, host_id: int | None) -> None:
    """Tell of a change; a host that loses a task hears of it too."""
    before = row["host_id"]
    if new == TaskState.ASSIGNED and before is not None and before != host_id:
        _tell(call, row, row["state"], TaskState.FREE, before)
    _tell(call, row, row["state"], new, before if host_id is None else host_id)


def _tell(call: Call, row: Row, old: int | None, new: TaskState, host_id: int | None) -> None:
    call.tx.notify(
        {
            "type": "task",
            "id": row["id"],
            "parent": row["parent"],
            "state": int(new),
            "old": old,
            "host": host_id,
            "method": row["method"],
        }
    )


def _tell_hosts(call: Call, rows: Sequence[Row]) -> None:
    """Something besides the state has changed of tasks that hosts hold."""
    for host_id in {row["host_id"] for row in rows} - {None}:
        call.tx.notify({"type": "held", "id": host_id})


class _Watch:
    """The callbacks of one change; costs nothing where no plugin listens."""

    def __init__(self, call: Call, rows: Sequence[Row], result: dict[str, str] | None = None) -> None:
        self._call = call
        self._before = {row["id"]: row for row in rows}
        self._result = result
        self._wanted = call.hub.callbacks.wanted(_PRE) or call.hub.callbacks.wanted(_POST)
        self._info: dict[int, dict[str, Any]] = {}
        if self._wanted:
            self._load(list(self._before))
            if result is not None:
                for info in self._info.values():
                    info["result"] = result["result"]

    def _load(self, ids: Sequence[int]) -> None:
        self._info = queries.tasks(self._call.tx, ids, request=True)
        for info in self._info.values():
            try:
                info["request"] = model.decode_request(info["request"])
            except model.UnreadableTask as error:
                log.warning("task %s for callbacks: %s", info["id"], error)
                info["request"] = None

    def refresh(self, ids: Sequence[int], with_result: bool) -> None:
        """Read the changed tasks again, for the callbacks after the change."""
        if not self._wanted:
            return
        self._load(ids)
        if with_result and self._result is not None:
            for info in self._info.values():
                info["result"] = model.decode_result(self._result["result"])

    def fire(self, kind: str, attribute: str, new: Mapping[int, Any]) -> None:
        """Run the callbacks of `kind` for each task in `new` (its new value)."""
        if not self._wanted:
            return
        for task_id, value in new.items():
            info = self._info[task_id]
            self._call.run_callbacks(
                kind, attribute=attribute, old=self._old(task_id, attribute), new=value, info=info
            )
            if self._result is not None and kind == _PRE:
                self._result["result"] = info["result"]

    def _old(self, task_id: int, attribute: str) -> Any:
        if attribute == "state":
            return TaskState(self._before[task_id]["state"]).name
        return self._before[task_id].get(attribute)
