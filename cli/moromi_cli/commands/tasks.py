"""Lists of tasks, and watching them or their logs."""

import sys
from typing import Any

import click

from moromi.constants import TaskState
from moromi.errors import GenericError
from moromi.tasks import task_label
from moromi_cli import options
from moromi_cli.lazy import command, listing
from moromi_cli.output import Failure, Shown, on_terminal, say
from moromi_cli.session import Cli
from moromi_cli.watch import FINAL, watch_tasks

UNFINISHED = [TaskState.FREE, TaskState.OPEN, TaskState.ASSIGNED]
LOG_PIECE = 16384
LOOK_EVERY = 2
"""Seconds between two looks at a growing log, for a person."""


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
        query["state"] = [int(state) for state in UNFINISHED]
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


class LogFollower:
    """Prints what is new in the logs of some tasks."""

    def __init__(self, cli: Cli, only: str | None) -> None:
        self.cli = cli
        self.only = only
        self.offsets: dict[tuple[int, str, str], int] = {}
        self.last: tuple[int, str, str] | None = None

    def show(self, task_id: int) -> None:
        """One look at every log of a task."""
        outputs = self.cli.session.listTaskOutput(task_id, all_volumes=True)
        for name in sorted(outputs):
            wanted = name == self.only if self.only else name.endswith("log")
            for volume in outputs[name] if wanted else ():
                self._copy((task_id, volume, name))

    def _copy(self, source: tuple[int, str, str]) -> None:
        task_id, volume, name = source
        while True:
            offset = self.offsets.setdefault(source, 0)
            data = self.cli.session.downloadTaskOutput(task_id, name, offset, LOG_PIECE, volume=volume)
            if not data:
                return
            if self.last != source:
                header = f"==> {task_id}:{volume}:{name}: <=="
                say(header if self.last is None else f"\n{header}")
                self.last = source
            self.offsets[source] = offset + len(data)
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


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
    return follow_logs(cli, LogFollower(cli, log), ids, follow)


def follow_logs(cli: Cli, follower: LogFollower, ids: list[int], follow: bool) -> int:
    """Until all tasks are over. Nothing tells that a log has grown, so each is looked at in turn."""
    from moromi.client import Push

    watched = on_terminal()
    interval = min(cli.settings.poll_interval, LOOK_EVERY) if watched else cli.settings.poll_interval
    with Push(cli.session, poll_interval=interval) as push:
        while True:
            for task_id in ids:
                push.add(f"/task/{task_id}")
            try:
                over = look_at_logs(cli, follower, ids, follow)
                if over is not None:
                    return over
                push.wait(interval)
            except KeyboardInterrupt:
                if not (watched and go_on(cli, ids)):
                    raise


def look_at_logs(cli: Cli, follower: LogFollower, ids: list[int], follow: bool) -> int | None:
    """Print what is new, add the children that are new to `ids`. The exit code when all is over."""
    infos = {task_id: cli.session.getTaskInfo(task_id) for task_id in ids}
    missing = [task_id for task_id, info in infos.items() if info is None]
    if missing:
        say(f"No such task id: {missing[0]}")
        return 1
    for task_id in list(ids):
        follower.show(task_id)
        if follow:
            children = [child["id"] for child in cli.session.getTaskChildren(task_id)]
            ids += [child for child in children if child not in ids]
    return 0 if len(ids) == len(infos) and all(info["state"] in FINAL for info in infos.values()) else None


def go_on(cli: Cli, ids: list[int]) -> bool:
    """Ask the person; the first tasks are the ones that were asked for."""
    from moromi_cli.interrupt import cancel_tasks, choose

    answer = choose()
    if answer == "c":
        cancel_tasks(cli, ids)
    elif answer == "d":
        again = f"{cli.prog} watch-logs {' '.join(map(str, ids))}"
        say(f"Tasks still running. You can continue to watch with the '{again}' command.")
    return answer != "d"
