"""Background programs that outlive the command which started them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Service:
    """A background program of the quickstart, remembered by a pid file."""

    name: str
    command: list[str]
    state: Path
    """The site's directory; pid files are in its `run/`, what programs print in its `log/`."""
    as_root: bool = False

    @property
    def pidfile(self) -> Path:
        """Where the process id is kept, with the time at which that process started."""
        return self.state / "run" / f"{self.name}.pid"

    @property
    def log(self) -> Path:
        """What the program prints."""
        return self.state / "log" / f"{self.name}.log"

    def pid(self) -> int | None:
        """The process id, if it is still the process that was started."""
        try:
            pid, started = self.pidfile.read_text().split()
            return int(pid) if _start_time(int(pid)) == started else None
        except (OSError, ValueError):
            return None

    def start(self) -> None:
        """Start it in a session of its own unless it runs."""
        if self.pid() is not None:
            return
        for directory in (self.pidfile.parent, self.log.parent):
            directory.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            if self.as_root and os.geteuid() != 0:
                pid = _start_with_sudo(self.command, self.log)
            else:
                pid = subprocess.Popen(
                    self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                ).pid
        self.pidfile.write_text(f"{pid} {_start_time(pid)}")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        pid = self.pid()
        if pid is not None:
            _signal(pid, signal.SIGKILL, as_root=self.as_root)
            wait_for(lambda: self.pid() is None, 10)

    def stop(self) -> bool:
        """End it and wait; whether it was running."""
        pid = self.pid()
        if pid is None:
            return False
        _signal(pid, signal.SIGTERM, as_root=self.as_root)
        if not wait_for(lambda: self.pid() is None, 30):
            _signal(pid, signal.SIGKILL, as_root=self.as_root)
            wait_for(lambda: self.pid() is None, 10)
        self.pidfile.unlink(missing_ok=True)
        return True


def _start_time(pid: int) -> str:
    """When a process started, in clock ticks since the boot; raises OSError when there is none."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    if fields[0] == "Z":
        raise ProcessLookupError(pid)
    return fields[19]


def _start_with_sudo(command: Sequence[str], log: Path) -> int:
    """Start a program as root in a session of its own; its process id.

    sudo itself stays on this terminal, where it may ask for a password, and is gone when this returns;
    it may have run its command in a terminal of its own, so the log is opened inside, and the session is
    there before the program. Compiled Python files in the user's checkout would be root's: they go elsewhere.
    """
    script = 'PYTHONPYCACHEPREFIX="${0%/log/*}/build/pycache" "$@" </dev/null >>"$0" 2>&1 & echo $!'
    done = subprocess.run(
        ["sudo", "setsid", "--wait", "sh", "-c", script, str(log), *command],
        stdout=subprocess.PIPE,
        check=True,
    )
    return int(done.stdout)


def _signal(pid: int, number: signal.Signals, *, as_root: bool) -> None:
    if as_root and os.geteuid() != 0:
        subprocess.run(["sudo", "kill", f"-{number.value}", str(pid)], check=False)
    else:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def wait_for(done: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Look again and again until `done`, for so many seconds at most; whether it came true."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
