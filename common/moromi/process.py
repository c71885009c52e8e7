"""What a process asks of the kernel about its relatives, and how a program goes to the background (Linux)."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Final

__all__ = ["adopt_orphans", "daemonise", "die_with_parent", "signal_with_parent"]

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
# Loaded once: a process that was just forked must not load libraries.
_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl failed")


def signal_with_parent(number: signal.Signals, parent: int) -> bool:
    """Ask for a signal when our parent ends, however it ends; False if it has ended already.

    `parent` is its pid before the fork. The kernel watches the thread that forked, not its whole process.
    """
    _prctl(_PR_SET_PDEATHSIG, number)
    return os.getppid() == parent


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """Get a signal when our parent ends, at once if it has already."""
    if not signal_with_parent(number, parent):
        os.kill(os.getpid(), number)


def adopt_orphans() -> None:
    """Become the parent of descendants that lose theirs."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def daemonise() -> None:
    """Go to the background: a session of its own, no terminal, in `/`."""
    if os.fork():
        os._exit(0)
    os.setsid()
    # Only the leader of a session can come by a terminal again.
    if os.fork():
        os._exit(0)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
