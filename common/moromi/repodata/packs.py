"""Keeping fragments: those that are read together stand in one small file, a pack.

A pack never changes; it is named after its content, so that making it again after a crash
does no harm. It is one zstd frame, since the rpms of a build resemble each other. Inside it is a
sequence of fragments: 16 bytes of id, three lengths (32 bits, little-endian), three documents.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import zstandard

from moromi.errors import GenericError
from moromi.repodata.model import Entry, Fragment, columns

_LEVEL: Final = 6
_RECORD: Final = struct.Struct("<16sIII")
_NAME_DIGITS: Final = 32
#: Bytes of one pack; what is larger is not ours.
_MAX_SIZE: Final = 1 << 30
_place_of = columns("pack", "fragment")


def pack_fragments(fragments: Iterable[Fragment]) -> bytes:
    """Return the content of a pack. Fragments with the same text are kept once."""
    parts: list[bytes | memoryview] = []
    for fragment in {each.id: each for each in fragments}.values():
        parts.append(_RECORD.pack(bytes.fromhex(fragment.id), *map(len, fragment)))
        parts.extend(fragment)
    return zstandard.ZstdCompressor(level=_LEVEL).compress(b"".join(parts))


def pack_name(pack: bytes) -> str:
    """Return a file name that only this content has."""
    return f"{hashlib.sha256(pack).hexdigest()[:_NAME_DIGITS]}.fragments"


def unpack_fragments(pack: bytes) -> dict[str, Fragment]:
    """Return the fragments of a pack by their ids. ValueError: it is damaged."""
    try:
        data = zstandard.ZstdDecompressor().decompress(pack, max_output_size=_MAX_SIZE)
        return dict(_fragments(data))
    except (zstandard.ZstdError, struct.error) as exc:
        raise ValueError(f"damaged fragments ({exc})") from exc


def _fragments(data: bytes) -> Iterator[tuple[str, Fragment]]:
    view = memoryview(data)
    end = 0
    while end < len(data):
        fragment_id, primary, filelists, other = _RECORD.unpack_from(data, end)
        first = end + _RECORD.size
        second = first + primary
        third = second + filelists
        end = third + other
        yield fragment_id.hex(), Fragment(data[first:second], view[second:third], view[third:end])


class BadPack(GenericError):
    """A pack is damaged, or lacks a fragment that it should have. `pack`: the name that entries have."""

    def __init__(self, pack: str, reason: str) -> None:
        super().__init__(f"{reason} in {pack}")
        self.pack = pack


class PackStore:
    """Reads fragments out of packs. `read_pack` returns a pack's content by the `pack` of an entry."""

    def __init__(self, read_pack: Callable[[str], bytes]) -> None:
        self._read_pack = read_pack

    def read(self, lines: Sequence[bytes]) -> Iterator[Fragment]:
        """Yield the fragment of each entry, given as lines, in their order.

        BadPack: a pack is not what it should be. What `read_pack` raises passes through.
        """
        packs: dict[bytes, dict[str, Fragment]] = {}
        for line in lines:
            pack, fragment_id = _place_of(line)
            if pack not in packs:
                packs[pack] = self._unpacked(pack.decode())
            fragment = packs[pack].get(fragment_id.decode())
            if fragment is None:
                raise BadPack(pack.decode(), f"no metadata of {Entry.parse(line).nvra}")
            yield fragment

    def _unpacked(self, pack: str) -> dict[str, Fragment]:
        data = self._read_pack(pack)
        try:
            return unpack_fragments(data)
        except ValueError as exc:
            raise BadPack(pack, str(exc)) from exc
