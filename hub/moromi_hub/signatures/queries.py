"""SQL of rpm signatures and checksums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip

from moromi_hub.db.bulk import insertion
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

FIELDS: dict[str, ColumnElement[Any]] = {
    "rpm_id": t.rpmsigs.c.rpm_id,
    "sigkey": t.rpmsigs.c.sigkey,
    "sighash": t.rpmsigs.c.sighash,
}


def listing(rpm_id: int | None, sigkey: str | None) -> Select[Any]:
    """Statement of `queryRPMSigs`."""
    query = select(t.rpmsigs)
    if rpm_id is not None:
        query = query.where(t.rpmsigs.c.rpm_id == rpm_id)
    if sigkey is not None:
        query = query.where(t.rpmsigs.c.sigkey == sigkey.lower())
    return query


def of_rpm(tx: Transaction, rpm_id: int, sigkey: str | None = None) -> list[dict[str, Any]]:
    """The signature rows of an rpm, by key."""
    columns = [column.label(key) for key, column in FIELDS.items()]
    query = select(*columns).where(t.rpmsigs.c.rpm_id == rpm_id).order_by(t.rpmsigs.c.sigkey)
    if sigkey is not None:
        query = query.where(t.rpmsigs.c.sigkey == sigkey)
    return tx.rows(query)


def add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """Note signatures, one an rpm, in one statement; the ids of the rpms that had none of that key."""
    made = insertion(t.rpmsigs, ("rpm_id", "sigkey", "sighash"), rows)
    made = made.on_conflict_do_nothing(constraint="rpmsigs_no_resign")
    return set(tx.scalars(made.returning(t.rpmsigs.c.rpm_id)))


def rename(tx: Transaction, rpm_id: int, old: str, new: str) -> None:
    """Give a signature of an rpm, and the checksums of its signed copy, another key."""
    for table in (t.rpm_checksum, t.rpmsigs):
        tx.execute(update(table).where(table.c.rpm_id == rpm_id, table.c.sigkey == old).values(sigkey=new))


def remove(tx: Transaction, rpm_id: int, sigkeys: Sequence[str]) -> None:
    """Forget signatures of an rpm and the checksums of its signed copies."""
    for table in (t.rpm_checksum, t.rpmsigs):
        tx.execute(delete(table).where(table.c.rpm_id == rpm_id, table.c.sigkey.in_(sigkeys)))


def remove_of_build(tx: Transaction, build_id: int) -> None:
    """Forget signatures and checksums of all rpms of a build."""
    rpms = select(t.rpminfo.c.id).where(t.rpminfo.c.build_id == build_id)
    for table in (t.rpm_checksum, t.rpmsigs):
        tx.execute(delete(table).where(table.c.rpm_id.in_(rpms)))


def checksums(tx: Transaction, rpm_id: int, kinds: Sequence[int]) -> dict[tuple[str, int], str]:
    """The stored checksums of an rpm: (key, type) -> hex digits."""
    table = t.rpm_checksum
    query = select(table.c.sigkey, table.c.checksum_type, table.c.checksum)
    rows = tx.rows(query.where(table.c.rpm_id == rpm_id, table.c.checksum_type.in_(kinds)))
    return {(row["sigkey"], row["checksum_type"]): row["checksum"] for row in rows}


def add_checksum(tx: Transaction, rpm_id: int, sigkey: str, kind: int, checksum: str) -> None:
    """Store a checksum; one that another transaction stored first is left."""
    values = {"rpm_id": rpm_id, "sigkey": sigkey, "checksum_type": int(kind), "checksum": checksum}
    tx.execute(insert_or_skip(t.rpm_checksum).values(**values).on_conflict_do_nothing())
