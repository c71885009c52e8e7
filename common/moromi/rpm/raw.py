"""One header structure of an rpm file: an index of typed entries over a store of bytes.

A file has two, the signature header and the main one. Nothing is decoded before
it is asked for. Everything in a header is said by whoever made the file, so each
offset and count is checked against the store.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import Final, Protocol

from moromi.errors import GenericError

MAGIC: Final = b"\x8e\xad\xe8\x01"
INTRO_SIZE: Final = 16
_ENTRY: Final = struct.Struct(">IIII")

#: The limits of rpm itself: entries, and bytes of the store.
MAX_ENTRIES: Final = 0xFFFF
MAX_STORE: Final = 256 * 1024 * 1024
#: Numbers or texts of one entry: each byte of a store could be one, which in Python takes eight times as much
#: and more. No package comes near.
MAX_COUNT: Final = 16 * 1024 * 1024


class Readable(Protocol):
    """What can be read forward."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes, fewer only at the end."""


Value = str | bytes | int | list[str] | list[int] | None

_INTEGERS: Final = {1: "B", 2: "B", 3: "H", 4: "I", 5: "Q"}
_STRING, _BINARY, _STRING_ARRAY, _I18N_STRING = 6, 7, 8, 9


def decode_text(data: bytes) -> str:
    """Return text of a header: UTF-8, or ISO 8859-15 in packages from before its time."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("iso8859-15")


def read_exactly(source: Readable, size: int) -> bytes:
    """Read so many bytes. GenericError: the file ends before."""
    data = source.read(size)
    if len(data) != size:
        raise GenericError("not an RPM file: it ends too early")
    return data


class RawHeader:
    """A header structure by tag numbers.

    `data` is all of it, from the magic bytes to the end of the store (no padding).
    """

    def __init__(self, data: bytes) -> None:
        entries, size = parse_intro(data)
        start = INTRO_SIZE + entries * _ENTRY.size
        if len(data) < start + size:
            raise GenericError("malformed RPM header: the store is cut off")
        self.data = data[: start + size]
        self._store = memoryview(self.data)[start:]
        self._index: dict[int, tuple[int, int, int]] = {}
        for position in range(INTRO_SIZE, start, _ENTRY.size):
            tag, kind, offset, count = _ENTRY.unpack_from(data, position)
            if offset > size:
                raise GenericError(f"malformed RPM header: tag {tag} is outside of the store")
            # rpm itself takes the first of two entries for a tag.
            self._index.setdefault(tag, (kind, offset, count))
        self._offsets = sorted({offset for _kind, offset, _count in self._index.values()})

    @classmethod
    def read(cls, source: Readable) -> RawHeader:
        """Read a header structure; afterwards the file is just behind it."""
        intro = read_exactly(source, INTRO_SIZE)
        entries, size = parse_intro(intro)
        return cls(intro + read_exactly(source, entries * _ENTRY.size + size))

    def __contains__(self, tag: int) -> bool:
        return tag in self._index

    def tags(self) -> list[int]:
        """The numbers of all tags, in the order of the file."""
        return list(self._index)

    def get(self, tag: int) -> Value:
        """Return a value as the header types it (None: no such tag): text, bytes, or a list.

        GenericError: the entry is malformed.
        """
        entry = self._index.get(tag)
        if entry is None:
            return None
        kind, offset, count = entry
        if kind != _BINARY and count > MAX_COUNT:
            raise GenericError(f"malformed RPM header: tag {tag} holds too much")
        if kind in _INTEGERS:
            return self._integers(tag, _INTEGERS[kind], offset, count)
        if kind == _BINARY:
            return self._binary(tag, offset, count)
        if kind == _STRING:
            return decode_text(self._strings(tag, offset, 1)[0])
        if kind in (_STRING_ARRAY, _I18N_STRING):
            return [decode_text(text) for text in self._strings(tag, offset, count)]
        raise GenericError(f"malformed RPM header: tag {tag} has the unknown type {kind}")

    def _integers(self, tag: int, code: str, offset: int, count: int) -> list[int]:
        if count * struct.calcsize(f">{code}") > len(self._store) - offset:
            raise GenericError(f"malformed RPM header: tag {tag} is outside of the store")
        return list(struct.unpack_from(f">{count}{code}", self._store, offset))

    def _binary(self, tag: int, offset: int, count: int) -> bytes:
        if count > len(self._store) - offset:
            raise GenericError(f"malformed RPM header: tag {tag} is outside of the store")
        return bytes(self._store[offset : offset + count])

    def _strings(self, tag: int, offset: int, count: int) -> list[bytes]:
        # An entry ends where the next begins; looking further would copy the rest
        # of the store for each tag.
        following = bisect_right(self._offsets, offset)
        end = self._offsets[following] if following < len(self._offsets) else len(self._store)
        parts = bytes(self._store[offset:end]).split(b"\0", count)
        if count > len(parts) - 1:
            raise GenericError(f"malformed RPM header: tag {tag} holds fewer texts than it says")
        return parts[:count]


def parse_intro(data: bytes) -> tuple[int, int]:
    """Return the number of entries and the size of the store that a header's first 16 bytes tell."""
    if len(data) < INTRO_SIZE or data[:4] != MAGIC:
        raise GenericError("malformed RPM header: bad magic")
    entries, size = struct.unpack_from(">II", data, 8)
    if entries > MAX_ENTRIES or size > MAX_STORE:
        raise GenericError("malformed RPM header: too large")
    return entries, size
