"""Watching tasks on a terminal: a tree that keeps itself up to date.

Each task has its state, the time it has taken, and, while it waits, the scheduler's reason; of one that
failed the end of its log is shown. What is left on the screen at the end is the same tree. Ctrl-C asks
whether to cancel the tasks, to leave them to themselves, or to watch on.
"""

import time
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text
from rich.tree import Tree as Branch

from moromi.constants import TaskState
from moromi.errors import GenericError
from moromi.tasks import task_label
from moromi_cli.interrupt import cancel_tasks, choose
from moromi_cli.logs import LogEnd, log_end
from moromi_cli.output import span
from moromi_cli.watch import Display, Info, Lines, WatchedTask, Watcher

if TYPE_CHECKING:
    from moromi_cli.session import Cli

REFRESH = 2.0
MARGIN = 6
"""Lines of the screen that are left for reasons, errors and the last line."""
REASONS_EVERY = 10.0
"""Seconds between two questions for the reason why a task waits: nothing tells when it changes."""
STYLES = {
    TaskState.FREE: ("○", "yellow"),
    TaskState.ASSIGNED: ("◔", "yellow"),
    TaskState.OPEN: ("●", "cyan"),
    TaskState.CLOSED: ("✔", "green"),
    TaskState.CANCELED: ("✖", "magenta"),
    TaskState.FAILED: ("✘", "bold red"),
}
WAITING = (TaskState.FREE, TaskState.ASSIGNED)


class Tree(Display):
    """The tree of all tasks, with what failed below it."""

    def __init__(self, cli: "Cli", console: Console | None = None) -> None:
        self.cli = cli
        self.console = console or Console(highlight=False)
        self.reasons: dict[int, str] = {}
        self.errors: dict[int, str] = {}
        self.tails: dict[int, LogEnd] = {}
        self.explains = True
        self.live: Live | None = None
        self.whole = False
        """Whether all tasks are to be drawn, though the screen may be too small for them."""

    def _start(self) -> None:
        self.whole = False
        self.live = Live(
            console=self.console,
            get_renderable=self.render,
            refresh_per_second=REFRESH,
        )
        self.live.start()

    def begin(self, watcher: Watcher) -> None:
        super().begin(watcher)
        self._start()

    def end(self) -> None:
        self.whole = True
        if self.live:
            self.live.stop()

    def results(self) -> None:
        """The tree has said it all."""

    # what is asked for beyond the states

    @property
    def pause(self) -> float | None:
        return REASONS_EVERY if self.explains and self._waiting() else None

    def _waiting(self) -> list[WatchedTask]:
        return [task for task in self.watcher.tasks.values() if task.state in WAITING]

    def changed(self, task: WatchedTask, before: Info | None) -> None:
        task.shown = task.state.name.lower()
        self.reasons.pop(task.id, None)
        if task.state == TaskState.FAILED:
            _, text = self.watcher.state_text(task).split(": ", 1)
            self.errors[task.id] = text

    def asked(self) -> None:
        self._ask_reasons()
        self._read_logs()

    def _ask_reasons(self) -> None:
        waiting = self._waiting()
        if not (waiting and self.explains):
            return
        with self.watcher.session.multicall() as calls:
            answers = [(task, calls.call("scheduler.explain", task.id)) for task in waiting]
        for task, call in answers:
            try:
                told = call.result
            except GenericError as err:
                if "Invalid method" not in str(err):
                    raise
                self.explains = False  # a Koji hub
                return
            place = f", number {told['position']} in the queue" if told.get("position") else ""
            self.reasons[task.id] = f"{told['summary']}{place}"

    def _read_logs(self) -> None:
        """The end of the log of each task that failed by itself, not through a subtask."""
        parents = {task.parent for task in self.watcher.tasks.values() if task.id in self.errors}
        for task_id in self.errors.keys() - self.tails.keys() - parents:
            self.tails[task_id] = log_end(self.watcher.session, task_id, self.watcher.topurl)

    # drawing

    def render(self) -> RenderableType:
        """All that is on the screen."""
        # The watch goes on in another thread meanwhile.
        tasks = list(self.watcher.tasks.values())
        errors = dict(self.errors)
        because = {task.parent for task in tasks if task.id in errors}
        drawn = tasks if self.whole else self._fitting(tasks)
        branches: dict[int, Branch] = {}
        roots: list[RenderableType] = []
        for task in drawn:
            text = self._line(task, "" if task.id in because else errors.get(task.id, ""))
            if task.parent is None:
                branches[task.id] = Branch(text, guide_style="dim")
                roots.append(branches[task.id])
            else:
                branches[task.id] = branches[task.parent].add(text)
        tails = [self._panel(task_id, end) for task_id, end in list(self.tails.items()) if end.lines]
        return Group(*roots, *tails, self._footer(tasks, len(tasks) - len(drawn)))

    def _fitting(self, tasks: list[WatchedTask]) -> list[WatchedTask]:
        """What there is room for: when that is not all, those that ended well are left out."""
        if len(tasks) < self.console.height - MARGIN:
            return tasks
        wanted = {task.id for task in tasks if task.level == 0 or not task.succeeded}
        for task in reversed(tasks):
            if task.id in wanted and task.parent is not None:
                wanted.add(task.parent)
        return [task for task in tasks if task.id in wanted]

    def _line(self, task: WatchedTask, error: str) -> Text:
        sign, style = STYLES[task.state]
        line = Text.assemble((sign, style), f" {task.id} ")
        line.append(task_label(task.info) if task.info else "…", "bold" if task.level == 0 else "")
        line.append(f"  {task.state.name.lower()}", style)
        host = self.watcher.host(task)
        if host and task.state in (TaskState.OPEN, TaskState.ASSIGNED):
            line.append(f" on {host}", "dim")
        line.append(f"  {self._elapsed(task)}", "dim")
        if task.state in WAITING and task.id in self.reasons:
            line.append(f"\n  {self.reasons[task.id]}", "yellow")
        elif error:
            line.append(f"\n  {error}", "red")
        return line

    def _elapsed(self, task: WatchedTask) -> str:
        info = task.info or {}
        start = info.get("start_ts") or info.get("create_ts")
        if start is None:
            return ""
        end = info.get("completion_ts") if task.done else time.time()
        return span((end or start) - start)

    def _panel(self, task_id: int, end: LogEnd) -> Panel:
        return Panel(
            Text("\n".join(end.lines)),
            title=escape(f"the end of {end.name} of task {task_id}"),
            subtitle=escape(end.url) or None,
            title_align="left",
            subtitle_align="left",
            border_style="red",
        )

    def _footer(self, tasks: list[WatchedTask], hidden: int) -> Text:
        counts = dict.fromkeys(TaskState, 0)
        for task in tasks:
            counts[task.state] += 1
        words = [f"{count} {state.name.lower()}" for state, count in counts.items() if count]
        words += [f"({hidden} closed not shown)"] if hidden else []
        hint = "" if all(task.done for task in tasks) else "   (Ctrl-C: cancel or detach)"
        return Text("  ".join(words) + hint, "dim")

    # Ctrl-C

    def interrupted(self, prog: str) -> bool:
        self.end()
        answer = choose()
        if answer == "d":
            lines = Lines()
            lines.watcher = self.watcher
            return lines.interrupted(prog)
        if answer == "c":
            cancel_tasks(self.cli, [task.id for task in self.watcher.top if not task.done])
        self._start()
        return True
