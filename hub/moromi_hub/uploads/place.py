"""Where an uploaded file goes, and who may write there.

A caller names a directory and a file below the work area. Both are validated as
text first, and every component is then opened below a directory descriptor
without following links, so no name and no link leads out of the area.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from moromi.errors import GenericError
from moromi.paths import is_storable
from moromi_hub.auth import permissions
from moromi_hub.call import Call
from moromi_hub.volumes import service as volumes

_OWNER_FILE = ".user"
_CALLERS_FAULT = (errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""A path through a file or a link, or too long a name; anything else, a full disk say, is ours."""


@dataclass(frozen=True)
class Place:
    """A validated destination: `parts` of directories below `root`, then `name`."""

    root: Path
    parts: tuple[str, ...]
    name: str
    directory: str
    """The directory as the caller wrote it, for messages."""

    @property
    def path(self) -> Path:
        """The full path, for messages and for reading by the hub itself."""
        return self.root.joinpath(*self.parts, self.name)


def place_of(call: Call, directory: str | None, name: str, volume: str | None) -> Place:
    """Validate what a caller names (section 3.1). Raises GenericError for every way out."""
    if not isinstance(name, str) or posixpath.basename(name) != name or not name or name.startswith("."):
        raise GenericError(f"Invalid upload filename: {name}")
    if not is_storable(name):
        raise GenericError(f"Invalid upload filename: {name}")
    volume_name = None
    if volume is not None:
        row = volumes.find_volume(call, volume, strict=True)
        volume_name = row["name"] if row else None
    root = Path(call.paths.work(volume=volume_name))
    return Place(root, _parts(directory), name, directory or "")


def _parts(directory: str | None) -> tuple[str, ...]:
    if not isinstance(directory, str) or directory.startswith("/"):
        raise GenericError(f"Invalid upload directory: {directory}")
    normal = posixpath.normpath(directory)
    parts = tuple(normal.split("/"))
    if normal == "." or parts[0] == ".." or not is_storable(normal):
        raise GenericError(f"Invalid upload directory: {directory}")
    return parts


def check_task(call: Call, place: Place) -> None:
    """A directory of a task belongs to the builder that runs the task."""
    if place.parts[0] != "tasks":
        return
    if len(place.parts) < 3 or not place.parts[2].isascii() or not place.parts[2].isdigit():
        raise GenericError(f"Invalid task upload directory: {place.directory}")
    permissions.assert_host_owns_task(call, int(place.parts[2]))


@contextmanager
def writable_directory(call: Call, place: Place) -> Iterator[int]:
    """A descriptor of the directory, made where missing and owned by the caller."""
    check_task(call, place)
    descriptor = _open_directory(place, create=True)
    try:
        if place.parts[0] != "tasks":
            _claim(descriptor, call.user_id, place)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def readable_directory(place: Place) -> Iterator[int | None]:
    """A descriptor of the directory, or None where there is none."""
    try:
        descriptor = _open_directory(place, create=False)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open_directory(place: Place, *, create: bool) -> int:
    if create:
        place.root.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    current = os.open(place.root, flags)
    for part in place.parts:
        try:
            if create:
                _make_directory(current, part)
            below = os.open(part, flags | os.O_NOFOLLOW, dir_fd=current)
        except OSError as error:
            if error.errno in _CALLERS_FAULT:
                raise GenericError(f"Invalid upload directory: {place.directory}") from error
            raise
        finally:
            os.close(current)
        current = below
    return current


def _make_directory(parent: int, name: str) -> None:
    try:
        os.mkdir(name, dir_fd=parent)
    except FileExistsError:
        return


def _claim(directory: int, user_id: int, place: Place) -> None:
    """The first writer owns a directory: its id is in the file `.user`.

    The id is written to a name of its own first and linked into place, so that a
    second writer never sees an empty owner.
    """
    owner = _owner(directory)
    if owner is None:
        private = f"{_OWNER_FILE}.{os.getpid()}.{os.urandom(4).hex()}"
        with os.fdopen(_create(private, directory), "w") as file:
            file.write(str(user_id))
        try:
            os.link(private, _OWNER_FILE, src_dir_fd=directory, dst_dir_fd=directory)
        except FileExistsError:
            owner = _owner(directory)
        else:
            owner = user_id
        finally:
            os.unlink(private, dir_fd=directory)
    if owner != user_id:
        raise GenericError(f"Invalid upload directory, not owner: {place.directory}")


def _create(name: str, directory: int) -> int:
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=directory)


def _owner(directory: int) -> int | None:
    try:
        descriptor = os.open(_OWNER_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor) as file:
        text = file.read(32)
    return int(text) if text.isdigit() else -1


def open_for_writing(directory: int, place: Place) -> int:
    """A descriptor to read and write the file, made where missing; never a link, never a device."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(place.name, flags, 0o666, dir_fd=directory)
    except IsADirectoryError:
        raise GenericError(f"destination not a file: {place.path}") from None
    except OSError as error:
        if is_link(directory, place.name):
            raise GenericError(f"destination is a symlink: {place.path}") from None
        raise GenericError(f"destination not a file: {place.path} ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise GenericError(f"destination not a file: {place.path}")
    return descriptor


def is_link(directory: int, name: str) -> bool:
    """Whether `name` is a symbolic link."""
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def exists(directory: int, name: str) -> bool:
    """Whether there is anything of that name."""
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
