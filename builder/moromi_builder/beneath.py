"""Opening files of a tree that somebody else writes, without being led out of it.

What runs in a chroot, and what a repository holds, may be symbolic links to any file of this machine.
`open_beneath` follows none below its top and opens regular files only (a named pipe would block);
`check_inside` is for trees that nobody writes to any more.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from moromi.errors import BuildError


def open_beneath(top: str | os.PathLike[str], relative: str) -> BinaryIO:
    """Open the regular file `relative` below `top` for reading.

    Raises FileNotFoundError if it is none, or if a part of the way is a symbolic link.
    """
    parts = relative.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise FileNotFoundError(relative)
    handle = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = _open(part, os.O_DIRECTORY, handle)
            os.close(handle)
            handle = inner
        descriptor = _open(parts[-1], os.O_NONBLOCK, handle)
    finally:
        os.close(handle)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(relative)
    return os.fdopen(descriptor, "rb")


def _open(name: str, flags: int, directory: int) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=directory)
    except OSError as exc:
        raise FileNotFoundError(exc.errno, exc.strerror, name) from exc


def check_inside(path: Path, top: Path) -> Path:
    """Give a path back if, with all links followed, it is in `top`. Raises BuildError if it leads
    elsewhere.
    """
    if not path.resolve().is_relative_to(top.resolve()):
        raise BuildError(f"{path.name} leads out of {top.name}")
    return path
