"""A certificate's distinguished name taken apart: `CN=alice,O=Example\\, Inc.,C=JP`.

Web servers hand the subject of a client certificate on as a text in the form of
RFC 2253 (and its successor RFC 4514): last component first, with special
characters and bytes beyond ASCII behind backslashes, and values of unknown types
as hexadecimal BER. A name must not be found by searching such a text, since a
value may contain `,CN=admin`.
"""

from __future__ import annotations

import re

_TYPE = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)\s*=\s*")
_PAIR = r"\\(?:[0-9A-Fa-f]{2}|[^0-9A-Fa-f])"
_PLAIN = re.compile(rf'(?:[^\\,;+"]|{_PAIR})*', re.DOTALL)
_QUOTED = re.compile(rf'"((?:[^\\"]|{_PAIR})*)"\s*', re.DOTALL)
_ESCAPED = re.compile(rb"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)
_HEXADECIMAL = re.compile(r"#((?:[0-9A-Fa-f]{2})+)\s*")
_TEXT_TAGS = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii"}
"""BER tags of UTF8String, PrintableString and IA5String."""
_ALIASES = {"email": "emailaddress"}
"""What Apache's components are called in a name."""


def component(name: str, wanted: str) -> str | None:
    """The value of a component such as `CN`, or None; ValueError for what is no name.

    Of several with the same type it is the first in the certificate's own order,
    as with Apache; `CN_1` is the second.
    """
    kind, _, number = wanted.lower().partition("_")
    kind = _ALIASES.get(kind, kind)
    values = [value for found, value in reversed(parse(name)) if found.lower() == kind]
    position = int(number or 0)
    return values[position] if position < len(values) else None


def parse(name: str) -> list[tuple[str, str]]:
    """Types and values in the order in which they are written; ValueError for what is no name."""
    found: list[tuple[str, str]] = []
    position = 0
    while True:
        kind = _TYPE.match(name, position)
        if kind is None:
            raise ValueError(f"no distinguished name: {name!r}")
        value, position = _value(name, kind.end())
        found.append((kind[1], value))
        if position == len(name):
            return found
        if name[position] not in ",;+":
            raise ValueError(f"no distinguished name: {name!r}")
        position += 1


def _value(name: str, position: int) -> tuple[str, int]:
    """The value that begins at a position, and where it ends."""
    if match := _HEXADECIMAL.match(name, position):
        return _decode_ber(bytes.fromhex(match[1])), match.end()
    if match := _QUOTED.match(name, position):
        return _unescape(match[1]), match.end()
    match = _PLAIN.match(name, position)
    text = match[0] if match else ""
    return _unescape(text), position + len(text)


def _unescape(text: str) -> str:
    plain = _ESCAPED.sub(lambda match: _escaped(match[1]), text.encode("utf-8"))
    return plain.decode("utf-8")


def _escaped(pair: bytes) -> bytes:
    return bytes.fromhex(pair.decode("ascii")) if len(pair) == 2 else pair


def _decode_ber(data: bytes) -> str:
    """The text in a BER string; ValueError for any other type."""
    encoding = _TEXT_TAGS.get(data[0])
    if encoding is None or len(data) < 2:
        raise ValueError(f"a value that is no text: {data.hex()}")
    start, size = 2, data[1]
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    if len(data) != start + size:
        raise ValueError(f"a value of a wrong length: {data.hex()}")
    return data[start:].decode(encoding)
