"""What an rpm file says about itself, by the names that rpm gives to tags.

Our own reader, because rpm's bindings exist only where rpm itself is installed
and belong to the system's Python; a hub needs neither. Names, fall-backs
and types follow client-session.md 10 and hub-protocol.md 5.4. Signatures and digests
are not checked here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final, NamedTuple

from moromi.constants import DepType
from moromi.errors import GenericError
from moromi.rpm.derived import DERIVED
from moromi.rpm.openpgp import packet_key_id
from moromi.rpm.raw import RawHeader, Readable, read_exactly
from moromi.rpm.tags import DIGEST_ALGORITHMS, OTHER_SIZE, TAGS, Kind, signature_number

LEAD_SIZE: Final = 96
_LEAD_MAGIC: Final = b"\xed\xab\xee\xdb"

#: Of a tag with aliases the name under which rpm lists it. Regions are the header itself.
_LISTED: Final = {number: name for name, (number, _) in sorted(TAGS.items()) if not 61 <= number <= 64}

#: Signatures in the order in which their key is taken (data-model.md 6.2).
SIGNATURE_TAGS: Final = ("SIGGPG", "SIGPGP", "DSAHEADER", "RSAHEADER")


class Dependency(NamedTuple):
    """A dependency; `flags` are rpm's (`moromi.constants.DepSense` and others), `version` is EVR text."""

    name: str
    version: str
    flags: int
    type: DepType


class FileEntry(NamedTuple):
    """A packaged file; `digest` may be '', `mode` includes the type, `mtime` is epoch seconds."""

    name: str
    digest: str
    digest_algo: str
    size: int
    flags: int
    user: str
    group: str
    mtime: int
    mode: int
    linkto: str


class Changelog(NamedTuple):
    """A changelog entry; `time` is in epoch seconds."""

    time: int
    author: str
    text: str


class Header:
    """Both headers of one rpm file.

    `header["NAME"]` takes a tag's name in any case. One value: text, number or
    bytes, None if missing; a list is empty if missing. GenericError: no such name.
    """

    def __init__(self, signature: RawHeader, main: RawHeader, start: int) -> None:
        self.signature: RawHeader = signature
        self.main: RawHeader = main
        #: Where the main header begins and ends in the file.
        self.start = start
        self.end = start + len(main.data)

    def __getitem__(self, name: str) -> Any:
        upper = name.upper()
        tag = TAGS.get(upper)
        if tag is None:
            raise GenericError(f"No such rpm header field: {upper}")
        derived = DERIVED.get(upper)
        if derived is not None:
            return derived(self)
        value = self._value(tag.number, tag.kind)
        if (value is None or value == []) and (other := OTHER_SIZE.get(upper)):
            return self._value(*TAGS[other])
        return value

    def __contains__(self, name: str) -> bool:
        tag = TAGS.get(name.upper())
        return tag is not None and self._raw(tag.number) is not None

    def _raw(self, number: int) -> Any:
        value = self.main.get(number)
        if value is None and (own := signature_number(number)):
            value = self.signature.get(own)
        return value

    def _value(self, number: int, kind: Kind) -> Any:
        value = self._raw(number)
        if kind.is_list and not isinstance(value, list):
            value = [] if value is None else [value]
        sample = (value[0] if value else None) if isinstance(value, list) else value
        # All items of a list are of one type.
        if sample is not None and not isinstance(sample, kind.python_type):
            raise GenericError(f"malformed RPM header: tag {number} does not hold {kind.value}")
        return value if kind.is_list else sample

    def fields(self, names: Iterable[str] | None = None, src_arch: bool = False) -> dict[str, Any]:
        """Return several fields under the names as given; None: all that the file has, each once.

        `src_arch`: ARCH of a source package is `src` or `nosrc`.
        """
        if names is None:
            names = [name for name in _LISTED.values() if name in self]
        found = {name: self[name] for name in names}
        if src_arch:
            found.update({name: self.arch for name in found if name.upper() == "ARCH"})
        return found

    @property
    def name(self) -> str:
        """The package's name."""
        return self._text("NAME")

    @property
    def version(self) -> str:
        """The version."""
        return self._text("VERSION")

    @property
    def release(self) -> str:
        """The release."""
        return self._text("RELEASE")

    @property
    def epoch(self) -> int | None:
        """The epoch; None is not 0."""
        value: int | None = self["EPOCH"]
        return value

    @property
    def arch(self) -> str:
        """The arch as files are named: `src` or `nosrc` for a source package."""
        if self.is_source:
            return "nosrc" if self["NOSOURCE"] or self["NOPATCH"] else "src"
        return self._text("ARCH")

    @property
    def is_source(self) -> bool:
        """Whether this is a source package."""
        # Very old ones lack the mark, but only a source package has no SOURCERPM.
        return bool(self["SOURCEPACKAGE"]) or self["SOURCERPM"] is None

    @property
    def nvr(self) -> str:
        """`name-version-release`."""
        return f"{self.name}-{self.version}-{self.release}"

    @property
    def nvra(self) -> str:
        """`name-version-release.arch`; with `.rpm`, the file name that imports demand."""
        return f"{self.nvr}.{self.arch}"

    @property
    def sigmd5(self) -> str | None:
        """SIGMD5 in hex: the digest of main header and payload that rpms are known by."""
        value = self["SIGMD5"]
        return value.hex() if isinstance(value, bytes) else None

    @property
    def identity(self) -> str | None:
        """The text by which an rpm's content is known: SIGMD5, or a header digest with its kind."""
        if self.sigmd5:
            return self.sigmd5
        for kind, name in (
            ("sha3-256", "SHA3_256HEADER"),
            ("sha256", "SHA256HEADER"),
            ("sha1", "SHA1HEADER"),
        ):
            if self[name]:
                return f"{kind}::{self[name]}"
        return None

    @property
    def digest_algo(self) -> str:
        """The algorithm of the file digests, in lower case; `unknown` for one without a name."""
        return DIGEST_ALGORITHMS.get(self["FILEDIGESTALGO"] or 1, "unknown")

    @cached_property
    def filenames(self) -> list[str]:
        """The full names of all files."""
        bases, directories, indexes = self["BASENAMES"], self["DIRNAMES"], self["DIRINDEXES"]
        if not bases:
            # Packages from before rpm 4 list whole names.
            old: list[str] = self["OLDFILENAMES"]
            return old
        try:
            return [directories[index] + base for index, base in zip(indexes, bases, strict=True)]
        except (IndexError, ValueError):
            raise GenericError("malformed RPM header: file names") from None

    def files(self) -> list[FileEntry]:
        """Return all files in the order of the header. GenericError: their lists differ in length."""
        names = self.filenames
        algorithm = self.digest_algo
        try:
            return [
                FileEntry(name, digest, algorithm, *rest)
                for name, digest, *rest in zip(
                    names,
                    self["FILEDIGESTS"],
                    self["FILESIZES"],
                    self["FILEFLAGS"],
                    self["FILEUSERNAME"],
                    self["FILEGROUPNAME"],
                    self["FILEMTIMES"],
                    self["FILEMODES"],
                    self["FILELINKTOS"],
                    strict=True,
                )
            ]
        except ValueError:
            raise GenericError("malformed RPM header: file lists differ in length") from None

    def dependencies(self, kind: DepType | None = None) -> list[Dependency]:
        """Return the dependencies of one kind, or of all in the order of their numbers."""
        found = []
        for each in DepType if kind is None else (kind,):
            lists = [self[f"{each.name}{part}"] for part in ("NAME", "VERSION", "FLAGS")]
            try:
                found += [
                    Dependency(name, version, flags, each)
                    for name, version, flags in zip(*lists, strict=True)
                ]
            except ValueError:
                raise GenericError("malformed RPM header: dependency lists differ in length") from None
        return found

    def changelogs(self) -> list[Changelog]:
        """Return the changelog, newest first as in the header."""
        lists = [self[f"CHANGELOG{part}"] for part in ("TIME", "NAME", "TEXT")]
        try:
            return [Changelog(*entry) for entry in zip(*lists, strict=True)]
        except ValueError:
            raise GenericError("malformed RPM header: changelog lists differ in length") from None

    def signatures(self) -> dict[str, bytes]:
        """Return the OpenPGP packets by tag name, in the order of `SIGNATURE_TAGS`."""
        return signature_packets(self.signature)

    @property
    def sigkey(self) -> str:
        """The key id of the signature (8 hex digits), '' if there is none."""
        return signature_key(self.signature) or ""

    def _text(self, name: str) -> str:
        value = self[name]
        if not isinstance(value, str):
            raise GenericError(f"malformed RPM header: {name} is missing")
        return value


def signature_packets(signature: RawHeader) -> dict[str, bytes]:
    """Return the OpenPGP packets of a signature header by tag name."""
    found = {}
    for name in SIGNATURE_TAGS:
        value = signature.get(signature_number(TAGS[name].number) or 0)
        if isinstance(value, bytes):
            found[name] = value
    return found


def signature_key(signature: RawHeader) -> str | None:
    """Return the key id (8 hex digits) of the first signature in a signature header."""
    for packet in signature_packets(signature).values():
        return packet_key_id(packet)
    return None


def read_header(source: str | os.PathLike[str] | Readable) -> Header:
    """Read the headers of an rpm file, given its path or an open file at its beginning.

    GenericError: it is no rpm file, or a damaged one. OSError as usual.
    """
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as opened:
            return read_header(opened)
    check_lead(read_exactly(source, LEAD_SIZE))
    signature = RawHeader.read(source)
    padding = -len(signature.data) % 8
    read_exactly(source, padding)
    return Header(signature, RawHeader.read(source), LEAD_SIZE + len(signature.data) + padding)


def check_lead(lead: bytes) -> None:
    """GenericError unless these are the first bytes of an rpm file."""
    if lead[:4] != _LEAD_MAGIC:
        raise GenericError("not an RPM file: bad magic")
