"""Changing tasks by hand, and moving builds between volumes."""

import click

from moromi.constants import TaskState
from moromi.errors import GenericError
from moromi_cli.lazy import command
from moromi_cli.output import Failure, say, warn
from moromi_cli.session import Cli
from moromi_cli.watch import FINAL


def need_admin(cli: Cli) -> None:
    """The hub checks as well; this says it in plain words."""
    if not cli.session.hasPerm("admin"):
        raise Failure("This action requires admin privileges")


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
    need_admin(cli)
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
    need_admin(cli)
    for task_id in tasks:
        info = cli.session.getTaskInfo(task_id)
        if info is None or TaskState(info["state"]) in FINAL:
            warn(f"Can't update task priority on closed task: {task_id}")
            continue
        cli.session.setTaskPriority(task_id, priority, recurse)


@command("set-build-volume", "[options] <volume> <n-v-r> [<n-v-r> ...]")
@click.option("-v", "--verbose", is_flag=True, help="print each move")
@click.argument("volume")
@click.argument("names", nargs=-1, required=True)
def set_build_volume(cli: Cli, volume: str, names: tuple[str, ...], verbose: bool) -> None:
    """Move builds to another volume."""
    target = cli.session.getVolume(volume)
    if not target:
        raise Failure(f"No such volume: {volume}")
    builds = []
    for name in names:
        build = cli.session.getBuild(name)
        if not build:
            say(f"No such build: {name}")
        elif build["volume_id"] == target["id"]:
            say(f"Build {name} already on volume {target['name']}")
        else:
            builds.append(build)
    if not builds:
        raise Failure("No builds to move")
    for build in builds:
        cli.session.changeBuildVolume(build["id"], target["id"])
        if verbose:
            say(f"{build['nvr']}: {build['volume_name']} -> {target['name']}")
