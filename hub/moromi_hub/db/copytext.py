"""The text form of COPY, in which `Transaction.copy` gives rows."""

from __future__ import annotations

import re

_ESCAPES = {b"\\b": b"\b", b"\\f": b"\f", b"\\n": b"\n", b"\\r": b"\r", b"\\t": b"\t", b"\\v": b"\v"}


def unescape(value: bytes) -> bytes:
    """A value without what COPY escapes: a backslash, and what would end a value or a row."""
    if b"\\" not in value:
        return value
    return re.sub(rb"\\.", lambda found: _ESCAPES.get(found[0], found[0][1:]), value)
