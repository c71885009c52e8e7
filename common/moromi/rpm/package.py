"""Work on rpm files as a whole: take the signature header out, put another in, check the digest.

An rpm file is a lead, a signature header padded to 8 bytes, the main header and the
payload. Signing changes the signature header alone, so a hub keeps these headers
and makes signed copies from them (client-session.md 10).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from moromi.errors import GenericError
from moromi.rpm.header import LEAD_SIZE, check_lead, read_header, signature_key
from moromi.rpm.raw import RawHeader, read_exactly

_BLOCK: Final = 1 << 20

Path = str | os.PathLike[str]


def read_signature_header(source: BinaryIO) -> bytes:
    """Return the signature header with its padding; afterwards the file is at the main header."""
    _lead, header = _read_front(source)
    return header


def rip_rpm_sighdr(path: Path) -> bytes:
    """Return the signature header of an rpm file with its padding."""
    with open(path, "rb") as source:
        return read_signature_header(source)


def rip_rpm_hdr(path: Path) -> bytes:
    """Return the main header of an rpm file."""
    with open(path, "rb") as source:
        read_signature_header(source)
        return RawHeader.read(source).data


def parse_sighdr(sighdr: bytes) -> RawHeader:
    """Parse a signature header on its own, as clients send it. GenericError: it is none."""
    return RawHeader(sighdr)


def get_sighdr_key(sighdr: bytes) -> str | None:
    """Return the key id (8 hex digits) of a signature header, None if it holds no signature."""
    return signature_key(parse_sighdr(sighdr))


def sighdr_sigmd5(sighdr: bytes) -> str | None:
    """Return in hex the SIGMD5 of a signature header, by which it belongs to an rpm."""
    value = parse_sighdr(sighdr).get(1004)
    return value.hex() if isinstance(value, bytes) else None


def padded(sighdr: bytes) -> bytes:
    """Return a signature header with the padding that it has in a file."""
    data = parse_sighdr(sighdr).data
    return data + bytes(-len(data) % 8)


def spliced(source: BinaryIO, sighdr: bytes) -> Iterator[bytes]:
    """Yield the bytes of an rpm file with another signature header."""
    lead, _old = _read_front(source)
    yield lead + padded(sighdr)
    while block := source.read(_BLOCK):
        yield block


def splice_rpm_sighdr(sighdr: bytes, src: Path, dst: Path) -> None:
    """Write a copy of `src` with another signature header to `dst`, whole or not at all.

    The copy is synced before it takes its name; an existing `dst` is replaced.
    """
    with open(src, "rb") as source, _replacing(dst) as target:
        for block in spliced(source, sighdr):
            target.write(block)
        shutil.copymode(src, target.name)


def check_rpm_file(path: Path) -> None:
    """GenericError unless the file has a lead and two readable headers that name a package."""
    header = read_header(path)
    if not header.nvra:
        raise GenericError(f"not a usable RPM file: {os.fspath(path)}")


def check_sigmd5(path: Path) -> bool:
    """Compute the digest of main header and payload; True if it is SIGMD5, or the file has none."""
    with open(path, "rb") as source:
        expected = sighdr_sigmd5(read_signature_header(source))
        if expected is None:
            return True
        digest = hashlib.md5(usedforsecurity=False)
        while block := source.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest() == expected


def _read_front(source: BinaryIO) -> tuple[bytes, bytes]:
    lead = read_exactly(source, LEAD_SIZE)
    check_lead(lead)
    data = RawHeader.read(source).data
    return lead, data + read_exactly(source, -len(data) % 8)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its name at the end, or disappears on an error."""
    directory, name = os.path.split(os.fspath(path))
    with tempfile.NamedTemporaryFile(dir=directory or ".", prefix=f".{name}.", delete=False) as target:
        try:
            yield target  # type: ignore[misc]  # it is a BinaryIO in all but its class
            target.flush()
            os.fsync(target.fileno())
            os.replace(target.name, path)
        except BaseException:
            os.unlink(target.name)
            raise
