"""SQL that deletes old rows. Ages are in days."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, or_

from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t


def _limit(days: float) -> ColumnElement[Any]:
    return func.now() - func.make_interval(0, 0, 0, 0, 0, 0, days * 86400)


def sessions(tx: Transaction, idle: float, absolute: float | None = None) -> int:
    """Sessions that have done nothing for `idle` days or began `absolute` days ago; how many.

    One whose subsession still works stays.
    """
    child = t.sessions.alias("child")
    old = t.sessions.c.update_time < _limit(idle)
    in_use = child.c.update_time >= _limit(idle)
    if absolute is not None:
        old = or_(old, t.sessions.c.start_time < _limit(absolute))
        in_use &= child.c.start_time >= _limit(absolute)
    used = exists().where(child.c.master == t.sessions.c.id, in_use)
    return tx.execute(delete(t.sessions).where(old, ~used)).rowcount


def reservations(tx: Transaction, days: float) -> int:
    """Reservations of builds that were never imported; how many."""
    table = t.build_reservations
    return tx.execute(delete(table).where(table.c.created < _limit(days))).rowcount


def scheduler_logs(tx: Transaction, days: float) -> int:
    """Messages of the scheduler; how many."""
    table = t.scheduler_log_messages
    return tx.execute(delete(table).where(table.c.msg_time < _limit(days))).rowcount
