"""Making and changing tasks by hand."""

from typing import Any

import click

from moromi.constants import FINISHED_TASKS, UNFINISHED_TASKS, TaskState
from moromi.errors import GenericError
from moromi_cli import options
from moromi_cli.lazy import command
from moromi_cli.output import Failure, convert, in_background, say, warn
from moromi_cli.session import Cli
from moromi_cli.watch import watch_tasks


@command("assign-task", "[options] <task_id> <hostname>")
@click.option("-f", "--force", is_flag=True, help="even if the task is not free")
@click.option("--override", is_flag=True, help="keep the scheduler from moving it")
@click.argument("task_id", type=int)
@click.argument("host")
def assign_task(cli: Cli, task_id: int, host: str, force: bool, override: bool) -> None:
    """Put a task on a given builder."""
    if not cli.session.getTaskInfo(task_id, request=False):
        raise GenericError(f"No such task: {task_id}")
    if not cli.session.getHost(host):
        raise GenericError(f"No such host: {host}")
    if not cli.session.hasPerm("admin"):
        raise cli.usage_error("This action requires admin privileges")
    extra = {"override": True} if override else {}
    done = cli.session.assignTask(task_id, host, force, **extra)
    say(f"{'assigned' if done else 'failed to assign'} task {task_id} to host {host}")


@command("free-task", "<task_id> [<task_id> ...]")
@click.argument("tasks", nargs=-1, type=int, required=True)
def free_task(cli: Cli, tasks: tuple[int, ...]) -> None:
    """Put tasks back in the queue."""
    for task_id in tasks:
        cli.session.freeTask(task_id)


@command("set-task-priority", "[options] --priority=<priority> <task_id> [<task_id> ...]")
@click.option("--priority", type=int, required=True, help="new priority")
@click.option("--recurse", is_flag=True, help="children too")
@click.argument("tasks", nargs=-1, type=int, required=True)
def set_task_priority(cli: Cli, tasks: tuple[int, ...], priority: int, recurse: bool) -> None:
    """Set the priority of tasks."""
    if not cli.session.hasPerm("admin"):
        raise Failure("This action requires admin privileges")
    for task_id in tasks:
        info = cli.session.getTaskInfo(task_id)
        if info is None or TaskState(info["state"]) in FINISHED_TASKS:
            warn(f"Can't update task priority on closed task: {task_id}")
            continue
        cli.session.setTaskPriority(task_id, priority, recurse)


@command("make-task", "[options] <method> [<arg> ...]")
@click.option("--channel", help="channel of the task")
@click.option("--priority", help="priority of the task")
@click.option("--watch", is_flag=True, help="watch the task, if somebody looks")
@click.option("--arch", help="architecture of the task")
@click.argument("method")
@click.argument("words", metavar="ARG", nargs=-1)
def make_task(cli: Cli, method: str, words: tuple[str, ...], watch: bool, **given: str | None) -> int:
    """Create any task."""
    extra = {key: value for key, value in given.items() if value}
    arguments = [convert(word) for word in words]
    task_id = int(cli.session.makeTask(method=method, arglist=arguments, **extra))
    say(f"Created task id {task_id}")
    return watch_tasks(cli, [task_id], cli.quiet) if watch and not in_background() else 0


@command("restart-hosts", "[options]")
@options.wait
@options.quiet
@click.option("--force", is_flag=True, help="do not look for another such task")
@click.option("--channel", help="only builders of this channel")
@click.option("-a", "--arch", "arches", multiple=True, help="only builders of this architecture")
@click.option("--timeout", type=int, metavar="N", help="give up after N seconds")
def restart_hosts(cli: Cli, wait: bool | None, quiet: bool, force: bool, **given: Any) -> int:
    """Restart the builder daemons."""
    if not force:
        query = {"method": "restartHosts", "state": [int(state) for state in UNFINISHED_TASKS]}
        others = cli.session.listTasks(query)
        if others:
            warn("Found other restartHosts tasks running.")
            warn(f"Task ids: {[task['id'] for task in others]!r}")
            raise Failure("Use --force to run anyway")
    chosen = {key: list(value) if key == "arches" else value for key, value in given.items() if value}
    arguments = {"options": chosen} if chosen else {}
    task_id = int(cli.session.restartHosts(**arguments))
    return watch_tasks(cli, [task_id], cli.is_quiet(quiet)) if options.should_wait(wait) else 0
