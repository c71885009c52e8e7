"""SQL of the scheduler: what it looks at, and what it remembers (spec: data-model.md section 10).

Everything works on sets: the number of statements does not grow with the number of tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Insert,
    Integer,
    Select,
    Text,
    and_,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as pg_insert

from moromi.constants import HELD_TASKS, UNFINISHED_TASKS, TaskState
from moromi_hub.db import versions
from moromi_hub.db.clauses import ClauseQuery
from moromi_hub.db.columns import seconds
from moromi_hub.db.transaction import DO_NOT_WAIT, Transaction
from moromi_schema import tables as t

_t, _h, _hc, _ch, _c = t.task, t.host, t.host_config, t.host_channels, t.channels
_runs, _refusals, _log = t.scheduler_task_runs, t.scheduler_task_refusals, t.scheduler_log_messages
_data, _sys, _reasons = t.scheduler_host_data, t.scheduler_sys_data, t.moromi_scheduler_reasons

STAMP = "last_run_ts"
TASKS_PER_OWNER = 1000


def _age(column: ColumnElement[Any]) -> ColumnElement[float]:
    """Seconds since a time, by the clock of the database."""
    return seconds(func.now()) - seconds(column)


def _ids(ids: Iterable[int]) -> ColumnElement[Any]:
    return func.any(cast(list(ids), ARRAY(Integer)))


# the lock and the stamp


def lock(tx: Transaction, wait: bool) -> tuple[bool, float | None]:
    """Take the scheduler's lock until the end of the transaction, unless it is taken and not waited for.

    Whether it is held now, and the seconds since the last run (negative: the stamp
    is in the future; None: there was none).
    """
    stamp = cast(_sys.c.data.op("#>>")(cast([], ARRAY(Text))), Float)
    # Not now(): a transaction that began later than this one may have made a run.
    age = select(seconds(func.clock_timestamp()) - stamp).where(_sys.c.name == STAMP).scalar_subquery()
    query = select(t.locks.c.name, age.label("age")).where(t.locks.c.name == "scheduler")
    row = tx.row(query.with_for_update(of=t.locks, skip_locked=not wait))
    return row is not None, row["age"] if row else None


def set_stamp(tx: Transaction) -> None:
    """Note that a run happens now."""
    now = func.to_jsonb(seconds(func.now()))
    query = pg_insert(_sys).values(name=STAMP, data=now)
    query = query.on_conflict_do_update(index_elements=["name"], set_={"data": query.excluded.data})
    tx.execute(query.returning(DO_NOT_WAIT))


# what a run looks at


def hosts(tx: Transaction) -> list[dict[str, Any]]:
    """Enabled hosts with what they said of themselves; `channels`: ids of their enabled channels."""
    return tx.rows(_HOSTS)


def _hosts() -> Select[Any]:
    channels = (
        select(func.array_agg(_ch.c.channel_id))
        .select_from(_ch.join(_c, _c.c.id == _ch.c.channel_id))
        .where(_ch.c.host_id == _h.c.id, versions.visible(_ch), _c.c.enabled)
        .scalar_subquery()
    )
    return (
        select(
            _h.c.id,
            _h.c.name,
            _h.c.ready,
            _age(_h.c.update_time).label("silent"),
            _hc.c.arches,
            _hc.c.capacity,
            _data.c.data,
            channels.label("channels"),
        )
        .select_from(
            _h.join(_hc, and_(_hc.c.host_id == _h.c.id, versions.visible(_hc))).outerjoin(
                _data, _data.c.host_id == _h.c.id
            )
        )
        .where(_hc.c.enabled)
        .order_by(_h.c.id)
    )


def active_tasks(tx: Transaction) -> list[dict[str, Any]]:
    """Tasks assigned to or open on a host, with the age of their active run entry.

    `assigned_for`: seconds since the run that assigned it, None for an override.
    """
    return tx.rows(HELD_TASKS_TASKS)


def _active_tasks() -> Select[Any]:
    run = _runs.alias("run")
    return (
        select(
            _t.c.id,
            _t.c.state,
            _t.c.host_id,
            _t.c.weight,
            _t.c.waiting,
            _t.c.owner,
            func.min(_age(run.c.create_time)).label("assigned_for"),
        )
        .select_from(_t.outerjoin(run, and_(run.c.task_id == _t.c.id, run.c.active)))
        .where(_t.c.state.in_(HELD_TASKS), _t.c.host_id.is_not(None))
        .group_by(_t.c.id)
        .order_by(_t.c.id)
    )


def free_tasks(tx: Transaction) -> list[dict[str, Any]]:
    """The free tasks by priority and age, at most 1000 of each channel, arch and owner.

    `channel`: the name of the task's channel, None if it is disabled.
    """
    return tx.rows(_FREE_TASKS)


def _free_tasks() -> Select[Any]:
    place = func.row_number().over(
        partition_by=(_t.c.channel_id, _t.c.arch, _t.c.owner),
        order_by=(_t.c.priority, _t.c.create_time, _t.c.id),
    )
    ranked = (
        select(
            _t.c.id,
            _t.c.channel_id,
            _t.c.arch,
            _t.c.priority,
            _t.c.weight,
            _t.c.owner,
            seconds(_t.c.create_time).label("created"),
            place.label("place"),
        )
        .where(_t.c.state == TaskState.FREE)
        .subquery()
    )
    return (
        select(ranked, _c.c.name.label("channel"))
        .select_from(ranked.outerjoin(_c, and_(_c.c.id == ranked.c.channel_id, _c.c.enabled)))
        .where(ranked.c.place <= TASKS_PER_OWNER)
        .order_by(ranked.c.priority, ranked.c.created, ranked.c.id)
    )


def refusals(tx: Transaction, soft_seconds: float) -> list[dict[str, Any]]:
    """`{task_id, host_id, stale}`; stale: the task is over, or it was a soft one of long ago."""
    expired = and_(_refusals.c.soft, _age(_refusals.c.time) > soft_seconds)
    stale = or_(_t.c.state.not_in(UNFINISHED_TASKS), expired)
    return tx.rows(
        select(_refusals.c.task_id, _refusals.c.host_id, _refusals.c.id, stale.label("stale")).join(
            _t, _t.c.id == _refusals.c.task_id
        )
    )


def refusals_of(tx: Transaction, task_id: int) -> list[dict[str, Any]]:
    """`{host_id, msg}` of one task."""
    return tx.rows(select(_refusals.c.host_id, _refusals.c.msg).where(_refusals.c.task_id == task_id))


def members(tx: Transaction, channel_id: int) -> list[dict[str, Any]]:
    """`{id, name, arches, enabled}` of the hosts of a channel, by id."""
    return tx.rows(
        select(_h.c.id, _h.c.name, _hc.c.arches, _hc.c.enabled)
        .select_from(_h.join(_hc, _hc.c.host_id == _h.c.id).join(_ch, _ch.c.host_id == _h.c.id))
        .where(versions.visible(_hc), versions.visible(_ch), _ch.c.channel_id == channel_id)
        .order_by(_h.c.id)
    )


_HOSTS, HELD_TASKS_TASKS, _FREE_TASKS = _hosts(), _active_tasks(), _free_tasks()
"""Built once: these run at every turn of the worker."""


def requests(tx: Transaction, task_ids: Iterable[int]) -> dict[int, tuple[str | None, str | None]]:
    """`(method, stored request)` by id."""
    found = tx.rows(select(_t.c.id, _t.c.method, _t.c.request).where(_t.c.id == _ids(task_ids)))
    return {row["id"]: (row["method"], row["request"]) for row in found}


# what a run changes


def mark_not_ready(tx: Transaction, host_ids: Iterable[int]) -> None:
    """These hosts have been silent for too long."""
    tx.execute(update(_h).where(_h.c.id == _ids(host_ids)).values(ready=False))


def _pairs(pairs: Sequence[tuple[int | None, int | None]]) -> Any:
    """`(task_id, host_id)` pairs as a FROM clause that keeps their order in `n`."""
    return (
        func.unnest(
            cast([task for task, _ in pairs], ARRAY(Integer)),
            cast([host for _, host in pairs], ARRAY(Integer)),
        )
        .table_valued("task_id", "host_id", with_ordinality="n")
        .render_derived(name="pairs")
    )


def record_runs(tx: Transaction, pairs: Sequence[tuple[int, int]], message: str = "") -> None:
    """New run entries and a log message for these pairs of task and host, in order, with one statement.

    Older run entries of the tasks, and those of tasks that are neither assigned nor open, become history.
    """
    over = select(_t.c.id).where(_t.c.id == _runs.c.task_id, _t.c.state.not_in(HELD_TASKS)).exists()
    again = _runs.c.task_id == _ids([task_id for task_id, _ in pairs])
    ended = update(_runs).where(_runs.c.active, or_(over, again)).values(active=False)
    if not pairs:
        tx.execute(ended)
        return
    given = _pairs(pairs)
    rows = select(given.c.task_id, given.c.host_id).order_by(given.c.n)
    added = insert(_runs).from_select(["task_id", "host_id"], rows)
    logged = _message_rows(given, message)
    tx.execute(logged.add_cte(ended.cte("ended"), added.cte("added")))


def record_run(tx: Transaction, task_id: int, host_id: int) -> None:
    """A new run entry of one task; older ones become history."""
    ended = update(_runs).where(_runs.c.task_id == task_id, _runs.c.active).values(active=False)
    tx.execute(insert(_runs).values(task_id=task_id, host_id=host_id).add_cte(ended.cte("ended")))


def end_runs(tx: Transaction, task_ids: Iterable[int]) -> None:
    """The run entries of these tasks are history."""
    query = update(_runs).where(_runs.c.task_id == _ids(task_ids), _runs.c.active)
    tx.execute(query.values(active=False))


def log_messages(tx: Transaction, pairs: Sequence[tuple[int | None, int | None]], message: str) -> None:
    """The same log message for many pairs of task and host, in order."""
    tx.execute(_message_rows(_pairs(pairs), message))


def _message_rows(given: Any, message: str) -> Insert:
    rows = select(given.c.task_id, given.c.host_id, literal(message)).order_by(given.c.n)
    return insert(_log).from_select(["task_id", "host_id", "msg"], rows)


def refuse(
    tx: Transaction, pairs: Sequence[tuple[int, int]], soft: bool, by_host: bool, message: str
) -> None:
    """Store refusals; of one that is there already id and time stay."""
    given = _pairs(pairs)
    rows = select(
        given.c.task_id, given.c.host_id, literal(by_host), literal(soft), literal(message)
    ).order_by(given.c.n)
    query = pg_insert(_refusals).from_select(["task_id", "host_id", "by_host", "soft", "msg"], rows)
    new = query.excluded
    tx.execute(
        query.on_conflict_do_update(
            index_elements=["task_id", "host_id"],
            set_={"by_host": new.by_host, "soft": new.soft, "msg": new.msg},
        )
    )


def drop_refusals(tx: Transaction, ids: Iterable[int]) -> None:
    """Forget refusals."""
    tx.execute(delete(_refusals).where(_refusals.c.id == _ids(ids)))


# reasons


def store_reasons(tx: Transaction, key: str, before: Mapping[int, str], reasons: Mapping[int, str]) -> None:
    """Let the reasons of tasks (`key` task_id) or hosts (host_id) be these; what stays is not written."""
    gone = [number for number in before if number not in reasons]
    changed = {number: text for number, text in reasons.items() if before.get(number) != text}
    if gone:
        tx.execute(delete(_reasons).where(_reasons.c[key] == _ids(gone)))
    if not changed:
        return
    given = (
        func.unnest(cast(list(changed), ARRAY(Integer)), cast(list(changed.values()), ARRAY(Text)))
        .table_valued("id", "msg")
        .render_derived(name="given")
    )
    query = pg_insert(_reasons).from_select([key, "msg"], select(given.c.id, given.c.msg))
    tx.execute(
        query.on_conflict_do_update(
            index_elements=[key], set_={"msg": query.excluded.msg, "since": func.now()}
        )
    )


def reasons(tx: Transaction, task_id: int | None = None, host_id: int | None = None) -> list[dict[str, Any]]:
    """`{task_id, host_id, msg, since_ts}`, of one task, one host, or all."""
    query = select(
        _reasons.c.task_id, _reasons.c.host_id, _reasons.c.msg, seconds(_reasons.c.since).label("since_ts")
    )
    if task_id is not None:
        query = query.where(_reasons.c.task_id == task_id)
    if host_id is not None:
        query = query.where(_reasons.c.host_id == host_id)
    return tx.rows(query.order_by(_reasons.c.task_id, _reasons.c.host_id))


def reasons_of(tx: Transaction, task_ids: Iterable[int]) -> dict[int, str]:
    """Why these tasks wait, by id, as of the last run."""
    found = tx.rows(select(_reasons.c.task_id, _reasons.c.msg).where(_reasons.c.task_id == _ids(task_ids)))
    return {row["task_id"]: row["msg"] for row in found}


# what hosts see


def channel_ids(tx: Transaction, host_id: int) -> list[int]:
    """The channels of a host, enabled or not."""
    query = select(_ch.c.channel_id).where(_ch.c.host_id == host_id, versions.visible(_ch))
    return list(tx.scalars(query.order_by(_ch.c.channel_id)))


def host_data(tx: Transaction, host_id: int | None) -> list[dict[str, Any]]:
    """`{host_id, data}` of one host or all."""
    query = select(_data.c.host_id, _data.c.data).order_by(_data.c.host_id)
    return tx.rows(query if host_id is None else query.where(_data.c.host_id == host_id))


# clause queries

_JOINED_TASK: Mapping[str, ColumnElement[Any]] = {
    "method": _t.c.method,
    "state": _t.c.state,
    "owner": _t.c.owner,
    "arch": _t.c.arch,
    "channel_id": _t.c.channel_id,
}
_JOINED_HOST: Mapping[str, ColumnElement[Any]] = {"host_name": _h.c.name, "host_ready": _h.c.ready}


def _with_task_and_host(table: Any) -> Any:
    return table.outerjoin(_t, _t.c.id == table.c.task_id).outerjoin(_h, _h.c.id == table.c.host_id)


TASK_RUNS = ClauseQuery(
    _with_task_and_host(_runs),
    own={
        "id": _runs.c.id,
        "task_id": _runs.c.task_id,
        "host_id": _runs.c.host_id,
        "active": _runs.c.active,
        "create_ts": seconds(_runs.c.create_time),
    },
    joined={
        **_JOINED_TASK,
        **_JOINED_HOST,
        "start_ts": seconds(_t.c.start_time),
        "completion_ts": seconds(_t.c.completion_time),
    },
    default=("id", "task_id", "host_id", "active", "create_ts"),
)
TASK_REFUSALS = ClauseQuery(
    _with_task_and_host(_refusals),
    own={
        "id": _refusals.c.id,
        "task_id": _refusals.c.task_id,
        "host_id": _refusals.c.host_id,
        "by_host": _refusals.c.by_host,
        "soft": _refusals.c.soft,
        "msg": _refusals.c.msg,
        "ts": seconds(_refusals.c.time),
    },
    joined={**_JOINED_TASK, **_JOINED_HOST},
    default=("id", "task_id", "host_id", "by_host", "soft", "msg", "ts"),
)
LOG_MESSAGES = ClauseQuery(
    _with_task_and_host(_log),
    own={
        "id": _log.c.id,
        "task_id": _log.c.task_id,
        "host_id": _log.c.host_id,
        "msg": _log.c.msg,
        "msg_ts": seconds(_log.c.msg_time),
    },
    joined={**_JOINED_TASK, **_JOINED_HOST},
    default=("id", "task_id", "host_id", "msg", "msg_ts"),
)
