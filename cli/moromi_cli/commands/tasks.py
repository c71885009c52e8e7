"""Lists of tasks, and watching them or their logs."""

import sys
from typing import Any

import click

from moromi.constants import UNFINISHED_TASKS, TaskState
from moromi.errors import GenericError
from moromi.tasks import task_label
from moromi_cli import options
from moromi_cli.followlogs import LogFollower, follow_logs
from moromi_cli.lazy import command, listing
from moromi_cli.output import Failure, Shown, say
from moromi_cli.session import Cli
from moromi_cli.watch import watch_tasks


def selection(function: options.F) -> options.F:
    """The options that choose tasks."""
    for name, text in (
        ("--host", "of this builder"),
        ("--channel", "of this channel"),
        ("--method", "of this method"),
        ("--arch", "of this architecture (or comma list)"),
        ("--user", "of this user"),
    ):
        function = click.option(name, help=text)(function)
    return click.option("--mine", is_flag=True, help="own tasks")(function)


def find_tasks(cli: Cli, given: dict[str, Any]) -> list[dict[str, Any]]:
    """The tasks that the options choose, by priority and age. Unknown names end the command."""
    session = cli.session
    query: dict[str, Any] = {"decode": True}
    if not given.get("all"):
        query["state"] = [int(state) for state in UNFINISHED_TASKS]
    for key, name in (("after", "startedAfter"), ("before", "startedBefore")):
        if given.get(key) is not None:
            query[name] = given[key]
    if given["mine"]:
        user = session.getLoggedInUser()
        if not user:
            raise Failure("Unable to determine user")
        query["owner"] = user["id"]
    lookups = (
        ("user", "getUser", "owner"),
        ("channel", "getChannel", "channel_id"),
        ("host", "getHost", "host_id"),
    )
    for key, call, name in lookups:
        if given[key]:
            info = session.call(call, given[key])
            if not info:
                say(f"No such {key}: {given[key]}")
                raise Failure()
            query[name] = info["id"]
    if given["method"]:
        query["method"] = given["method"]
    if given["arch"]:
        query["arch"] = given["arch"].replace(",", " ").split()
    found: list[dict[str, Any]] = session.listTasks(query, {"order": "priority,create_time"})
    return found


def task_lines(tasks: list[dict[str, Any]]) -> list[str]:
    """Rows of a table, children below their parents."""
    known = {task["id"]: task for task in tasks}
    children: dict[int | None, list[dict[str, Any]]] = {}
    for task in tasks:
        children.setdefault(task["parent"] if task["parent"] in known else None, []).append(task)
    lines: list[str] = []

    def add(task: dict[str, Any], depth: int) -> None:
        state = TaskState(task["state"]).name
        indent = "  " * (depth - 1) + " +" if depth else ""
        lines.append(
            f"{task['id']!s:<8s} {task['priority']!s:<4s} {task.get('owner_name') or '':<20s} {state:<8s} "
            f"{task['arch'] or '':<10s} {indent}{task_label(task)}"
        )
        for child in sorted(children.get(task["id"], []), key=lambda item: int(item["id"])):
            add(child, depth + 1)

    for task in children.get(None, []):
        add(task, 0)
    return lines


@listing("list-tasks", "[options]", anonymous=False)
@selection
@options.quiet
@click.option("--before", type=options.TIME, metavar="TIME", help="started before")
@click.option("--after", type=options.TIME, metavar="TIME", help="started after")
@click.option("--all", is_flag=True, help="finished tasks too (needs --after)")
def list_tasks(cli: Cli, quiet: bool, **given: Any) -> Shown:
    """Unfinished tasks, as a tree."""
    if given["mine"] and given["user"]:
        raise GenericError("Can't specify 'mine' and 'user' in same time")
    if given["all"] and given["after"] is None:
        raise cli.usage_error("--all must be used with --after")
    tasks = find_tasks(cli, given)
    if not tasks:
        return Shown(tasks, ["(no tasks)"])
    head = f"{'ID':<8s} {'Pri':<4s} {'Owner':<20s} {'State':<8s} {'Arch':<10s} Name"
    return Shown(tasks, task_lines(tasks) if cli.is_quiet(quiet) else [head, *task_lines(tasks)])


@command("watch-task", "[options] <task id> [<task id> ...]", anonymous=True)
@options.quiet
@selection
@click.argument("tasks", nargs=-1, type=int)
def watch_task(cli: Cli, tasks: tuple[int, ...], quiet: bool, **given: Any) -> int:
    """Watch tasks to their end."""
    ids = list(tasks)
    chosen = any(given.values())
    if chosen and ids:
        raise cli.usage_error("selection options and task ids exclude each other")
    if chosen:
        ids = [task["id"] for task in find_tasks(cli, given)]
        if not ids:
            say("(no tasks)")
            return 0
    elif not ids:
        raise cli.usage_error("at least one task id must be specified")
    try:
        return watch_tasks(cli, ids, cli.is_quiet(quiet))
    except GenericError as err:
        if str(err).startswith("No such task id"):
            say(str(err))
            return 1
        raise


@command("watch-logs", "[options] <task id> [<task id> ...]", anonymous=True)
@click.option("--log", metavar="NAME", help="only this file")
@click.option("--mine", is_flag=True, help="own unfinished tasks")
@click.option("-f", "--follow", is_flag=True, help="child tasks too")
@click.argument("tasks", nargs=-1, type=int)
def watch_logs(cli: Cli, tasks: tuple[int, ...], log: str | None, mine: bool, follow: bool) -> int:
    """Follow the logs of tasks."""
    ids = list(tasks)
    if mine:
        if ids:
            raise cli.usage_error("Selection options cannot be combined with a task list")
        given = dict.fromkeys(("user", "channel", "host", "method", "arch"))
        ids = [task["id"] for task in find_tasks(cli, {**given, "mine": True})]
        if not ids:
            say("You've no active tasks.")
            return 0
    if not ids:
        raise cli.usage_error("at least one task id must be specified")
    say("Watching logs (this may be safely interrupted)...")
    sys.stdout.flush()  # whoever reads a pipe wants to know now
    try:
        return follow_logs(cli, LogFollower(cli.session, ids, only=log, children=follow))
    except GenericError as err:
        if str(err).startswith("No such task id"):
            say(str(err))
            return 1
        raise
