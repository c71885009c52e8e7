"""Real databases for tests: one embedded server a session, one template, one clone a test.

Used by the fixtures of tests/hub, and by whatever else needs a hub's database (end to end, faults,
conformance):

    with running_server() as server, template(server) as name, clone(server, name) as dsn:
        ...
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.engine import make_url

from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_schema import upgrade

# A crash of the machine may lose a test's data, so nothing waits for the disk.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}

_ROOM = 2 * 2**30

_numbers = itertools.count(1)


@contextlib.contextmanager
def running_server(port: int | None = None) -> Iterator[EmbeddedPostgres]:
    """An embedded server in a directory of its own, in memory if there is room, removed afterwards."""
    with server_directory(_memory()) as place, EmbeddedPostgres(place, port, settings=FAST) as server:
        yield server


@contextlib.contextmanager
def server_directory(parent: Path | None = None) -> Iterator[Path]:
    """A directory that the server's account may pass, which pytest's own (mode 0700) are not for root."""
    place = Path(tempfile.mkdtemp(prefix="moromi-pg-", dir=parent))
    place.chmod(0o711)
    try:
        yield place
    finally:
        shutil.rmtree(place)


def _memory() -> Path | None:
    """A file system in memory, where databases are cloned twice as fast; None where that will not do.

    Containers have a small one, or one without programs, of which the server may keep copies.
    """
    place = Path("/dev/shm")
    if not os.access(place, os.W_OK | os.X_OK):
        return None
    room = os.statvfs(place)
    fits = room.f_bavail * room.f_frsize > _ROOM and not room.f_flag & os.ST_NOEXEC
    return place if fits else None


@contextlib.contextmanager
def template(server: EmbeddedPostgres) -> Iterator[str]:
    """The name of a database made by `upgrade.init`, to be cloned; nothing may stay connected to it."""
    with empty_database(server) as dsn:
        engine = create_engine(dsn, poolclass=NullPool)
        upgrade.init(engine)
        yield str(make_url(dsn).database)


@contextlib.contextmanager
def clone(server: EmbeddedPostgres, name: str) -> Iterator[str]:
    """The DSN of a copy of database `name`, dropped afterwards whoever is still connected."""
    # Copying files beats copying through the log while fsync is off.
    with _database(server, f'TEMPLATE "{name}" STRATEGY file_copy') as dsn:
        yield dsn


@contextlib.contextmanager
def empty_database(server: EmbeddedPostgres) -> Iterator[str]:
    """The DSN of a database without tables, dropped afterwards."""
    with _database(server, "") as dsn:
        yield dsn


@contextlib.contextmanager
def _database(server: EmbeddedPostgres, options: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    admin = _admin(server)
    with admin.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}" {options}')
    try:
        yield make_url(server.dsn).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


def _admin(server: EmbeddedPostgres) -> Engine:
    return create_engine(server.dsn, poolclass=NullPool, isolation_level="AUTOCOMMIT")
