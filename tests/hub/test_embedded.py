"""The embedded server, through everything that may happen to it: each test has a real one of its own."""

from __future__ import annotations

import importlib.util
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from moromi_hub.db.embedded import AlreadyRunning, EmbeddedPostgres, EmbeddedPostgresError
from moromi_hub.db.postgres_files import PACKAGE
from samplesite.site import free_port
from support.database import FAST, server_directory

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the server runs as ourselves unless we are root")


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that a server may be made in."""
    with server_directory() as place:
        yield place / "postgres"


@pytest.fixture
def server(home: Path) -> Iterator[EmbeddedPostgres]:
    """A running server."""
    with EmbeddedPostgres(home, settings=FAST) as running:
        yield running


def ask(dsn: str, statement: str) -> Any:
    """The first value of `statement` (None if it has none), committed, on a connection of its own."""
    with create_engine(dsn, poolclass=NullPool).begin() as connection:
        result = connection.execute(text(statement))
        return result.scalar() if result.returns_rows else None


@contextmanager
def python(source: str, argument: Path | str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A Python program that prints a number and goes on; the process and the number. Killed afterwards."""
    with subprocess.Popen(
        [sys.executable, "-c", source, argument], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether `pid` runs (a zombie that no one has collected does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_is_made(server: EmbeddedPostgres) -> None:
    facts = (
        "SELECT pg_encoding_to_char(encoding) || ' ' || datcollate || ' ' || datctype"
        " FROM pg_database WHERE datname = current_database()"
    )
    assert ask(server.dsn, facts) == "UTF8 C C"
    assert ask(server.dsn, "SHOW timezone") == "UTC"
    assert ask(server.dsn, "SHOW listen_addresses") == ""
    assert ask(server.dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    for private in ("password", "server.log"):
        assert stat.S_IMODE((server.datadir / private).stat().st_mode) == 0o600
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


@pytest.mark.parametrize(("role", "password"), [("moromi", "wrong"), ("postgres", None), ("moromi", "")])
def test_no_other_way_in(server: EmbeddedPostgres, role: str, password: str | None) -> None:
    url = make_url(server.dsn)
    other = url.set(username=role, password=url.password if password is None else password)
    with pytest.raises(OperationalError, match=r"authentication failed|no password|pg_hba.conf"):
        ask(other.render_as_string(hide_password=False), "SELECT 1")


def test_tcp_port_only_when_asked(home: Path) -> None:
    port = free_port()
    with EmbeddedPostgres(home, port, settings=FAST) as server:
        assert ask(server.dsn, "SELECT 1") == 1
        over_tcp = make_url(server.dsn).set(host="127.0.0.1", port=port, query={})
        assert ask(over_tcp.render_as_string(hide_password=False), "SELECT 1") == 1
        # Another process that does not know about the port finds the socket all the same.
        assert EmbeddedPostgres(home).dsn == server.dsn


def test_stop_and_start_keep_data(server: EmbeddedPostgres) -> None:
    ask(server.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    before = server.pid
    server.stop()
    assert not server.running
    assert before is not None and not alive(before)
    with pytest.raises(OperationalError):
        ask(server.dsn, "SELECT 1")
    server.start()
    assert ask(server.dsn, "SELECT n FROM kept") == 7


def test_start_after_kill_of_the_server(home: Path) -> None:
    # With fsync, as in real use: a committed row survives.
    with EmbeddedPostgres(home) as server:
        ask(server.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.running)
        server.start()
        assert ask(server.dsn, "SELECT n FROM kept") == 7


def test_start_while_a_child_of_the_killed_server_computes(server: EmbeddedPostgres) -> None:
    with python(_COMPUTE, server.dsn) as (client, child):
        is_computing = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'"
        wait_until(lambda: ask(server.dsn, is_computing) == 1)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.running)
        assert alive(child), "it was to be found by the next start"
        server.start()
        assert not alive(child)
        assert ask(server.dsn, "SELECT 1") == 1
        assert client.wait(60) != 0


_COMPUTE = """
import sys
from sqlalchemy import create_engine, text
with create_engine(sys.argv[1]).connect() as connection:
    print(connection.scalar(text("SELECT pg_backend_pid()")), flush=True)
    # Needs no memory and no disk, and takes years.
    connection.execute(text("DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$"))
"""


def test_pid_file_that_names_an_innocent_process(server: EmbeddedPostgres) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not server.running)
    pid_file = server.data / "postmaster.pid"
    stale = pid_file.read_text().splitlines()
    with subprocess.Popen(["sleep", "60"]) as innocent:
        pid_file.write_text("\n".join([str(innocent.pid), *stale[1:]]) + "\n")
        server.start()
        assert ask(server.dsn, "SELECT 1") == 1
        assert innocent.poll() is None
        innocent.terminate()


_PARENT = """
import sys, time
from pathlib import Path
from moromi_hub.db.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


def test_server_ends_with_its_parent(home: Path) -> None:
    with python(_PARENT, home) as (parent, pid):
        dsn = EmbeddedPostgres(home).dsn
        ask(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
        with pytest.raises(AlreadyRunning, match="another process"):
            EmbeddedPostgres(home).start()
        assert ask(dsn, "SELECT n FROM kept") == 7, "the refused start has disturbed the server"
        parent.kill()
    wait_until(lambda: not alive(pid))
    with EmbeddedPostgres(home) as server:
        assert ask(server.dsn, "SELECT n FROM kept") == 7


def test_start_at_once_after_kill_of_the_parent(home: Path) -> None:
    with python(_PARENT, home) as (parent, pid):
        # A server that cannot follow at once is still there when its successor comes.
        os.kill(pid, signal.SIGSTOP)
        parent.kill()
    assert alive(pid)
    continuing = subprocess.Popen(["sh", "-c", f"sleep 1; kill -CONT {pid}"])
    with EmbeddedPostgres(home) as server:
        assert not alive(pid)
        assert ask(server.dsn, "SELECT 1") == 1
    assert continuing.wait(60) == 0


def test_one_server_a_process(server: EmbeddedPostgres) -> None:
    server.start()
    with pytest.raises(AlreadyRunning, match="this process"):
        EmbeddedPostgres(server.datadir).start()
    assert ask(server.dsn, "SELECT 1") == 1


def test_lost_password_is_replaced(server: EmbeddedPostgres) -> None:
    ask(server.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    old = server.dsn
    server.stop()
    (server.datadir / "password").unlink()
    with pytest.raises(EmbeddedPostgresError, match="start the hub once"):
        _ = server.dsn
    server.start()
    assert server.dsn != old
    assert ask(server.dsn, "SELECT n FROM kept") == 7


def test_interrupted_creation_is_begun_again(home: Path) -> None:
    (home / "data.new" / "base").mkdir(parents=True)
    (home / "data.new" / "PG_VERSION").write_text("18\n")
    home.chmod(0o711)
    with EmbeddedPostgres(home, settings=FAST) as server:
        assert ask(server.dsn, "SELECT 1") == 1
    assert not (home / "data.new").exists()


def test_long_path_gets_a_short_socket(home: Path) -> None:
    deep = home.joinpath(*["quite-a-long-name"] * 6)
    home.mkdir(mode=0o711)
    with EmbeddedPostgres(deep, settings=FAST) as server:
        assert ask(server.dsn, "SELECT 1") == 1
        place = Path(str(make_url(server.dsn).query["host"]))
        assert not place.is_relative_to(home)
        assert stat.S_IMODE(place.stat().st_mode) == 0o711
    place.rmdir()


def test_what_the_server_says_is_in_the_error(home: Path) -> None:
    server = EmbeddedPostgres(home, settings={**FAST, "max_connections": "many"})
    with pytest.raises(EmbeddedPostgresError, match="max_connections"):
        server.start()
    assert not server.running
    # Nothing stays locked behind a failed start.
    with EmbeddedPostgres(home, settings=FAST) as repaired:
        assert ask(repaired.dsn, "SELECT 1") == 1


def test_fast_shutdown_does_not_wait_for_clients(server: EmbeddedPostgres) -> None:
    engine = create_engine(server.dsn)
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE lost (n integer)"))
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 15, "it waits for 20 s before it ends clients"
        with pytest.raises(DBAPIError):
            connection.execute(text("SELECT 1"))
    server.start()
    assert ask(server.dsn, "SELECT to_regclass('lost')") is None


@needs_root
def test_server_is_not_root(server: EmbeddedPostgres) -> None:
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    assert server.data.stat().st_uid == Path(f"/proc/{server.pid}").stat().st_uid


@needs_root
def test_directory_that_the_account_cannot_reach(home: Path) -> None:
    home.mkdir(mode=0o700)
    with pytest.raises(EmbeddedPostgresError, match=f"may not pass {home}: .*chmod o\\+x"):
        EmbeddedPostgres(home / "postgres").start()


@needs_root
def test_programs_that_the_account_cannot_read_are_copied(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a virtual environment below a private home: pytest's own directories have mode 0700."""
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None and spec.submodule_search_locations
    real = Path(spec.submodule_search_locations[0])
    for part in (real, real.with_name(f"{real.name}.libs")):
        (tmp_path / part.name).symlink_to(part)
    monkeypatch.syspath_prepend(tmp_path)
    for _ in range(2):
        with EmbeddedPostgres(home, settings=FAST) as server:
            assert ask(server.dsn, "SELECT 1") == 1
            program = Path(f"/proc/{server.pid}/exe").readlink()
            assert program.is_relative_to(home / "binaries")
