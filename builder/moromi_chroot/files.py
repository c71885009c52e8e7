"""Reading and writing files of a root from outside, when nothing runs in it.

Whoever ran in the root may have left symbolic links that point to files of the host, so every component of a
path is opened without following links. What is not a plain directory or a regular file is refused.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from moromi_chroot.errors import SandboxError

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def directory(root: Path, relative: str) -> Iterator[int]:
    """Open the directory `relative` below root. Raises SandboxError if a component is not a directory."""
    descriptor = os.open(root, _DIR)
    try:
        for part in Path(relative).parts:
            try:
                below = os.open(part, _DIR, dir_fd=descriptor)
            except OSError as exc:
                raise SandboxError(f"{root}/{relative}: {part}: {exc.strerror}") from exc
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def put(source: Path, root: Path, relative: str, uid: int, gid: int) -> None:
    """Copy a host file to the directory `relative` below root, under its own name, with the given owner."""
    with open(source, "rb") as reader, directory(root, relative) as where:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(source.name, dir_fd=where)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(source.name, flags, 0o644, dir_fd=where)
        with open(descriptor, "wb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
            os.fchown(descriptor, uid, gid)
            os.fchmod(descriptor, 0o755 if os.access(source, os.X_OK) else 0o644)


def take(root: Path, relative: str, suffix: str, target: Path) -> list[Path]:
    """Copy the regular files with this suffix in the directory `relative` below root to target.

    Returns the copies. A file is put in place complete, for a reader that watches the target.
    """
    taken = []
    target.mkdir(parents=True, exist_ok=True)
    with directory(root, relative) as where:
        for name in sorted(os.listdir(where)):
            if name.endswith(suffix) and _take_one(where, name, target):
                taken.append(target / name)
    return taken


def _take_one(where: int, name: str, target: Path) -> bool:
    if not stat.S_ISREG(os.stat(name, dir_fd=where, follow_symlinks=False).st_mode):
        return False
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=where)
    partial = target / f".{name}.part"
    with open(descriptor, "rb") as reader, open(partial, "wb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
    status = os.stat(name, dir_fd=where, follow_symlinks=False)
    os.utime(partial, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(partial, target / name)
    return True
