"""The two compressions of metadata, as independent pieces: zstd frames and gzip members.

Pieces written one after the other are a valid file of the same compression, which is what lets
a repository be put together from pieces that exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import deflate
import zstandard

from moromi.errors import ParameterError


@dataclass(frozen=True)
class Codec:
    """A compression. `suffix` is of file names; `compress` and `expand` take and return whole pieces.

    `compress` wants to know whether a piece has lists of files. `expand` wants to know the size of what comes
    out, and raises ValueError for what is damaged. `tag` names all that decides about its bytes, the version
    of the library among it.
    """

    name: str
    suffix: str
    tag: str
    compress: Callable[[bytes, bool], bytes]
    expand: Callable[[bytes, int], bytes]


def _zstd_parameters(strategy: int, chain_log: int, min_match: int) -> zstandard.ZstdCompressionParameters:
    return zstandard.ZstdCompressionParameters(
        window_log=21,
        chain_log=chain_log,
        hash_log=15,
        search_log=1,
        min_match=min_match,
        target_length=0,
        strategy=strategy,
        write_content_size=True,
        write_checksum=True,
    )


#: Paths come out a tenth smaller than with what is quick; the rest hardly does, and takes four times as long.
_FILES: Final = _zstd_parameters(zstandard.STRATEGY_LAZY, 16, 6)
_QUICK: Final = _zstd_parameters(zstandard.STRATEGY_DFAST, 14, 5)
_GZIP_LEVEL: Final = 6


def _zstd_compress(data: bytes, has_files: bool) -> bytes:
    return zstandard.ZstdCompressor(compression_params=_FILES if has_files else _QUICK).compress(data)


def _zstd_expand(data: bytes, _size: int) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as exc:
        raise ValueError(str(exc)) from exc


def _gzip_compress(data: bytes, _has_files: bool) -> bytes:
    return bytes(deflate.gzip_compress(data, _GZIP_LEVEL))


def _gzip_expand(data: bytes, size: int) -> bytes:
    try:
        return bytes(deflate.gzip_decompress(data, size))
    except deflate.DeflateError as exc:
        raise ValueError(str(exc)) from exc


_CODECS: Final = {
    codec.name: codec
    for codec in (
        Codec("zstd", "zst", f"zstd-{zstandard.ZSTD_VERSION}-lazy-dfast", _zstd_compress, _zstd_expand),
        Codec("gzip", "gz", f"deflate-{deflate.__version__}-{_GZIP_LEVEL}", _gzip_compress, _gzip_expand),
    )
}


def codec_named(name: str) -> Codec:
    """Return a compression by its name, `zstd` or `gzip`. ParameterError: another name."""
    codec = _CODECS.get(name)
    if codec is None:
        raise ParameterError(f"Unknown compression of repositories: {name}")
    return codec
