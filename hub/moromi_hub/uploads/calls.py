"""The exported calls about uploads (spec: hub-protocol.md sections 3.3 and 3.4)."""

from __future__ import annotations

from typing import Any

from moromi.errors import ParameterError
from moromi_hub.call import Call
from moromi_hub.rpc.registry import ANYONE, LOGIN, exported
from moromi_hub.uploads import place as places
from moromi_hub.uploads import service


@exported("uploadFile", access=LOGIN)
def upload_file(
    call: Call,
    path: str,
    name: str,
    size: Any,
    md5sum: Any,
    offset: Any,
    data: Any,
    volume: str | None = None,
    checksum: Any = None,
) -> bool:
    """Store a base64 chunk; false when size or digest do not fit.

    Offset -1 appends, then checks the whole file.
    """
    place = places.place_of(call, path, name, volume)
    digest = service.wanted_digest(md5sum, checksum)
    return service.upload_file(
        call, place, _int(size, "size"), digest, _int(offset, "offset"), service.decode_data(data)
    )


@exported("checkUpload", access=ANYONE)
def check_upload(
    call: Call,
    path: str,
    name: str,
    verify: str | None = None,
    tail: int | None = None,
    volume: str | None = None,
) -> dict[str, Any] | None:
    """`{size, mtime}` of an uploaded file or nil; with `verify` also `{sumlength, hexdigest}`."""
    place = places.place_of(call, path, name, volume)
    return service.check_upload(place, verify, tail)


def _int(value: Any, name: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ParameterError(f"Invalid {name}: {value!r}") from None
