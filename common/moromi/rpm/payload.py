"""The files inside an rpm, read without rpm: the payload is a compressed cpio archive behind the headers.

What the archive says is said by whoever made the file: a reader takes what it knows by name, uses no path
of it, and bounds what it keeps.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from moromi.errors import GenericError
from moromi.rpm.header import read_header
from moromi.rpm.raw import Readable

_MAGICS: Final = (b"070701", b"070702")
_HEADER_SIZE: Final = 110
_LAST: Final = "TRAILER!!!"
_LONGEST_NAME: Final = 4096
_BLOCK: Final = 1 << 16
MOST_UNPACKED: Final = 64 << 30


class _Unpacked:
    """A payload without its compression. GenericError: it is broken."""

    def __init__(self, stream: Readable, *errors: type[Exception]) -> None:
        self.stream = stream
        #: How many bytes may still come: a few millions of compressed ones can be made to never end.
        self.left = MOST_UNPACKED
        self.errors: tuple[type[Exception], ...] = (EOFError, OSError, *errors)

    def read(self, size: int) -> bytes:
        """Exactly so many bytes."""
        self.left -= size
        if self.left < 0:
            raise GenericError("broken payload of an rpm: there is no end of it")
        parts = []
        while size:
            try:
                block = self.stream.read(size)
            except self.errors as error:
                raise GenericError(f"broken payload of an rpm: {error}") from error
            if not block:
                raise GenericError("broken payload of an rpm: it ends too early")
            parts.append(block)
            size -= len(block)
        return b"".join(parts)


@dataclass
class Member:
    """One file of a package; its content can be read until the next is asked for.

    `name` is absolute, in a source package that of a file alone; `mode` includes the type; `size`: bytes.
    """

    name: str
    mode: int
    size: int
    _payload: _Unpacked
    _left: int

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes of the content, -1: the rest."""
        block = self._payload.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        return block

    def skip(self) -> None:
        """Leave out what was not read."""
        while self._left:
            self.read(_BLOCK)


@contextmanager
def opened_payload(path: str | os.PathLike[str], most: int = MOST_UNPACKED) -> Iterator[Iterator[Member]]:
    """The files of an rpm in the order of the archive.

    GenericError: it is none, cannot be unpacked, or has more than `most` bytes without its compression.
    """
    with open(path, "rb") as file:
        header = read_header(file)
        kind = header["PAYLOADCOMPRESSOR"] or "gzip"
        unpack = _UNPACK.get(kind)
        if unpack is None or header["PAYLOADFORMAT"] not in (None, "cpio"):
            raise GenericError(f"unknown payload of an rpm: {header['PAYLOADFORMAT']} in {kind}")
        payload = unpack(file)
        payload.left = most
        yield _members(payload)


def _gzip(file: BinaryIO) -> _Unpacked:
    return _Unpacked(cast("Readable", gzip.GzipFile(fileobj=file)), zlib.error)


def _bzip2(file: BinaryIO) -> _Unpacked:
    return _Unpacked(bz2.BZ2File(file))


def _xz(file: BinaryIO) -> _Unpacked:
    return _Unpacked(lzma.LZMAFile(file), lzma.LZMAError)


def _zstd(file: BinaryIO) -> _Unpacked:
    import zstandard  # not where only the command line is installed

    return _Unpacked(zstandard.ZstdDecompressor().stream_reader(file), zstandard.ZstdError)


_UNPACK: Final[dict[str, Callable[[BinaryIO], _Unpacked]]] = {
    "gzip": _gzip,
    "bzip2": _bzip2,
    "xz": _xz,
    "lzma": _xz,
    "zstd": _zstd,
    "identity": _Unpacked,
}


def _members(payload: _Unpacked) -> Iterator[Member]:
    while True:
        header = payload.read(_HEADER_SIZE)
        try:
            numbers = [int(header[start : start + 8], 16) for start in range(6, _HEADER_SIZE, 8)]
        except ValueError:
            numbers = []
        if header[:6] not in _MAGICS or not numbers or numbers[11] > _LONGEST_NAME:
            raise GenericError("unknown payload of an rpm: no cpio archive of the new format")
        mode, size, name_size = numbers[1], numbers[6], numbers[11]
        name = payload.read(name_size)[:-1].decode("utf-8", "surrogateescape")
        payload.read(-(_HEADER_SIZE + name_size) % 4)
        if name == _LAST:
            return
        member = Member(name.removeprefix("."), mode, size, payload, size)
        yield member
        member.skip()
        payload.read(-size % 4)
