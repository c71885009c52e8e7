"""Raw uploads: a chunk as the body of a request (spec: hub-protocol.md section 3.2)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Mapping
from typing import Any

from moromi.checksums import Digest, new_digest
from moromi.constants import UPLOAD_DIGESTS
from moromi.errors import ActionNotAllowed, GenericError, LockError, ParameterError
from moromi_hub.call import Call
from moromi_hub.uploads import place as places


class ReadError(Exception):
    """The body of a request could not be read to its end."""

    def __init__(self, text: str, *, timed_out: bool = False) -> None:
        super().__init__(text)
        self.timed_out = timed_out


def receive(call: Call, query: Mapping[str, str], blocks: Iterable[bytes]) -> dict[str, Any]:
    """Store one chunk: `{size, fileverify, offset, hexdigest}`.

    A chunk that is cut short leaves its bytes behind, as a retry writes them again
    at the same offset.
    """
    if call.session is None:
        raise ActionNotAllowed("you must be logged-in to upload a file")
    if "filename" not in query:
        raise ParameterError("upload arguments lack 'filename'")
    verify = query.get("fileverify", "")
    offset = _offset(query.get("offset", "0"))
    overwrite = bool(query.get("overwrite"))
    digest = upload_digest(verify) if verify else None
    place = places.place_of(call, query.get("filepath", ""), query["filename"], query.get("volume"))
    with places.writable_directory(call, place) as directory:
        if offset == 0 and not overwrite and places.exists(directory, place.name):
            _refuse_existing(directory, place)
        descriptor = places.open_for_writing(directory, place)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            lock(descriptor)
            start = file.seek(0, os.SEEK_END) if offset == -1 else file.seek(offset)
            if overwrite:
                file.truncate(start)
            size = 0
            for block in blocks:
                write_all(descriptor, block)
                size += len(block)
                if digest is not None:
                    digest.update(block)
            actual = os.fstat(descriptor).st_size
    if not overwrite and actual != start + size:
        raise GenericError(
            f"Incorrect upload length for {place.path} - Expected {start + size}, actual {actual}"
        )
    result: dict[str, Any] = {"size": size, "fileverify": verify, "offset": start}
    if digest is not None:
        result["hexdigest"] = digest.hexdigest()
    return result


def upload_digest(kind: str) -> Digest:
    """A new digest of a kind that uploads may have. Raises GenericError `Unsupported verify type: …`."""
    if kind not in UPLOAD_DIGESTS:
        raise GenericError(f"Unsupported verify type: {kind}")
    return new_digest(kind)


def _refuse_existing(directory: int, place: places.Place) -> None:
    if places.is_link(directory, place.name):
        raise GenericError(f"destination is a symlink: {place.path}")
    if not place.path.is_file():
        raise GenericError(f"destination not a file: {place.path}")
    raise GenericError(f"upload path exists: {place.path}")


def _offset(text: str) -> int:
    try:
        offset = int(text)
    except ValueError:
        raise ParameterError(f"Invalid upload offset: {text!r}") from None
    if offset < -1:
        raise ParameterError(f"Invalid upload offset: {text!r}")
    return offset


def lock(descriptor: int, *, shared: bool = False) -> None:
    """Lock a whole file without waiting. Raises LockError with the system's text."""
    try:
        fcntl.lockf(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        raise LockError(str(error)) from error


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte at the file's position."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
