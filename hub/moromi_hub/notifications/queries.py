"""SQL of who wants mail, and who does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, delete, insert, select, update

from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

WANTED, UNWANTED = t.build_notifications, t.build_notifications_block


def row(tx: Transaction, table: Table, row_id: int) -> dict[str, Any] | None:
    """One row by its id."""
    return tx.row(select(table).where(table.c.id == row_id))


def rows(tx: Transaction, table: Table, user_id: int) -> list[dict[str, Any]]:
    """The rows of a user."""
    return tx.rows(select(table).where(table.c.user_id == user_id).order_by(table.c.id))


def exists(tx: Transaction, table: Table, values: Mapping[str, Any]) -> bool:
    """Whether there is a row with these values (None included)."""
    conditions = [
        table.c[key].is_(None) if value is None else table.c[key] == value for key, value in values.items()
    ]
    return tx.scalar(select(table.c.id).where(*conditions).limit(1)) is not None


def insert_row(tx: Transaction, table: Table, values: Mapping[str, Any]) -> None:
    """A new row."""
    tx.execute(insert(table).values(values))


def update_row(tx: Transaction, table: Table, row_id: int, values: Mapping[str, Any]) -> None:
    """Change a row."""
    tx.execute(update(table).where(table.c.id == row_id).values(values))


def delete_row(tx: Transaction, table: Table, row_id: int) -> None:
    """Remove a row: subscriptions are not versioned."""
    tx.execute(delete(table).where(table.c.id == row_id))
