"""What a task handler works with: its session, settings, directories and the line to the supervisor.

Passed to every handler; there is nothing global. A task process owns its context alone (it is made after
the fork).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from moromi.client import ClientSession
from moromi.paths import task_relpath
from moromi_builder.hubfiles import HubFiles
from moromi_builder.settings import Settings
from moromi_builder.wakeup import Wakeup


class TaskRefused(Exception):
    """This host cannot run the task after all; the hub gives it to another (a soft refusal with this
    text).
    """


class ServerRestart(Exception):
    """The daemon goes down for a restart: free the task so that it is taken up again later."""


class TaskKilled(BaseException):
    """The supervisor ends this task (cancelled, taken away, shutdown). Not an Exception: handlers must
    not catch it.
    """


class Daemon(Protocol):
    """What foreground handlers may do to the daemon they run in."""

    def request_restart(self) -> None:
        """Restart when the running tasks have ended."""

    def request_stop(self) -> None:
        """Shut down."""

    @property
    def start_time(self) -> float:
        """When this daemon's session began, by the hub's clock."""


@dataclass
class Context:
    """One task's surroundings.

    `info` is the task's record with its decoded request, `host` ours. `report` tells the supervisor about the
    task's load: (waiting, weight); either may be None for unchanged. `daemon` is set for foreground tasks
    only.
    """

    settings: Settings
    session: ClientSession
    info: dict[str, Any]
    host: dict[str, Any]
    wakeup: Wakeup
    report: Callable[[bool | None, float | None], None]
    daemon: Daemon | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def task_id(self) -> int:
        """The task's id."""
        return int(self.info["id"])

    @property
    def workdir(self) -> Path:
        """The task's scratch directory; made before the handler runs and removed after it."""
        return Path(self.settings.workdir) / task_relpath(self.task_id)

    @property
    def upload_path(self) -> str:
        """Where the task's files go, below the hub's work directory."""
        return task_relpath(self.task_id)

    @property
    def arch(self) -> str:
        """The arch the task is for."""
        return str(self.info["arch"])

    def files(self) -> HubFiles:
        """Open the hub's file tree, with a cache in the work directory."""
        settings = self.settings
        cache = self.workdir / "local"
        return HubFiles(settings.base_url, settings.topdir, cache, self.session.opts)


class Reporter:
    """The task's end of the pipe to its supervisor: lines `waiting 0|1` and `weight X`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, waiting: bool | None, weight: float | None) -> None:
        """Send what changed; a line is far below the size that a pipe takes at once."""
        with contextlib.suppress(BrokenPipeError):  # the supervisor has died, and we are about to
            if waiting is not None:
                os.write(self._descriptor, f"waiting {int(waiting)}\n".encode())
            if weight is not None:
                os.write(self._descriptor, f"weight {weight}\n".encode())
