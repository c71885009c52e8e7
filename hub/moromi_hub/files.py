"""Putting files where rows promise them, so that no crash leaves a promise broken.

The rule is *files before rows*: a file is complete, synced and under its final
name before the transaction that promises it commits, and is removed only after
the commit of the one that stops promising it. Whatever happens in between
leaves at worst a file that no row promises (an orphan), and an orphan is never
in the way of another attempt.

Uploaded files are moved, and a relative link is left at the old place:

1. the target appears as a second name of the file (across devices: as a synced copy),
2. the old name is replaced by a link to the target in one step.

There is no moment without the content under one of the two names, and an
attempt that was cut off after either step is simply repeated: `put` accepts a
source that is already a link to its target. A rollback takes both steps back.
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from moromi.errors import GenericError
from moromi_hub.db.transaction import Transaction

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EACCES})


def make_directories(path: Path) -> None:
    """Create `path` and what is missing above it; every new entry is synced.

    Raises GenericError `Not a directory: …` when something else is in the way.
    """
    missing = []
    current = path
    while not current.is_dir():
        missing.append(current)
        current = current.parent
    for directory in reversed(missing):
        try:
            directory.mkdir()
        except FileExistsError:
            if not directory.is_dir():
                raise GenericError(f"Not a directory: {directory}") from None
        sync_directory(directory.parent)


def sync_directory(path: Path) -> None:
    """Make the entries of a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: Path) -> None:
    """Make a new directory with all files below it durable."""
    for parent, _directories, names in os.walk(path, topdown=False):
        for name in names:
            if not os.path.islink(os.path.join(parent, name)):
                with open(os.path.join(parent, name), "rb") as file:
                    os.fsync(file.fileno())
        sync_directory(Path(parent))
    sync_directory(path.parent)


@contextmanager
def opened_directory(path: Path) -> Iterator[int]:
    """A descriptor of the directory itself; a link in its place is refused."""
    try:
        descriptor = os.open(path, _DIRECTORY)
    except (NotADirectoryError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise GenericError(f"Not a directory: {path}") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_source(path: Path, target: Path | None = None) -> Path:
    """Where the content of an uploaded file is: `path`, or `target` if an earlier attempt moved it there.

    Raises GenericError `No such file: …` or `… is not a regular file.`; no other link is followed.
    """
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise GenericError(f"No such file: {path}") from None
    if stat.S_ISLNK(mode) and target is not None and _links_to(path, target):
        path, mode = target, os.lstat(target).st_mode
    if not stat.S_ISREG(mode):
        raise GenericError(f"{path} is not a regular file.")
    return path


def _links_to(link: Path, target: Path) -> bool:
    """Whether `link` is the link that `put` leaves behind for `target`, and `target` is there."""
    try:
        there = os.lstat(target)
        found = os.stat(link)
    except OSError:
        return False
    same = (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino)
    return same and stat.S_ISREG(there.st_mode)


def put(tx: Transaction, source: Path, target: Path, *, orphans: bool = True) -> None:
    """Move `source` to `target`, leaving a relative link; taken back if `tx` rolls back.

    With `orphans` the caller has made sure, under its locks, that no row
    promises `target`: a file there is the remains of an attempt that failed, and
    is replaced. Without it anything at `target` raises GenericError `Destination …`.
    """
    content = open_source(source, target)
    if content == target:
        tx.on_rollback(lambda: _take_back(source, target))
        return
    make_directories(target.parent)
    with opened_directory(target.parent) as directory:
        _refuse_occupied(directory, target, orphans=orphans)
        place(source, directory, target.name)
    tx.on_rollback(lambda: _take_back(source, target))
    _leave_link(source, target)


def copy(tx: Transaction, source: Path, target: Path) -> None:
    """Put a synced copy of `source` at `target`; removed if `tx` rolls back."""
    make_directories(target.parent)
    with opened_directory(target.parent) as directory:
        _refuse_occupied(directory, target, orphans=True)
        place(open_source(source), directory, target.name, link=False)
    tx.on_rollback(lambda: target.unlink(missing_ok=True))


def write(tx: Transaction, target: Path, content: bytes) -> None:
    """Put a synced file with `content` at `target` in one step; removed if `tx` rolls back."""
    make_directories(target.parent)
    _fill(target, content)
    tx.on_rollback(lambda: target.unlink(missing_ok=True))


def rewrite(tx: Transaction, target: Path, content: bytes) -> None:
    """Replace what the file at `target` says in one step; it says the same as before if `tx` rolls back."""
    before = target.read_bytes()
    _fill(target, content)
    tx.on_rollback(lambda: _fill(target, before))


def _fill(target: Path, content: bytes) -> None:
    with opened_directory(target.parent) as directory:
        _refuse_occupied(directory, target, orphans=True)

        def fill(descriptor: int) -> None:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(content)

        _appear(directory, target.name, fill)


def place(source: Path, directory: int, name: str, *, link: bool = True) -> None:
    """Make the content of `source` appear as `name` below the directory descriptor, whole and synced."""
    with open(source, "rb", opener=_open_plain) as file:
        os.fsync(file.fileno())
        if link and _linked(source, directory, name):
            return

        def fill(descriptor: int) -> None:
            with open(descriptor, "wb", closefd=False) as out:
                shutil.copyfileobj(file, out, 1 << 20)
            info = os.fstat(file.fileno())
            os.utime(descriptor, ns=(info.st_atime_ns, info.st_mtime_ns))

        _appear(directory, name, fill)


def _open_plain(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)


def _linked(source: Path, directory: int, name: str) -> bool:
    """Give the file a second name in one step; False where the file system cannot."""
    private = _private(name)
    try:
        os.link(source, private, dst_dir_fd=directory, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    os.rename(private, name, src_dir_fd=directory, dst_dir_fd=directory)
    # Renaming one name of a file over another of its names does nothing and keeps both.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(private, dir_fd=directory)
    os.fsync(directory)
    return True


def _appear(directory: int, name: str, fill: Callable[[int], None]) -> None:
    private = _private(name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(private, flags, 0o644, dir_fd=directory)
    try:
        try:
            fill(descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(private, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(private, dir_fd=directory)
        raise
    os.fsync(directory)


def _private(name: str) -> str:
    """A name that nobody else uses, within the limit of file names."""
    return f".{name.encode()[:200].decode(errors='ignore')}.{uuid4().hex[:12]}"


def is_private(name: str) -> bool:
    """Whether a file has the name of something unfinished, which may be the remains of a crash."""
    return re.fullmatch(r"\..+\.[0-9a-f]{12}", name) is not None


def _refuse_occupied(directory: int, target: Path, *, orphans: bool) -> None:
    try:
        mode = os.stat(target.name, dir_fd=directory, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise GenericError(f"Destination is a symlink: {target}")
    if not orphans or not stat.S_ISREG(mode):
        raise GenericError(f"Destination exists: {target}")


def _leave_link(source: Path, target: Path) -> None:
    """Replace `source` by a relative link to `target` in one step."""
    private = source.with_name(_private(source.name))
    real_parent = os.path.realpath(source.parent)
    os.symlink(os.path.relpath(target, real_parent), private)
    os.rename(private, source)


def _take_back(source: Path, target: Path) -> None:
    """Undo `put`: the file under its old name, and nothing at the new one."""
    if not _links_to(source, target):
        return
    try:
        os.rename(target, source)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with opened_directory(source.parent) as directory:
            place(target, directory, source.name, link=False)
        target.unlink()


def remove_tree(path: Path) -> None:
    """Remove a directory with everything below it, or a link; nothing there is fine."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(mode):
        shutil.rmtree(path)
    else:
        path.unlink()
    sync_directory(path.parent)


def link(target: Path, place_at: Path) -> None:
    """A relative link to `target` at `place_at`, in one step; another link there is replaced.

    Raises GenericError `Destination exists: …` when there is something that is no link.
    """
    make_directories(place_at.parent)
    if place_at.exists() and not place_at.is_symlink():
        raise GenericError(f"Destination exists: {place_at}")
    private = place_at.with_name(_private(place_at.name))
    os.symlink(os.path.relpath(target, os.path.realpath(place_at.parent)), private)
    os.rename(private, place_at)
    sync_directory(place_at.parent)


def below(top: Path, path: Path) -> Path:
    """`path`, if it is below `top` as text. Raises GenericError otherwise."""
    normal = Path(os.path.normpath(path))
    if normal == top or top not in normal.parents:
        raise GenericError(f"Invalid path: {path}")
    return normal


def clone_tree(tx: Transaction, source: Path, target: Path) -> None:
    """Make `target` a synced copy of the directory `source`, by second names of its files where possible.

    What is at `target` belongs to no row (the caller knows) and is replaced; the
    copy goes away if `tx` rolls back. Links are copied as links. Raises GenericError
    `Build directory missing: …` or `Not a directory: …`.
    """
    if not source.exists():
        raise GenericError(f"Build directory missing: {source}")
    if not source.is_dir():
        raise GenericError(f"Not a directory: {source}")
    private = target.with_name(_private(target.name))
    make_directories(target.parent)
    try:
        _clone(source, private)
        remove_tree(target)
        os.rename(private, target)
    except BaseException:
        shutil.rmtree(private, ignore_errors=True)
        raise
    tx.on_rollback(lambda: remove_tree(target))
    sync_directory(target.parent)


def is_copy(source: Path, copy: Path) -> bool:
    """Whether `copy` holds something, and nothing that is not in the directory `source` too.

    So it is with what `clone_tree` leaves when it is cut off: nothing is lost when it goes.
    """
    empty = True
    for parent, directories, names in os.walk(copy):
        above = source / os.path.relpath(parent, copy)
        for name in (*directories, *names):
            ours, theirs = above / name, Path(parent, name)
            if theirs.is_symlink():
                if not ours.is_symlink() or os.readlink(ours) != os.readlink(theirs):
                    return False
            elif theirs.is_file() and not (
                ours.is_file() and (ours.samefile(theirs) or filecmp.cmp(ours, theirs, shallow=False))
            ):
                return False
            empty = empty and theirs.is_dir()
    return not empty


def _clone(source: Path, target: Path) -> None:
    target.mkdir()
    with opened_directory(target) as directory:
        for entry in os.scandir(source):
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), entry.name, dir_fd=directory)
            elif entry.is_dir():
                _clone(Path(entry.path), target / entry.name)
            else:
                place(Path(entry.path), directory, entry.name)
        os.fsync(directory)
