"""Child processes that end with their parent.

`serve` runs the database, the web server, the worker and the push service as
children. Whatever happens to it, SIGKILL included, none of them stays behind.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 15.0
_RESTART_SECONDS = (0.2, 1.0, 5.0, 15.0)
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """To be run in the child between fork and exec: SIGTERM arrives when the parent is gone."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """A program that is kept running."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
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

    def add(self, name: str, command: Sequence[str]) -> None:
        """Add a program; `run` starts it."""
        self.children.append(Child(name, command))

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
            code = child.process.poll()
            if code is None:
                return
            log.error("%s ended with %s", child.name, code)
            child.process = None
            if now - child.started > 60:
                child.failures = 0
            delay = _RESTART_SECONDS[min(child.failures, len(_RESTART_SECONDS) - 1)]
            child.failures += 1
            child.next_start = now + delay
        if now >= child.next_start:
            child.started = now
            child.process = subprocess.Popen(child.command, preexec_fn=die_with_parent, env=os.environ)

    def stop(self) -> None:
        """SIGTERM for all, SIGKILL for those that stay."""
        running = [child.process for child in reversed(self.children) if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
