"""Python values to JSON text, by the rules that hold for XML-RPC.

The same types can be sent, integers have the same limits, times take the same
text; bytes are base64 text. As in `xmlwrite`, a writer per type returns text,
and a listing is written with a row template.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring
from math import isfinite
from types import GeneratorType
from typing import Any, Final

from moromi.wire.listing import Listing
from moromi.wire.rows import LISTING_FROM, Column, as_listing, is_constant, write_rows
from moromi.wire.values import LONG_MAX, LONG_MIN, DateTime
from moromi.wire.writers import Writers


def write_value(value: Any) -> str:
    """Return the JSON text of anything that can be sent.

    OverflowError: an integer beyond 64 bits, or a float that is no number.
    TypeError: a type, or a key of a dictionary, that cannot be sent.
    """
    try:
        return _WRITERS[type(value)](value)
    except RecursionError:
        raise TypeError(f"cannot marshal {type(value)} objects: nested too deeply") from None


def _write_nil(_value: None) -> str:
    return "null"


def _write_bool(value: bool) -> str:
    return "true" if value else "false"


def _write_int(value: int) -> str:
    if LONG_MIN <= value <= LONG_MAX:
        return f"{value:d}"
    raise OverflowError("long int exceeds XML-RPC limits")


def _write_float(value: float) -> str:
    if not isfinite(value):
        raise OverflowError(f"{value!r} has no form in JSON")
    return repr(float(value))


def _write_str(value: str) -> str:
    return encode_basestring(value)


def _write_bytes(value: bytes | bytearray | memoryview) -> str:
    return f'"{b2a_base64(value, newline=False).decode("ascii")}"'


def _write_datetime(value: datetime) -> str:
    return f'"{value.isoformat(" ")}"'


def _write_wire_datetime(value: DateTime) -> str:
    return encode_basestring(value.value)


def _write_pattern(value: re.Pattern[Any]) -> str:
    return encode_basestring(repr(value))


def _write_list(value: Sequence[Any]) -> str:
    if len(value) >= LISTING_FROM and (listing := as_listing(value)):
        return _write_listing(listing)
    return _write_sequence(value)


def _write_sequence(value: Any) -> str:
    writers = _WRITERS
    return f"[{','.join([writers[type(item)](item) for item in value])}]"


def _write_mapping(value: Mapping[str, Any]) -> str:
    writers = _WRITERS
    members = [f"{_member(name)}{writers[type(item)](item)}" for name, item in value.items()]
    return f"{{{','.join(members)}}}"


def _write_listing(value: Listing) -> str:
    if not value.columns:
        return f"[{','.join(['{}' for _row in value.rows])}]"
    before = [_member(name) for name in value.columns]
    before = [f"{{{before[0]}", *[f",{name}" for name in before[1:]]]
    # Every row ends in a comma, the last one's is taken off.
    return f"[{''.join(write_rows(value, _write_column, before, '},'))[:-1]}]"


def _write_column(column: tuple[Any, ...]) -> Column:
    kinds = set(map(type, column))
    kind = kinds.pop()
    if kinds:
        writers = _WRITERS
        return Column("", [writers[type(value)](value) for value in column])
    write = _WRITERS[kind]
    if is_constant(kind, column):
        return Column(write(column[0]))
    if kind is str:
        return Column("", list(map(encode_basestring, column)))
    return Column("", [write(value) for value in column])


@lru_cache(maxsize=4096)
def _member(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError("dictionary key must be string")
    return f"{encode_basestring(name)}:"


_WRITERS: Final = Writers(
    {
        type(None): _write_nil,
        bool: _write_bool,
        int: _write_int,
        float: _write_float,
        str: _write_str,
        bytes: _write_bytes,
        bytearray: _write_bytes,
        memoryview: _write_bytes,
        datetime: _write_datetime,
        DateTime: _write_wire_datetime,
        re.Pattern: _write_pattern,
        list: _write_list,
        tuple: _write_list,
        GeneratorType: _write_sequence,
        dict: _write_mapping,
        Listing: _write_listing,
    },
    mapping=_write_mapping,
    sequence=_write_sequence,
)
