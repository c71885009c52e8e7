"""Sending files to the hub's work directory in raw chunks (client-session spec, section 6; hub-protocol spec,
section 3).

Every chunk carries an adler32 that the hub computes again; the end compares the size, and the whole file's
sum when a chunk had to be repeated. The base64 way (`uploadFile`) is used only for hubs that fault
`checkUpload`.
"""

import base64
import hashlib
import os
import time
import zlib
from collections.abc import Callable
from typing import IO, Any, Protocol

from moromi.client.options import SessionOptions
from moromi.errors import ActionNotAllowed, GenericError

Progress = Callable[[int, int, int, float, float], None]
DEFAULT_VOLUME = "DEFAULT"
OLD_WAY_TRIES = 5


class Uploader(Protocol):
    """The part of a session that an upload needs."""

    opts: SessionOptions
    logged_in: bool
    retries: int

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """One call."""

    def send_chunk(self, data: bytes, query: list[tuple[str, str]]) -> Any:
        """One raw chunk; the hub's answer."""


def _volume(volume: str | None) -> dict[str, str]:
    return {} if volume in (None, DEFAULT_VOLUME) else {"volume": str(volume)}


class _Meter:
    """Times the pieces of one upload for a progress display."""

    def __init__(self, callback: Progress | None, total: int) -> None:
        self.callback = callback
        self.total = total
        self.done = 0
        self.start = self.lap = time.monotonic()
        if callback:
            callback(0, total, 0, 0.0, 0.0)

    def add(self, piece: int) -> None:
        now = time.monotonic()
        self.done += piece
        if self.callback:
            self.callback(self.done, self.total, piece, now - self.lap, now - self.start)
        self.lap = now


def raw_upload(
    session: Uploader,
    localfile: str,
    path: str,
    name: str,
    *,
    callback: Progress | None,
    blocksize: int,
    overwrite: bool,
    volume: str | None,
) -> None:
    """Send `localfile` to `<work>/<path>/<name>`. GenericError when the hub received something else."""
    if not session.logged_in:
        raise ActionNotAllowed("you must be logged in to upload a file")
    total_sum = zlib.adler32(b"")
    with open(localfile, "rb") as source:
        size = os.fstat(source.fileno()).st_size
        meter = _Meter(callback, size)
        retried = False
        while True:
            piece = source.read(blocksize)
            if not piece and meter.done:
                break
            query = [("filename", name), ("filepath", path), ("fileverify", "adler32")]
            query.append(("offset", str(meter.done)))
            if overwrite:
                query.append(("overwrite", "1"))
            query += list(_volume(volume).items())
            _check_chunk(name, piece, session.send_chunk(piece, query))
            retried = retried or session.retries > 0
            total_sum = zlib.adler32(piece, total_sum)
            meter.add(len(piece))
            if not piece:
                break
    _check_whole(session, path, name, meter.done, total_sum if retried else None, volume)


def _check_chunk(name: str, piece: bytes, answer: dict[str, Any]) -> None:
    if int(answer["size"]) != len(piece):
        raise GenericError(f"upload of {name}: the hub received {answer['size']} of {len(piece)} bytes")
    expected = f"{zlib.adler32(piece):08x}"
    if answer["hexdigest"] != expected:
        raise GenericError(f"upload of {name}: checksum {answer['hexdigest']} at the hub, {expected} here")


def _check_whole(
    session: Uploader, path: str, name: str, size: int, adler: int | None, volume: str | None
) -> None:
    extra: dict[str, str] = _volume(volume)
    if adler is not None:
        extra["verify"] = "adler32"
    found = session.call("checkUpload", path, name, **extra)
    if found is None:
        raise GenericError(f"upload of {name}: the hub has no file {path}/{name}")
    if int(found["size"]) != size:
        raise GenericError(f"upload of {name}: {found['size']} bytes at the hub, {size} here")
    if adler is not None and found["hexdigest"] != f"{adler:08x}":
        raise GenericError(f"upload of {name}: checksum {found['hexdigest']} at the hub, {adler:08x} here")


def _send_base64(
    session: Uploader,
    target: tuple[str, str],
    size: int,
    digest: str,
    offset: int,
    data: str,
    volume: str | None,
) -> None:
    path, name = target
    for _ in range(OLD_WAY_TRIES):
        if session.call("uploadFile", path, name, size, ("sha256", digest), offset, data, **_volume(volume)):
            return
    raise GenericError(f"upload of {name}: the hub refused the piece at {offset} {OLD_WAY_TRIES} times")


def base64_upload(
    session: Uploader,
    localfile: str,
    path: str,
    name: str,
    *,
    callback: Progress | None,
    blocksize: int,
    volume: str | None,
) -> None:
    """The older interface: pieces in base64 with sha256 sums, then one call with size and sum of the
    whole.
    """
    whole = hashlib.sha256()
    source: IO[bytes]
    with open(localfile, "rb") as source:
        meter = _Meter(callback, os.fstat(source.fileno()).st_size)
        while piece := source.read(blocksize):
            whole.update(piece)
            data = base64.b64encode(piece).decode()
            digest = hashlib.sha256(piece).hexdigest()
            _send_base64(session, (path, name), len(piece), digest, meter.done, data, volume)
            meter.add(len(piece))
    _send_base64(session, (path, name), meter.done, whole.hexdigest(), -1, "", volume)


def hub_takes_raw(session: Uploader, path: str, name: str, volume: str | None) -> bool:
    """True when raw uploads are configured, or when the hub knows the call that goes with them."""
    if session.opts.use_fast_upload:
        return True
    try:
        session.call("checkUpload", path, name, **_volume(volume))
    except GenericError:
        return False  # too old a hub; a hub that fails for another reason says so again in the base64 call
    return True
