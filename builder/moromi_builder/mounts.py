"""Mount points below a directory, and trees that are removed without crossing into another file system.

Chroots mount proc, dev and caches below them; a daemon that removes a chroot with something still mounted in
it would delete the host's files. So: unmount deepest first, check, then remove with the device in view.
"""

from __future__ import annotations

import ctypes
import os
import re
import stat
from pathlib import Path

MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


def mounted_below(directory: str) -> list[str]:
    """List the mount points at or below a directory, deepest first."""
    prefix = os.path.realpath(directory)
    found = []
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        # Blanks and the like are written as octal escapes.
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), line.split(" ")[1])
        if point == prefix or point.startswith(prefix + "/"):
            found.append(point)
    return sorted(found, key=len, reverse=True)


def unmount_below(directory: str) -> None:
    """Detach everything mounted at or below a directory. Raises OSError if something stays mounted."""
    for point in mounted_below(directory):
        if _libc.umount2(os.fsencode(point), MNT_DETACH) and os.path.lexists(point):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), point)
    left = mounted_below(directory)
    if left:
        raise OSError(f"still mounted: {', '.join(left)}")


def remove_tree(directory: str, *, keep_top: bool = False) -> None:
    """Remove a tree, never crossing a file system boundary; a missing one is fine.

    `keep_top` leaves the directory itself, empty. Raises OSError when something could not be removed.
    """
    try:
        info = os.lstat(directory)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(info.st_mode):
        os.unlink(directory)
        return
    top = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _empty(top, info.st_dev)
    finally:
        os.close(top)
    if not keep_top:
        os.rmdir(directory)


def _empty(handle: int, device: int) -> None:
    """Remove what is in an open directory, by descriptor: a renamed parent cannot lead us elsewhere."""
    for name in os.listdir(handle):
        info = os.stat(name, dir_fd=handle, follow_symlinks=False)
        if not stat.S_ISDIR(info.st_mode):
            os.unlink(name, dir_fd=handle)
            continue
        if info.st_dev != device:
            raise OSError(f"{name} is on another file system")
        child = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
        try:
            _empty(child, device)
        finally:
            os.close(child)
        os.rmdir(name, dir_fd=handle)
