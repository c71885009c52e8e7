"""Create, check and upgrade a database, in-process.

`init` is `upgrade` from nothing, so there is one way in which a table can come to be. Alembic keeps the
revision in `moromi_schema_version`, a table that Koji does not know and does not mind.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, column, select, table, text

from .compare import differences, missing
from .errors import SchemaMismatch

VERSION_TABLE = "moromi_schema_version"
NEWEST = "0005"
"""The newest revision in `upgrades/versions`: a database that is there needs no alembic, slow to import."""

# Any constant will do: it keeps two programs from upgrading one database at the same time.
_LOCK = 0x6D6F726F6D69


def init(engine: Engine) -> None:
    """Create everything in an empty database.

    Raises SchemaMismatch when there are tables already: an existing database is adopted by `upgrade`.
    """
    with engine.begin() as connection:
        _lock(connection)
        if missing(connection).tables_found:
            raise SchemaMismatch("the database is not empty", ["use upgrade to adopt or renew it"])
        _run(connection)


def upgrade(engine: Engine) -> None:
    """Bring a database of any earlier revision, or a Koji database of level 1.37, to the newest revision.

    One transaction: it is upgraded wholly or not at all. A database that is up to date is left alone.
    Raises SchemaMismatch when it is neither.
    """
    with engine.begin() as connection:
        _lock(connection)
        if revision(connection) != NEWEST:
            _run(connection)


def check(engine: Engine) -> list[str]:
    """How the database differs from what these programs expect, in words; empty when it fits."""
    with engine.connect() as connection:
        found = revision(connection)
        problems = differences(connection)
    if found != NEWEST:
        problems.insert(0, f"the database is at revision {found or 'none'} instead of {NEWEST}")
    return problems


def revision(connection: Connection) -> str | None:
    """The revision that the database is at; None for a fresh one and for one that only Koji has used."""
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": VERSION_TABLE}) is None:
        return None
    found = connection.scalar(select(column("version_num")).select_from(table(VERSION_TABLE)))
    return None if found is None else str(found)


def _lock(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    # Config values are %-formatted.
    config.set_main_option("script_location", str(Path(__file__).parent / "upgrades").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
