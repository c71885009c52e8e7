"""Progress bars with rates on a terminal. In a pipe `moromi_cli.progress` prints Koji's."""

import os
from types import TracebackType

from rich.console import Console
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

NUMBERS = 38
"""Columns that amount, rate and time take, with a bit of a bar."""


class Bar:
    """One transfer: its name, a bar, the amount, the rate, the time that is left."""

    def __init__(self, path: str) -> None:
        console = Console(highlight=False)
        # where it is narrow, first the bar gives way, then the name; the numbers stay whole
        whole = Column(no_wrap=True)
        name = Column(no_wrap=True, overflow="ellipsis", max_width=max(console.width - NUMBERS, 8))
        self.progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=name),
            BarColumn(),
            DownloadColumn(binary_units=True, table_column=whole),
            TransferSpeedColumn(table_column=whole.copy()),
            TimeRemainingColumn(compact=True, table_column=whole.copy()),
            console=console,
        )
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
