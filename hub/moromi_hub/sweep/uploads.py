"""Uploads that nobody came for.

An upload is whatever is directly below a directory of the work area
(`work/cli-build/<unique>`); it goes as a whole, once nothing in it has changed for
so long. The output of tasks (`work/tasks`) is no upload: it stays.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from moromi_hub import files

TASKS = "tasks"


def sweep(top: Path, days: float, *, test: bool = False) -> int:
    """Remove old uploads on all volumes (with `test`: only count them); how many."""
    limit = time.time() - days * 86400
    count = 0
    for work in (top / "work", *sorted((top / "vol").glob("*/work"))):
        for upload in _uploads(work):
            if _newest(upload) >= limit:
                continue
            count += 1
            if not test:
                files.remove_tree(upload)
    return count


def _uploads(work: Path) -> Iterator[Path]:
    for area in sorted(work.glob("*")):
        if area.name != TASKS and area.is_dir() and not area.is_symlink():
            yield from sorted(area.iterdir())


def _newest(path: Path) -> float:
    """When something in a directory (or a file itself) last changed; links are not followed."""
    newest = path.lstat().st_mtime
    for parent, directories, names in os.walk(path):
        for name in (*directories, *names):
            newest = max(newest, os.lstat(os.path.join(parent, name)).st_mtime)
    return newest
