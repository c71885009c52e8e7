"""A database of its own for each test: cloned from a template on one embedded server a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_hub.db.engine import make_engine
from support import database
from support.copr import PROJECT, Api, CoprHub, copr_hub
from support.hub import Client, HubUnderTest, running_hub, state_template


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


@pytest.fixture(scope="session")
def state(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The name of the database with the users and hosts of the conformance corpus."""
    with state_template(postgres, template) as name:
        yield name


@pytest.fixture
def hub(postgres: EmbeddedPostgres, state: str, tmp_path: Path) -> Iterator[HubUnderTest]:
    """A hub with kojiadmin, alice, bob, carol and two builders, on a database and a tree of its own."""
    with database.clone(postgres, state) as dsn, running_hub(dsn, tmp_path) as made:
        yield made


@pytest.fixture
def admin(hub: HubUnderTest) -> Client:
    """A session of kojiadmin."""
    return hub.client("kojiadmin")


# projects (Copr): a module has its own `copr_options` or `project` where it needs others


@pytest.fixture
def copr_options() -> dict[str, Any]:
    """Options of copr.conf."""
    return {}


@pytest.fixture
def copr(
    postgres: EmbeddedPostgres, state: str, tmp_path: Path, copr_options: dict[str, Any]
) -> Iterator[CoprHub]:
    """A hub that offers chroots."""
    with database.clone(postgres, state) as dsn, copr_hub(dsn, tmp_path, **copr_options) as made:
        yield made


@pytest.fixture
def project() -> dict[str, Any]:
    """What alice's project is made of."""
    return dict(PROJECT)


@pytest.fixture
def alice(copr: CoprHub, project: dict[str, Any]) -> Api:
    """The owner of a project."""
    api = copr.user("alice")
    api.ok("POST", "/project/add/alice", project)
    return api


@pytest.fixture
def bob(copr: CoprHub) -> Api:
    """A stranger."""
    return copr.user("bob")
