"""Rendering rpms into fragments, and filling fragments for a repository."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

import createrepo_c

from moromi.errors import GenericError
from moromi.repodata.facts import FileFacts
from moromi.repodata.model import HOLE, Entry, Fragment, columns

#: As many as createrepo_c writes when nothing is said.
CHANGELOGS: Final = 10

# `<` is never plain in XML text, so that the first match is the element itself.
_PRIMARY: Final = re.compile(
    rb'(.*?<checksum type="[^"]*" pkgid="YES">)[^<]*'
    rb'(</checksum>.*?<time file=")[^"]*'
    rb'(".*?<size package=")[^"]*'
    rb'(".*?<location )[^>]*'
    rb'(/>.*?<rpm:header-range start=")[^"]*'
    rb'(" end=")[^"]*'
    rb'(".*)',
    re.DOTALL,
)
_BEFORE_ID: Final = b'<package pkgid="'
_WITH_ID: Final = re.compile(rb'(%b)[^"]*(".*)' % _BEFORE_ID, re.DOTALL)
_SPECIAL: Final = re.compile(rb'[&<>"\r]')
_values = columns("pkgid", "time", "size", "header_start", "header_end", "href", "base")


@dataclass(frozen=True)
class Rendered:
    """An rpm's fragment and facts, and the names that entries carry."""

    fragment: Fragment
    facts: FileFacts
    name: str
    epoch: int
    version: str
    release: str
    arch: str
    sourcerpm: str

    def entry(self, href: str, pack: str = "", base: str = "") -> Entry:
        """Return its entry at a location."""
        names = (self.name, self.arch, str(self.epoch), self.version, self.release)
        facts = map(str, dataclasses.astuple(self.facts))
        return Entry._make((self.sourcerpm, *names, href, self.fragment.id, *facts, pack, base))


class Texts(NamedTuple):
    """Filled text of the three documents, or other things that there is one of for each."""

    primary: bytes
    filelists: bytes
    other: bytes


def render(path: str | os.PathLike[str]) -> Rendered:
    """Render an rpm file. GenericError: it is none that createrepo_c can read."""
    facts = FileFacts.of_file(path)
    try:
        with _header_alone(path, facts) as name:
            package = createrepo_c.package_from_rpm(
                name, checksum_type=createrepo_c.SHA256, changelog_limit=CHANGELOGS
            )
    except (createrepo_c.CreaterepoCError, OSError) as exc:
        raise GenericError(f"no metadata of {os.fspath(path)}: {exc}") from exc
    return rendered(package, facts)


@contextmanager
def _header_alone(path: str | os.PathLike[str], facts: FileFacts) -> Iterator[str]:
    """Give a name for an rpm file without its payload.

    createrepo_c would hash the payload while it holds Python's lock, and stop all other threads meanwhile.
    """
    with open(os.memfd_create("header"), "wb") as header, open(path, "rb") as source:
        header.write(source.read(facts.header_end))
        header.flush()
        yield f"/proc/self/fd/{header.fileno()}"


def facts_of(package: Any) -> FileFacts:
    """Return what a `createrepo_c.Package` from a repository says of its file."""
    sizes = (package.size_package, package.rpm_header_start, package.rpm_header_end)
    return FileFacts(package.pkgId, package.time_file, *sizes)


def rendered(package: Any, facts: FileFacts) -> Rendered:
    """Take apart a `createrepo_c.Package`."""
    package.location_base, package.location_href = None, "here"
    primary, filelists, other = (text.encode() for text in createrepo_c.xml_dump(package))
    fragment = Fragment(
        _with_holes(_PRIMARY, primary), _with_holes(_WITH_ID, filelists), _with_holes(_WITH_ID, other)
    )
    names = (package.name, int(package.epoch or 0), package.version, package.release, package.arch)
    return Rendered(fragment, facts, *names, package.rpm_sourcerpm or "")


def _with_holes(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    found = pattern.fullmatch(text)
    if found is None:
        raise GenericError(f"createrepo_c writes metadata of a form that is not known: {text[:200]!r}")
    return HOLE.join(found.groups())


def fill(lines: Iterable[bytes], fragments: Iterable[Fragment]) -> Texts:
    """Return the documents' text of entries, given as lines, each with its fragment."""
    primary: list[bytes] = []
    filelists: list[bytes | memoryview] = []
    other: list[bytes | memoryview] = []
    rest = len(_BEFORE_ID) + len(HOLE)
    for line, fragment in zip(lines, fragments, strict=True):
        pkgid, time, size, start, end, href, base = _values(line)
        a, b, c, d, e, f, g = fragment.primary.split(HOLE)
        primary += (a, pkgid, b, time, c, size, d, _location(href, base), e, start, f, end, g)
        filelists += (_BEFORE_ID, pkgid, fragment.filelists[rest:])
        other += (_BEFORE_ID, pkgid, fragment.other[rest:])
    return Texts(b"".join(primary), b"".join(filelists), b"".join(other))


def _location(href: bytes, base: bytes) -> bytes:
    location = b'href="%b"' % _attribute(href)
    return b'xml:base="%b" %b' % (_attribute(base), location) if base else location


def _attribute(text: bytes) -> bytes:
    if not _SPECIAL.search(text):
        return text
    return escape(text.decode(), {'"': "&quot;", "\r": "&#13;"}).encode()
