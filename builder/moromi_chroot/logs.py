"""The log files of a result directory, in the forms that mock gives them.

A builder uploads these files while they grow, so every write goes to the file at once. They are appended to
across commands.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

# What readers of root.log expect before each line: level, and the place in mock that logs command output.
ROOT_PREFIX = b"DEBUG util.py:462:  "


class Logs:
    """state.log, build.log, root.log and hw_info.log of one result directory, made at their first line."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._files: dict[str, int] = {}
        self._partial = b""

    def _append(self, name: str, data: bytes) -> None:
        if name not in self._files:
            self.directory.mkdir(parents=True, exist_ok=True)
            path = self.directory / f"{name}.log"
            self._files[name] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        while data:
            data = data[os.write(self._files[name], data) :]

    def output(self, name: str, data: bytes) -> None:
        """Append a piece of a command's output: raw to build.log, line by line with a prefix to root.log."""
        if name != "root":
            self._append(name, data)
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        self._append(name, b"".join(ROOT_PREFIX + line + b"\n" for line in lines))

    def end_output(self) -> None:
        """Complete a last line that had no newline."""
        if self._partial:
            self.output("root", b"\n")

    def line(self, name: str, text: str) -> None:
        """Append one line of the engine's own."""
        self.output(name, text.encode("utf-8", "replace") + b"\n")

    def note(self, text: str) -> None:
        """Append a time-stamped line to state.log and show it on standard error."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        self._append("state", f"{stamp},{int(now % 1 * 1000):03d} - {text}\n".encode())
        print(text, file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def phase(self, what: str) -> Iterator[None]:
        """Note the start and, whatever happens, the finish of a phase."""
        self.note(f"Start: {what}")
        try:
            yield
        finally:
            self.note(f"Finish: {what}")

    def close(self) -> None:
        """Close the files."""
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()
