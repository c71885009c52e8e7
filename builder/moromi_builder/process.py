"""Process trees: whose they are, how they are ended, and how none outlives the daemon.

A task runs in a forked process of its own group. Three kernel features keep its tree together:

* the task process and the supervisor are *child subreapers*: an orphan moves up to its task, and when the
  task is gone, to the supervisor, which ends it;
* every process asks for a *parent-death signal*: `kill -9` of the daemon reaches the tasks, the end of a task
  its commands;
* a process is named by pid *and* start time, so a reused pid is never signalled.

Nothing here blocks except `end_now`, which start-up uses.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

MARKER = "MOROMI_BUILDER"
"""Environment variable of every command a task starts; its value names the daemon's work directory."""


@dataclass(frozen=True)
class ProcessId:
    """A process for good: pid and the kernel's start time (clock ticks since boot)."""

    pid: int
    start: int


@dataclass(frozen=True)
class ProcessInfo:
    """The part of /proc/PID/stat that matters here."""

    id: ProcessId
    parent: int
    zombie: bool


def inspect(pid: int) -> ProcessInfo | None:
    """Look a process up; None if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name, in parentheses, may hold anything; the fields start after the last one.
    fields = text[text.rindex(")") + 2 :].split()
    return ProcessInfo(ProcessId(pid, int(fields[19])), int(fields[1]), fields[0] in "ZX")


def all_processes() -> Iterator[ProcessInfo]:
    """Yield every process of the machine (of our pid namespace)."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            info = inspect(int(name))
            if info is not None:
                yield info


def alive(process: ProcessId) -> bool:
    """True while the process runs; a zombie counts as gone."""
    info = inspect(process.pid)
    return info is not None and info.id == process and not info.zombie


def descendants(roots: Iterable[ProcessId]) -> list[ProcessId]:
    """Give the living roots and everything below them, breadth first."""
    children: dict[int, list[ProcessId]] = {}
    known: dict[int, ProcessInfo] = {}
    for info in all_processes():
        known[info.id.pid] = info
        children.setdefault(info.parent, []).append(info.id)
    queue = [root for root in roots if root.pid in known and known[root.pid].id == root]
    seen = set(queue)
    for process in queue:
        for child in children.get(process.pid, []):
            if child not in seen:
                seen.add(child)
                queue.append(child)
    return [process for process in queue if not known[process.pid].zombie]


def send(process: ProcessId, sig: signal.Signals) -> None:
    """Signal a process unless it is gone."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        # The descriptor pins the pid; only now is the comparison of start times safe.
        if alive(process):
            with contextlib.suppress(ProcessLookupError):  # it ended in between: what was wanted
                signal.pidfd_send_signal(handle, sig)
    finally:
        os.close(handle)


@dataclass
class Ending:
    """The ending of one process tree, driven by `step` so that the supervisor never waits.

    SIGTERM lets the task and mock clean up behind them; after `patience` seconds SIGKILL. Every step looks
    for new descendants, so a tree that still forks is caught.
    """

    roots: list[ProcessId]
    patience: float = 4.0
    started: float = field(default_factory=time.monotonic)
    members: set[ProcessId] = field(default_factory=set)
    told: set[tuple[ProcessId, signal.Signals]] = field(default_factory=set)

    def step(self) -> bool:
        """Signal who has not been; True when nothing of the tree is left."""
        self.members.update(descendants([*self.roots, *self.members]))
        left = [process for process in self.members if alive(process)]
        late = time.monotonic() - self.started >= self.patience
        sig = signal.SIGKILL if late else signal.SIGTERM
        for process in reversed(left):
            if (process, sig) not in self.told:
                self.told.add((process, sig))
                send(process, sig)
        return not left


def end_now(roots: Iterable[ProcessId], patience: float = 4.0, limit: float = 8.0) -> bool:
    """End trees and wait for it; False if something survived `limit` seconds (stuck in the kernel)."""
    ending = Ending(list(roots), patience)
    while not ending.step():
        if time.monotonic() - ending.started > limit:
            return False
        time.sleep(0.02)
    return True


def marked_processes(workdir: str) -> list[ProcessId]:
    """Find commands that tasks of the daemon with this work directory started, in any session or group."""
    wanted = f"{MARKER}={workdir}".encode()
    found = []
    for info in all_processes():
        try:
            environ = Path(f"/proc/{info.id.pid}/environ").read_bytes().split(b"\0")
        except OSError:  # ended, or another user's: not ours in either case
            continue
        if wanted in environ and info.id.pid != os.getpid() and not info.zombie:
            found.append(info.id)
    return found


def processes_below(directory: str) -> list[ProcessId]:
    """Find processes whose root or working directory is at or below `directory` (chrooted left-overs)."""
    prefix = os.path.realpath(directory)
    found = []
    for info in all_processes():
        for link in ("root", "cwd"):
            try:
                path = os.readlink(f"/proc/{info.id.pid}/{link}")
            except OSError:  # ended, or not ours to look at
                break
            if path == prefix or path.startswith(prefix + "/"):
                found.append(info.id)
                break
    return found
