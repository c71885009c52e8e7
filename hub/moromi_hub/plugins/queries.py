"""Which revision the tables of each plugin are at: a table that is there once a plugin needs it."""

from __future__ import annotations

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, func, select
from sqlalchemy.dialects.postgresql import insert

_metadata = MetaData()
_revisions = Table(
    "moromi_plugin_schemas",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
)
# Any constant will do: it keeps two hubs from making the same tables at the same time.
_LOCK = 0x706C7567


def revision(connection: Connection, name: str) -> int:
    """The revision of a plugin's tables, 0 where there are none."""
    if connection.scalar(select(func.to_regclass(_revisions.name))) is None:
        return 0
    return connection.scalar(select(_revisions.c.revision).where(_revisions.c.name == name)) or 0


def lock(connection: Connection) -> None:
    """Be the only one until the transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def record(connection: Connection, name: str, found: int) -> None:
    """Note the revision."""
    _metadata.create_all(connection)
    statement = insert(_revisions).values(name=name, revision=found)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"revision": found}))
