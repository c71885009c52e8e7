"""The shared metadata and the column patterns that repeat through the schema.

Names of constraints come from one naming convention, which is the one PostgreSQL itself uses for unnamed
constraints; upgrade scripts drop constraints by name, so the names are part of the contract
(spec/schema-objects.md, sections 3 to 6).
"""

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.schema import SchemaItem

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    }
)

Timestamp = DateTime(timezone=True)


def serial_id() -> Column[int]:
    """The `id` column that nearly every table has: a primary key drawn from `<table>_id_seq`."""
    return Column("id", Integer, primary_key=True)


def reference(
    name: str,
    target: str,
    *,
    primary_key: bool = False,
    nullable: bool = False,
    deferrable: bool | None = None,
    initially: str | None = None,
    **options: Any,
) -> Column[int]:
    """An integer column with a plain foreign key to `target` ("table.column"); NOT NULL unless told."""
    key = ForeignKey(target, deferrable=deferrable, initially=initially)
    return Column(name, Integer, key, primary_key=primary_key, nullable=nullable, **options)


def versioned(table: str, *key: str, also_unique: tuple[tuple[str, ...], ...] = ()) -> tuple[SchemaItem, ...]:
    """The five versioning columns of `table` with their constraints (spec/schema-objects.md, section 3).

    `key` are the columns of which one live row may exist; they follow `create_event` in the primary key.
    `also_unique` lists further groups that bind only live rows.  `active` is TRUE or NULL, never FALSE, so
    that a unique group ending in it ignores dead rows (NULLs never collide).
    """
    return (
        reference("create_event", "events.id", server_default=func.get_event()),
        reference("revoke_event", "events.id", nullable=True),
        reference("creator_id", "users.id"),
        reference("revoker_id", "users.id", nullable=True),
        Column("active", Boolean, server_default=text("true")),
        PrimaryKeyConstraint("create_event", *key),
        *(UniqueConstraint(*group, "active") for group in (key, *also_unique)),
        CheckConstraint("active", name=f"{table}_active_check"),
        CheckConstraint(
            "(active IS NULL AND revoke_event IS NOT NULL AND revoker_id IS NOT NULL)"
            " OR (active IS NOT NULL AND revoke_event IS NULL AND revoker_id IS NULL)",
            name="active_revoke_sane",
        ),
    )
