"""`moromi-hub db`: create, check and upgrade the hub's database."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.engine import URL

from moromi_hub import settings as configuration
from moromi_hub.commands.errors import told_in_a_line
from moromi_hub.commands.options import config_option
from moromi_hub.db.embedded import AlreadyRunning, EmbeddedPostgres
from moromi_schema import upgrade as schema


@click.group()
def db() -> None:
    """Create, check and upgrade the database."""


def _with_engine(command: Callable[[Engine], None]) -> Callable[..., None]:
    """Give `command` an engine on the database that `--dsn` or `--config` names; show errors in a line."""

    @click.option("--dsn", help="The database as a URL; instead of what the configuration file says.")
    @config_option
    @functools.wraps(command)
    def run(dsn: str | None, config: Path, **options: Any) -> None:
        with told_in_a_line(), _location(dsn, config) as url:
            command(create_engine(url, poolclass=NullPool), **options)

    return run


@contextmanager
def _location(dsn: str | None, config: Path) -> Iterator[str | URL]:
    """Where the database is; an embedded one that nobody runs is run meanwhile."""
    if dsn:
        yield dsn
        return
    settings = configuration.load(config)
    if not settings.EmbeddedDatabase or settings.DBName or settings.DBConnectionString:
        yield settings.dsn
        return
    server = EmbeddedPostgres(Path(settings.EmbeddedDatabase))
    try:
        server.start()
    except AlreadyRunning:
        # The hub is up: its server serves us too.
        yield server.dsn
        return
    with server:
        yield server.dsn


@db.command()
@_with_engine
def init(engine: Engine) -> None:
    """Create tables, functions and initial rows in an empty database."""
    schema.init(engine)
    click.echo("The database is ready.")


@db.command()
@_with_engine
def check(engine: Engine) -> None:
    """Say how the database differs from what this hub expects; exit status 1 if it does."""
    problems = schema.check(engine)
    for problem in problems:
        click.echo(problem)
    if problems:
        sys.exit(1)
    click.echo("The database fits.")


@db.command()
@_with_engine
def upgrade(engine: Engine) -> None:
    """Bring the database up to date; a Koji database of level 1.37 is adopted as it is."""
    schema.upgrade(engine)
    click.echo("The database is up to date.")
