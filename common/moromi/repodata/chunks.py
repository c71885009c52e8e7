"""The pieces that repositories share: runs of packages, compressed once, kept by content.

Where one chunk ends and the next begins is decided by the packages themselves, so that a package
that comes, goes or changes touches its own chunk and no other. A chunk's key covers all that decides
about its bytes, so a chunk that exists is found without a look at any fragment, in whichever
repository it was made for.

A chunk's file holds, after a checksum and sizes, its part of primary, filelists and other, each one
frame of its compression.
"""

from __future__ import annotations

import hashlib
import os
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final
from zlib import crc32

import deflate

from moromi.repodata.compression import Codec
from moromi.repodata.files import place
from moromi.repodata.fragments import fill
from moromi.repodata.model import FragmentStore
from moromi.repodata.prefixes import Prefixes

#: Packages of a chunk: at least, at most.
_LEAST: Final = 64
_MOST: Final = 1024
#: A package in so many is where a chunk may end.
_ONE_IN: Final = 128
_FORM: Final = "2"
_MAGIC: Final = b"moromi-2"
#: Begins a chunk's file: the checksum of all that follows, then the sizes.
_SEAL: Final = struct.Struct("<8sQ")
_SIZES: Final = struct.Struct("<QQQQQQ")
DOCUMENTS: Final = 3
#: Seconds after which the use of a chunk is noted again. Chunks used later than this are never pruned.
_NOTED: Final = 3600.0


@dataclass(frozen=True)
class Chunk:
    """A run of packages, each an entry's line, and the key of its compressed form."""

    key: str
    lines: Sequence[bytes]


@dataclass(frozen=True)
class Piece:
    """A chunk in hand: the compressed forms, the sizes and the texts of primary, filelists and other.

    `texts` is None where it was not asked for. `made`: the cache did not have it.
    """

    key: str
    parts: Sequence[bytes]
    sizes: Sequence[int]
    texts: Sequence[bytes] | None
    made: bool


def split(lines: Sequence[bytes], codec: Codec) -> Iterator[Chunk]:
    """Yield the chunks of entries, given as lines in their order."""
    start = 0
    for end in _ends(lines):
        part = lines[start:end]
        digest = hashlib.sha256(f"{_FORM} {codec.tag}\n".encode())
        digest.update(b"\n".join(part))
        yield Chunk(digest.hexdigest(), part)
        start = end


def _ends(lines: Sequence[bytes]) -> Iterator[int]:
    start, last = 0, len(lines)
    for end in [*(number for number, line in enumerate(lines, 1) if not crc32(line) % _ONE_IN), last]:
        while end - start > _MOST:
            start += _MOST
            yield start
        if end - start >= _LEAST or start < end == last:
            yield end
            start = end


class ChunkCache:
    """Chunks on disk, below a directory that several processes may share.

    A process that writes many repositories keeps one of these: it remembers checksums from one to the next.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.prefixes = Prefixes()

    def obtain(self, chunk: Chunk, codec: Codec, store: FragmentStore, with_texts: bool) -> Piece:
        """Read a chunk, or make it if it is not there or damaged. It then stays for an hour at least.

        `with_texts`: expand what is read, which shows damage. GenericError: a fragment is missing.
        """
        return self._read(chunk, codec, with_texts) or self._make(chunk, codec, store)

    def _read(self, chunk: Chunk, codec: Codec, with_texts: bool) -> Piece | None:
        try:
            with open(self._path(chunk.key), "rb", buffering=0) as source:
                stat = os.fstat(source.fileno())
                data = source.read()
                if time.time() - stat.st_mtime > _NOTED:
                    os.utime(source.fileno())
        except FileNotFoundError:
            return None
        try:
            sizes, parts = _taken_apart(data)
            pairs = zip(parts, sizes, strict=True)
            texts = [codec.expand(part, size) for part, size in pairs] if with_texts else None
        except ValueError:
            return None
        return Piece(chunk.key, parts, sizes, texts, made=False)

    def _make(self, chunk: Chunk, codec: Codec, store: FragmentStore) -> Piece:
        texts = fill(chunk.lines, store.read(chunk.lines))
        parts = [codec.compress(text, text is texts.filelists) for text in texts]
        sizes = [len(text) for text in texts]
        path = Path(self._path(chunk.key))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whoever makes the same chunk at the same time makes the same bytes.
        content = b"".join((_SIZES.pack(*sizes, *map(len, parts)), *parts))
        place(path, _SEAL.pack(_MAGIC, deflate.crc32(content)) + content)
        return Piece(chunk.key, parts, sizes, texts, made=True)

    def prune(self, most: int) -> int:
        """Remove what was not used for longest until `most` bytes are left; return the bytes removed."""
        files = []
        for path in self._directory.glob("??/*"):
            stat = path.stat()
            files.append((stat.st_mtime, stat.st_size, path))
        surplus = sum(size for _time, size, _path in files) - most
        removed = 0
        for used, size, path in sorted(files):
            if removed >= surplus or time.time() - used < 2 * _NOTED:
                break
            path.unlink(missing_ok=True)
            removed += size
        return removed

    def _path(self, key: str) -> str:
        return f"{self._directory}/{key[:2]}/{key}"


def _taken_apart(data: bytes) -> tuple[list[int], list[bytes]]:
    """Return the sizes of the texts and the compressed parts of a chunk's file. ValueError: it is damaged."""
    if len(data) < _SEAL.size + _SIZES.size:
        raise ValueError("not a chunk")
    magic, checksum = _SEAL.unpack_from(data)
    if magic != _MAGIC or checksum != deflate.crc32(memoryview(data)[_SEAL.size :]):
        raise ValueError("a damaged chunk")
    sizes = _SIZES.unpack_from(data, _SEAL.size)
    ends = accumulate(sizes[DOCUMENTS:], initial=_SEAL.size + _SIZES.size)
    return list(sizes[:DOCUMENTS]), [data[start:end] for start, end in pairwise(ends)]
