"""The two compressions of metadata, as independent pieces: zstd frames and gzip members.

Pieces written one after the other are a valid file of the same compression, which is what lets
a repository be put together from pieces that exist.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import zstandard

from moromi.errors import ParameterError


@dataclass(frozen=True)
class Codec:
    """A compression. `suffix` of file names; `compress` and `expand` take and return whole pieces.

    `tag` names the format and what decides about its bytes.
    """

    name: str
    suffix: str
    tag: str
    compress: Callable[[bytes], bytes]
    expand: Callable[[bytes], bytes]


_ZSTD_LEVEL: Final = 6
_GZIP_LEVEL: Final = 6


def _zstd_compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(data)


def _zstd_expand(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data)


def _gzip_compress(data: bytes) -> bytes:
    return gzip.compress(data, _GZIP_LEVEL, mtime=0)


def _gzip_expand(data: bytes) -> bytes:
    return zlib.decompress(data, wbits=31)


_CODECS: Final = {
    codec.name: codec
    for codec in (
        Codec("zstd", "zst", f"zstd-{_ZSTD_LEVEL}", _zstd_compress, _zstd_expand),
        Codec("gzip", "gz", f"gzip-{_GZIP_LEVEL}", _gzip_compress, _gzip_expand),
    )
}


def codec_named(name: str) -> Codec:
    """Return a compression by its name, `zstd` or `gzip`. ParameterError: another name."""
    codec = _CODECS.get(name)
    if codec is None:
        raise ParameterError(f"Unknown compression of repositories: {name}")
    return codec
