"""In words: why a task is not running, for the person who waits for it.

A run of the scheduler notes a reason for each task that it cannot give away. That
says what all hosts have in common; here every host of the channel is looked at as
it is now, with the place of the task in the queue. For a task that is open, what
it waits for is told in the same way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from moromi.constants import FINISHED_TASKS, TaskState
from moromi.errors import GenericError
from moromi.tasks import parse_task_params
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.hosts import service as hosts
from moromi_hub.scheduler import plan as planning
from moromi_hub.scheduler import queries, run
from moromi_hub.tags import service as tags
from moromi_hub.tasks import service as tasks

Row = Mapping[str, Any]

HOSTS_SHOWN = 50
CHILDREN_SHOWN = 10


def explain(call: Call, task_id: Any) -> dict[str, Any]:
    """`{task_id, state, summary, details, position, waiting_for}` of a task.

    `summary`: one sentence. `details`: further lines, of hosts or subtasks. `position`: its place among
    the free tasks of the same channel and arch, from 1; nil unless it is free. `waiting_for`: ids of the
    unfinished subtasks that it sleeps for. Raises GenericError `No such task: …`.
    """
    number = arguments.integer(task_id)
    task = tasks.get_task(call, number)
    if task is None:
        raise GenericError(f"No such task: {number}")
    answer: dict[str, Any] = {
        "task_id": number,
        "state": task["state"],
        "summary": "",
        "details": [],
        "position": None,
        "waiting_for": [],
    }
    state = TaskState(task["state"])
    if state == TaskState.FREE:
        answer.update(_of_free(call, task))
    elif state == TaskState.ASSIGNED:
        answer["summary"] = f"it is assigned to {_host_name(call, task)}, which has not opened it yet"
    elif state == TaskState.OPEN:
        answer.update(_of_open(call, task))
    else:
        answer["summary"] = f"it is over: {state.name.lower()}"
    return answer


# free


def _of_free(call: Call, task: Row) -> dict[str, Any]:
    free = queries.free_tasks(call.tx)
    active = queries.active_tasks(call.tx)
    enabled = queries.hosts(call.tx)
    refused = {row["host_id"]: row["msg"] for row in queries.refusals_of(call.tx, task["id"])}
    members = queries.members(call.tx, task["channel_id"])
    known = {host.id: host for host in run.planning_hosts(call, enabled, active)}
    told: dict[str, Any] = {"position": _position(task, free, active), "details": []}
    stored = [row["msg"] for row in queries.reasons(call.tx, task_id=task["id"])]
    if run.POISON in stored:
        return told | {"summary": run.POISON}
    channel = hosts.require_channel(call, task["channel_id"])
    if not channel["enabled"]:
        return told | {"summary": f"its channel {channel['name']} is disabled"}
    problems = {
        row["name"]: _problem(call, task, row, known.get(row["id"]), refused.get(row["id"]))
        for row in members
    }
    details = [
        f"{name}: {problem or 'could take it'}" for name, problem in list(problems.items())[:HOSTS_SHOWN]
    ]
    if len(problems) > HOSTS_SHOWN:
        details.append(f"and {len(problems) - HOSTS_SHOWN} more hosts")
    return told | {"summary": _summary(task, channel["name"], members, problems), "details": details}


def _problem(call: Call, task: Row, row: Row, host: planning.Host | None, refusal: str | None) -> str | None:
    """Why a host of the channel is not given the task now."""
    if not row["enabled"] or host is None:
        return "disabled"
    if not _has_arch(row, task["arch"]):
        return f"has no arch {task['arch']} (it has {row['arches']})"
    if refusal is not None:
        return f"{planning.REFUSED}: {refusal}"
    problem = host.problem(task["weight"], call.settings.CapacityOvercommit)
    if problem == planning.LOADED:
        return f"{problem} (load {host.load:.2f} of {host.capacity:.2f})"
    if problem == planning.FULL:
        return f"{problem} ({host.jobs} of {host.max_jobs})"
    return problem


def _has_arch(row: Row, arch: str) -> bool:
    return arch in {"noarch", *(row["arches"] or "").split()}


def _summary(task: Row, channel: str, members: Sequence[Row], problems: Mapping[str, str | None]) -> str:
    if not members:
        return f"no host is in channel {channel}"
    enabled = [row for row in members if row["enabled"]]
    if not enabled:
        return f"every host of channel {channel} is disabled"
    fitting = [row for row in enabled if _has_arch(row, task["arch"])]
    if not fitting:
        return f"no enabled host of channel {channel} has arch {task['arch']}"
    if any(problems[row["name"]] is None for row in fitting):
        return "a host can take it: it is given away in the next run of the scheduler, when its turn comes"
    kinds = Counter(_kind(problems[row["name"]] or "") for row in fitting)
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    place = f"channel {channel} for arch {task['arch']}"
    return f"none of the {len(fitting)} hosts of {place} can take it: {counted}"


def _kind(problem: str) -> str:
    """A problem without its figures, as it is said of several hosts."""
    for kind in (planning.REFUSED, planning.LOADED, planning.FULL):
        if problem.startswith(kind):
            return kind
    return problem


def _position(task: Row, free: Sequence[Row], active: Sequence[Row]) -> int | None:
    """The place of a task in the order in which its bin is served; None far behind in a long queue."""
    owners = Counter(row["owner"] for row in active if not row["waiting"])
    places: dict[planning.Bin, int] = defaultdict(int)
    for queued in planning.in_turns([run.planning_task(row) for row in free], owners):
        places[queued.bin] += 1
        if queued.id == task["id"]:
            return places[queued.bin]
    return None


# open


def _of_open(call: Call, task: Row) -> dict[str, Any]:
    host = _host_name(call, task)
    awaited = [
        row
        for row in tasks.get_children(call, task["id"], False, False)
        if row["state"] not in FINISHED_TASKS
    ]
    if task["waiting"]:
        awaited = [row for row in awaited if row["awaited"]]
        reasons = queries.reasons_of(call.tx, [row["id"] for row in awaited])
        details = [_of_child(row, reasons.get(row["id"])) for row in awaited[:CHILDREN_SHOWN]]
        if len(awaited) > CHILDREN_SHOWN:
            details.append(f"and {len(awaited) - CHILDREN_SHOWN} more subtasks")
        told = {"details": details, "waiting_for": [row["id"] for row in awaited]}
        if not awaited:
            return told | {"summary": f"it runs on {host}: what it waited for is over"}
        if any(row["method"] in ("waitrepo", "newRepo") for row in awaited):
            return told | {"summary": f"it waits on {host} for a repository"}
        return told | {"summary": f"it waits on {host} for {len(awaited)} subtasks"}
    if task["method"] == "waitrepo":
        return {"summary": f"it runs on {host} and waits for a repository of {_awaited_tag(call, task)}"}
    return {"summary": f"it runs on {host}"}


def _of_child(child: Row, reason: str | None) -> str:
    state = TaskState(child["state"]).name.lower()
    text = f"task {child['id']} ({child['method']}, {child['arch']}) is {state}"
    return f"{text}: {reason}" if reason and child["state"] == TaskState.FREE else text


def _awaited_tag(call: Call, task: Row) -> str:
    """The tag of a `waitrepo`, by name if it still has one."""
    try:
        full = tasks.get_task(call, task["id"], request=True) or {}
        tag = parse_task_params("waitrepo", full["request"])["tag"]
        found = tags.get_tag(call, tag)
    except (GenericError, KeyError, TypeError) as error:
        return f"a tag that cannot be told ({error})"
    return f"tag {found['name'] if found else tag}"


def _host_name(call: Call, task: Row) -> str:
    host = None if task["host_id"] is None else hosts.find_host(call, task["host_id"])
    return host["name"] if host else "an unknown host"
