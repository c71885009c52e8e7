"""Watching tasks to their end (command-line spec, "Watching").

Each round asks about all unfinished tasks in one request, and shows what changed. Between rounds the hub's
event stream wakes us where there is one; without it the usual interval passes.
"""

import sys
from typing import TYPE_CHECKING, Any

from moromi.constants import TaskState
from moromi.errors import Fault, GenericError
from moromi.paths import PathInfo
from moromi.tasks import task_label
from moromi_cli.output import say

if TYPE_CHECKING:
    from moromi.client import ClientSession
    from moromi_cli.session import Cli

FINAL = (TaskState.CLOSED, TaskState.CANCELED, TaskState.FAILED)
WITH_HOST = (TaskState.OPEN, TaskState.ASSIGNED)


class WatchedTask:
    """One task: the last that was heard of it, and how to print it."""

    def __init__(self, task_id: int, level: int = 0) -> None:
        self.id = task_id
        self.level = level
        self.info: dict[str, Any] | None = None
        self.shown = ""

    @property
    def done(self) -> bool:
        """True in a final state."""
        return self.info is not None and self.info["state"] in FINAL

    @property
    def succeeded(self) -> bool:
        """True when CLOSED."""
        return self.info is not None and self.info["state"] == TaskState.CLOSED

    def __str__(self) -> str:
        label = task_label(self.info) if self.info else ""
        return f"{self.id} {label}".rstrip()


class Watcher:
    """Watches some tasks and their descendants."""

    def __init__(self, session: "ClientSession", topurl: str | None, quiet: bool) -> None:
        self.session = session
        self.topurl = topurl
        self.quiet = quiet
        self.tasks: dict[int, WatchedTask] = {}
        self.hosts: dict[int, str] = {}

    def add(self, task_id: int, level: int = 0) -> None:
        """Watch one more."""
        self.tasks.setdefault(task_id, WatchedTask(task_id, level))

    @property
    def top(self) -> list[WatchedTask]:
        """The tasks that were asked for."""
        return [task for task in self.tasks.values() if task.level == 0]

    def round(self) -> bool:
        """Ask about every unfinished task, print what is new. True when all are done and no child is new."""
        asked = [task for task in self.tasks.values() if not task.done]
        with self.session.multicall() as calls:
            infos = [calls.getTaskInfo(task.id, request=True) for task in asked]
            children = [calls.getTaskChildren(task.id) for task in asked]
        self._learn_hosts([call.result for call in infos if call.result])
        found = False
        for task, info, below in zip(asked, infos, children, strict=True):
            if info.result is None:
                raise GenericError(f"No such task id: {task.id}")
            self._show_change(task, info.result)
            for child in sorted(below.result, key=lambda item: int(item["id"])):
                if child["id"] not in self.tasks:
                    self.add(child["id"], task.level + 1)
                    found = True
        if found:
            return self.round()
        return all(task.done for task in self.tasks.values())

    def _learn_hosts(self, infos: list[dict[str, Any]]) -> None:
        unknown = {info["host_id"] for info in infos if info.get("host_id")} - self.hosts.keys()
        if not unknown or self.quiet:
            return
        with self.session.multicall() as calls:
            answers = {host: calls.getHost(host) for host in sorted(unknown)}
        self.hosts.update({host: (call.result or {}).get("name", "") for host, call in answers.items()})

    def _show_change(self, task: WatchedTask, info: dict[str, Any]) -> None:
        before = task.info
        if before is not None and before["state"] == info["state"]:
            task.info = info
            return
        task.info = info
        if self.quiet:
            return
        old, task.shown = task.shown, self._state(task)
        indent = "  " * task.level
        change = f"{old} -> {task.shown}" if before is not None else task.shown
        say(f"{indent}{task}: {change}")
        if info["state"] == TaskState.FAILED:
            self._show_logs(task, "  " if before is not None else indent + "  ")
        if before is not None and task.done:
            self._tally()

    def _state(self, task: WatchedTask) -> str:
        info = task.info or {}
        state = info["state"]
        if state == TaskState.FAILED:
            return f"FAILED: {failure(self.session, task.id)}"
        name = TaskState(state).name.lower()
        host = self.hosts.get(info.get("host_id") or 0)
        return f"{name} ({host})" if state in WITH_HOST and host else name

    def _show_logs(self, task: WatchedTask, indent: str) -> None:
        if not self.topurl:
            return
        outputs = self.session.listTaskOutput(task.id, all_volumes=True)
        paths = PathInfo(self.topurl)
        urls = [
            f"{paths.task(task.id, volume)}/{name}"
            for name in sorted(outputs)
            if name.endswith("log")
            for volume in outputs[name]
        ]
        if urls:
            say(f"{indent}Relevant logs:")
            for url in urls:
                say(f"{indent}{url}")

    def _tally(self) -> None:
        counts = dict.fromkeys(("free", "open", "done", "failed"), 0)
        for task in self.tasks.values():
            state = task.info["state"] if task.info else TaskState.FREE
            if state in WITH_HOST:
                counts["open"] += 1
            elif state == TaskState.FAILED:
                counts["failed"] += 1
            else:
                counts["done" if task.done else "free"] += 1
        say("  " + "  ".join(f"{count} {name}" for name, count in counts.items()))

    def show_results(self) -> None:
        """The last lines: one for each task that was asked for."""
        if self.quiet:
            return
        words = {TaskState.CLOSED: "completed successfully", TaskState.FAILED: "failed"}
        words[TaskState.CANCELED] = "was canceled"
        say()
        for task in self.top:
            state = TaskState((task.info or {})["state"])
            say(f"{task} {words[state]}")

    def show_interrupted(self, prog: str) -> None:
        """What goes on without us, and how to see it again."""
        if self.quiet:
            return
        running = [task for task in self.tasks.values() if not task.done]
        ids = " ".join(str(task.id) for task in self.top if not task.done)
        say(f"Tasks still running. You can continue to watch with the '{prog} watch-task {ids}' command.")
        say("Running Tasks:")
        for task in running:
            say(f"{'  ' * task.level}{task}: {task.shown}")


def failure(session: "ClientSession", task_id: int) -> str:
    """Why a task failed: `<ErrorClass>: <text>`."""
    try:
        session.getTaskResult(task_id)
    except (GenericError, Fault) as err:
        return f"{type(err).__name__}: {err}"
    return "unknown"


def watch_tasks(cli: "Cli", task_ids: list[int], quiet: bool) -> int:
    """Watch to the end. 0 when all the given tasks CLOSED, else 1; Ctrl-C is raised again after a hint.

    The session is logged out first: watching needs no login, and may take days.
    """
    from moromi.client import Push

    if not task_ids:
        return 0
    session = cli.session
    if session.logged_in:
        cli.logout()
    watcher = Watcher(session, cli.settings.topurl, quiet)
    if not quiet:
        say("Watching tasks (this may be safely interrupted)...")
    for task_id in task_ids:
        watcher.add(task_id)
    with Push(session, poll_interval=cli.settings.poll_interval) as push:
        for task_id in task_ids:
            push.add(f"/task/{task_id}")
        try:
            while not watcher.round():
                sys.stdout.flush()  # whoever reads a pipe wants to know now
                push.wait()
        except KeyboardInterrupt:
            watcher.show_interrupted(cli.prog)
            raise
    watcher.show_results()
    return 0 if all(task.succeeded for task in watcher.top) else 1


def submitted(cli: "Cli", task_id: int, *, quiet: bool, wait: bool) -> int:
    """After a call made a task: say so, then watch it if `wait`."""
    if not quiet:
        say(f"Created task: {task_id}")
        say(f"Task info: {cli.settings.weburl}/taskinfo?taskID={task_id}")
    return watch_tasks(cli, [task_id], quiet) if wait else 0
