"""Python values to XML-RPC text (hub-protocol.md 1.2, the encoding table).

Each type has a writer, found by one dictionary look-up, that returns the whole
`<value>` element; containers join their parts once. Subclasses (`IntEnum`,
`defaultdict`, named tuples) find the writer of their base on first sight.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain, islice
from types import GeneratorType
from typing import Any, Final

from moromi.wire.listing import Listing
from moromi.wire.rows import LISTING_FROM, ROWS_PER_CHUNK, Column, as_listing, is_constant, write_rows
from moromi.wire.values import INT_MAX, INT_MIN, LONG_MAX, LONG_MIN, DateTime
from moromi.wire.writers import Writers

NIL: Final = "<value><nil/></value>"
TRUE: Final = "<value><boolean>1</boolean></value>"
FALSE: Final = "<value><boolean>0</boolean></value>"
ARRAY_START: Final = "<value><array><data>"
ARRAY_END: Final = "</data></array></value>"


def escape(text: str) -> str:
    """Escape `&`, `<` and `>`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def write_value(value: Any) -> str:
    """Return the `<value>` element of anything that can be sent.

    OverflowError: an integer beyond 64 bits. TypeError: a type, or a key of a
    dictionary, that cannot be sent. Both texts go into the fault.
    """
    try:
        return _WRITERS[type(value)](value)
    except RecursionError:
        raise TypeError(f"cannot marshal {type(value)} objects: nested too deeply") from None


def iter_value(value: Any) -> Iterator[str]:
    """Yield the pieces of the `<value>` element, long sequences in chunks."""
    if isinstance(value, Listing):
        yield ARRAY_START
        yield from _listing_chunks(value)
        yield ARRAY_END
    elif isinstance(value, (list, tuple)) and any(isinstance(item, Listing) for item in value):
        yield ARRAY_START
        for item in value:
            yield from iter_value(item)
        yield ARRAY_END
    elif isinstance(value, (list, tuple, Iterator)):
        yield ARRAY_START
        items = iter(value)
        while chunk := list(islice(items, ROWS_PER_CHUNK)):
            yield write_value(chunk)[len(ARRAY_START) : -len(ARRAY_END)]
        yield ARRAY_END
    else:
        yield write_value(value)


def _write_nil(_value: None) -> str:
    return NIL


def _write_bool(value: bool) -> str:
    return TRUE if value else FALSE


def _write_int(value: int) -> str:
    if INT_MIN <= value <= INT_MAX:
        return f"<value><int>{value:d}</int></value>"
    if LONG_MIN <= value <= LONG_MAX:
        return f"<value><i8>{value:d}</i8></value>"
    raise OverflowError("long int exceeds XML-RPC limits")


def _write_float(value: float) -> str:
    return f"<value><double>{float(value)!r}</double></value>"


def _write_str(value: str) -> str:
    text = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<value><string>{text}</string></value>"


def _write_bytes(value: bytes | bytearray | memoryview) -> str:
    return f"<value><base64>\n{b2a_base64(value).decode('ascii')}</base64></value>"


def _write_datetime(value: datetime) -> str:
    return f"<value><string>{value.isoformat(' ')}</string></value>"


def _write_wire_datetime(value: DateTime) -> str:
    return f"<value><dateTime.iso8601>{escape(value.value)}</dateTime.iso8601></value>"


def _write_pattern(value: re.Pattern[Any]) -> str:
    return _write_str(repr(value))


def _write_list(value: Sequence[Any]) -> str:
    if len(value) >= LISTING_FROM and (listing := as_listing(value)):
        return _write_listing(listing)
    return _write_sequence(value)


def _write_sequence(value: Any) -> str:
    writers = _WRITERS
    return f"{ARRAY_START}{''.join([writers[type(item)](item) for item in value])}{ARRAY_END}"


def _write_mapping(value: Mapping[str, Any]) -> str:
    writers = _WRITERS
    members = [f"{_member(name)}{writers[type(item)](item)}</member>" for name, item in value.items()]
    return f"<value><struct>{''.join(members)}</struct></value>"


def _write_listing(value: Listing) -> str:
    return f"{ARRAY_START}{''.join(_listing_chunks(value))}{ARRAY_END}"


@lru_cache(maxsize=4096)
def _member(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError("dictionary key must be string")
    return f"<member><name>{escape(name)}</name>"


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


def _listing_chunks(listing: Listing) -> Iterator[str]:
    if not listing.columns:
        return (_write_mapping({}) for _row in listing.rows)
    before = [_member(name) for name in listing.columns]
    # Each name but the first comes after the end of the member before it.
    before = [f"<value><struct>{before[0]}", *[f"</member>{name}" for name in before[1:]]]
    return write_rows(listing, _write_column, before, "</member></struct></value>")


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
        return Column("<value><string>", _escape_column(column), "</string></value>")
    if kind is int and min(column) >= INT_MIN and max(column) <= INT_MAX:
        return Column("<value><int>", list(map(str, column)), "</int></value>")
    return Column("", [write(value) for value in column])


def _escape_column(column: tuple[str, ...]) -> Sequence[str]:
    """Escape many strings at the price of one: joined by a character that XML cannot hold."""
    joined = "\0".join(column)
    if not ("&" in joined or "<" in joined or ">" in joined):
        return column
    escaped = escape(joined).split("\0")
    if len(escaped) != len(column):
        return [escape(text) for text in column]
    return escaped


def encoded(pieces: Iterator[str], head: str, tail: str) -> Iterator[bytes]:
    """Yield `head`, the pieces and `tail` in UTF-8."""
    for piece in chain((head,), pieces, (tail,)):
        yield piece.encode()
