"""Watching tasks to their end (command-line spec, "Watching").

Each round asks about all unfinished tasks in one request; a `Display` shows what changed: `Lines` as Koji
does, `moromi_cli.live.Tree` on a terminal. Between rounds the hub's event stream wakes us where there is one;
without it the usual interval passes.
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from moromi.constants import FINISHED_TASKS, HELD_TASKS, TaskState
from moromi.errors import Fault, GenericError
from moromi.tasks import task_label
from moromi_cli.logs import list_logs, log_url
from moromi_cli.output import on_terminal, say

if TYPE_CHECKING:
    from moromi.client import ClientSession
    from moromi_cli.session import Cli

Info = dict[str, Any]


class WatchedTask:
    """One task: the last that was heard of it, and how to print it."""

    def __init__(self, task_id: int, level: int = 0, parent: int | None = None) -> None:
        self.id = task_id
        self.level = level
        self.parent = parent
        self.info: Info | None = None
        self.shown = ""

    @property
    def state(self) -> TaskState:
        """FREE until it was asked about."""
        return TaskState(self.info["state"]) if self.info else TaskState.FREE

    @property
    def done(self) -> bool:
        """True in a final state."""
        return self.state in FINISHED_TASKS

    @property
    def succeeded(self) -> bool:
        """True when CLOSED."""
        return self.state == TaskState.CLOSED

    def __str__(self) -> str:
        label = task_label(self.info) if self.info else ""
        return f"{self.id} {label}".rstrip()


class Display:
    """What is seen of a watch; this one shows nothing (`--quiet`)."""

    @property
    def pause(self) -> float | None:
        """The longest time until the next round, in seconds, where the watch's own is too long."""
        return None

    def begin(self, watcher: "Watcher") -> None:
        """The tasks that were asked for are known."""
        self.watcher = watcher

    def changed(self, task: WatchedTask, before: Info | None) -> None:
        """A task is seen for the first time (`before` is None), or in another state."""

    def asked(self) -> None:
        """A round is over."""

    def end(self) -> None:
        """All is done, or the watch was interrupted."""

    def results(self) -> None:
        """The last lines: one for each task that was asked for."""

    def interrupted(self, prog: str) -> bool:
        """Ctrl-C. True to watch on; False ends the watch, with a hint how to see the tasks again."""
        return False


class Lines(Display):
    """Koji's lines."""

    def begin(self, watcher: "Watcher") -> None:
        super().begin(watcher)
        say("Watching tasks (this may be safely interrupted)...")

    def changed(self, task: WatchedTask, before: Info | None) -> None:
        old, task.shown = task.shown, self.watcher.state_text(task)
        indent = "  " * task.level
        say(f"{indent}{task}: " + (f"{old} -> {task.shown}" if before else task.shown))
        if task.state == TaskState.FAILED:
            self._show_logs(task, "  " if before else indent + "  ")
        if before and task.done:
            self._tally()

    def asked(self) -> None:
        sys.stdout.flush()  # whoever reads a pipe wants to know now

    def _show_logs(self, task: WatchedTask, indent: str) -> None:
        urls = self.watcher.log_urls(task)
        for line in ["Relevant logs:", *urls] if urls else ():
            say(f"{indent}{line}")

    def _tally(self) -> None:
        counts = dict.fromkeys(("free", "open", "done", "failed"), 0)
        for task in self.watcher.tasks.values():
            if task.state in HELD_TASKS:
                counts["open"] += 1
            elif task.state == TaskState.FAILED:
                counts["failed"] += 1
            else:
                counts["done" if task.done else "free"] += 1
        say("  " + "  ".join(f"{count} {name}" for name, count in counts.items()))

    def results(self) -> None:
        words = {TaskState.CLOSED: "completed successfully", TaskState.FAILED: "failed"}
        words[TaskState.CANCELED] = "was canceled"
        say()
        for task in self.watcher.top:
            say(f"{task} {words[task.state]}")

    def interrupted(self, prog: str) -> bool:
        tasks = self.watcher.tasks.values()
        ids = " ".join(str(task.id) for task in self.watcher.top if not task.done)
        say(f"Tasks still running. You can continue to watch with the '{prog} watch-task {ids}' command.")
        say("Running Tasks:")
        for task in tasks:
            if not task.done:
                say(f"{'  ' * task.level}{task}: {task.shown}")
        return False


class Watcher:
    """Watches some tasks and their descendants."""

    def __init__(self, session: "ClientSession", topurl: str | None, display: Display) -> None:
        self.session = session
        self.topurl = topurl
        self.display = display
        self.tasks: dict[int, WatchedTask] = {}
        self.hosts: dict[int, str] = {}

    def add(self, task_id: int, parent: WatchedTask | None = None) -> None:
        """Watch one more."""
        level = parent.level + 1 if parent else 0
        self.tasks.setdefault(task_id, WatchedTask(task_id, level, parent.id if parent else None))

    @property
    def top(self) -> list[WatchedTask]:
        """The tasks that were asked for."""
        return [task for task in self.tasks.values() if task.level == 0]

    def round(self) -> bool:
        """Ask about every unfinished task, show what is new: children after their parent. True when all are
        done and no child is new.
        """
        known = list(self.tasks.values())
        changes: dict[int, Info | None] = {}
        while self._ask(changes):
            pass
        for task in known:
            self._tell(task, changes)
        self.display.asked()
        return all(task.done for task in self.tasks.values())

    def _tell(self, task: WatchedTask, changes: dict[int, Info | None]) -> None:
        """Show a task if it changed, and its children that are new."""
        if task.id in changes:
            self.display.changed(task, changes.pop(task.id))
        for child in [each for each in self.tasks.values() if each.parent == task.id]:
            if child.id in changes and changes[child.id] is None:
                self._tell(child, changes)

    def _ask(self, changes: dict[int, Info | None]) -> bool:
        """One request; True when it told of tasks that were not known. `changes`: what was known before of
        those whose state is another now.
        """
        asked = [task for task in self.tasks.values() if not task.done]
        with self.session.multicall() as calls:
            infos = [calls.getTaskInfo(task.id, request=True) for task in asked]
            children = [calls.getTaskChildren(task.id) for task in asked]
        self._learn_hosts([call.result for call in infos if call.result])
        known = len(self.tasks)
        for task, info, below in zip(asked, infos, children, strict=True):
            if info.result is None:
                raise GenericError(f"No such task id: {task.id}")
            before, task.info = task.info, info.result
            if before is None or before["state"] != task.state:
                changes.setdefault(task.id, before)
            for child in sorted(below.result, key=lambda item: int(item["id"])):
                self.add(child["id"], task)
        return len(self.tasks) > known

    def _learn_hosts(self, infos: list[Info]) -> None:
        unknown = {info["host_id"] for info in infos if info.get("host_id")} - self.hosts.keys()
        if not unknown:
            return
        with self.session.multicall() as calls:
            answers = {host: calls.getHost(host) for host in sorted(unknown)}
        self.hosts.update({host: (call.result or {}).get("name", "") for host, call in answers.items()})

    def host(self, task: WatchedTask) -> str:
        """The builder that has the task; '' for none."""
        return self.hosts.get((task.info or {}).get("host_id") or 0, "")

    def state_text(self, task: WatchedTask) -> str:
        """`open (builder1)`, `FAILED: BuildError: …`."""
        if task.state == TaskState.FAILED:
            return f"FAILED: {failure(self.session, task.id)}"
        name = task.state.name.lower()
        host = self.host(task)
        return f"{name} ({host})" if task.state in HELD_TASKS and host else name

    def log_urls(self, task: WatchedTask) -> list[str]:
        """Where the logs of a task are; nothing without a topurl."""
        if not self.topurl:
            return []
        logs = list_logs(self.session, task.id)
        return [log_url(self.topurl, task.id, name, volume) for name, volume in logs]


def failure(session: "ClientSession", task_id: int, told: Callable[[BaseException], str] = str) -> str:
    """Why a task failed: `<ErrorClass>: <text>`; `told` makes the text."""
    try:
        session.getTaskResult(task_id)
    except (GenericError, Fault) as err:
        return f"{type(err).__name__}: {told(err)}"
    return "unknown"


def display_for(cli: "Cli", quiet: bool) -> Display:
    """A tree where somebody looks, Koji's lines in a pipe, nothing when quiet."""
    if quiet:
        return Display()
    if not on_terminal():
        return Lines()
    from moromi_cli.live import Tree

    return Tree(cli)


def watch_tasks(cli: "Cli", task_ids: list[int], quiet: bool) -> int:
    """Watch to the end. 0 when all the given tasks CLOSED, else 1; Ctrl-C is raised again after a hint.

    The session is logged out first: watching needs no login, and may take days.
    """
    if not task_ids:
        return 0
    session = cli.session
    if session.logged_in:
        cli.logout()
    session.opts.patience = None  # tasks outlive a restart of the hub, and so does a watch
    display = display_for(cli, quiet)
    watcher = Watcher(session, cli.settings.topurl, display)
    for task_id in task_ids:
        watcher.add(task_id)
    display.begin(watcher)
    try:
        _follow(watcher, task_ids, cli.settings.poll_interval, cli.prog)
    finally:
        display.end()
    display.results()
    return 0 if all(task.succeeded for task in watcher.top) else 1


def _follow(watcher: Watcher, task_ids: list[int], interval: int, prog: str) -> None:
    """Rounds until all is done; KeyboardInterrupt when the person wants no more."""
    from moromi.client import Push

    with Push(watcher.session, poll_interval=interval) as push:
        for task_id in task_ids:
            push.add(f"/task/{task_id}")
        while True:
            try:
                if watcher.round():
                    return
                push.wait(watcher.display.pause)
            except KeyboardInterrupt:
                if not watcher.display.interrupted(prog):
                    raise


def submitted(cli: "Cli", task_id: int, *, quiet: bool, wait: bool) -> int:
    """After a call made a task: say so, then watch it if `wait`."""
    if not quiet:
        say(f"Created task: {task_id}")
        say(f"Task info: {cli.settings.weburl}/taskinfo?taskID={task_id}")
    return watch_tasks(cli, [task_id], quiet) if wait else 0
