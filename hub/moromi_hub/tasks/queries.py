"""SQL of tasks (spec: data-model.md section 9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    bindparam,
    cast,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from moromi.constants import FINISHED_TASKS, UNFINISHED_TASKS, TaskState
from moromi_hub.arguments import fits_id
from moromi_hub.db.columns import seconds
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_t = t.task

FIELDS: Mapping[str, ColumnElement[Any]] = {
    "id": _t.c.id,
    "state": _t.c.state,
    "create_time": _t.c.create_time,
    "create_ts": seconds(_t.c.create_time),
    "start_time": _t.c.start_time,
    "start_ts": seconds(_t.c.start_time),
    "completion_time": _t.c.completion_time,
    "completion_ts": seconds(_t.c.completion_time),
    "channel_id": _t.c.channel_id,
    "host_id": _t.c.host_id,
    "parent": _t.c.parent,
    "label": _t.c.label,
    "waiting": _t.c.waiting,
    "awaited": _t.c.awaited,
    "owner": _t.c.owner,
    "method": _t.c.method,
    "arch": _t.c.arch,
    "priority": _t.c.priority,
    "weight": _t.c.weight,
}
REQUEST: Mapping[str, ColumnElement[Any]] = {"request": _t.c.request}
OWNER: Mapping[str, ColumnElement[Any]] = {"owner_name": t.users.c.name, "owner_type": t.users.c.usertype}

_LOCKED = (
    _t.c.id,
    _t.c.state,
    _t.c.host_id,
    _t.c.parent,
    _t.c.method,
    _t.c.owner,
    _t.c.weight,
    _t.c.priority,
)


def _ids(task_ids: Iterable[int]) -> ColumnElement[Any]:
    """Any of these ids; one that is too large to be an id matches nothing."""
    return func.any(cast(_fitting(task_ids), ARRAY(Integer)))


def _fitting(task_ids: Iterable[int]) -> list[int]:
    return [task_id for task_id in task_ids if fits_id(task_id)]


_ANY = func.any(bindparam("ids", type_=ARRAY(Integer)))
"""`_ids` for statements that are built once: the tasks of the build path go through these."""


NOW = func.now()
"""As a new value: the time of the transaction."""


def _columns(request: bool) -> list[ColumnElement[Any]]:
    fields = {**FIELDS, **REQUEST} if request else FIELDS
    return [column.label(key) for key, column in fields.items()]


_INSERT = insert(_t).returning(*_columns(request=True))
_LOCK = select(*_LOCKED).where(_t.c.id == _ANY).order_by(_t.c.id).with_for_update()


# reading


def tasks(tx: Transaction, task_ids: Sequence[int], request: bool = False) -> dict[int, dict[str, Any]]:
    """Tasks by id; `request` is the stored text."""
    return {row["id"]: row for row in tx.rows(_tasks(request), {"ids": _fitting(task_ids)})}


@cache
def _tasks(request: bool) -> Select[Any]:
    return select(*_columns(request)).where(_t.c.id == _ANY)


def children(tx: Transaction, parent: int, request: bool = False) -> list[dict[str, Any]]:
    """The subtasks of a task, by id."""
    return tx.rows(select(*_columns(request)).where(_t.c.parent == parent).order_by(_t.c.id))


def descendants(tx: Transaction, task_id: int, request: bool = False) -> list[dict[str, Any]]:
    """All tasks below `task_id` in one statement, by id."""
    tree = _tree_below(task_id)
    return tx.rows(select(*_columns(request)).join(tree, tree.c.id == _t.c.id).order_by(_t.c.id))


def unfinished(tx: Transaction, method: str) -> list[dict[str, Any]]:
    """The free, open and assigned tasks of a method with their requests, by id."""
    alive = _t.c.state.in_(UNFINISHED_TASKS)
    return tx.rows(select(*_columns(True)).where(alive, _t.c.method == method).order_by(_t.c.id))


def _tree_below(task_id: int) -> Any:
    """Recursive CTE of the ids below a task; UNION ends a loop, should a row ever make one."""
    tree = select(_t.c.id).where(_t.c.parent == task_id).cte("tree", recursive=True)
    return tree.union(select(_t.c.id).where(_t.c.parent == tree.c.id))


def with_descendants(tx: Transaction, task_ids: Sequence[int], through_finished: bool = False) -> list[int]:
    """Ids of the tasks and of what is below them; below closed and failed ones only when asked."""
    child = _t.alias("child")
    tree = select(_t.c.id, _t.c.state).where(_t.c.id == _ids(task_ids)).cte("tree", recursive=True)
    below = select(child.c.id, child.c.state).where(child.c.parent == tree.c.id)
    if not through_finished:
        below = below.where(tree.c.state.not_in((TaskState.CLOSED, TaskState.FAILED)))
    tree = tree.union(below)
    return sorted(tx.scalars(select(tree.c.id)))


def ancestors(tx: Transaction, task_id: int) -> list[tuple[int, int | None]]:
    """`(id, parent)` from a task up to its top; the last has no parent unless the rows loop."""
    up = select(_t.c.id, _t.c.parent).where(_t.c.id == task_id).cte("up", recursive=True)
    above = _t.alias("above")
    up = up.union(select(above.c.id, above.c.parent).where(above.c.id == up.c.parent))
    found = {row["id"]: row["parent"] for row in tx.rows(select(up.c.id, up.c.parent))}
    chain: list[tuple[int, int | None]] = []
    current: int | None = task_id
    while current is not None and current in found:
        parent = found.pop(current)
        chain.append((current, parent))
        current = parent
    return chain


def stored(tx: Transaction, task_id: int) -> dict[str, Any] | None:
    """`{id, state, method, request, result, owner, parent, arch, channel_id, priority}` of a task."""
    columns = (
        _t.c.id,
        _t.c.state,
        _t.c.method,
        _t.c.request,
        _t.c.result,
        _t.c.owner,
        _t.c.parent,
        _t.c.arch,
        _t.c.channel_id,
        _t.c.priority,
    )
    return tx.row(select(*columns).where(_t.c.id == task_id))


def results(tx: Transaction, task_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """`{id, state, result}` by id."""
    query = select(_t.c.id, _t.c.state, _t.c.result).where(_t.c.id == _ids(task_ids))
    return {row["id"]: row for row in tx.rows(query)}


def listing() -> Select[Any]:
    """FROM and WHERE part of `listTasks`."""
    return select(_t.c.id).select_from(_t.join(t.users, t.users.c.id == _t.c.owner))


def ids() -> Select[Any]:
    """The same from the table of tasks alone: every task has an owner."""
    return select(_t.c.id)


def result_field() -> Mapping[str, ColumnElement[Any]]:
    """The stored result, for listings."""
    return {"result": _t.c.result}


# writing


def insert_task(tx: Transaction, values: Mapping[str, Any]) -> dict[str, Any]:
    """A new task; its row as `tasks` gives it."""
    row = tx.row(_INSERT, values)
    if row is None:
        raise LookupError("INSERT returned no row")
    return row


def lock(tx: Transaction, task_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Lock tasks in the order of their ids (two callers never wait for each other); their rows by id."""
    return {row["id"]: row for row in tx.rows(_LOCK, {"ids": _fitting(task_ids)})}


def change(
    tx: Transaction, task_ids: Sequence[int], allowed: Iterable[TaskState], values: Mapping[str, Any]
) -> list[int]:
    """Change those of the tasks whose state is one of `allowed`; their ids."""
    names = tuple((name, value is NOW) for name, value in values.items())
    given = {f"new_{name}": value for name, value in values.items() if value is not NOW}
    return sorted(tx.scalars(_change(tuple(allowed), names), {"ids": _fitting(task_ids), **given}))


@cache
def _change(allowed: tuple[TaskState, ...], names: tuple[tuple[str, bool], ...]) -> Any:
    values = {name: NOW if now else bindparam(f"new_{name}", type_=_t.c[name].type) for name, now in names}
    return update(_t).where(_t.c.id == _ANY, _t.c.state.in_(allowed)).values(values).returning(_t.c.id)


def assign_many(tx: Transaction, pairs: Mapping[int, int], allowed: Iterable[TaskState]) -> list[int]:
    """Assign tasks (keys) to hosts (values) with one statement; the ids of those that were still free."""
    wanted = (
        func.unnest(cast(list(pairs), ARRAY(Integer)), cast(list(pairs.values()), ARRAY(Integer)))
        .table_valued("task_id", "host_id")
        .render_derived(name="wanted")
    )
    query = (
        update(_t)
        .where(_t.c.id == wanted.c.task_id, _t.c.state.in_(list(allowed)))
        .values(state=int(TaskState.ASSIGNED), host_id=wanted.c.host_id)
        .returning(_t.c.id)
    )
    return sorted(tx.scalars(query))


def set_priority(tx: Transaction, task_ids: Sequence[int], priority: int) -> list[int]:
    """Set the priority of those tasks that are not finished; their ids."""
    query = (
        update(_t)
        .where(_t.c.id == _ids(task_ids), _t.c.state.not_in(FINISHED_TASKS))
        .values(priority=priority)
        .returning(_t.c.id)
    )
    return sorted(tx.scalars(query))


def child_with_label(tx: Transaction, parent: int, label: str) -> int | None:
    """The id of a subtask by its label."""
    found = tx.scalar(select(_t.c.id).where(_t.c.parent == parent, _t.c.label == label))
    return None if found is None else int(found)


# waiting


def set_wait(tx: Transaction, parent: int, awaited: Sequence[int] | None) -> int | None:
    """Mark a parent as waiting, these children (None: all) as awaited, others not; the parent's host."""
    host_id: int | None = tx.scalar(
        update(_t).where(_t.c.id == parent).values(waiting=True).returning(_t.c.host_id)
    )
    if awaited is None:
        tx.execute(update(_t).where(_t.c.parent == parent).values(awaited=True))
        return host_id
    is_awaited = _t.c.id == _ids(awaited)
    current = or_(_t.c.awaited.is_(True), is_awaited)
    tx.execute(update(_t).where(_t.c.parent == parent, current).values(awaited=is_awaited))
    return host_id


def awaited(tx: Transaction, parent: int) -> list[dict[str, Any]]:
    """`{id, state}` of the awaited children, by id."""
    query = select(_t.c.id, _t.c.state).where(_t.c.parent == parent, _t.c.awaited.is_(True))
    return tx.rows(query.order_by(_t.c.id))


def clear_awaited(tx: Transaction, task_ids: Sequence[int]) -> None:
    """Nobody waits for these any more."""
    tx.execute(update(_t).where(_t.c.id == _ids(task_ids)).values(awaited=False))


def end_wait(tx: Transaction, parent: int) -> int | None:
    """A parent sleeps no more, nobody awaits its children; its host is returned."""
    tx.execute(update(_t).where(_t.c.parent == parent, _t.c.awaited.is_(True)).values(awaited=False))
    host_id: int | None = tx.scalar(
        update(_t).where(_t.c.id == parent).values(waiting=False).returning(_t.c.host_id)
    )
    return host_id


def finished_children(tx: Transaction, parent: int) -> list[int]:
    """Ids of the finished subtasks."""
    query = select(_t.c.id).where(_t.c.parent == parent, _t.c.state.in_(FINISHED_TASKS)).order_by(_t.c.id)
    return [int(found) for found in tx.scalars(query)]
