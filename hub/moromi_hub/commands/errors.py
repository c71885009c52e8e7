"""What an operator can do something about is told in a line, without a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from moromi.errors import ConfigurationError


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """Turn the expected errors of a command into a message of click's (exit status 1); others pass.

    Expected are wrong configurations, databases that cannot be reached, are not ours or have no tables, and
    embedded ones that do not start.
    """
    try:
        yield
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    except Exception as error:
        text = _database_trouble(error)
        if text is None:
            raise
        raise click.ClickException(text) from None


def _database_trouble(error: Exception) -> str | None:
    # Imported here: without an error, no command needs to wait for them.
    from psycopg2.errors import UndefinedTable
    from sqlalchemy.exc import OperationalError, ProgrammingError

    from moromi_hub.db.postgres_files import EmbeddedPostgresError
    from moromi_schema.errors import SchemaMismatch

    if isinstance(error, OperationalError):
        return f"the database cannot be used: {str(error.orig).strip()}"
    if isinstance(error, ProgrammingError) and isinstance(error.orig, UndefinedTable):
        return "the database has no tables yet: `moromi-hub db init` makes them"
    if isinstance(error, EmbeddedPostgresError | SchemaMismatch):
        return str(error)
    return None
