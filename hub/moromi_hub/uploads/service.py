"""`uploadFile`, `checkUpload` and the paths of what was uploaded (hub-protocol.md sections 3.1 to 3.4)."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from moromi.checksums import file_digests
from moromi.errors import GenericError, ParameterError
from moromi_hub.call import Call
from moromi_hub.uploads import place as places
from moromi_hub.uploads.raw import lock, upload_digest, write_all


def work_path(call: Call, relative: str, volume: str | None = None) -> Path:
    """The path of an uploaded file that a caller names relative to the work area.

    Raises GenericError for a name that leads out of it. Whether the file exists is not looked at.
    """
    directory, _, name = relative.rpartition("/")
    return places.place_of(call, directory, name, volume).path


def upload_file(
    call: Call,
    place: places.Place,
    size: int,
    digest: tuple[str, str] | None,
    offset: int,
    data: bytes,
) -> bool:
    """Store a chunk of the older interface (section 3.3).

    False means that length or digest do not fit and nothing was stored (for the
    closing check, offset -1: that the whole file is not what it should be).
    """
    if offset >= 0 and not _fits(data, size, digest):
        return False
    with places.writable_directory(call, place) as directory:
        _check_existing(directory, place, offset)
        descriptor = places.open_for_writing(directory, place)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            lock(descriptor)
            if offset == 0 or (offset == -1 and size == len(data)):
                file.truncate(0)
            file.seek(offset if offset >= 0 else 0, os.SEEK_SET if offset >= 0 else os.SEEK_END)
            write_all(descriptor, data)
            if offset >= 0:
                return True
            file.truncate(size)
            file.seek(0)
            return digest is None or _file_digest(file, digest[0])[1] == digest[1]


def _file_digest(file: BinaryIO, kind: str) -> tuple[int, str]:
    """Length and digest of a file from its present position to its end."""
    upload_digest(kind)
    size, found = file_digests(file, kind)
    return size, found[kind]


def _fits(data: bytes, size: int, digest: tuple[str, str] | None) -> bool:
    if digest is None:
        return size == len(data)
    found = upload_digest(digest[0])
    found.update(data)
    return size == len(data) and found.hexdigest() == digest[1]


def _check_existing(directory: int, place: places.Place, offset: int) -> None:
    try:
        mode = os.stat(place.name, dir_fd=directory, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise GenericError(f"destination not a file: {place.path}")
    if offset == 0 and not place.name.endswith(".log"):
        raise GenericError(f"file already exists: {place.path}")


def check_upload(place: places.Place, verify: str | None, tail: int | None) -> dict[str, Any] | None:
    """`{size, mtime}` and with `verify` `{sumlength, hexdigest}` of the last `tail` bytes; None if absent."""
    with places.readable_directory(place) as directory:
        if directory is None:
            return None
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(place.name, flags, dir_fd=directory)
        except FileNotFoundError:
            return None
        except OSError:
            raise GenericError(f"Not a regular file: {place.path}") from None
    info = os.fstat(descriptor)
    if not stat.S_ISREG(info.st_mode):
        os.close(descriptor)
        raise GenericError(f"Not a regular file: {place.path}")
    with os.fdopen(descriptor, "rb") as file:
        lock(descriptor, shared=True)
        result: dict[str, Any] = {"size": info.st_size, "mtime": info.st_mtime}
        if verify:
            if tail is not None:
                if not isinstance(tail, int) or tail < 0:
                    raise GenericError(f"Invalid tail value: {tail!r}")
                file.seek(max(0, info.st_size - tail))
            length, hexdigest = _file_digest(file, verify)
            result |= {"sumlength": length, "hexdigest": hexdigest}
        return result


def decode_data(data: Any) -> bytes:
    """The bytes of a base64 text. Raises ParameterError."""
    if not isinstance(data, str | bytes):
        raise ParameterError(f"Invalid type for value '{data}': {type(data)}, expected type <class 'str'>")
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError) as error:
        raise ParameterError(f"upload data is not base64: {error}") from None


def wanted_digest(md5sum: Any, checksum: Any) -> tuple[str, str] | None:
    """Kind and value of the digest that a caller states, if any. Raises ParameterError for another form."""
    stated = checksum if checksum is not None else md5sum
    if stated is None:
        return None
    if isinstance(stated, str):
        return "md5", stated
    if not isinstance(stated, list | tuple) or len(stated) != 2:
        raise ParameterError(f"Invalid checksum: {stated}")
    kind, value = stated
    upload_digest(kind)
    return str(kind), str(value)
