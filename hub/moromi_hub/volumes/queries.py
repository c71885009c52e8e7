"""SQL of volumes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, insert, select

from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t


def list_volumes(tx: Transaction) -> list[dict[str, Any]]:
    """All volumes, `{id, name}`, by id."""
    return tx.rows(select(t.volume.c.id, t.volume.c.name).order_by(t.volume.c.id))


def add(tx: Transaction, name: str) -> int:
    """Make the row of a volume and return its id."""
    return int(tx.scalar(insert(t.volume).values(name=name).returning(t.volume.c.id)))


def remove(tx: Transaction, volume_id: int) -> None:
    """Delete the row of a volume."""
    tx.execute(delete(t.volume).where(t.volume.c.id == volume_id))


def count_builds(tx: Transaction, volume_id: int) -> int:
    """How many builds say that they are on a volume."""
    counted = select(func.count()).select_from(t.build).where(t.build.c.volume_id == volume_id)
    return int(tx.scalar(counted))


def lock(tx: Transaction, volume_id: int) -> None:
    """Keep the row of a volume from being removed, or from getting builds, until the transaction ends."""
    tx.execute(select(t.volume.c.id).where(t.volume.c.id == volume_id).with_for_update())
