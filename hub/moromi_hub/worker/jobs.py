"""What the background process does: one entry per kind of work.

To add a kind of work, write a function of a `Call` in the domain's service and
add a `Job` here. A job runs in a transaction of its own, is run again when a
push message wakes it and at least every so often, and must not mind to be run
for nothing: messages are hints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moromi.constants import TaskState
from moromi_hub.call import Call
from moromi_hub.repos import requests
from moromi_hub.scheduler import run as scheduler
from moromi_hub.settings import Settings

Message = Mapping[str, Any]

_QUICK, _LAZY = 0.003, 1.0
_UNCHANGED = (TaskState.OPEN, TaskState.ASSIGNED)
_ENDED = (TaskState.CLOSED, TaskState.FAILED, TaskState.CANCELED)


@dataclass(frozen=True)
class Job:
    """A kind of work."""

    name: str
    """Names the advisory lock, the log lines and the call."""
    run: Callable[[Call], object]
    wakes: Callable[[Message], bool]
    """Whether a push message is a reason to run."""
    every: Callable[[Settings], float]
    """Seconds after which it runs unasked."""
    gather: float = _QUICK
    """Seconds to wait after a message, so that one run serves many."""


def _schedule(call: Call) -> None:
    scheduler.run(call, force=True)


def _wakes_scheduler(message: Message) -> bool:
    """A task that can be given away, one that left a host, a host with news."""
    if message["type"] == "task":
        return message["state"] not in _UNCHANGED
    return message["type"] in ("host", "checkin")


def _scheduler_interval(settings: Settings) -> float:
    """Half of the shortest time-out, so that none is noticed much too late."""
    shortest = min(settings.RunInterval, settings.AssignTimeout, settings.HostTimeout, settings.ReadyTimeout)
    return min(30.0, max(0.5, shortest / 2))


def _wakes_requests(message: Message) -> bool:
    if message["type"] == "task":
        return message["method"] == "newRepo" and message["state"] in _ENDED
    return message["type"] in ("request", "repo")


JOBS: tuple[Job, ...] = (
    Job("scheduler", _schedule, _wakes_scheduler, _scheduler_interval),
    Job("repo-requests", requests.check_queue, _wakes_requests, lambda settings: 60.0),
    Job(
        "repo-auto-requests",
        requests.auto_requests,
        lambda message: message["type"] == "tag",
        lambda settings: 60.0,
        _LAZY,
    ),
    Job(
        "repo-end-events",
        requests.update_end_events,
        lambda message: message["type"] in ("tag", "repo"),
        lambda settings: 300.0,
        _LAZY,
    ),
)
