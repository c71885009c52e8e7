"""`why` and `status`: what waits, and what for."""

import time
from collections.abc import Iterator
from typing import Any

import click

from moromi.constants import UNFINISHED_TASKS, TaskState
from moromi.errors import GenericError
from moromi.tasks import task_label
from moromi_cli.hints import brief
from moromi_cli.lazy import listing
from moromi_cli.logs import log_end
from moromi_cli.output import Shown, span
from moromi_cli.session import Cli
from moromi_cli.watch import failure

SLOW = 5
CHANNELS = 8
OFFLINE_AFTER = 300.0
"""Seconds without a word after which a builder that is enabled counts as gone."""


@listing("why", "<task_id> [<task_id> ...]")
@click.argument("tasks", nargs=-1, type=int, required=True)
def why(cli: Cli, tasks: tuple[int, ...]) -> Shown:
    """Say why tasks wait, or why they failed.

    For a waiting task: what keeps each builder of its channel from taking it, and its place in the queue. For
    a failed one: the error, and the end of the log of the subtask that failed.
    """
    data = [explained(cli, task_id) for task_id in tasks]
    return Shown(data, (line for answer in data for line in why_lines(answer)))


def explained(cli: Cli, task_id: int) -> dict[str, Any]:
    """What the hub says of a task; with the error and the end of a log if it failed."""
    task = cli.session.getTaskInfo(task_id, request=True)
    if not task:
        raise GenericError(f"No such task: {task_id}")
    answer: dict[str, Any] = {"task_id": task_id, "label": task_label(task), **explanation(cli, task)}
    if task["state"] == TaskState.FAILED:
        culprit = failed_below(cli, task_id)
        error = failure(cli.session, culprit, brief)
        end = log_end(cli.session, culprit, cli.settings.topurl, error)
        answer["failed"] = {
            "task_id": culprit,
            "error": error,
            "log": end.name,
            "url": end.url,
            "lines": end.lines,
        }
    return answer


def explanation(cli: Cli, task: dict[str, Any]) -> dict[str, Any]:
    """`scheduler.explain`; of a Koji hub the state, and who refused the task."""
    try:
        return dict(cli.session.scheduler.explain(task["id"]))
    except GenericError as err:
        if "Invalid method" not in str(err):
            raise
    state = TaskState(task["state"])
    refusals = []
    if state == TaskState.FREE and cli.session.hub_version >= (1, 34):
        refusals = cli.session.scheduler.getTaskRefusals(taskID=task["id"])
    return {
        "state": task["state"],
        "summary": f"it is {state.name.lower()}; this hub does not say why",
        "details": [f"{item['host_name']}: refused the task: {item['msg']}" for item in refusals],
        "position": None,
        "waiting_for": [],
    }


def failed_below(cli: Cli, task_id: int) -> int:
    """The first failed task at the end of the chain of failures."""
    while True:
        children = cli.session.getTaskChildren(task_id)
        failed = sorted(child["id"] for child in children if child["state"] == TaskState.FAILED)
        if not failed:
            return task_id
        task_id = failed[0]


def why_lines(answer: dict[str, Any]) -> Iterator[str]:
    """The answer in words."""
    yield f"{answer['task_id']} {answer['label']}: {answer['summary']}"
    if answer["position"]:
        yield f"  number {answer['position']} in its queue"
    yield from (f"  {line}" for line in answer["details"])
    if answer["waiting_for"]:
        yield f"  waits for {', '.join(map(str, answer['waiting_for']))}"
    failed = answer.get("failed")
    if failed:
        where = "" if failed["task_id"] == answer["task_id"] else f"task {failed['task_id']}: "
        yield f"  {where}{failed['error']}"
        if failed["lines"]:
            yield f"  The end of {failed['url'] or failed['log']}:"
            yield from (f"    {line}" for line in failed["lines"])


@listing("status", "[options]")
@click.option("--slow", type=int, default=SLOW, metavar="N", help=f"how many slow tasks (default {SLOW})")
def status(cli: Cli, slow: int) -> Shown:
    """Show how the hub is doing: builders, queue, slow tasks, repositories."""
    data = collect(cli, slow)
    return Shown(data, status_lines(data))


def collect(cli: Cli, slow: int) -> dict[str, Any]:
    """All that `status` shows, in two requests (three with repositories)."""
    unfinished = [int(state) for state in UNFINISHED_TASKS]
    with cli.session.multicall(strict=True) as calls:
        hosts = calls.listHosts(enabled=True)
        tasks = calls.listTasks({"state": unfinished, "decode": True}, {"order": "id"})
        channels = calls.listChannels()
    now = time.time()
    names = {channel["id"]: channel["name"] for channel in channels.result}
    # A task that sleeps for its subtasks is not what is slow.
    parents = {task["parent"] for task in tasks.result}
    running = [task for task in tasks.result if task["state"] == TaskState.OPEN]
    busy = [task for task in running if task["id"] not in parents and task["start_ts"]]
    slowest = sorted(busy, key=lambda task: float(task["start_ts"]))[: max(slow, 0)]
    host_names = {host["id"]: host["name"] for host in hosts.result}
    return {
        "hub": cli.session.baseurl,
        "version": cli.session.hub_version_str,
        "hosts": host_figures(hosts.result, now),
        "queue": queue_figures(tasks.result, names, now),
        "slow": [
            {
                "task_id": task["id"],
                "label": task_label(task),
                "host": host_names.get(task["host_id"]),
                "seconds": round(now - task["start_ts"]),
            }
            for task in slowest
        ],
        "repositories": repo_figures(cli, tasks.result, now),
    }


def host_figures(hosts: list[dict[str, Any]], now: float) -> dict[str, Any]:
    """Of the enabled builders: how many are ready, how loaded they are, who is gone."""
    gone = [
        {"name": host["name"], "seconds": round(now - host["update_ts"]) if host["update_ts"] else None}
        for host in hosts
        if not host["update_ts"] or now - host["update_ts"] > OFFLINE_AFTER
    ]
    return {
        "enabled": len(hosts),
        "ready": sum(1 for host in hosts if host["ready"]),
        "load": round(sum(host["task_load"] for host in hosts), 2),
        "capacity": round(sum(host["capacity"] for host in hosts), 2),
        "gone": sorted(gone, key=lambda host: str(host["name"])),
    }


def queue_figures(tasks: list[dict[str, Any]], channels: dict[int, str], now: float) -> dict[str, Any]:
    """How many tasks are in which state; those that wait, by channel and arch, the longest queue first."""
    states = {state: sum(1 for task in tasks if task["state"] == state) for state in TaskState}
    waiting: dict[tuple[str, str], list[float]] = {}
    for task in tasks:
        if task["state"] == TaskState.FREE:
            key = channels.get(task["channel_id"], "?"), task["arch"] or "noarch"
            waiting.setdefault(key, []).append(now - task["create_ts"])
    queues = [
        {"channel": channel, "arch": arch, "tasks": len(ages), "longest": round(max(ages))}
        for (channel, arch), ages in waiting.items()
    ]
    return {
        "free": states[TaskState.FREE],
        "assigned": states[TaskState.ASSIGNED],
        "open": states[TaskState.OPEN],
        "waiting": sorted(queues, key=lambda queue: (-queue["tasks"], queue["channel"], queue["arch"])),
    }


def repo_figures(cli: Cli, tasks: list[dict[str, Any]], now: float) -> dict[str, Any]:
    """Requests for repositories that are not fulfilled (none are known of a hub before 1.35)."""
    making = sum(1 for task in tasks if task["method"] in ("newRepo", "distRepo"))
    requests = []
    if cli.session.hub_version >= (1, 35):
        fields = ["id", "tag_name", "task_id", "create_ts"]
        requests = cli.session.repo.queryQueue([["active", "=", True]], fields, {"order": "id"})
    return {
        "making": making,
        "requests": [
            {
                "request_id": request["id"],
                "tag": request["tag_name"],
                "task_id": request["task_id"],
                "seconds": round(now - request["create_ts"]),
            }
            for request in requests
        ],
    }


def status_lines(data: dict[str, Any]) -> Iterator[str]:
    """The figures in words."""
    yield f"Hub: {data['hub']} (Koji {data['version']})"
    hosts = data["hosts"]
    share = f" ({hosts['load'] * 100 / hosts['capacity']:.0f} %)" if hosts["capacity"] else ""
    yield (
        f"Builders: {hosts['enabled']} enabled, {hosts['ready']} ready, "
        f"load {hosts['load']:.1f} of {hosts['capacity']:.1f}{share}"
    )
    for host in hosts["gone"]:
        seen = "never heard of" if host["seconds"] is None else f"last heard of {span(host['seconds'])} ago"
        yield f"  {host['name']}: {seen}"
    queue = data["queue"]
    yield f"Tasks: {queue['open']} running, {queue['assigned']} assigned, {queue['free']} waiting"
    for entry in queue["waiting"][:CHANNELS]:
        where = f"channel {entry['channel']}, {entry['arch']}"
        yield f"  {entry['tasks']} in {where}, the oldest for {span(entry['longest'])}"
    if data["slow"]:
        yield "Running longest:"
    for task in data["slow"]:
        yield f"  {task['task_id']} {task['label']} on {task['host']} for {span(task['seconds'])}"
    repos = data["repositories"]
    yield f"Repositories: {repos['making']} being made, {len(repos['requests'])} requested"
    for request in repos["requests"]:
        task = f", task {request['task_id']}" if request["task_id"] else ""
        yield f"  {request['tag']} for {span(request['seconds'])} (request {request['request_id']}{task})"
