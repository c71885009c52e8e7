"""The digests that uploads and stored files are checked by (hub-protocol.md 3)."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol

from moromi.errors import GenericError

_BLOCK: Final = 1 << 20


class Digest(Protocol):
    """What hash objects have in common."""

    def update(self, data: bytes, /) -> None:
        """Add data."""

    def hexdigest(self) -> str:
        """Return the digest so far in lower-case hex digits."""


class Adler32:
    """The checksum of RFC 1950 as a hash object; 8 hex digits."""

    def __init__(self, data: bytes = b"") -> None:
        self._value = zlib.adler32(data)

    def update(self, data: bytes, /) -> None:
        """Add data."""
        self._value = zlib.adler32(data, self._value)

    def hexdigest(self) -> str:
        """Return the checksum so far."""
        return f"{self._value & 0xFFFFFFFF:08x}"


# md5 is an identifier here (SIGMD5, upload checks of old clients), no protection.
_DIGESTS: Final[dict[str, Callable[[], Digest]]] = {
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "adler32": Adler32,
}


def new_digest(kind: str) -> Digest:
    """Return an empty digest. GenericError `Unsupported verify type: …`."""
    maker = _DIGESTS.get(kind)
    if maker is None:
        raise GenericError(f"Unsupported verify type: {kind}")
    return maker()


def hexdigest(kind: str, data: bytes) -> str:
    """Return the digest of bytes."""
    digest = new_digest(kind)
    digest.update(data)
    return digest.hexdigest()


def file_digests(source: BinaryIO, *kinds: str) -> tuple[int, dict[str, str]]:
    """Read a file to its end; return the number of bytes read and the digest of each kind."""
    digests = {kind: new_digest(kind) for kind in kinds}
    size = 0
    while block := source.read(_BLOCK):
        size += len(block)
        for digest in digests.values():
            digest.update(block)
    return size, {kind: digest.hexdigest() for kind, digest in digests.items()}
