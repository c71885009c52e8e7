"""SQL of the scheduler: what it looks at, and what it remembers (spec: data-model.md section 10).

Everything works on sets: the number of statements does not grow with the number of tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
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
    values,
)
from sqlalchemy import column as sql_column
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as pg_insert

from moromi.constants import TaskState
from moromi_hub.db import versions
from moromi_hub.db.clauses import ClauseQuery
from moromi_hub.db.columns import seconds
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_t, _h, _hc, _ch, _c = t.task, t.host, t.host_config, t.host_channels, t.channels
_runs, _refusals, _log = t.scheduler_task_runs, t.scheduler_task_refusals, t.scheduler_log_messages
_data, _sys, _reasons = t.scheduler_host_data, t.scheduler_sys_data, t.moromi_scheduler_reasons

STAMP = "last_run_ts"
TASKS_PER_BIN = 1000
_ACTIVE = (TaskState.OPEN, TaskState.ASSIGNED)


def _age(column: ColumnElement[Any]) -> ColumnElement[float]:
    """Seconds since a time, by the clock of the database."""
    return seconds(func.now()) - seconds(column)


def _ids(ids: Iterable[int]) -> ColumnElement[Any]:
    return func.any(cast(list(ids), ARRAY(Integer)))


# the lock and the stamp


def lock(tx: Transaction, wait: bool) -> bool:
    """Take the scheduler's lock until the end of the transaction; False if it is taken and not waited for."""
    query = select(t.locks.c.name).where(t.locks.c.name == "scheduler")
    return tx.scalar(query.with_for_update(skip_locked=not wait)) is not None


def stamp_age(tx: Transaction) -> float | None:
    """Seconds since the last run (negative: the stamp is in the future), None before the first."""
    stamp = cast(_sys.c.data.op("#>>")(cast([], ARRAY(Text))), Float)
    found = tx.scalar(select(seconds(func.now()) - stamp).where(_sys.c.name == STAMP))
    return None if found is None else float(found)


def set_stamp(tx: Transaction) -> None:
    """Note that a run happens now."""
    now = func.to_jsonb(seconds(func.now()))
    query = pg_insert(_sys).values(name=STAMP, data=now)
    tx.execute(query.on_conflict_do_update(index_elements=["name"], set_={"data": query.excluded.data}))


# what a run looks at


def hosts(tx: Transaction) -> list[dict[str, Any]]:
    """Enabled hosts with what they said of themselves; `channels`: ids of their enabled channels."""
    channels = (
        select(func.array_agg(_ch.c.channel_id))
        .select_from(_ch.join(_c, _c.c.id == _ch.c.channel_id))
        .where(_ch.c.host_id == _h.c.id, versions.visible(_ch), _c.c.enabled)
        .scalar_subquery()
    )
    return tx.rows(
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
    run = _runs.alias("run")
    return tx.rows(
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
        .where(_t.c.state.in_(_ACTIVE), _t.c.host_id.is_not(None))
        .group_by(_t.c.id)
        .order_by(_t.c.id)
    )


def free_tasks(tx: Transaction) -> list[dict[str, Any]]:
    """The free tasks by priority and age, at most 1000 of each channel and arch."""
    place = func.row_number().over(
        partition_by=(_t.c.channel_id, _t.c.arch), order_by=(_t.c.priority, _t.c.create_time, _t.c.id)
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
    return tx.rows(
        select(ranked)
        .where(ranked.c.place <= TASKS_PER_BIN)
        .order_by(ranked.c.priority, ranked.c.created, ranked.c.id)
    )


def enabled_channels(tx: Transaction) -> dict[int, str]:
    """Names of the enabled channels by id."""
    return {row["id"]: row["name"] for row in tx.rows(select(_c.c.id, _c.c.name).where(_c.c.enabled))}


def requests(tx: Transaction, task_ids: Iterable[int]) -> dict[int, tuple[str | None, str | None]]:
    """`(method, stored request)` by id."""
    found = tx.rows(select(_t.c.id, _t.c.method, _t.c.request).where(_t.c.id == _ids(task_ids)))
    return {row["id"]: (row["method"], row["request"]) for row in found}


def refusals(tx: Transaction) -> dict[int, list[int]]:
    """Hosts that refused, by free task."""
    query = select(_refusals.c.task_id, func.array_agg(_refusals.c.host_id).label("hosts"))
    query = query.join(_t, _t.c.id == _refusals.c.task_id).where(_t.c.state == TaskState.FREE)
    return {row["task_id"]: row["hosts"] for row in tx.rows(query.group_by(_refusals.c.task_id))}


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


def add_runs(tx: Transaction, pairs: Sequence[tuple[int, int]]) -> None:
    """New run entries, in order."""
    given = _pairs(pairs)
    rows = select(given.c.task_id, given.c.host_id).order_by(given.c.n)
    tx.execute(insert(_runs).from_select(["task_id", "host_id"], rows))


def end_runs(tx: Transaction, task_ids: Iterable[int]) -> None:
    """The run entries of these tasks are history."""
    query = update(_runs).where(_runs.c.task_id == _ids(task_ids), _runs.c.active)
    tx.execute(query.values(active=False))


def end_stale_runs(tx: Transaction) -> None:
    """The run entries of tasks that are neither assigned nor open are history."""
    over = select(_t.c.id).where(_t.c.id == _runs.c.task_id, _t.c.state.not_in(_ACTIVE)).exists()
    tx.execute(update(_runs).where(_runs.c.active, over).values(active=False))


def log_messages(tx: Transaction, pairs: Sequence[tuple[int | None, int | None]], message: str) -> None:
    """The same log message for many pairs of task and host, in order."""
    given = _pairs(pairs)
    rows = select(given.c.task_id, given.c.host_id, literal(message)).order_by(given.c.n)
    tx.execute(insert(_log).from_select(["task_id", "host_id", "msg"], rows))


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


def drop_stale_refusals(tx: Transaction, soft_seconds: float) -> None:
    """Forget refusals of tasks that are over, and soft ones after a while."""
    alive = select(_t.c.id).where(_t.c.id == _refusals.c.task_id, _t.c.state.in_((TaskState.FREE, *_ACTIVE)))
    expired = and_(_refusals.c.soft, _age(_refusals.c.time) > soft_seconds)
    tx.execute(delete(_refusals).where(or_(~alive.exists(), expired)))


# reasons


def store_reasons(tx: Transaction, key: str, reasons: Mapping[int, str]) -> None:
    """Replace the reasons of all tasks (`key` task_id) or hosts (host_id); what stays is not written."""
    column = _reasons.c[key]
    gone = delete(_reasons).where(column.is_not(None))
    if not reasons:
        tx.execute(gone)
        return
    given = (
        func.unnest(cast(list(reasons), ARRAY(Integer)), cast(list(reasons.values()), ARRAY(Text)))
        .table_valued("id", "msg")
        .render_derived(name="given")
    )
    query = pg_insert(_reasons).from_select([key, "msg"], select(given.c.id, given.c.msg))
    query = query.on_conflict_do_update(
        index_elements=[key],
        set_={"msg": query.excluded.msg, "since": func.now()},
        where=_reasons.c.msg != query.excluded.msg,
    )
    tx.execute(query.add_cte(gone.where(~(column == _ids(reasons))).cte("gone")))


def with_reason(tx: Transaction, message: str) -> list[int]:
    """Ids of the free tasks that wait for this reason."""
    query = select(_t.c.id).join(_reasons, _reasons.c.task_id == _t.c.id)
    return list(tx.scalars(query.where(_reasons.c.msg == message, _t.c.state == TaskState.FREE)))


def reasons(tx: Transaction, task_id: int | None, host_id: int | None) -> list[dict[str, Any]]:
    """`{task_id, host_id, msg, since_ts}`, of one task, one host, or all."""
    query = select(
        _reasons.c.task_id, _reasons.c.host_id, _reasons.c.msg, seconds(_reasons.c.since).label("since_ts")
    )
    if task_id is not None:
        query = query.where(_reasons.c.task_id == task_id)
    if host_id is not None:
        query = query.where(_reasons.c.host_id == host_id)
    return tx.rows(query.order_by(_reasons.c.task_id, _reasons.c.host_id))


# what hosts see


def assigned_to(tx: Transaction, host_id: int) -> tuple[list[dict[str, Any]], float | None]:
    """Tasks assigned to a host in the order in which it should take them, and the age of the last run."""
    one = values(sql_column("one", Integer), name="one").data([(1,)])
    mine = and_(_t.c.host_id == host_id, _t.c.state == TaskState.ASSIGNED)
    stamp = cast(_sys.c.data.op("#>>")(cast([], ARRAY(Text))), Float)
    found = tx.rows(
        select(
            _t.c.id,
            _t.c.state,
            _t.c.channel_id,
            _t.c.host_id,
            _t.c.arch,
            _t.c.method,
            _t.c.priority,
            seconds(_t.c.create_time).label("create_ts"),
            (seconds(func.now()) - stamp).label("age"),
        )
        .select_from(one.outerjoin(_t, mine).outerjoin(_sys, _sys.c.name == STAMP))
        .order_by(_t.c.priority, _t.c.create_time, _t.c.id)
    )
    age = found[0]["age"]
    for row in found:
        del row["age"]
    return [row for row in found if row["id"] is not None], age


def channel_ids(tx: Transaction, host_id: int) -> list[int]:
    """The channels of a host, enabled or not."""
    query = select(_ch.c.channel_id).where(_ch.c.host_id == host_id, versions.visible(_ch))
    return list(tx.scalars(query.order_by(_ch.c.channel_id)))


def host_data(tx: Transaction, host_id: int | None) -> list[dict[str, Any]]:
    """`{host_id, data}` of one host or all."""
    query = select(_data.c.host_id, _data.c.data).order_by(_data.c.host_id)
    return tx.rows(query if host_id is None else query.where(_data.c.host_id == host_id))


def nothing_due(tx: Transaction) -> bool:
    """Whether there is neither a free task nor one held by a host."""
    some = select(_t.c.id).where(_t.c.state.in_((TaskState.FREE, *_ACTIVE))).exists()
    return not tx.scalar(select(some))


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
