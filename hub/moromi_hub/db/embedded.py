"""A PostgreSQL server of our own: made, started and stopped by the program that needs it.

It is the default database of `moromi-hub serve`; a DSN in hub.conf replaces it. Below the given directory:

    data/          the server's own directory (of the account that runs it, mode 0700)
    run/           its socket (elsewhere, short and private, when this path is too long for a socket)
    password       the password of the role `moromi` (ours, mode 0600)
    server.log     what the server says
    lock           held by the process that runs the server
    binaries/      copies of the programs, only when the account cannot read the installed ones

The server knows one role that may connect: `moromi`, which owns the database `moromi` and is not a
superuser. It authenticates by password on the socket and, if a port is given, on 127.0.0.1, because the hub
and the server may run as different accounts. Nothing else listens.

The server is a child in a session of its own (a Ctrl-C in the terminal does not reach it) and shuts down
when its parent dies. A later start stops what is left of an earlier server, provided that it is one: see
`postgres_process`.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from sqlalchemy.engine import URL

from . import postgres_process
from .postgres_files import Account, EmbeddedPostgresError, choose_account, find_programs

__all__ = ["ROLE", "AlreadyRunning", "EmbeddedPostgres", "EmbeddedPostgresError"]

ROLE = "moromi"
DEFAULT_PORT = 5432
# sun_path holds 108 bytes with its final zero; the server adds "/.s.PGSQL.<port>" and, for its lock, ".lock".
SOCKET_PATH_LIMIT = 107 - len("/.s.PGSQL.65535.lock")
START_TIMEOUT = 60.0
LOG_LIMIT = 10 * 1024 * 1024

SETTINGS: Mapping[str, str] = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    # Our queries are many and short: compiling them costs more than it saves.
    "jit": "off",
    "log_line_prefix": "%m [%p] %a ",
}

# Data directories whose server this process runs: a POSIX lock does not keep a process from itself.
_running: set[Path] = set()


class AlreadyRunning(EmbeddedPostgresError):
    """A living process, this one or another, runs the server: use its DSN, or end it first."""


class EmbeddedPostgres:
    """The server on `datadir`; made at the first start. Usable as a context manager.

    `port` adds a TCP port on 127.0.0.1. `settings` are added to the server's configuration (tests turn
    `fsync` off). Raises EmbeddedPostgresError with what the server said when it cannot be started.
    """

    def __init__(
        self, datadir: Path, port: int | None = None, *, settings: Mapping[str, str] | None = None
    ) -> None:
        self.datadir = Path(os.path.abspath(datadir))
        self.port = port
        self._settings = {**SETTINGS, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def data(self) -> Path:
        """The server's own directory."""
        return self.datadir / "data"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.datadir / "server.log"

    @property
    def running(self) -> bool:
        """Whether the server that we started is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The main process of the server that we started, or None."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def dsn(self) -> str:
        """The database as an SQLAlchemy URL with its password; also when another process runs the server."""
        try:
            password = (self.datadir / "password").read_text().strip()
        except FileNotFoundError:
            raise EmbeddedPostgresError(f"no database in {self.datadir} yet: start the hub once") from None
        status = self._status()
        host, port = str(self._socket_directory), self.port or DEFAULT_PORT
        if len(status) > 4:
            # What the running server says, for it may have been started with another port.
            host, port = status[4], int(status[3])
        url = URL.create(
            "postgresql+psycopg2", ROLE, password, database=ROLE, query={"host": host, "port": str(port)}
        )
        return url.render_as_string(hide_password=False)

    def start(self) -> None:
        """Start the server and return when it takes connections; make it first if there is none.

        Does nothing while it runs. What is left of an earlier server whose parent was killed is stopped
        first. Raises AlreadyRunning, and leaves it alone, when another living process runs the server.
        """
        if self.running:
            return
        self.datadir.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._take_lock()
        try:
            account = choose_account(self.data)
            if blocked := account.blocked_at(self.datadir):
                raise EmbeddedPostgresError(
                    f"the account {account.name}, which runs PostgreSQL for root, may not pass {blocked}: "
                    f"choose another data directory, or allow it with chmod o+x {blocked}"
                )
            programs = find_programs(account, self.datadir / "binaries")
            if not postgres_process.stop_processes(self.data, self._cluster):
                raise EmbeddedPostgresError(f"an earlier server on {self.data} does not end")
            self._provision(account, programs)
            self._launch(account, programs)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut the server down (fast: open transactions are rolled back) and wait for its end."""
        process, self._process = self._process, None
        if process is not None:
            for number, patience in postgres_process.STOP_STEPS:
                if process.poll() is not None:
                    break
                process.send_signal(number)
                try:
                    process.wait(patience)
                except subprocess.TimeoutExpired:
                    continue
        if self._lock is not None:
            self._lock.close()
            self._lock = None
            _running.discard(self.datadir)

    @property
    def _cluster(self) -> str:
        return "moromi-" + hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]

    @property
    def _socket_directory(self) -> Path:
        beside = self.datadir / "run"
        if len(os.fsencode(beside)) <= SOCKET_PATH_LIMIT:
            return beside
        # A fixed place, not TMPDIR: the hub's processes must agree on it.
        return Path("/tmp") / self._cluster

    def _status(self) -> list[str]:
        """The lines of the server's pid file: pid, data, start, port, socket directory, …, state."""
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, PermissionError, NotADirectoryError):
            return []

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        if self.datadir in _running:
            raise AlreadyRunning(f"this process already runs the server on {self.datadir}")
        # A POSIX lock ends with this very process; an flock would live on in forked workers.
        handle = open(self.datadir / "lock", "a+")  # noqa: SIM115 - held until stop
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            raise AlreadyRunning(f"another process runs the server on {self.datadir}") from None
        self._lock = handle
        _running.add(self.datadir)

    def _provision(self, account: Account, programs: Path) -> None:
        """Make what is missing: the password, the data directory with role and database."""
        password_file = self.datadir / "password"
        fresh = not self.data.exists()
        if not fresh and password_file.exists():
            return
        password = secrets.token_urlsafe(24)
        role = f"ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}';\n"
        if fresh:
            draft = self.datadir / "data.new"
            self._initdb(account, programs, draft)
            statements = f"CREATE {role}CREATE DATABASE {ROLE} OWNER {ROLE};\n"
        else:
            draft = self.data
            statements = f"ALTER {role}"
        self._single_user(account, programs, draft, statements)
        _write_private(password_file, password)
        if fresh:
            draft.rename(self.data)

    def _initdb(self, account: Account, programs: Path, draft: Path) -> None:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        account.own(draft)
        command: list[str | Path] = [
            programs / "initdb",
            "-D",
            draft,
            "-U",
            "postgres",
            "-A",
            "reject",
            "-E",
            "UTF8",
            "--no-locale",
        ]
        if self._settings.get("fsync") == "off":
            command.append("--no-sync")
        self._run(account, command)
        # The superuser stays unreachable; single-user mode is the way in for repairs.
        (draft / "pg_hba.conf").write_text(
            f"local all {ROLE} scram-sha-256\nhost all {ROLE} 127.0.0.1/32 scram-sha-256\n"
        )

    def _single_user(self, account: Account, programs: Path, data: Path, statements: str) -> None:
        """Run one statement a line as superuser, without a server and so without a password."""
        command: list[str | Path] = [
            programs / "postgres",
            "--single",
            "-D",
            data,
            "-c",
            "log_min_messages=error",
            "postgres",
        ]
        said = self._run(account, command, statements)
        if "ERROR:" in said or "FATAL:" in said:
            raise EmbeddedPostgresError(f"could not set up the database:\n{said}")

    def _run(self, account: Account, command: Sequence[str | Path], given: str = "") -> str:
        outcome = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            **account.switch,
        )
        if outcome.returncode != 0:
            raise EmbeddedPostgresError(f"{command[0]} failed:\n{outcome.stdout}{outcome.stderr}")
        return outcome.stdout + outcome.stderr

    def _launch(self, account: Account, programs: Path) -> None:
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        settings = {
            **self._settings,
            "cluster_name": self._cluster,
            "port": str(self.port or DEFAULT_PORT),
            "listen_addresses": "127.0.0.1" if self.port else "",
            "unix_socket_directories": str(self._make_socket_directory(account)),
        }
        command: list[str | Path] = [programs / "postgres", "-D", self.data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        # Private: the server quotes the statements that fail.
        descriptor = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab") as log:
            offset = log.seek(0, os.SEEK_END)
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C"},
                start_new_session=True,
                preexec_fn=functools.partial(postgres_process.die_with_parent, os.getpid()),
                **account.switch,
            )
        self._await_ready(self._process, offset)

    def _await_ready(self, process: subprocess.Popen[bytes], offset: int) -> None:
        """Wait for the server's own word that it takes connections, which is in its pid file."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and process.poll() is None:
            status = self._status()
            if len(status) > 7 and status[0] == str(process.pid) and status[7].strip() == "ready":
                return
            time.sleep(0.01)
        said = self.log.read_bytes()[offset:].decode(errors="replace")[-2000:]
        raise EmbeddedPostgresError(f"PostgreSQL did not start; {self.log} ends with:\n{said}")

    def _make_socket_directory(self, account: Account) -> Path:
        place = self._socket_directory
        try:
            place.mkdir(mode=0o711)
            account.own(place)
        except FileExistsError:
            status = place.lstat()
            if not place.is_dir() or place.is_symlink() or status.st_uid not in (account.uid, 0):
                raise EmbeddedPostgresError(f"{place} belongs to someone else: remove it") from None
            account.own(place)
        place.chmod(0o711)
        return place


def _write_private(path: Path, content: str) -> None:
    """Write a file that only we can read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(content + "\n")
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
