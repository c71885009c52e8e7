"""Writes rpm files without rpmbuild: thousands in seconds, with whatever names and dependencies are wanted.

They are complete: libraries read them, `rpm -K` finds their digests right, dnf installs them. What they
hold is empty files. Format: a lead, a signature header, the main header, a cpio archive.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_INT16, _INT32, _STRING, _BIN, _STRINGS, _I18N = 3, 4, 6, 7, 8, 9
_NUMBERS: Final = {_INT16: ("H", 2), _INT32: ("I", 4)}
_SIGNATURES, _IMMUTABLE = 62, 63
#: Flags of a versioned dependency.
LESS, GREATER, EQUAL = 2, 4, 8
_FILE_MODE, _DIRECTORY_MODE = 0o100644, 0o040755
_SENSE_RPMLIB: Final = 1 << 24
_SHA256: Final = 8

#: Numbers of name, flags and version of each kind of dependency.
_DEPENDENCIES: Final = {
    "provides": (1047, 1112, 1113),
    "requires": (1049, 1048, 1050),
    "conflicts": (1054, 1053, 1055),
    "obsoletes": (1090, 1114, 1115),
    "recommends": (5046, 5048, 5047),
    "suggests": (5049, 5051, 5050),
}

Value = str | bytes | Sequence[int] | Sequence[str]


@dataclass(frozen=True)
class Dependency:
    """A name, and with `flags` (LESS, GREATER, EQUAL, added up) the version that it is compared with."""

    name: str
    flags: int = 0
    version: str = ""


@dataclass(frozen=True)
class Package:
    """What an rpm says. `source` is the name of its source package, its own if empty; arch `src` makes one.

    `files` are absolute paths, directories with a slash at the end. `changelog`: seconds, author, text.
    """

    name: str
    version: str = "1.0"
    release: str = "1"
    arch: str = "noarch"
    epoch: int | None = None
    source: str = ""
    summary: str = ""
    time: int = 1_700_000_000
    files: Sequence[str] = ()
    provides: Sequence[Dependency] = ()
    requires: Sequence[Dependency] = ()
    conflicts: Sequence[Dependency] = ()
    obsoletes: Sequence[Dependency] = ()
    recommends: Sequence[Dependency] = ()
    suggests: Sequence[Dependency] = ()
    changelog: Sequence[tuple[int, str, str]] = field(default=())

    @property
    def file_name(self) -> str:
        """Its usual file name."""
        return f"{self.name}-{self.version}-{self.release}.{self.arch}.rpm"

    @property
    def sourcerpm(self) -> str:
        """The file name of its source package."""
        return f"{self.source or self.name}-{self.version}-{self.release}.src.rpm"


class _Header:
    """A header structure in the making."""

    def __init__(self, region: int) -> None:
        self._region = region
        self._entries: list[tuple[int, int, int, bytes]] = []

    def add(self, tag: int, kind: int, value: Value) -> None:
        """Add a tag; lists of text and of numbers only if they are not empty."""
        if not isinstance(value, (str, bytes)) and not value:
            return
        count, data = _encoded(kind, value)
        self._entries.append((tag, kind, count, data))

    def data(self) -> bytes:
        """Return the structure, with the region entry that digests and signatures are over."""
        index, store = [], bytearray()
        for tag, kind, count, data in sorted(self._entries):
            store += bytes(-len(store) % _NUMBERS.get(kind, ("", 1))[1])
            index.append(struct.pack(">IIII", tag, kind, len(store), count))
            store += data
        entries = len(index) + 1
        region = struct.pack(">IIII", self._region, _BIN, len(store), 16)
        store += struct.pack(">IIiI", self._region, _BIN, -entries * 16, 16)
        intro = b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">II", entries, len(store))
        return intro + region + b"".join(index) + bytes(store)


def _encoded(kind: int, value: Value) -> tuple[int, bytes]:
    if isinstance(value, bytes):
        return len(value), value
    if isinstance(value, str):
        return 1, value.encode() + b"\0"
    if kind in _NUMBERS:
        return len(value), struct.pack(f">{len(value)}{_NUMBERS[kind][0]}", *value)
    return len(value), b"".join(str(item).encode() + b"\0" for item in value)


def make_rpm(package: Package) -> bytes:
    """Return the content of an rpm file."""
    archive = _cpio([path for path in package.files])
    payload = gzip.compress(archive, 1, mtime=0)
    main = _main_header(package, payload).data()
    signature = _Header(_SIGNATURES)
    signature.add(273, _STRING, hashlib.sha256(main).hexdigest())
    signature.add(1000, _INT32, [len(main) + len(payload)])
    signature.add(1004, _BIN, hashlib.md5(main + payload, usedforsecurity=False).digest())
    signature.add(1007, _INT32, [len(archive)])
    front = signature.data()
    return _lead(package) + front + bytes(-len(front) % 8) + main + payload


def _lead(package: Package) -> bytes:
    name = f"{package.name}-{package.version}-{package.release}".encode()[:65]
    kind = 1 if package.arch == "src" else 0
    return struct.pack(">4sBBhh66shh16x", b"\xed\xab\xee\xdb", 3, 0, kind, 1, name, 1, 5)


def _main_header(package: Package, payload: bytes) -> _Header:
    header = _Header(_IMMUTABLE)
    header.add(100, _STRINGS, ["C"])
    texts = {1000: package.name, 1001: package.version, 1002: package.release, 1014: "MIT", 1007: "maker"}
    texts |= {1020: f"https://{package.name}.example.org/", 1021: "linux", 1022: package.arch}
    texts |= {1064: "4.18.0", 1124: "cpio", 1125: "gzip", 1126: "9"}
    for tag, text in texts.items():
        header.add(tag, _STRING, text)
    summary = package.summary or f"The package {package.name}"
    for tag, text in {
        1004: summary,
        1005: f"{summary}.\nMade up & written out.",
        1016: "Unspecified",
    }.items():
        header.add(tag, _I18N, [text])
    if package.epoch is not None:
        header.add(1003, _INT32, [package.epoch])
    header.add(1006, _INT32, [package.time])
    header.add(1009, _INT32, [0])
    if package.arch == "src":
        header.add(1106, _INT32, [1])
    else:
        header.add(1044, _STRING, package.sourcerpm)
    header.add(5092, _STRINGS, [hashlib.sha256(payload).hexdigest()])
    header.add(5093, _INT32, [_SHA256])
    _add_dependencies(header, package)
    _add_files(header, package)
    header.add(1080, _INT32, [time for time, _author, _text in package.changelog])
    header.add(1081, _STRINGS, [author for _time, author, _text in package.changelog])
    header.add(1082, _STRINGS, [text for _time, _author, text in package.changelog])
    return header


def _add_dependencies(header: _Header, package: Package) -> None:
    evr = f"{package.epoch}:" if package.epoch is not None else ""
    itself = Dependency(package.name, EQUAL, f"{evr}{package.version}-{package.release}")
    compressed = Dependency("rpmlib(CompressedFileNames)", LESS | EQUAL | _SENSE_RPMLIB, "3.0.4-1")
    extra = {"provides": [] if package.arch == "src" else [itself], "requires": [compressed]}
    for kind, (names, flags, versions) in _DEPENDENCIES.items():
        found = [*extra.get(kind, []), *getattr(package, kind)]
        header.add(names, _STRINGS, [each.name for each in found])
        header.add(flags, _INT32, [each.flags for each in found])
        header.add(versions, _STRINGS, [each.version for each in found])


def _add_files(header: _Header, package: Package) -> None:
    paths = sorted(path.rstrip("/") for path in package.files)
    directories = {path.rstrip("/") for path in package.files if path.endswith("/")}
    parts = [path.rpartition("/") for path in paths]
    places = sorted({f"{place}/" for place, _slash, _name in parts})
    count = len(paths)
    header.add(1117, _STRINGS, [name for _place, _slash, name in parts])
    header.add(1118, _STRINGS, places)
    number = {place: index for index, place in enumerate(places)}
    header.add(1116, _INT32, [number[f"{place}/"] for place, _slash, _name in parts])
    header.add(1028, _INT32, [4096 if path in directories else 0 for path in paths])
    header.add(1030, _INT16, [_DIRECTORY_MODE if path in directories else _FILE_MODE for path in paths])
    empty = hashlib.sha256().hexdigest()
    header.add(1035, _STRINGS, ["" if path in directories else empty for path in paths])
    header.add(1034, _INT32, [package.time] * count)
    header.add(1096, _INT32, list(range(1, count + 1)))
    for tag in (1037, 1045):
        header.add(tag, _INT32, [0] * count)
    header.add(1095, _INT32, [1] * count)
    header.add(1033, _INT16, [0] * count)
    for tag, text in {1036: "", 1039: "root", 1040: "root", 1097: ""}.items():
        header.add(tag, _STRINGS, [text] * count)
    header.add(5011, _INT32, [_SHA256] if count else [])


def _cpio(files: Sequence[str]) -> bytes:
    parts = []
    for inode, path in enumerate(sorted(files, key=lambda path: path.rstrip("/")), 1):
        mode = _DIRECTORY_MODE if path.endswith("/") else _FILE_MODE
        parts.append(_cpio_entry(f".{path.rstrip('/')}", inode, mode))
    parts.append(_cpio_entry("TRAILER!!!", 0, 0))
    return b"".join(parts)


def _cpio_entry(name: str, inode: int, mode: int) -> bytes:
    encoded = name.encode() + b"\0"
    values = (inode, mode, 0, 0, 1, 0, 0, 0, 0, 0, 0, len(encoded), 0)
    entry = b"070701" + b"".join(b"%08x" % value for value in values) + encoded
    return entry + bytes(-len(entry) % 4)
