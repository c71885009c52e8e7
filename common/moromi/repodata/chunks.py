"""The pieces that repositories share: runs of packages, compressed once, kept by content.

Where one chunk ends and the next begins is decided by the packages themselves, so that a package
that comes, goes or changes touches its own chunk and no other. A chunk's key covers all that decides
about its bytes, so a chunk that exists is found without a look at any fragment, in whichever
repository it was made for.

A chunk's file holds, after a header of sizes, its part of primary, filelists and other, each one
frame of its compression.
"""

from __future__ import annotations

import hashlib
import os
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zlib import crc32

from moromi.errors import GenericError
from moromi.repodata.compression import Codec
from moromi.repodata.files import place
from moromi.repodata.fragments import fill
from moromi.repodata.model import Entry, FragmentStore
from moromi.repodata.prefixes import Prefixes

#: Packages of a chunk: at least, at most.
_LEAST: Final = 64
_MOST: Final = 1024
#: A package in so many is where a chunk may end.
_ONE_IN: Final = 128
_FORM: Final = "1"
_MAGIC: Final = b"moromi-1"
_HEADER: Final = struct.Struct("<8sQQQQQQ")
DOCUMENTS: Final = 3
#: Seconds after which the use of a chunk is noted again. Chunks used later than this are never pruned.
_NOTED: Final = 3600.0


@dataclass(frozen=True)
class Chunk:
    """A run of packages, each an entry's line, and the key of its compressed form."""

    key: str
    lines: Sequence[bytes]


@dataclass(frozen=True)
class Sizes:
    """Bytes of a chunk's parts (primary, filelists, other), raw and compressed."""

    raw: tuple[int, ...]
    compressed: tuple[int, ...]


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

    def find(self, chunk: Chunk) -> Sizes | None:
        """Return the sizes of a chunk, None if it is not there or was cut off by a crash.

        It then stays for an hour at least.
        """
        try:
            source = os.open(self._path(chunk.key), os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            sizes = _read_sizes(os.read(source, _HEADER.size))
            stat = os.fstat(source)
            if sizes is None or stat.st_size != _HEADER.size + sum(sizes.compressed):
                return None
            if time.time() - stat.st_mtime > _NOTED:
                os.utime(source)
            return sizes
        finally:
            os.close(source)

    def make(self, chunk: Chunk, codec: Codec, store: FragmentStore) -> Sizes:
        """Fill, compress and keep a chunk."""
        entries = [Entry.parse(line) for line in chunk.lines]
        texts = fill(entries, store.read(entries))
        parts = [codec.compress(text) for text in texts]
        sizes = Sizes(tuple(map(len, texts)), tuple(map(len, parts)))
        path = Path(self._path(chunk.key))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whoever makes the same chunk at the same time makes the same bytes.
        place(path, b"".join((_HEADER.pack(_MAGIC, *sizes.raw, *sizes.compressed), *parts)))
        return sizes

    def part(self, chunk: Chunk, sizes: Sizes, document: int) -> bytes:
        """Read the compressed part of a chunk for a document (0 primary, 1 filelists, 2 other)."""
        offset = _HEADER.size + sum(sizes.compressed[:document])
        try:
            source = os.open(self._path(chunk.key), os.O_RDONLY)
        except FileNotFoundError as exc:
            raise GenericError("a chunk of metadata was removed while a repository was made of it") from exc
        try:
            return os.pread(source, sizes.compressed[document], offset)
        finally:
            os.close(source)

    def text(self, chunk: Chunk, sizes: Sizes, document: int, codec: Codec) -> bytes:
        """Expand the part of a chunk for a document. GenericError: it is damaged, and now removed."""
        try:
            return codec.expand(self.part(chunk, sizes, document), sizes.raw[document])
        except ValueError as exc:
            Path(self._path(chunk.key)).unlink(missing_ok=True)
            raise GenericError(f"a chunk of metadata was damaged, it will be made again ({exc})") from exc

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


def _read_sizes(header: bytes) -> Sizes | None:
    if len(header) != _HEADER.size or not header.startswith(_MAGIC):
        return None
    _magic, *sizes = _HEADER.unpack(header)
    return Sizes(tuple(sizes[:DOCUMENTS]), tuple(sizes[DOCUMENTS:]))
