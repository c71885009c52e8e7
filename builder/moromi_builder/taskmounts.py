"""File systems that are mounted for one task.

The process of the task gets a mount namespace of its own, which the programs that it starts share. So
nobody else sees these mounts, and they end with the task's last process, however that ends.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.errors import BuildrootError
from moromi_builder.mounts import unmount_below
from moromi_builder.tasks.base import Handler
from moromi_chroot import syscalls


@dataclass(frozen=True)
class Mount:
    """What `mount -t fstype -o options source` takes; `name` is for messages."""

    name: str
    source: str
    fstype: str
    options: str


@contextmanager
def mounted(
    handler: Handler[Any], mounts: Sequence[Mount], log: str = "do_mounts.log"
) -> Iterator[list[Path]]:
    """Mount file systems somewhere; gives the places, in order. They are unmounted at the end.

    What mount says goes to the task's log `log`. BuildrootError if one cannot be mounted.
    """
    if not mounts:
        yield []
        return
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    # Not in the task's scratch directory: that is removed with everything in it.
    parent = Path(handler.settings.workdir) / "mounts"
    parent.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{handler.task_id}-", dir=parent))
    places = [directory / str(number) for number in range(len(mounts))]
    try:
        for mount, place in zip(mounts, places, strict=True):
            place.mkdir()
            words = ["mount", "-t", mount.fstype, "-o", mount.options, mount.source, str(place)]
            status = handler.command(words, log)
            if not status:
                raise BuildrootError(f"Unable to mount {mount.name}: {status.describe('mount')}; see {log}")
        yield places
    finally:
        unmount_below(str(directory))
        for place in places:
            if place.exists():
                place.rmdir()
        directory.rmdir()
