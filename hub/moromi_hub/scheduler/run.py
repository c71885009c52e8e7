"""One run of the scheduler: look, decide, change, each for all tasks at once (data-model.md section 10.2)."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from moromi.constants import PRIO_DEFAULT, TaskState
from moromi_hub.call import Call
from moromi_hub.scheduler import plan as planning
from moromi_hub.scheduler import queries
from moromi_hub.tasks import model, states

log = logging.getLogger(__name__)

Row = Mapping[str, Any]
POISON = "its request cannot be read: an administrator should cancel it"


def run(call: Call, *, force: bool = False) -> bool:
    """Schedule, unless somebody else does or the last run is younger than `RunInterval`; whether it ran.

    `force` waits for the lock and ignores the interval.
    """
    held, age = queries.lock(call.tx, wait=force)
    if not held:
        return False
    if age is not None and age < 0 and not force:
        log.warning("the time of the last run is in the future: set to now")
        with call.tx.fleeting():
            queries.set_stamp(call.tx)
        return False
    if age is not None and age < call.settings.RunInterval and not force:
        return False
    with call.tx.fleeting():
        queries.set_stamp(call.tx)
        schedule(call)
    return True


def schedule(call: Call) -> None:
    """The work of a run, under the lock."""
    hosts = queries.hosts(call.tx)
    _silence(call, hosts)
    active = queries.active_tasks(call.tx)
    freed = _time_out(call, {row["id"]: row for row in hosts}, active)
    active = [row for row in active if row["id"] not in freed]
    before = queries.reasons(call.tx)
    waiting = {row["task_id"]: row["msg"] for row in before if row["task_id"] is not None}
    idle = {row["host_id"]: row["msg"] for row in before if row["host_id"] is not None}
    outcome = _decide(call, hosts, active, queries.free_tasks(call.tx), waiting)
    if outcome.assigned:
        assign(call, outcome.assigned)
    else:
        queries.record_runs(call.tx, [])
    queries.store_reasons(call.tx, "task_id", waiting, outcome.task_reasons)
    queries.store_reasons(call.tx, "host_id", idle, outcome.host_reasons)


def assign(call: Call, pairs: Mapping[int, int]) -> list[int]:
    """Assign tasks to hosts with run entries and log messages; the ids of those that were still free."""
    assigned = set(states.assign(call, pairs))
    done = [(task_id, host_id) for task_id, host_id in pairs.items() if task_id in assigned]
    lost = [(task_id, host_id) for task_id, host_id in pairs.items() if task_id not in assigned]
    queries.record_runs(call.tx, done, "Assigning task")
    if lost:
        queries.log_messages(call.tx, lost, "Assignment failed")
    return sorted(assigned)


def _silence(call: Call, hosts: Sequence[dict[str, Any]]) -> None:
    """Hosts that have not checked in for a while are not ready."""
    limit = call.settings.ReadyTimeout
    silent = [row for row in hosts if row["ready"] and (row["silent"] is None or row["silent"] > limit)]
    if not silent:
        return
    for row in silent:
        row["ready"] = False
        call.tx.notify({"type": "host", "id": row["id"], "name": row["name"]})
    queries.mark_not_ready(call.tx, [row["id"] for row in silent])
    queries.log_messages(call.tx, [(None, row["id"]) for row in silent], "Marking host not ready")


def _time_out(call: Call, hosts: Mapping[int, Row], active: Iterable[Row]) -> set[int]:
    """Take tasks from hosts that do not open them, or that are gone; their ids.

    Only tasks that the scheduler assigned, and only enabled hosts: an override is
    an administrator's business.
    """
    unopened: list[tuple[int, int]] = []
    ignored: list[tuple[int, int]] = []
    orphaned: list[tuple[int, int]] = []
    for task in active:
        host = hosts.get(task["host_id"])
        if host is None or task["assigned_for"] is None:
            continue
        pair = (task["id"], task["host_id"])
        silent = host["silent"]
        if task["state"] == TaskState.ASSIGNED and task["assigned_for"] > call.settings.AssignTimeout:
            unopened.append(pair)
            if silent is not None and silent < task["assigned_for"]:
                ignored.append(pair)
        elif task["state"] == TaskState.OPEN and silent is not None and silent > call.settings.HostTimeout:
            orphaned.append(pair)
    if ignored:
        queries.refuse(call.tx, ignored, soft=True, by_host=False, message="assignment timeout")
    if unopened:
        queries.log_messages(call.tx, unopened, "Task assignment timeout")
    if orphaned:
        queries.log_messages(call.tx, orphaned, "Freeing task from unresponsive host")
    taken = [task_id for task_id, _ in (*unopened, *orphaned)]
    return set(states.free(call, taken)) if taken else set()


def _decide(
    call: Call,
    hosts: Sequence[Row],
    active: Sequence[Row],
    free: Sequence[Row],
    waiting: Mapping[int, str],
) -> planning.Plan:
    """Plan; a task whose request cannot be read is set aside and the rest planned again.

    `waiting`: why tasks waited before; those that could not be read are looked at first.
    """
    refusals = _refusals(call)
    channels = {row["channel_id"]: row["channel"] for row in free if row["channel"] is not None}
    owners = Counter(row["owner"] for row in active if not row["waiting"])
    tasks = [planning_task(row) for row in free]
    sound: set[int] = set()
    known = [row["id"] for row in free if waiting.get(row["id"]) == POISON]
    poison = _unreadable(call, known) if known else set()
    while True:
        outcome = planning.make_plan(
            planning_hosts(call, hosts, active),
            [task for task in tasks if task.id not in poison],
            refusals,
            owners,
            call.settings.CapacityOvercommit,
            channels,
        )
        unread = set(outcome.assigned) - sound
        bad = _unreadable(call, unread) if unread else set()
        if not bad:
            break
        sound |= unread - bad
        poison |= bad
    outcome.task_reasons.update(dict.fromkeys(poison, POISON))
    return outcome


def _refusals(call: Call) -> dict[int, list[int]]:
    """Hosts by the task that they refused; what is out of date is deleted."""
    found = queries.refusals(call.tx, call.settings.SoftRefusalTimeout)
    if stale := [row["id"] for row in found if row["stale"]]:
        queries.drop_refusals(call.tx, stale)
    refused: dict[int, list[int]] = defaultdict(list)
    for row in found:
        if not row["stale"]:
            refused[row["task_id"]].append(row["host_id"])
    return refused


def planning_task(row: Row) -> planning.Task:
    """A free task as the planning sees it."""
    priority = PRIO_DEFAULT if row["priority"] is None else row["priority"]
    return planning.Task(
        row["id"], row["channel_id"], row["arch"], priority, row["created"], row["weight"], row["owner"]
    )


def planning_hosts(call: Call, rows: Sequence[Row], active: Iterable[Row]) -> list[planning.Host]:
    """Hosts as the planning sees them, with what runs there."""
    hosts = {
        row["id"]: planning.Host(
            id=row["id"],
            name=row["name"],
            channels=row["channels"] or (),
            arches=(row["arches"] or "").split(),
            capacity=row["capacity"],
            ready=row["ready"],
            max_jobs=_max_jobs(row["data"], call.settings.MaxJobs),
        )
        for row in rows
    }
    for task in active:
        host = hosts.get(task["host_id"])
        if host is not None:
            host.jobs += 1
            host.load += 0.0 if task["waiting"] else task["weight"]
    return list(hosts.values())


def _max_jobs(data: Any, default: int) -> int:
    """What a host says of its limit; anything odd is as if it said nothing."""
    wanted = data.get("maxjobs") if isinstance(data, Mapping) else None
    return wanted if isinstance(wanted, int) and not isinstance(wanted, bool) else default


def _unreadable(call: Call, task_ids: Iterable[int]) -> set[int]:
    """Those tasks that no builder could read."""
    bad = set()
    for task_id, (method, request) in queries.requests(call.tx, task_ids).items():
        try:
            model.decode_request(request)
        except model.UnreadableTask as error:
            log.error("task %s is set aside: %s", task_id, error)
            bad.add(task_id)
        else:
            if not method:
                bad.add(task_id)
    return bad
