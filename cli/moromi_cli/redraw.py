"""Live displays on a terminal whose size changes.

Rich goes up as many rows as it has written lines, and erases them. A terminal that was made narrower has
wrapped those lines into more rows since, and has moved some off the screen at its top; one that is made wider
or higher shows these again. All of ours that is on the screen is erased here. How many of the rows that left
were ours a terminal does not tell: rather a line of what stood above the display goes too than an old one
stays.
"""

import os

from rich.console import (
    Console,
    ConsoleOptions,
    ConsoleRenderable,
    RenderableType,
    RenderHook,
    RenderResult,
)
from rich.control import Control
from rich.segment import ControlType, Segment

UP = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2))


class Redraw(RenderHook):
    """Knows what was drawn last. To be given to the console before the display starts, which then draws what
    `measured` returns.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.forget()

    def forget(self) -> None:
        """What is on the screen stays there."""
        self.size = self.largest = self.console.size
        self.widths: list[int] = []
        """Columns of each line that was drawn."""
        self.above = 0
        """Rows of ours that may have left the screen at its top, at most."""

    def measured(self, renderable: RenderableType) -> RenderableType:
        """The same, measured when it is drawn."""
        return _Measured(self, renderable)

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Behind rich's own steps up, before anything is written."""
        before, self.size = self.size, self.console.size
        if self.size == before:
            return renderables
        width, height = self.size
        rows = drawn = len(self.widths)
        if _wraps_again():
            rows = sum(max(-(-columns // width), 1) for columns in self.widths)
        up = rows - drawn
        if width > before.width or height > before.height:
            up += self.above
        if width >= self.largest.width and height >= self.largest.height:
            self.largest, self.above = self.size, 0  # nothing is left to come back
        self.above += rows - min(drawn, height)
        return [Control(*UP * up), *renderables]


class _Measured:
    """Tells the columns of its lines."""

    def __init__(self, redraw: Redraw, renderable: RenderableType) -> None:
        self.redraw = redraw
        self.renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self.renderable, options, pad=False)
        self.redraw.widths = [Segment.get_line_length(line) for line in lines]
        for line in lines:
            yield from line
            yield Segment.line()


def _wraps_again() -> bool:
    """Whether the terminal wraps what it shows when it becomes narrower, which some are known not to do."""
    return "XTERM_VERSION" not in os.environ and os.environ.get("TERM") not in ("linux", "vt100", "vt220")
