"""The key id in an OpenPGP signature packet, as far as rpm signatures need it (RFC 4880, 5.2)."""

from __future__ import annotations

from typing import Final

_SIGNATURE: Final = 2
_ISSUER: Final = 16
_ISSUER_FINGERPRINT: Final = 33


def packet_key_id(packet: bytes) -> str | None:
    """Return the last 8 hex digits of the issuer's key id, in lower case.

    None: it is no signature packet of version 3 or 4, or does not name its issuer.
    """
    try:
        body = _body(packet)
        if body is None or not body:
            return None
        if body[0] in (2, 3):
            issuer = body[7:15]
        elif body[0] == 4:
            issuer = _v4_issuer(body)
        else:
            return None
    except IndexError:
        return None
    return issuer[-4:].hex() if len(issuer) >= 8 else None


def _body(packet: bytes) -> bytes | None:
    """Return the body of a signature packet. IndexError: the packet is cut off."""
    first = packet[0]
    if not first & 0x80:
        return None
    if first & 0x40:
        if first & 0x3F != _SIGNATURE:
            return None
        length, start = _new_length(packet, 1)
    else:
        if (first >> 2) & 0x0F != _SIGNATURE:
            return None
        width = (1, 2, 4, 0)[first & 3]
        start = 1 + width
        length = int.from_bytes(packet[1:start], "big") if width else len(packet) - start
    return packet[start : start + length]


def _new_length(data: bytes, position: int) -> tuple[int, int]:
    """Return a length and the position behind it."""
    first = data[position]
    if first < 192:
        return first, position + 1
    if first < 255:
        return ((first - 192) << 8) + data[position + 1] + 192, position + 2
    return int.from_bytes(data[position + 1 : position + 5], "big"), position + 5


def _v4_issuer(body: bytes) -> bytes:
    position = 4
    fingerprint = b""
    for _area in ("hashed", "unhashed"):
        size = int.from_bytes(body[position : position + 2], "big")
        position += 2
        end = min(position + size, len(body))
        while position < end:
            length, position = _new_length(body, position)
            if length == 0:
                continue
            kind = body[position] & 0x7F
            content = body[position + 1 : position + length]
            if kind == _ISSUER:
                return content
            if kind == _ISSUER_FINGERPRINT and content[:1] == b"\x04":
                fingerprint = content[1:]
            position += length
        position = end
    # The key id of a version 4 key is the end of its fingerprint.
    return fingerprint[-8:]
