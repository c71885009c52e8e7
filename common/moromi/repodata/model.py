"""What a repository is put together from: fragments, facts of files, entries.

The metadata of an rpm has two kinds of text. Most of it comes from the main header, which signing
does not touch; it is rendered once and kept as a `Fragment`. The rest depends on the very file (a
signed copy has another checksum) or on the place it is served from; these are holes in the fragment,
filled from the `Entry` when a repository is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple, Protocol

from moromi.errors import GenericError

#: What stands in a fragment for each value that is filled in; no XML text can hold it.
HOLE: Final = b"\0"
_ID_BYTES: Final = 16


class Fragment(NamedTuple):
    """The `<package>` elements of one rpm in the three documents, each with its newline, with holes.

    Holes of `primary`: checksum, file time, package size, location attributes, start and end of the
    header; of `filelists` and `other`: the checksum. Those two are long, and views where they are read.
    """

    primary: bytes
    filelists: bytes | memoryview
    other: bytes | memoryview

    @property
    def id(self) -> str:
        """32 hex digits that only this text has."""
        digest = hashlib.blake2b(digest_size=_ID_BYTES)
        for document in self:
            digest.update(b"%d\n" % len(document))
            digest.update(document)
        return digest.hexdigest()


class Entry(NamedTuple):
    """One package of a repository.

    `sourcerpm` is the file name of the source package, empty for source packages. `epoch` is `0` where the
    package has none. `href` is the location, relative to `base` or, where that is empty, to the
    repository. `fragment` is a `Fragment.id`; what follows up to `header_end` are the values of
    `FileFacts`. `pack` is what a store finds the fragment by.

    Repositories have tens of thousands of packages of which few are new, so that entries are handled
    as lines of text, and taken apart where a package is looked at. Sorted lines are in package order:
    the packages of a build stand together, and a new build changes few chunks.
    """

    sourcerpm: str
    name: str
    arch: str
    epoch: str
    version: str
    release: str
    href: str
    fragment: str
    pkgid: str
    time: str
    size: str
    header_start: str
    header_end: str
    pack: str = ""
    base: str = ""

    @property
    def nvra(self) -> str:
        """`name-version-release.arch`."""
        return f"{self.name}-{self.version}-{self.release}.{self.arch}"

    def line(self) -> bytes:
        """Return the line: the values, separated by tabs. GenericError: a value has a tab or a newline."""
        line = "\t".join(self)
        if line.count("\t") != len(self) - 1 or "\n" in line:
            raise GenericError(f"a package with a name that cannot be: {line!r}")
        return line.encode()

    @classmethod
    def parse(cls, line: bytes) -> Entry:
        """Read a line, with or without its newline. GenericError: it does not have as many values."""
        try:
            return cls(*line.decode().rstrip("\n").split("\t"))
        except (TypeError, UnicodeDecodeError) as exc:
            raise GenericError(f"not a package of a repository: {line!r}") from exc


def columns(*names: str) -> Callable[[bytes], Any]:
    """Return a function that takes some values of an `Entry`, two or more, out of its line.

    A third of the time of parsing all of it. GenericError: the line does not have as many values.
    """
    pick = itemgetter(*map(Entry._fields.index, names))

    def picked(line: bytes) -> Any:
        values = line.split(b"\t")
        if len(values) != len(Entry._fields):
            raise GenericError(f"not a package of a repository: {line!r}")
        return pick(values)

    return picked


class FragmentStore(Protocol):
    """Where fragments are kept. Several threads use it at once."""

    def read(self, lines: Sequence[bytes]) -> Iterator[Fragment]:
        """Yield the fragment of each entry, given as lines, in their order. GenericError: one is missing."""
