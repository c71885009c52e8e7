"""A database of its own for each test: cloned from a template on one embedded server a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_hub.db.engine import make_engine
from support import database


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The session's server."""
    with database.running_server() as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The name of the database that tests get a copy of: fresh, with the initial rows."""
    with database.template(postgres) as name:
        yield name


@pytest.fixture
def dsn(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The SQLAlchemy URL of this test's own database."""
    with database.clone(postgres, template) as url:
        yield url


@pytest.fixture
def engine(dsn: str) -> Iterator[Engine]:
    """An engine on this test's own database, as the hub makes it."""
    made = make_engine(dsn)
    yield made
    made.dispose()
