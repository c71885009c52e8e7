"""Child processes that end with their parent.

`serve` runs the web server, the worker and the push service as children. They
are forked from it, after it has imported what they have in common: one import
instead of six makes a hub answer in a second, and the pages are shared.
Whatever happens to the parent, SIGKILL included, none of them stays behind;
each leads a process group, and so takes with it what it has started.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkProcess
from pathlib import Path

from moromi.process import signal_with_parent

log = logging.getLogger(__name__)

_STOP_SECONDS = 15.0
_RESTART_SECONDS = (0.2, 1.0, 5.0, 15.0)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_fork = multiprocessing.get_context("fork")


def begin_child(parent: int) -> None:
    """To be called first in a process forked by `parent`: end with it, and obey signals.

    Handlers are inherited and would only set a flag that nobody looks at, until the child has its own.
    """
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    if not signal_with_parent(signal.SIGTERM, parent):
        sys.exit(1)


def set_title(title: str) -> None:
    """Have `ps` show `title` for this process, shortened to the length of the command line that it had.

    A forked process has its parent's command line, and nobody could tell the children apart.
    """
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end of proc(5), without the first two
    if 0 < start < end:
        words = os.fsencode(title)[: end - start - 1]
        ctypes.memmove(start, words.replace(b" ", b"\0").ljust(end - start, b"\0"), end - start)


@dataclass
class Child:
    """A part of the program that is kept running in a process of its own."""

    title: str
    run: Callable[[], None]
    process: ForkProcess | None = None
    failures: int = 0
    next_start: float = 0.0
    started: float = 0.0


@dataclass
class Supervisor:
    """Keeps children running until `stop`; a child that ends is started again, ever more slowly."""

    children: list[Child] = field(default_factory=list)
    watches: list[Callable[[], None]] = field(default_factory=list)
    """Called at every look: whatever else has to be kept running."""
    _stopping: threading.Event = field(default_factory=threading.Event)

    def add(self, title: str, run: Callable[[], None]) -> None:
        """Add a child, which runs until SIGTERM; `run` of the supervisor starts it."""
        self.children.append(Child(title, run))

    def request_stop(self, *_signal: object) -> None:
        """Make `run` return; may be used as a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Start the children, look after them, and end them in reverse order when asked to."""
        try:
            while not self._stopping.is_set():
                for watch in self.watches:
                    watch()
                for child in self.children:
                    self._look_after(child)
                self._stopping.wait(0.2)
        finally:
            self.stop()

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            code = child.process.exitcode
            if code is None:
                return
            log.error("%s ended with %s", child.title, code)
            _kill(child.process)
            child.process = None
            if now - child.started > 60:
                child.failures = 0
            delay = _RESTART_SECONDS[min(child.failures, len(_RESTART_SECONDS) - 1)]
            child.failures += 1
            child.next_start = now + delay
        if now >= child.next_start:
            child.started = now
            child.process = _start(child)

    def stop(self) -> None:
        """SIGTERM for all, SIGKILL for those that stay."""
        running = [child.process for child in reversed(self.children) if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for process in running:
            process.join(max(0.0, deadline - time.monotonic()))
            _kill(process)
            process.join()


def _start(child: Child) -> ForkProcess:
    process = _fork.Process(target=_run_child, args=(child, os.getpid()))
    # A signal for the child waits until it has done away with our handlers.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    return process


def _run_child(child: Child, parent: int) -> None:
    os.setpgid(0, 0)
    begin_child(parent)
    set_title(child.title)
    child.run()


def _kill(process: ForkProcess) -> None:
    """End a child, if it is not ended, and whatever is left of its process group."""
    assert process.pid is not None
    process.kill()
    with suppress(ProcessLookupError):  # nothing is left
        os.killpg(process.pid, signal.SIGKILL)
