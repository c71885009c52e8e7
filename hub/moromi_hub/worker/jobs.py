"""What the background process does: one entry per kind of work.

To add a kind of work, write a function of a `Call` in the domain's service and
add a `Job` here. A job runs in a transaction of its own, is run again when a
push message wakes it and at least every so often, and must not mind to be run
for nothing: messages are hints.
"""

from __future__ import annotations

from moromi.constants import FINISHED_TASKS, HELD_TASKS, RepoState, TaskState
from moromi_hub.call import Call
from moromi_hub.repodata import serving
from moromi_hub.repos import follow, prune, requests, upkeep
from moromi_hub.scheduler import run as scheduler
from moromi_hub.settings import Settings
from moromi_hub.sweep import service as sweep
from moromi_hub.worker.model import Job, Message


def _schedule(call: Call) -> None:
    scheduler.run(call, force=True)


def _wakes_scheduler(message: Message) -> bool:
    """A task that can be given away, one that left a host, a host with news."""
    if message["type"] == "task":
        return message["state"] not in HELD_TASKS
    return message["type"] in ("host", "checkin")


def _scheduler_interval(settings: Settings) -> float:
    """Half of the shortest time-out, so that none is noticed much too late."""
    shortest = min(settings.RunInterval, settings.AssignTimeout, settings.HostTimeout, settings.ReadyTimeout)
    return min(30.0, max(0.5, shortest / 2))


def _wakes_requests(message: Message) -> bool:
    if message["type"] == "task":
        return message["method"] == "newRepo" and message["state"] in FINISHED_TASKS
    return message["type"] in ("request", "repo")


def _is_ready(message: Message) -> bool:
    """A new repository: its tag may have changed while it was made."""
    return bool(message["type"] == "repo" and message["state"] == RepoState.READY)


def _is_dead_repo_task(message: Message) -> bool:
    return bool(
        message["type"] == "task"
        and message["method"] in ("newRepo", "distRepo")
        and message["state"] in (TaskState.FAILED, TaskState.CANCELED)
    )


def _serve_requests(call: Call) -> None:
    requests.check_queue(call, wait=True)


def _minute(settings: Settings) -> float:
    return 60.0


def _hour(settings: Settings) -> float:
    return 3600.0


def _never(message: Message) -> bool:
    """Work that only time brings."""
    return False


JOBS: tuple[Job, ...] = (
    Job("scheduler", _schedule, _wakes_scheduler, _scheduler_interval),
    Job("repo-requests", _serve_requests, _wakes_requests, _minute),
    Job("repo-make", serving.serve, lambda message: message["type"] == "request", _minute),
    Job("repo-auto-requests", requests.auto_requests, lambda message: message["type"] == "tag", _minute, 1.0),
    Job(
        "repo-follow",
        follow.follow,
        lambda message: message["type"] == "tag" or _is_ready(message),
        lambda settings: 600.0,
        gather=0.1,
        patience=1.0,
        subject=lambda message: int(message["id" if message["type"] == "tag" else "tag"]),
    ),
    Job("repo-upkeep", upkeep.run, _is_dead_repo_task, _minute, 1.0),
    Job("repo-prune", prune.run, _never, _hour),
    Job("repo-cache", serving.prune, _never, _hour),
    Job("sweep", sweep.run, _never, _hour),
)
