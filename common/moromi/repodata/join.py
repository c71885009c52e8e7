"""Writing a repository: a head, chunks, a tail, and `repomd.xml` that describes them.

The time goes into reading, hashing and expanding (for the checksum of the raw text) what is there; these
leave Python's lock, so each document has a thread for its compressed and one for its raw form.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moromi.repodata.chunks import Chunk, ChunkCache, Sizes, split
from moromi.repodata.compression import Codec, codec_named
from moromi.repodata.databases import write_databases
from moromi.repodata.files import new_file, place
from moromi.repodata.merge import Origin
from moromi.repodata.model import FragmentStore
from moromi.repodata.prefixes import Hashed
from moromi.repodata.repomd import Record, write_repomd

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_EMPTY_MARK: Final = "EMPTY_REPO"
#: What mergerepo_c leaves of the advisories of the repositories that it merges.
_NO_ADVISORIES: Final = b'<?xml version="1.0"?>\n<updates></updates>\n'


@dataclass(frozen=True)
class RepoResult:
    """What was written: file names; numbers of packages, of chunks, of chunks that had to be made."""

    files: tuple[str, ...]
    packages: int
    chunks: int
    made: int


@dataclass(frozen=True)
class _Piece:
    chunk: Chunk
    sizes: Sizes


@dataclass(frozen=True)
class _Kind:
    """One of the three documents: its type, its place among the parts of a chunk, its root element."""

    name: str
    part: int
    root: str
    attributes: str


_KINDS: Final = (
    _Kind(
        "primary",
        0,
        "metadata",
        'xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"',
    ),
    _Kind("filelists", 1, "filelists", 'xmlns="http://linux.duke.edu/metadata/filelists"'),
    _Kind("other", 2, "otherdata", 'xmlns="http://linux.duke.edu/metadata/other"'),
)


def write_repository(
    lines: Iterable[bytes],
    store: FragmentStore,
    cache: ChunkCache,
    repodata: Path,
    compression: str = "zstd",
    comps: Path | None = None,
    origins: Iterable[Origin] | None = None,
    modules: bytes | None = None,
    sqlite: bool = False,
) -> RepoResult:
    """Write the metadata of packages, given as the lines of entries, into a directory, made if need be.

    `compression`: zstd or gzip. `comps`: the file with the groups. `origins`: given for a merged
    repository. `modules`: module metadata. `sqlite`: write databases as well, which takes long. A repository
    that is neither merged nor has packages is marked by a file EMPTY_REPO.
    GenericError: a fragment is missing.
    """
    codec = codec_named(compression)
    repodata.mkdir(parents=True, exist_ok=True)
    packages = sorted(lines)
    pieces, made = _obtain(list(split(packages, codec)), codec, store, cache)
    records = _write_documents(pieces, len(packages), codec, cache, repodata)
    if sqlite:
        records += write_databases(repodata, records)
    if comps is not None:
        records += _groups(comps.read_bytes(), repodata)
    if origins is not None:
        text = "".join(f"{origin.package}\t{origin.url}\n" for origin in origins)
        records.append(_gzipped("updateinfo", "updateinfo.xml", _NO_ADVISORIES, repodata))
        records.append(_gzipped("origin", "pkgorigins", text.encode(), repodata))
    if modules is not None:
        records.append(_gzipped("modules", "modules.yaml", modules, repodata))
    names = [record.name for record in records]
    if not packages and origins is None:
        (repodata / _EMPTY_MARK).touch()
        names.append(_EMPTY_MARK)
    place(repodata / "repomd.xml", write_repomd(records, int(time.time())).encode())
    return RepoResult((*names, "repomd.xml"), len(packages), len(pieces), made)


def _write_documents(
    pieces: Sequence[_Piece], packages: int, codec: Codec, cache: ChunkCache, repodata: Path
) -> list[Record]:
    documents = [_Document(kind, pieces, packages, codec, cache) for kind in _KINDS]
    with ThreadPoolExecutor(2 * len(documents)) as pool:
        files = [pool.submit(document.write, repodata) for document in documents]
        opened = [pool.submit(document.open_checksum) for document in documents]
    # what is damaged is told by the checksums of the raw text
    sums = [future.result() for future in opened]
    return [
        Record(document.kind.name, *file.result(), *opened_sum)
        for document, file, opened_sum in zip(documents, files, sums, strict=True)
    ]


def _obtain(
    chunks: Sequence[Chunk], codec: Codec, store: FragmentStore, cache: ChunkCache
) -> tuple[list[_Piece], int]:
    """Find chunks or make them; return them with the number of those made."""
    found = [cache.find(chunk) for chunk in chunks]
    missing = [chunk for chunk, sizes in zip(chunks, found, strict=True) if sizes is None]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = pool.map(lambda chunk: cache.make(chunk, codec, store), missing)
        pieces = [_Piece(chunk, sizes or next(made)) for chunk, sizes in zip(chunks, found, strict=True)]
    return pieces, len(missing)


class _Document:
    """One document of a repository that is being written."""

    def __init__(
        self, kind: _Kind, pieces: Sequence[_Piece], packages: int, codec: Codec, cache: ChunkCache
    ) -> None:
        self.kind = kind
        self._pieces = pieces
        self._codec = codec
        self._cache = cache
        self._head = f'{_DECLARATION}<{kind.root} {kind.attributes} packages="{packages}">\n'.encode()
        self._tail = f"</{kind.root}>".encode()

    def write(self, repodata: Path) -> tuple[str, str, int]:
        """Write the file; return its name, checksum and size."""
        head, tail = self._codec.compress(self._head), self._codec.compress(self._tail)
        hashed = self._resume("compressed", head)
        with new_file(repodata) as target:
            target.write(head)
            for index, piece in enumerate(self._pieces):
                data = self._part(piece)
                target.write(data)
                if index >= hashed.chunks:
                    hashed.add(piece.chunk.key, data)
            target.write(tail)
            target.flush()
            checksum = hashed.finish(tail)
            name = f"{checksum}-{self.kind.name}.xml.{self._codec.suffix}"
            os.replace(target.name, repodata / name)
            return name, checksum, target.tell()

    def open_checksum(self) -> tuple[str, int]:
        """Return checksum and size of the text."""
        hashed = self._resume("open", self._head)
        for piece in self._pieces[hashed.chunks :]:
            hashed.add(
                piece.chunk.key, self._cache.text(piece.chunk, piece.sizes, self.kind.part, self._codec)
            )
        size = sum(piece.sizes.raw[self.kind.part] for piece in self._pieces)
        return hashed.finish(self._tail), len(self._head) + size + len(self._tail)

    def _resume(self, form: str, head: bytes) -> Hashed:
        keys = [piece.chunk.key for piece in self._pieces]
        sort = (self._codec.name, self.kind.name, form, *keys[:1])
        return self._cache.prefixes.resume(sort, head, keys)

    def _part(self, piece: _Piece) -> bytes:
        return self._cache.part(piece.chunk, piece.sizes, self.kind.part)


def _groups(comps: bytes, repodata: Path) -> list[Record]:
    """Write the groups plain and with gzip, the two forms that every client reads."""
    checksum = hashlib.sha256(comps).hexdigest()
    name = f"{checksum}-comps.xml"
    place(repodata / name, comps)
    return [
        Record("group", name, checksum, len(comps)),
        _gzipped("group_gz", "comps.xml", comps, repodata),
    ]


def _gzipped(kind: str, stem: str, data: bytes, repodata: Path) -> Record:
    packed = gzip.compress(data, mtime=0)
    checksum = hashlib.sha256(packed).hexdigest()
    name = f"{checksum}-{stem}.gz"
    place(repodata / name, packed)
    return Record(kind, name, checksum, len(packed), hashlib.sha256(data).hexdigest(), len(data))
