"""Writing a repository: a head, chunks, a tail, and `repomd.xml` that describes them.

The time goes into making chunks or expanding them (for the checksum of the raw text), into checksums and
writing. All of that leaves Python's lock: some chunks are got ready ahead of the one that is written, and
each document is written by a thread of its own.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from moromi.repodata.chunks import Chunk, ChunkCache, Piece, split
from moromi.repodata.compression import Codec, codec_named
from moromi.repodata.databases import write_databases
from moromi.repodata.files import new_file, place
from moromi.repodata.merge import Origin
from moromi.repodata.model import FragmentStore
from moromi.repodata.prefixes import Prefixes
from moromi.repodata.repomd import Record, write_repomd

#: Chunks that are got ready beyond the one that is written, each some MB.
_AHEAD: Final = 4
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
    chunks = list(split(packages, codec))
    records, made = _write_documents(chunks, len(packages), codec, store, cache, repodata)
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
    return RepoResult((*names, "repomd.xml"), len(packages), len(chunks), made)


def _write_documents(
    chunks: Sequence[Chunk],
    packages: int,
    codec: Codec,
    store: FragmentStore,
    cache: ChunkCache,
    repodata: Path,
) -> tuple[list[Record], int]:
    """Write the three documents; return what is to be said of them and the number of chunks made."""
    keys = [chunk.key for chunk in chunks]
    made = 0
    with ExitStack() as stack:
        documents = [
            _Document(kind, packages, keys, codec, cache.prefixes, stack.enter_context(new_file(repodata)))
            for kind in _KINDS
        ]
        known = min(document.known for document in documents)

        def obtain(number: int) -> Piece:
            return cache.obtain(chunks[number], codec, store, with_texts=number >= known)

        makers = stack.enter_context(ThreadPoolExecutor(os.cpu_count()))
        writers = stack.enter_context(ThreadPoolExecutor(len(documents)))
        for number, piece in enumerate(_ahead(makers, obtain, range(len(chunks)))):
            made += piece.made
            for done in [writers.submit(document.add, number, piece) for document in documents]:
                done.result()
        records = [document.finish(repodata) for document in documents]
    return records, made


def _ahead(pool: Executor, function: Callable[[int], Piece], numbers: Iterable[int]) -> Iterator[Piece]:
    """Yield what a function returns for numbers, in their order, while the pool works on the next ones."""
    waiting: deque[Future[Piece]] = deque()
    for number in numbers:
        waiting.append(pool.submit(function, number))
        if len(waiting) > _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


class _Document:
    """One document of a repository that is being written.

    `known`: from this chunk on, the text is needed for its checksum.
    """

    def __init__(
        self,
        kind: _Kind,
        packages: int,
        keys: Sequence[str],
        codec: Codec,
        prefixes: Prefixes,
        target: IO[bytes],
    ) -> None:
        head = f'{_DECLARATION}<{kind.root} {kind.attributes} packages="{packages}">\n'.encode()
        packed = codec.compress(head, False)
        sort = (codec.name, kind.name, *keys[:1])
        self._kind = kind
        self._codec = codec
        self._target = target
        self._target.write(packed)
        self._size = len(head)
        self._opened = prefixes.resume(("open", *sort), head, keys)
        self._packed = prefixes.resume(("compressed", *sort), packed, keys)
        self.known = self._opened.chunks

    def add(self, number: int, piece: Piece) -> None:
        """Add the next chunk."""
        part = self._kind.part
        self._target.write(piece.parts[part])
        self._size += piece.sizes[part]
        if number >= self._packed.chunks:
            self._packed.add(piece.key, piece.parts[part])
        if piece.texts is not None and number >= self._opened.chunks:
            self._opened.add(piece.key, piece.texts[part])

    def finish(self, repodata: Path) -> Record:
        """Give the file its name; return what is to be said of it."""
        tail = f"</{self._kind.root}>".encode()
        packed = self._codec.compress(tail, False)
        self._target.write(packed)
        self._target.flush()
        checksum = self._packed.finish(packed)
        name = f"{checksum}-{self._kind.name}.xml.{self._codec.suffix}"
        os.replace(self._target.name, repodata / name)
        size = self._size + len(tail)
        return Record(self._kind.name, name, checksum, self._target.tell(), self._opened.finish(tail), size)


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
