"""What a builder tells the hub about itself, and what it hears back, in one request.

kojid makes five calls every 15 seconds (spec: builder, sections 1.7 and 1.8). Here they are one multicall,
made when something changed, and once a minute otherwise while the push service is up.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from moromi.client import ClientSession
from moromi_builder.settings import Settings

MIB = 1024 * 1024


@dataclass(frozen=True)
class Readiness:
    """Whether this host takes tasks now, and if not, why (the text that the log shows)."""

    ready: bool
    reason: str = ""
    passing: bool = False
    """Nobody will tell us when the reason is gone (load, disk): look again soon."""


@dataclass(frozen=True)
class Load:
    """The local facts that readiness depends on."""

    task_load: float
    tasks: int
    restart_pending: bool


def judge(settings: Settings, host: dict[str, Any], load: Load) -> Readiness:
    """Decide about taking tasks; the first failing check names the reason (spec: builder, section 1.8)."""
    if load.restart_pending:
        return Readiness(False, "Pending restart")
    if not host["enabled"]:
        return Readiness(False, "Host is disabled")
    if load.task_load > host["capacity"]:
        return Readiness(False, f"Over capacity: {load.task_load:.2f} > {host['capacity']:.2f}")
    if load.tasks >= settings.maxjobs:
        return Readiness(False, f"Full queue: {load.tasks} tasks")
    return _judge_machine(settings)


def _judge_machine(settings: Settings) -> Readiness:
    free = free_space(settings.mockdir)
    if free < settings.minspace:
        text = f"Insufficient disk space at {settings.mockdir}: {free} MB, {settings.minspace} MB required"
        return Readiness(False, text, passing=True)
    average, limit = os.getloadavg()[0], settings.max_load * (os.cpu_count() or 1)
    if average > limit:
        return Readiness(False, f"Load average {average:.2f} > {limit:.2f}", passing=True)
    return Readiness(True)


def free_space(directory: str) -> int:
    """Measure the space an unprivileged user may still fill, in MiB; of the nearest existing parent."""
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    info = os.statvfs(directory)
    return info.f_bavail * info.f_frsize // MIB


@dataclass(frozen=True)
class Answer:
    """What the hub said: our host record, our open tasks, and the tasks that wait for us to open them."""

    host: dict[str, Any]
    open_tasks: list[dict[str, Any]]
    assigned: list[dict[str, Any]]


def check_in(
    session: ClientSession, readiness: Readiness, task_load: float, methods: list[str], maxjobs: int
) -> Answer:
    """Report and listen in one multicall. Assigned tasks are asked for only when ready."""
    data = {"methods": methods, "maxjobs": maxjobs}
    with session.multicall() as calls:
        host = calls.host.getHost()
        open_tasks = calls.host.getHostTasks()
        update = calls.host.updateHost(task_load, readiness.ready, data=data)
        assigned = calls.host.getTasks() if readiness.ready else None
    _ = update.result
    return Answer(host.result, open_tasks.result, assigned.result if assigned is not None else [])
