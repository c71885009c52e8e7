"""Logs reach the hub while they grow, so that a person can follow a build.

A `LogUploader` follows files by pattern and sends what is new at its offset (spec: builder, section 3.7). A
raw upload with `overwrite` at an offset is repeatable: a piece sent twice leaves the same file. The names
that it has used are the task's list of logs.
"""

from __future__ import annotations

import base64
import glob
import hashlib
import logging
import os
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from moromi.client import ClientSession, TransportError
from moromi.errors import GenericError, LockError
from moromi_builder.beneath import open_beneath

logger = logging.getLogger(__name__)

PIECE = 512 * 1024
FINAL_TRIES = 6
FINAL_PAUSE = 10.0


def send_piece(session: ClientSession, data: bytes, path: str, name: str, offset: int) -> None:
    """Write `data` at `offset` of `work/<path>/<name>`, cutting what follows. GenericError if it arrived
    wrong.
    """
    if session.opts.use_fast_upload is not False:
        query = [
            ("filename", name),
            ("filepath", path),
            ("fileverify", "adler32"),
            ("offset", str(offset)),
            ("overwrite", "1"),
        ]
        answer = session.send_chunk(data, query)
        if int(answer["size"]) != len(data) or answer["hexdigest"] != f"{zlib.adler32(data):08x}":
            raise GenericError(f"upload of {name} at {offset} arrived damaged")
        return
    digest = hashlib.sha256(data).hexdigest()
    text = base64.b64encode(data).decode()
    if not session.call("uploadFile", path, name, len(data), ("sha256", digest), offset, text):
        raise GenericError(f"upload of {name} at {offset} was refused")


@dataclass
class Tail:
    """One followed file, `relative` to a directory: where reading has come to, and as what it is known."""

    top: str
    relative: str
    name: str
    inode: int = 0
    offset: int = 0
    gone: bool = False

    def read(self) -> bytes:
        """Give the next new bytes (at most PIECE); b'' when there are none now.

        A file that shrank or was replaced is read from its start again.
        """
        try:
            with open_beneath(self.top, self.relative) as stream:
                info = os.fstat(stream.fileno())
                if self.inode and (info.st_ino != self.inode or info.st_size < self.offset):
                    self.offset = 0
                self.inode = info.st_ino
                stream.seek(self.offset)
                data = stream.read(PIECE)
        except FileNotFoundError:
            if not self.gone:
                logger.info("log file %s is gone", self.relative)
            self.gone = True
            return b""
        self.gone = False
        return data


class LogUploader:
    """Follows growing files and uploads them to one directory of the hub.

    `send(data, name, offset)` puts a piece in place and raises if it could not; see `for_session`.
    """

    def __init__(
        self,
        send: Callable[[bytes, str, int], None],
        *,
        timestamps: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._send = send
        self._timestamps = timestamps
        self._clock = clock
        self._patterns: list[tuple[str, str]] = []
        self._tails: dict[str, Tail] = {}
        self._stamps: dict[str, int] = {}
        self.names: list[str] = []

    @classmethod
    def for_session(cls, session: ClientSession, path: str, *, timestamps: bool = False) -> LogUploader:
        """Upload to `work/<path>` over a session."""
        return cls(
            lambda data, name, offset: send_piece(session, data, path, name, offset), timestamps=timestamps
        )

    def follow(self, top: str | os.PathLike[str], pattern: str) -> None:
        """Follow the files that match a glob pattern below a directory, now or later; no symbolic links."""
        item = (os.fspath(top), pattern)
        if item not in self._patterns:
            self._patterns.append(item)

    def add_name(self, name: str) -> None:
        """Count a file uploaded otherwise among the logs."""
        if name not in self.names:
            self.names.append(name)

    def poll(self) -> None:
        """Send what is new; a hub that cannot be reached now gets it at the next call."""
        try:
            self._send_new()
        except (TransportError, LockError, GenericError) as exc:
            logger.warning("log upload postponed: %s", exc)

    def finish(self) -> None:
        """Send the rest, with patience; raises the last error when it cannot be sent."""
        for attempt in range(1, FINAL_TRIES + 1):
            try:
                self._send_new()
                return
            except (TransportError, LockError, GenericError) as exc:
                if attempt == FINAL_TRIES:
                    raise
                logger.warning("log upload failed, trying again: %s", exc)
                time.sleep(FINAL_PAUSE)

    def _send_new(self) -> None:
        for tail in self._find():
            while data := tail.read():
                self._send(data, tail.name, tail.offset)
                self.add_name(tail.name)
                if self._timestamps:
                    self._stamp(tail)
                tail.offset += len(data)
                if len(data) < PIECE:
                    break

    def _find(self) -> Iterable[Tail]:
        for top, pattern in self._patterns:
            for relative in sorted(glob.glob(pattern, root_dir=top)):
                path = os.path.join(top, relative)
                if path not in self._tails and _can_be_read(top, relative):
                    self._tails[path] = Tail(top, relative, self._free_name(os.path.basename(path)))
        return list(self._tails.values())

    def _free_name(self, name: str) -> str:
        """Keep names apart: the second `x.log` becomes `x.DUP00.log`."""
        taken = {tail.name for tail in self._tails.values()} | set(self.names)
        if name not in taken:
            return name
        base, extension = os.path.splitext(name)
        for number in range(99):
            candidate = f"{base}.DUP{number:02d}{extension}"
            if candidate not in taken:
                return candidate
        raise GenericError(f"too many log files named {name}")

    def _stamp(self, tail: Tail) -> None:
        """Note in `<name>-ts.log` that the log had grown to this offset by now."""
        base, extension = os.path.splitext(tail.name)
        name = f"{base}-ts{extension}"
        line = f"{self._clock():.0f} {tail.offset}\n".encode()
        offset = self._stamps.get(name, 0)
        self._send(line, name, offset)
        self._stamps[name] = offset + len(line)
        self.add_name(name)


def _can_be_read(top: str, relative: str) -> bool:
    try:
        open_beneath(top, relative).close()
    except FileNotFoundError:
        return False
    return True
