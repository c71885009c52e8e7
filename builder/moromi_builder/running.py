"""The task processes that run now, and what the supervisor knows of each."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi_builder.process import Ending, ProcessId, all_processes, inspect, send
from moromi_builder.settings import Settings
from moromi_builder.wakeup import Wakeup

logger = logging.getLogger(__name__)


@dataclass
class Running:
    """One task process. `pipe` is the reading end of its reports; `exit_code` None while it lives."""

    task_id: int
    method: str
    process: ProcessId
    pipe: int
    session_id: int
    weight: float
    waiting: bool = False
    ending: Ending | None = None
    exit_code: int | None = None
    rest: bytes = b""

    def alert(self) -> None:
        """Wake it from waiting for subtasks."""
        send(self.process, signal.SIGUSR2)

    def outcome(self) -> str:
        """Describe how it ended, for the log."""
        if self.exit_code is None:
            return "still running"
        return f"exit status {self.exit_code}" if self.exit_code >= 0 else f"signal {-self.exit_code}"


class RunningTasks:
    """All of them. A file per task, below `workdir/running`, tells a later daemon what a crash left
    behind.
    """

    def __init__(self, settings: Settings, wakeup: Wakeup) -> None:
        self._tasks: dict[int, Running] = {}
        self._cleaners: dict[int, int | None] = {}
        self._wakeup = wakeup
        self._records = records_dir(settings)
        self.changed = False
        self._known_orphans: dict[ProcessId, Ending] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Running]:
        return iter(list(self._tasks.values()))

    def __contains__(self, task_id: int) -> bool:
        return task_id in self._tasks

    def get(self, task_id: int) -> Running | None:
        """Find one."""
        return self._tasks.get(task_id)

    def ids(self) -> set[int]:
        """Give the ids of all."""
        return set(self._tasks)

    def load(self) -> float:
        """Add up the weights of those that do not wait."""
        return sum(task.weight for task in self._tasks.values() if not task.waiting)

    @property
    def ending(self) -> bool:
        """True while something is being ended."""
        return bool(self._known_orphans) or any(task.ending for task in self._tasks.values())

    def add(self, info: dict[str, Any], weight: float, pid: int, pipe: int, session_id: int) -> None:
        """Note a process that was just forked."""
        started = inspect(pid)
        assert started is not None, "a child stays until it is reaped"
        task = Running(int(info["id"]), str(info["method"]), started.id, pipe, session_id, weight)
        os.set_blocking(pipe, False)
        self._tasks[task.task_id] = task
        self._wakeup.watch(pipe)
        self._records.mkdir(parents=True, exist_ok=True)
        record = self._records / str(task.task_id)
        record.write_text(f"{started.id.pid} {started.id.start}\n", encoding="ascii")

    def read_reports(self) -> None:
        """Take what the processes say about their load."""
        for task in self._tasks.values():
            try:
                data = os.read(task.pipe, 4096)
            except BlockingIOError:
                continue
            if not data:
                self._wakeup.unwatch(task.pipe)  # closed: the process is ending
                continue
            *lines, task.rest = (task.rest + data).split(b"\n")
            for line in lines:
                key, _, value = line.decode("ascii").partition(" ")
                if key == "waiting":
                    task.waiting = value == "1"
                else:
                    task.weight = float(value)
                self.changed = True

    def end(self, task: Running) -> None:
        """Begin to end a task's processes; `step_endings` goes on with it."""
        if task.ending is None:
            task.ending = Ending([task.process])
            task.ending.step()

    def step_endings(self) -> None:
        """Go on ending what is being ended."""
        for task in self._tasks.values():
            if task.ending is not None:
                task.ending.step()
        self._known_orphans = {key: end for key, end in self._known_orphans.items() if not end.step()}

    def reap(self) -> list[Running]:
        """Collect the children that have exited; give the tasks among them."""
        by_pid = {task.process.pid: task for task in self._tasks.values()}
        ended = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if self._cleaners.pop(pid, None) is not None:
                self.changed = True
            task = by_pid.get(pid)
            if task is not None:
                task.exit_code = os.waitstatus_to_exitcode(status)
                self._forget(task)
                ended.append(task)
        if ended:
            self._find_orphans()
        return ended

    def _forget(self, task: Running) -> None:
        self._wakeup.unwatch(task.pipe)
        os.close(task.pipe)
        del self._tasks[task.task_id]
        (self._records / str(task.task_id)).unlink(missing_ok=True)

    def _find_orphans(self) -> None:
        """Processes that a task left behind have become our children: end them."""
        ours = {task.process.pid for task in self._tasks.values()} | set(self._cleaners)
        for info in all_processes():
            if info.parent == os.getpid() and info.id.pid not in ours and not info.zombie:
                logger.info("ending process %d, which a task left behind", info.id.pid)
                ending = self._known_orphans.setdefault(info.id, Ending([info.id], patience=1.0))
                ending.step()

    def is_cleaned_up(self, task_id: int) -> bool:
        """Say whether a task's earlier process is gone with all that it left."""
        return task_id not in self._tasks and task_id not in self._cleaners.values()

    def clean(self, work: Callable[[], None], task_id: int | None = None) -> None:
        """Do slow clean-up work (no hub calls) in a process of its own, behind a task if one is named."""
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                work()
                code = 0
            except Exception:
                logger.exception("clean-up failed")
            finally:
                os._exit(code)
        self._cleaners[pid] = task_id

    def wait_for_cleaners(self, limit: float) -> None:
        """Let clean-up work end, until a monotonic time."""
        while self._cleaners and time.monotonic() < limit:
            self.reap()
            time.sleep(0.02)


def records_dir(settings: Settings) -> Path:
    """Say where running task processes are recorded."""
    return Path(settings.workdir) / "running"
