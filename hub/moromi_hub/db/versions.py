"""Versioned rows: nothing is deleted, a change revokes the old row and inserts a new one.

Spec: data-model.md section 1. Every versioned table has `create_event`,
`revoke_event`, `creator_id`, `revoker_id` and `active` (TRUE or NULL).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, insert, or_, update
from sqlalchemy.sql.expression import FromClause

from moromi.errors import GenericError
from moromi_hub.db.transaction import Transaction


def visible(table: FromClause, event: int | None = None) -> ColumnElement[bool]:
    """The condition that picks the rows of `table` that hold now, or held at `event`.

    Raises GenericError `Invalid event: …` unless `event` is an integer or None.
    """
    if event is None:
        return table.c.active.is_(True)
    check_event(event)
    return and_(
        table.c.create_event <= event,
        or_(table.c.revoke_event.is_(None), table.c.revoke_event > event),
    )


def check_event(event: Any) -> None:
    """Raise GenericError unless `event` is None or an integer."""
    if event is not None and (not isinstance(event, int) or isinstance(event, bool)):
        raise GenericError(f"Invalid event: {event!r}")


def create(
    tx: Transaction, table: Table, user_id: int, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]
) -> None:
    """Insert one or many versioned rows in the call's event."""
    stamp = {"create_event": tx.event(), "creator_id": user_id}
    many = [values] if isinstance(values, Mapping) else values
    if many:
        tx.execute(insert(table), [{**row, **stamp} for row in many])


def revoke(tx: Transaction, table: Table, user_id: int, *where: ColumnElement[bool]) -> int:
    """Revoke the active rows that match; the number of rows is returned."""
    result = tx.execute(
        update(table)
        .where(table.c.active.is_(True), *where)
        .values(revoke_event=tx.event(), revoker_id=user_id, active=None)
    )
    return result.rowcount
