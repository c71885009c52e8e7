"""Progress bars with rates on a terminal. In a pipe `moromi_cli.progress` prints Koji's."""

import os
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

from moromi.client.download import Observer
from moromi_cli.output import say
from moromi_cli.redraw import Redraw

NUMBERS = 38
"""Columns that amount, rate and time take, with a bit of a bar."""


class _Line(Progress):
    """Where it is narrow, first the bar gives way, then the name; the numbers stay whole."""

    def __init__(self) -> None:
        console = Console(highlight=False)
        self.redraw = Redraw(console)
        self.name = Column(no_wrap=True, overflow="ellipsis")
        whole = Column(no_wrap=True)
        super().__init__(
            TextColumn("{task.description}", markup=False, table_column=self.name),
            BarColumn(),
            DownloadColumn(binary_units=True, table_column=whole),
            TransferSpeedColumn(table_column=whole.copy()),
            TimeRemainingColumn(compact=True, table_column=whole.copy()),
            console=console,
        )

    def get_renderable(self) -> RenderableType:
        self.name.max_width = max(self.redraw.console.width - NUMBERS, 8)
        return self.redraw.measured(super().get_renderable())

    def start(self) -> None:
        self.console.push_render_hook(self.redraw)
        super().start()

    def stop(self) -> None:
        super().stop()
        self.console.pop_render_hook()


class Bar:
    """One transfer: its name, a bar, the amount, the rate, the time that is left."""

    def __init__(self, path: str) -> None:
        self.progress = _Line()
        self.task = self.progress.add_task(os.path.basename(path), total=None)

    def __enter__(self) -> "Bar":
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def show(self, done: int, total: int) -> None:
        """So much is there, of so much."""
        self.progress.update(self.task, completed=done, total=total or None)

    def sent(self, done: int, total: int, piece: int, lap: float, elapsed: float) -> None:
        """What an upload tells; the rate is the bar's own."""
        self.show(done, total)


class BarObserver(Observer):
    """Shows a download on a terminal."""

    def __init__(self, bar: Bar) -> None:
        self.bar = bar

    def present(self, path: str) -> None:
        say(f"File {path} already downloaded, skipping")
        size = os.path.getsize(path)
        self.bar.show(size, size)

    def resuming(self, path: str) -> None:
        say(f"Appending to existing file {path}")

    def progress(self, done: int, total: int) -> None:
        self.bar.show(done, total)
