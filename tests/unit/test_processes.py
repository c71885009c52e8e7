"""The supervisor of a hub's processes, with real children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moromi_hub.processes import Child, Supervisor
from samplesite.services import wait_for

_SERVE = """
import signal, sys, time
from pathlib import Path
from moromi_hub.processes import Supervisor
place = Path(sys.argv[1])
def part():
    (place / "pid").write_text(str(__import__("os").getpid()))
    time.sleep(60)
supervisor = Supervisor()
signal.signal(signal.SIGTERM, supervisor.request_stop)
supervisor.add("a-part of it", part)
supervisor.run()
"""


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], int]]]:
    """A program with one child, and what tells the child's process id."""
    (tmp_path / "pid").write_text("0")
    program = subprocess.Popen([sys.executable, "-c", _SERVE, str(tmp_path)])

    def child() -> int:
        return int((tmp_path / "pid").read_text() or 0)

    try:
        assert wait_for(lambda: child() > 0, 60)
        yield program, child
    finally:
        program.kill()
        program.wait()


def test_a_child_that_is_killed_comes_again(
    supervised: tuple[subprocess.Popen[bytes], Callable[[], int]],
) -> None:
    """With another process id; SIGTERM ends both, with status 0."""
    program, child = supervised
    first = child()
    assert Path(f"/proc/{first}/cmdline").read_bytes().rstrip(b"\0") == b"a-part\0of\0it"
    os.kill(first, signal.SIGKILL)
    assert wait_for(lambda: child() not in (0, first), 60)
    second = child()
    program.terminate()
    assert program.wait(60) == 0
    assert not _alive(second)


def test_children_end_with_a_parent_that_is_killed(
    supervised: tuple[subprocess.Popen[bytes], Callable[[], int]],
) -> None:
    """Nothing stays behind, not even after SIGKILL."""
    program, child = supervised
    program.kill()
    program.wait()
    assert wait_for(lambda: not _alive(child()), 60)


def test_a_stop_at_any_moment_is_obeyed(tmp_path: Path) -> None:
    """A SIGTERM right after the fork waits until the child can take it, and is not lost in our handler."""
    supervisor = Supervisor()
    previous = signal.signal(signal.SIGTERM, supervisor.request_stop)
    try:
        supervisor.add("sleeper", lambda: time.sleep(60))
        for _ in range(20):
            supervisor._look_after(supervisor.children[0])
            began = time.monotonic()
            supervisor.stop()
            assert time.monotonic() - began < 12, "whoever does not listen is killed after 15 s"
            supervisor.children[0] = Child("sleeper", supervisor.children[0].run)
    finally:
        signal.signal(signal.SIGTERM, previous)


def test_what_a_child_has_started_is_ended_too(tmp_path: Path) -> None:
    """Processes that a dead child left in its group do not go on."""
    note = tmp_path / "pid"

    def part() -> None:
        started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        note.write_text(str(started.pid))
        os.kill(os.getpid(), signal.SIGKILL)

    supervisor = Supervisor()
    supervisor.add("leaver", part)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        assert wait_for(lambda: note.exists() and note.read_text() != "", 60)
        left = int(note.read_text())
        assert wait_for(lambda: not _alive(left), 60)
    finally:
        supervisor.request_stop()
        thread.join()
