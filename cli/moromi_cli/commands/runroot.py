"""Commands in buildroots, and the buildroots of failed tasks."""

import sys
from typing import Any

import click

from moromi.constants import TaskState
from moromi.errors import GenericError
from moromi_cli import options
from moromi_cli.lazy import command
from moromi_cli.output import Failure, say
from moromi_cli.session import Cli
from moromi_cli.watch import watch_tasks

LOG = "runroot.log"
PIECE = 1 << 20


@command("runroot", "[options] <tag> <arch> <command>")
@click.option(
    "-p", "--package", "packages", multiple=True, metavar="PACKAGE", help="install this package too"
)
@click.option("-m", "--mount", "mounts", multiple=True, metavar="DIR", help="mount this directory read-write")
@click.option("--skip-setarch", is_flag=True, help="no setarch")
@click.option("-w", "--weight", type=int, metavar="WEIGHT", help="weight of the task")
@click.option("--channel-override", "channel", metavar="CHANNEL", help="channel of the task")
@click.option("--task-id", is_flag=True, help="print the id of the task")
@click.option("--use-shell", is_flag=True, help="join the command with blanks; a shell runs it")
@click.option("--new-chroot/--old-chroot", default=None, help="systemd-nspawn, or a plain chroot")
@click.option("--repo-id", type=int, metavar="ID", help="use this repository")
@click.option("--nowait", is_flag=True, help="return at once")
@click.option("--watch", is_flag=True, help="watch the task instead of printing its log")
@options.quiet
@click.argument("tag")
@click.argument("arch")
@click.argument("words", metavar="COMMAND", nargs=-1, required=True)
def runroot(cli: Cli, tag: str, arch: str, words: tuple[str, ...], **given: Any) -> int:
    """Run a command in a fresh buildroot and print what it says."""
    task_id = start(cli, tag, arch, words, given)
    if given["task_id"]:
        say(str(task_id))
    if given["nowait"]:
        return 0
    quiet = cli.is_quiet(given["quiet"])
    if given["watch"]:
        return watch_tasks(cli, [task_id], quiet)
    try:
        wait_for_end(cli, task_id)
    except KeyboardInterrupt:
        say("User interrupt: canceling runroot task")
        cli.session.cancelTask(task_id)
        raise
    if not quiet and LOG in cli.session.listTaskOutput(task_id):
        copy_log(cli, task_id)
    state = cli.session.getTaskInfo(task_id)["state"]
    return 1 if state in (TaskState.FAILED, TaskState.CANCELED) else 0


# The command's own options are not ours.
runroot.allow_interspersed_args = False


def start(cli: Cli, tag: str, arch: str, words: tuple[str, ...], given: dict[str, Any]) -> int:
    """Make the task; its id."""
    what = " ".join(words) if given["use_shell"] else list(words)
    keys = ("channel", "repo_id", "skip_setarch", "weight")
    wanted = {key: given[key] for key in keys}
    wanted |= {key: list(given[key]) for key in ("packages", "mounts")}
    if given["new_chroot"] is not None:
        wanted["new_chroot"] = given["new_chroot"]
    try:
        return int(cli.session.runroot(tag, arch, what, **wanted))
    except GenericError as err:
        if "Invalid method" in str(err):
            say("* The hub does not have the runroot plugin. Please ask its administrator for it.")
        raise


def wait_for_end(cli: Cli, task_id: int) -> None:
    """Return when a task has ended."""
    from moromi.client import Push

    with Push(cli.session, f"/task/{task_id}", poll_interval=cli.settings.poll_interval) as push:
        while not cli.session.taskFinished(task_id):
            push.wait()


def copy_log(cli: Cli, task_id: int) -> None:
    """The log, byte for byte."""
    sys.stdout.flush()
    offset = 0
    while data := cli.session.downloadTaskOutput(task_id, LOG, offset=offset, size=PIECE):
        sys.stdout.buffer.write(data)
        offset += len(data)
    sys.stdout.buffer.flush()


@command("save-failed-tree", "[options] ID")
@click.option("-f", "--full", is_flag=True, help="the whole tree, not only the build directory")
@click.option("-t", "--task", "mode", flag_value="task", default="task", help="the id is a task's (default)")
@click.option("-r", "--buildroot", "mode", flag_value="buildroot", help="the id is a buildroot's")
@options.quiet
@click.option("--nowait", is_flag=True, help="do not watch the task")
@click.argument("number", metavar="ID", type=int)
def save_failed_tree(cli: Cli, number: int, full: bool, mode: str, quiet: bool, nowait: bool) -> int:
    """Keep the buildroot of a failed task as a tarball."""
    quiet = cli.is_quiet(quiet)
    root_id = number if mode == "buildroot" else last_root(cli, number, quiet)
    task_id = cli.session.saveFailedTree(root_id, full)
    if not quiet:
        say(f"Created task {task_id} for buildroot {root_id}")
        say(f"Task info: {cli.settings.weburl}/taskinfo?taskID={task_id}")
    return 0 if nowait else watch_tasks(cli, [task_id], quiet)


def last_root(cli: Cli, task_id: int, quiet: bool) -> int:
    """The buildroot of a task, the last if it had several."""
    found = sorted(root["id"] for root in cli.session.listBuildroots(taskID=task_id))
    if not found:
        if not quiet:
            say(f"No buildroots for task {task_id}")
        raise Failure()
    if len(found) > 1 and not quiet:
        say(f"Multiple buildroots for task. Choosing last one ({found[-1]})")
    return int(found[-1])
