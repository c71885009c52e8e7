"""The body of an answer: bytes, or a temporary file for a long one.

A client is told the length beforehand (Koji's reads no more than that), and a
failure while a row is encoded must still become a fault. So an answer is
complete before its first byte is sent; a long one waits on the disk, or a worker
would keep the size of the longest answer that it ever gave.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

IN_MEMORY = 4 << 20
"""Bytes that an answer may take in memory."""
_BLOCK = 1 << 18


class StoredBody:
    """A body in an unnamed temporary file: iterated once by the server, which then closes it (PEP 3333)."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while block := self._file.read(_BLOCK):
            yield block

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


Body = bytes | StoredBody


def collect(pieces: Iterable[bytes]) -> Body:
    """All the pieces, in memory if they are few. What `pieces` raises is raised; no file is left then."""
    parts: list[bytes] = []
    size = 0
    rest = iter(pieces)
    for piece in rest:
        parts.append(piece)
        size += len(piece)
        if size > IN_MEMORY:
            return _stored(parts, rest, size)
    return b"".join(parts)


def _stored(parts: list[bytes], rest: Iterator[bytes], size: int) -> StoredBody:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it outlives this function
    try:
        file.writelines(parts)
        parts.clear()
        for piece in rest:
            size += file.write(piece)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return StoredBody(file, size)
