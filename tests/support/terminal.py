"""A command on a terminal: what a person would see of it, and keys that they press."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.commands import Command

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\].*?\x07|[=>])")


class Terminal:
    """A process whose input and outputs are one terminal, 120 columns wide."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self.process = process
        self.descriptor = descriptor
        self.text = ""

    def _read(self, seconds: float) -> bool:
        """Take what comes; False at the end of output."""
        ready, _, _ = select.select([self.descriptor], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:  # the other side is closed
            return False
        self.text += _ESCAPES.sub("", data.decode("utf-8", "replace")).replace("\r\n", "\n")
        return bool(data)

    def wait_for(self, pattern: str, seconds: float = 90) -> re.Match[str]:
        """Wait until the output since the last match holds `pattern`; it begins anew behind it."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end() :]
                return found
            assert time.monotonic() < end, f"no {pattern!r} in:\n{self.text}"
            more = self._read(0.2)
            assert more or re.search(pattern, self.text), f"ended without {pattern!r}:\n{self.text}"

    def press(self, keys: str) -> None:
        """Type; `\\x03` is Ctrl-C."""
        os.write(self.descriptor, keys.encode())

    def finish(self, seconds: float = 90) -> int:
        """Wait for the end; the exit code."""
        end = time.monotonic() + seconds
        while self._read(0.2):
            assert time.monotonic() < end, f"does not end:\n{self.text}"
        return self.process.wait(timeout=seconds)


@contextmanager
def on_terminal(command: Command, *words: Any, cwd: Path | None = None) -> Iterator[Terminal]:
    """Run a command on a terminal of its own."""
    environment = {**os.environ, **command.environment, "HOME": str(command.home), "TERM": "xterm"}
    environment |= {"COLUMNS": "120", "LINES": "40", "LC_ALL": "C.UTF-8"}
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command.argv, *map(str, words)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=cwd or command.home,
        env=environment,
    )
    os.close(follower)
    try:
        yield Terminal(process, leader)
    finally:
        process.kill()
        process.wait()
        os.close(leader)


class Screen:
    """A terminal that wraps what it shows when it becomes narrower, as most do; it can be looked at."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def tmux(self, *words: Any) -> str:
        """What one of tmux's commands prints."""
        command = ["tmux", "-f", "/dev/null", "-S", str(self.socket), *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def text(self) -> str:
        """What is on it, without what has left it at its top."""
        return self.tmux("capture-pane", "-p").rstrip()

    def resize(self, width: int, height: int) -> None:
        """As if somebody pulled at its corner."""
        self.tmux("resize-window", "-x", width, "-y", height)


@contextmanager
def on_screen(place: Path, *words: Any) -> Iterator[Screen]:
    """Run a program in a tmux of its own, 120 columns wide and 40 rows high."""
    screen = Screen(place / "tmux")
    hints = ("COLUMNS", "LINES", "TMUX", "XTERM_VERSION")
    program = ["env", *(f"--unset={name}" for name in hints), "LC_ALL=C.UTF-8", *map(str, words)]
    screen.tmux("new-session", "-d", "-x", 120, "-y", 40, shlex.join(program))
    try:
        yield screen
    finally:
        screen.tmux("kill-server")
