"""What the rows of a build promise of its directory, and whether that holds.

A promise is of a file: that it is there, how long it is, and what digest it has.
Some files are promised by nobody and belong there all the same: logs, signed copies
(they can be made again), the headers of deleted signatures, what describes an import.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moromi.constants import ChecksumType
from moromi.errors import GenericError
from moromi.names import nvra
from moromi.rpm import check_sigmd5, read_header
from moromi_hub import files
from moromi_hub.archives.members import archive_path
from moromi_hub.call import Call

Info = Mapping[str, Any]
PAYLOAD = "payload"
"""As the kind of a digest: of an rpm's main header and payload, whatever its signatures."""

_PLACED = {"maven", "win"}
_SAVED = re.compile(r"data/sigcache/.+\.save")
_OF_IMPORTS = re.compile(r"data/logs/.+|metadata\.json|maven/.+\.(md5|sha1)|maven/(.+/)?maven-metadata\.xml")


@dataclass(frozen=True)
class Promise:
    """What a row says of a file; `digest` is (kind, hex digits)."""

    label: str
    size: int | None = None
    digest: tuple[str, str] | None = None


@dataclass
class Promises:
    """Of one build: the files that must be there, and those that may. Paths are relative to its directory."""

    required: dict[str, Promise] = field(default_factory=dict)
    optional: dict[str, Promise] = field(default_factory=dict)
    anywhere: dict[tuple[str, str], Promise] = field(default_factory=dict)
    """(directory, name): somewhere below that directory; no row says where."""

    def settle(self, present: Iterable[str]) -> None:
        """Find the files that may be anywhere among those that are `present`."""
        for (directory, name), promise in self.anywhere.items():
            prefix, suffix = f"{directory}/", f"/{name}"
            found = [path for path in present if path.startswith(prefix) and path.endswith(suffix)]
            self.required[min(found, key=len, default=prefix + name)] = promise

    def allows(self, path: str) -> bool:
        """Whether a file has a reason to be there."""
        if files.is_private(os.path.basename(path)):
            return False
        if path in self.required or path in self.optional:
            return True
        return bool(_SAVED.fullmatch(path) or _OF_IMPORTS.fullmatch(path))


def promises_of(
    call: Call,
    build: Info,
    rpms: Iterable[Info],
    signatures: Iterable[Info],
    checksums: Mapping[tuple[int, str], tuple[int, str]],
    archives: Iterable[Info],
    packs: Iterable[str] = (),
) -> Promises:
    """What the rows of one build promise."""
    made = Promises()
    for pack in packs:
        made.optional[pack] = Promise("metadata for repositories")
    for rpm in rpms:
        digest = (PAYLOAD, rpm["payloadhash"])
        made.required[call.paths.rpm(rpm)] = Promise(f"rpm {nvra(rpm)}", rpm["size"], digest)
    for row in signatures:
        key = row["sigkey"]
        label = f"signature of {nvra(row)} with key {key!r}"
        made.required[call.paths.sighdr(row, key)] = Promise(label, None, ("md5", row["sighash"]))
        stored = checksums.get((row["id"], key))
        copied = stored and (ChecksumType(stored[0]).wire_name, stored[1])
        copy = Promise(f"copy of {nvra(row)} signed with key {key!r}", None, copied)
        made.optional[call.paths.signed(row, key)] = copy
    top = call.paths.build(build)
    for archive in archives:
        kind = ChecksumType(archive["checksum_type"]).wire_name
        promise = Promise(f"archive {archive['id']}", archive["size"], (kind, archive["checksum"]))
        path = os.path.relpath(archive_path(call, archive, build), top)
        if archive["btype"] in _PLACED:
            made.required[path] = promise
        else:
            made.anywhere[os.path.split(path)[0], archive["filename"]] = promise
    return made


def complaint(path: Path, promise: Promise, *, checksums: bool) -> str | None:
    """How a file breaks its promise, or None."""
    try:
        info = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    if not stat.S_ISREG(info.st_mode):
        return "differs: not a regular file"
    if promise.size is not None and info.st_size != promise.size:
        return f"differs: {info.st_size} bytes instead of {promise.size}"
    if checksums and promise.digest is not None and not _has_digest(path, *promise.digest):
        return f"differs: its {promise.digest[0]} digest is another"
    return None


def _has_digest(path: Path, kind: str, digits: str) -> bool:
    if kind == PAYLOAD:
        try:
            return read_header(path).sigmd5 == digits and check_sigmd5(path)
        except (GenericError, ValueError, EOFError):
            return False
    with open(path, "rb") as file:
        made = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False))
    return made.hexdigest() == digits


def present_files(directory: Path) -> Iterator[tuple[str, bool]]:
    """(path below `directory`, whether it is a link) of everything that is no directory."""
    for parent, directories, names in os.walk(directory):
        for name in (*directories, *names):
            path = os.path.join(parent, name)
            mode = os.lstat(path).st_mode
            if not stat.S_ISDIR(mode):
                yield os.path.relpath(path, directory), stat.S_ISLNK(mode)
