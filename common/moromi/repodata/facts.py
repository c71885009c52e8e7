"""What metadata says of an rpm file that signing changes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from moromi.rpm import RawHeader
from moromi.rpm.package import read_signature_header


@dataclass(frozen=True)
class FileFacts:
    """Facts of one file.

    `pkgid`: its checksum in hex, SHA-256 for ours; `time`: of last modification, in seconds; `size`: in
    bytes; `header_start`, `header_end`: offsets of the main header.
    """

    pkgid: str
    time: int
    size: int
    header_start: int
    header_end: int

    @classmethod
    def of_file(cls, path: str | os.PathLike[str]) -> FileFacts:
        """Read an rpm file. GenericError: it is none."""
        with Path(path).open("rb") as source:
            read_signature_header(source)
            start = source.tell()
            end = start + len(RawHeader.read(source).data)
            source.seek(0)
            pkgid = hashlib.file_digest(source, "sha256").hexdigest()
            stat = os.fstat(source.fileno())
        return cls(pkgid, int(stat.st_mtime), stat.st_size, start, end)
