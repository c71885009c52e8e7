"""SQL of a builder's turn: one statement for everything that a builder asks about itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Float, Select, Text, and_, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from moromi.constants import FINISHED_TASKS, HELD_TASKS
from moromi_hub.db import versions
from moromi_hub.db.columns import seconds
from moromi_hub.db.transaction import Transaction
from moromi_hub.hosts.queries import HOST_FIELDS
from moromi_schema import tables as t

_t, _h, _hc, _sys = t.task, t.host, t.host_config, t.scheduler_sys_data
_STAMP = "last_run_ts"


def _task_fields() -> dict[str, ColumnElement[Any]]:
    child = _t.alias("child")
    done = (
        select(child.c.id)
        .where(child.c.parent == _t.c.id, child.c.awaited.is_(True), child.c.state.in_(FINISHED_TASKS))
        .exists()
    )
    return {
        "id": _t.c.id,
        "state": _t.c.state,
        "channel_id": _t.c.channel_id,
        "host_id": _t.c.host_id,
        "arch": _t.c.arch,
        "method": _t.c.method,
        "priority": _t.c.priority,
        "create_ts": seconds(_t.c.create_time),
        "waiting": _t.c.waiting,
        "weight": _t.c.weight,
        "alert": and_(_t.c.waiting.is_(True), done),
    }


HOST = tuple(HOST_FIELDS)
TASK = tuple(_task_fields())


def _facts() -> Select[Any]:
    held = and_(_t.c.host_id == _h.c.id, _t.c.state.in_(HELD_TASKS))
    stamp = cast(_sys.c.data.op("#>>")(cast([], ARRAY(Text))), Float)
    return (
        select(
            *HOST_FIELDS.values(),
            *_task_fields().values(),
            (seconds(func.now()) - stamp).label("age"),
            _hc.c.host_id.is_not(None).label("configured"),
        )
        .select_from(
            _h.outerjoin(_hc, and_(_hc.c.host_id == _h.c.id, versions.visible(_hc)))
            .outerjoin(_t, held)
            .outerjoin(_sys, _sys.c.name == _STAMP)
        )
        .where(_h.c.id == bindparam("host"))
        .order_by(_t.c.priority, _t.c.create_time, _t.c.id)
    )


_FACTS = _facts()
"""Built once: every builder runs it in every turn."""


def facts(tx: Transaction, host_id: int) -> list[tuple[Any, ...]]:
    """A row for each task that is assigned to or open on a host, one of nulls where there is none.

    The fields `HOST`, the fields `TASK`, seconds since the last run of the scheduler, and whether the
    host has a configuration. Assigned tasks are in the order in which the host should take them.
    """
    return [tuple(row) for row in tx.execute(_FACTS, {"host": host_id})]
