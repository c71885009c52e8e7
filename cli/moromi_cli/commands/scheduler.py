"""What the scheduler did: `scheduler-info` and `scheduler-logs`."""

import time
from collections.abc import Iterator
from typing import Any

import click

from moromi.constants import TaskState
from moromi_cli.lazy import listing
from moromi_cli.output import Shown, asctime
from moromi_cli.session import Cli

RUN = "{:<9} {:<20} {:<7} {:<17} {:<17} {:<17}"
RUN_FIELDS = ["id", "task_id", "host_name", "state", "create_ts", "start_ts", "completion_ts"]
LOG = "{:<10} {:<20} {:<25} {:<30}"
LOG_FIELDS = ["task_id", "host_name", "msg_ts", "msg"]


@listing("scheduler-info", "[options]")
@click.option("-t", "--task", type=int, metavar="ID", help="only this task")
@click.option("--host", help="only this builder, by name or id; its data too")
@click.option("--state", type=click.Choice([state.name for state in TaskState]), help="only this state")
@click.option("--limit", type=int, default=100, help="the last so many (100)")
def scheduler_info(cli: Cli, task: int | None, host: str | None, state: str | None, limit: int) -> Shown:
    """Runs of tasks that the scheduler knows."""
    clauses: list[list[Any]] = []
    info = find_host(cli, host)
    if task:
        clauses.append(["task_id", task])
    if info:
        clauses.append(["host_id", info["id"]])
    if state:
        clauses.append(["state", int(TaskState[state])])
    opts = {"order": "-id", "limit": limit}
    runs = cli.session.scheduler.getTaskRuns(clauses=clauses, fields=RUN_FIELDS, opts=opts)
    runs.reverse()
    host_data = cli.session.scheduler.getHostData(hostID=info["id"]) if info else None
    return Shown({"runs": runs, "host_data": host_data} if info else runs, run_lines(runs, info, host_data))


def find_host(cli: Cli, name: str | None) -> dict[str, Any] | None:
    """The builder of that name or id, which must be there."""
    if name is None:
        return None
    return dict(cli.session.getHost(int(name) if name.isdigit() else name, strict=True))


def run_lines(
    runs: list[dict[str, Any]], host: dict[str, Any] | None, host_data: list[dict[str, Any]] | None
) -> Iterator[str]:
    """A table, and the builder's data."""
    yield (head := RUN.format("Task", "Host", "State", "Created", "Started", "Ended"))
    yield "-" * len(head)
    for run in runs:
        times = [short_time(run[key]) for key in ("create_ts", "start_ts", "completion_ts")]
        yield RUN.format(run["task_id"], str(run["host_name"]), TaskState(run["state"]).name, *times)
    if host is not None:
        yield f"Host data for {host['name']}:"
        yield repr(host_data[0]["data"]) if host_data else "-"


def short_time(ts: float | None) -> str:
    """`25-06-15 15:06:40`, local time; '' for none."""
    return time.strftime("%y-%m-%d %H:%M:%S", time.localtime(ts)) if ts else ""


@listing("scheduler-logs", "[options]", anonymous=False)
@click.option("--task", type=int, metavar="ID", help="only this task")
@click.option("--host", help="only this builder")
@click.option("--from", "since", type=float, metavar="TIMESTAMP", help="from this time")
@click.option("--to", "until", type=float, metavar="TIMESTAMP", help="before this time")
@click.option("--limit", type=int, help="the last so many")
def scheduler_logs(
    cli: Cli, task: int | None, host: str | None, since: float | None, until: float | None, limit: int | None
) -> Shown:
    """What the scheduler said."""
    clauses: list[list[Any]] = []
    info = find_host(cli, host)
    if task:
        clauses.append(["task_id", task])
    if info:
        clauses.append(["host_id", info["id"]])
    if since:
        clauses.append(["msg_ts", ">=", since])
    if until:
        clauses.append(["msg_ts", "<", until])
    opts = {"order": "-id", "limit": limit} if limit is not None else {"order": "id"}
    messages = cli.session.scheduler.getLogMessages(clauses=clauses, fields=LOG_FIELDS, opts=opts)
    if limit is not None:
        messages.reverse()
    return Shown(messages, message_lines(messages, cli.quiet))


def message_lines(messages: list[dict[str, Any]], quiet: bool) -> Iterator[str]:
    """A table."""
    if not quiet:
        yield (head := LOG.format("Task", "Host", "Time", "Message"))
        yield "-" * len(head)
    for message in messages:
        task, host = (message[key] if message[key] is not None else "" for key in ("task_id", "host_name"))
        yield LOG.format(task, host, asctime(message["msg_ts"]), message["msg"])
