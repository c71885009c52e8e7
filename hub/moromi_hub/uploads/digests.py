"""The digests of uploads: md5, sha256, adler32."""

from __future__ import annotations

import hashlib
import zlib
from typing import Protocol

from moromi.errors import GenericError

_BLOCK = 1 << 20


class Digest(Protocol):
    """What `hashlib` objects offer."""

    def update(self, data: bytes, /) -> None:
        """Take in more data."""

    def hexdigest(self) -> str:
        """The digest so far, in hex digits."""


class Adler32:
    """adler32 with the interface of `hashlib`: 8 lower-case hex digits."""

    def __init__(self) -> None:
        self._value = 1

    def update(self, data: bytes, /) -> None:
        """Take in more data."""
        self._value = zlib.adler32(data, self._value)

    def hexdigest(self) -> str:
        """The digest so far."""
        return f"{self._value & 0xFFFFFFFF:08x}"


def make_digest(kind: str) -> Digest:
    """A new digest. Raises GenericError `Unsupported verify type: …`."""
    if kind == "adler32":
        return Adler32()
    if kind == "md5":
        return hashlib.md5(usedforsecurity=False)
    if kind == "sha256":
        return hashlib.sha256()
    raise GenericError(f"Unsupported verify type: {kind}")


class Readable(Protocol):
    """An open binary file."""

    def read(self, size: int, /) -> bytes | None:
        """At most `size` bytes; none at the end."""


def digest_file(file: Readable, kind: str) -> tuple[int, str]:
    """Length and digest of a file from its present position to its end."""
    digest = make_digest(kind)
    length = 0
    while block := file.read(_BLOCK):
        length += len(block)
        digest.update(block)
    return length, digest.hexdigest()
