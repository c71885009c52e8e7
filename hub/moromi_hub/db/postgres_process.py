"""The processes of an embedded PostgreSQL: find, stop, and tie them to their parent.

Everything is read from `/proc/<pid>/cmdline`, which any account may read: the main process shows its data
directory, its children the cluster name (they rewrite their titles as `postgres: <cluster>: …`). A number
in a pid file alone proves nothing, since after a crash it may belong to any program.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from pathlib import Path

from moromi.process import signal_with_parent

# Fast shutdown, immediate shutdown, and the end; seconds to wait after each.
STOP_STEPS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))


def die_with_parent(parent: int) -> None:
    """For the new process, before `exec`: shut down (fast) when process `parent` ends, however it ends.

    The kernel watches the thread that started the process, not its whole process: the server must be
    started by a thread that lives as long as the server should.
    """
    if not signal_with_parent(signal.SIGINT, parent):
        os._exit(1)


def server_processes(data: Path, cluster: str) -> list[int]:
    """Every process of the server on data directory `data` with cluster name `cluster`."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if _is_server(entry, data, cluster)]


def stop_processes(data: Path, cluster: str) -> bool:
    """Stop what is left of a server, as gently as it lets us; False if some of it stays."""
    for number, patience in STOP_STEPS:
        left = server_processes(data, cluster)
        main = [pid for pid in left if _is_main(pid, data)]
        # Children without a main process finish their query before they look up, and nothing that they
        # hold is of use to the next server.
        number = number if main else signal.SIGKILL
        for pid in left if number == signal.SIGKILL else main:
            with contextlib.suppress(ProcessLookupError):  # ended since
                os.kill(pid, number)
        deadline = time.monotonic() + patience
        while left and time.monotonic() < deadline:
            time.sleep(0.02)
            left = server_processes(data, cluster)
        if not left:
            return True
    return False


def _command(entry: Path) -> list[str]:
    try:
        return (entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        # Gone since the listing.
        return [""]


def _is_server(entry: Path, data: Path, cluster: str) -> bool:
    if not entry.name.isdigit():
        return False
    command = _command(entry)
    return _names(command, data) or command[0].startswith(f"postgres: {cluster}: ")


def _is_main(pid: int, data: Path) -> bool:
    return _names(_command(Path(f"/proc/{pid}")), data)


def _names(command: list[str], data: Path) -> bool:
    pairs = itertools.pairwise(command)
    return Path(command[0]).name == "postgres" and ("-D", str(data)) in pairs
