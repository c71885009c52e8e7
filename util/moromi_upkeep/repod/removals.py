"""Directories on their way off the disk: a few at a time, in processes that are not waited for."""

from __future__ import annotations

import logging
import subprocess
from collections import deque
from pathlib import Path

logger = logging.getLogger(__name__)


class Removals:
    """The queue."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._waiting: deque[Path] = deque()
        self._running: dict[Path, subprocess.Popen[bytes]] = {}

    def __contains__(self, path: Path) -> bool:
        return path in self._waiting or path in self._running

    def __len__(self) -> int:
        return len(self._waiting) + len(self._running)

    def add(self, path: Path) -> None:
        """Have a directory removed soon; a link is removed, not what it points to."""
        if path not in self:
            self._waiting.append(path)

    def step(self) -> None:
        """Notice what has ended, and start what may be."""
        for path, process in list(self._running.items()):
            code = process.poll()
            if code is not None:
                del self._running[path]
                if code:
                    logger.error("removing %s failed: exit status %d", path, code)
        while self._waiting and len(self._running) < self._at_once:
            path = self._waiting.popleft()
            logger.info("removing %s", path)
            words = ["rm", "-rf", "--one-file-system", "--", str(path)]
            self._running[path] = subprocess.Popen(words, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        """End what is running; the rest is found again by the next daemon."""
        self._waiting.clear()
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait()
        self._running.clear()
