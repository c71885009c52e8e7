"""Watching tasks on a terminal: a tree that keeps itself up to date.

Each task has its state, the time it has taken, and, while it waits, the scheduler's reason; of one that
failed the end of its log is shown. What is left on the screen at the end is the same tree. Ctrl-C asks
whether to cancel the tasks, to leave them to themselves, or to watch on.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text
from rich.tree import Tree as Branch

from moromi.constants import HELD_TASKS, TaskState
from moromi.errors import GenericError
from moromi.tasks import task_label
from moromi_cli.hints import brief
from moromi_cli.interrupt import cancel_tasks, choose
from moromi_cli.logs import LogEnd, log_end
from moromi_cli.output import span
from moromi_cli.redraw import Redraw
from moromi_cli.watch import Display, Info, Lines, WatchedTask, Watcher, failure

if TYPE_CHECKING:
    from moromi_cli.session import Cli

REFRESH = 2.0
LAST = 3
"""Lines of the screen that are kept for the counts below the tree, which may need two, and the cursor."""
GUIDE = "├── "
"""What stands before a subtask, for each level."""
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
        self.redraw = Redraw(self.console)
        self.reasons: dict[int, tuple[str, str]] = {}
        """Why tasks wait, and their places in the queue."""
        self.errors: dict[int, str] = {}
        self.tails: dict[int, LogEnd] = {}
        self.explains = True
        self.live: Live | None = None
        self.whole = False
        """Whether all tasks are to be drawn, though the screen may be too small for them."""

    def _start(self) -> None:
        self.whole = False
        self.redraw.forget()
        self.console.push_render_hook(self.redraw)
        self.live = Live(
            console=self.console,
            get_renderable=lambda: self.redraw.measured(self.render()),
            refresh_per_second=REFRESH,
        )
        self.live.start()

    def _stop(self) -> None:
        if self.live:
            self.live.stop()
            self.live = None
            self.console.pop_render_hook()

    def begin(self, watcher: Watcher) -> None:
        super().begin(watcher)
        self._start()

    def end(self) -> None:
        self.whole = True
        self._stop()

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
            self.errors[task.id] = failure(self.watcher.session, task.id, brief)

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
            self.reasons[task.id] = (str(told["summary"]), place)

    def _read_logs(self) -> None:
        """The end of the log of each task that failed by itself, not through a subtask."""
        parents = {task.parent for task in self.watcher.tasks.values() if task.id in self.errors}
        for task_id in self.errors.keys() - self.tails.keys() - parents:
            self.tails[task_id] = log_end(
                self.watcher.session, task_id, self.watcher.topurl, self.errors[task_id]
            )

    # drawing

    def render(self) -> RenderableType:
        """All that is on the screen."""
        # The watch goes on in another thread meanwhile.
        tasks = list(self.watcher.tasks.values())
        lines = self._lines(tasks)
        tails = [self._tail(task_id, end) for task_id, end in list(self.tails.items()) if end.lines]
        drawn = tasks
        if not self.whole:
            room = self.console.height - LAST
            drawn = self._fitting(tasks, lines, room)
            room -= sum(self._height(lines[task.id], task.level) for task in drawn)
            tails = tails if sum(len(self.console.render_lines(tail)) for tail in tails) <= room else []
        branches: dict[int, Branch] = {}
        roots: list[RenderableType] = []
        for task in drawn:
            if task.parent is None:
                branches[task.id] = Branch(lines[task.id], guide_style="dim")
                roots.append(branches[task.id])
            else:
                branches[task.id] = branches[task.parent].add(lines[task.id])
        shown = {task.id for task in drawn}
        return Group(*roots, *tails, self._footer(tasks, [task for task in tasks if task.id not in shown]))

    def _fitting(self, tasks: list[WatchedTask], lines: dict[int, Text], room: int) -> list[WatchedTask]:
        """What there is room for. When that is not all, those that ended well are left out, then the last of
        those that wait, then the last of all; no task without the one that it belongs to.
        """
        heights = {task.id: self._height(lines[task.id], task.level) for task in tasks}
        below = Counter(task.parent for task in tasks)

        def leave_out(may_go: Callable[[WatchedTask], bool], limit: float) -> None:
            for task in reversed(tasks):
                if sum(heights.values()) <= limit:
                    return
                if task.level and task.id in heights and not below[task.id] and may_go(task):
                    del heights[task.id]
                    below[task.parent] -= 1

        if sum(heights.values()) > room:
            leave_out(lambda task: task.succeeded, 0)
            leave_out(lambda task: task.state in WAITING, room)
            leave_out(lambda task: True, room)
        return [task for task in tasks if task.id in heights]

    def _height(self, line: Text, level: int) -> int:
        return len(line.wrap(self.console, max(self.console.width - len(GUIDE) * level, 1)))

    def _lines(self, tasks: list[WatchedTask]) -> dict[int, Text]:
        """What to say of each task. The reason why several wait stands at the first of them."""
        errors = dict(self.errors)
        because = {task.parent for task in tasks if task.id in errors}
        lines: dict[int, Text] = {}
        told = ""
        for task in tasks:
            line = lines[task.id] = self._line(task)
            reason, place = self.reasons.get(task.id, ("", "")) if task.state in WAITING else ("", "")
            if reason and reason != told:
                told = reason
                line.append(f"\n  {reason}{place}", "yellow")
            elif reason:
                line.append(place, "dim")
            elif task.id in errors and task.id not in because:
                line.append(f"\n  {errors[task.id]}", "red")
        return lines

    def _line(self, task: WatchedTask) -> Text:
        sign, style = STYLES[task.state]
        line = Text.assemble((sign, style), f" {task.id} ")
        line.append(task_label(task.info) if task.info else "…", "bold" if task.level == 0 else "")
        line.append(f"  {task.state.name.lower()}", style)
        host = self.watcher.host(task)
        if host and task.state in HELD_TASKS:
            line.append(f" on {host}", "dim")
        line.append(f"  {self._elapsed(task)}", "dim")
        return line

    def _elapsed(self, task: WatchedTask) -> str:
        info = task.info or {}
        start = info.get("start_ts") or info.get("create_ts")
        if start is None:
            return ""
        end = info.get("completion_ts") if task.done else time.time()
        return span((end or start) - start)

    def _tail(self, task_id: int, end: LogEnd) -> RenderableType:
        """The end of a log, and where all of it is: in the frame, unless it would be cut there."""
        fits = cell_len(end.url) <= self.console.width - len("╭─  ─╮")
        panel = Panel(
            Text("\n".join(end.lines)),
            title=escape(f"the end of {end.name} of task {task_id}"),
            subtitle=(escape(end.url) or None) if fits else None,
            title_align="left",
            subtitle_align="left",
            border_style="red",
        )
        return panel if fits else Group(panel, Text(end.url, "red", overflow="fold"))

    def _footer(self, tasks: list[WatchedTask], hidden: list[WatchedTask]) -> Text:
        words = _counts(tasks)
        words += [f"({', '.join(_counts(hidden))} not shown)"] if hidden else []
        hint = "" if all(task.done for task in tasks) else "   (Ctrl-C: cancel or detach)"
        return Text("  ".join(words) + hint, "dim")

    # Ctrl-C

    def interrupted(self, prog: str) -> bool:
        self._stop()
        answer = choose()
        if answer == "d":
            lines = Lines()
            lines.watcher = self.watcher
            return lines.interrupted(prog)
        if answer == "c":
            cancel_tasks(self.cli, [task.id for task in self.watcher.top if not task.done])
        self._start()
        return True


def _counts(tasks: list[WatchedTask]) -> list[str]:
    """`2 free`, `1 open` …"""
    states = Counter(task.state for task in tasks)
    return [f"{states[state]} {state.name.lower()}" for state in TaskState if states[state]]
