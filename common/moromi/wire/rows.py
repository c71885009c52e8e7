"""Turn the rows of a listing into text, a chunk at a time and column by column.

What is common to XML and JSON: a chunk of rows becomes columns, a codec writes
each column as a whole (`Column`), and here the columns are woven into rows again.
Everything that is equal in all rows of the chunk (names, tags, values of a
column that does not change) is one literal between two changing texts, and the
whole chunk is one `join`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice, repeat
from typing import Any, Final, NamedTuple

from moromi.wire.listing import Listing

#: Large enough that the work per column disappears, small enough that the text
#: of a chunk stays around a megabyte.
ROWS_PER_CHUNK: Final = 500
#: Types in which what is equal is written alike. Not floats: 0.0 equals -0.0.
_EQUAL_IS_SAME: Final = frozenset({str, int, bool, type(None)})
#: From this many dictionaries on it pays to look whether they are a listing.
LISTING_FROM: Final = 4


class Column(NamedTuple):
    """A column's text: `before`, one of `texts`, `after`; `texts` is None if all rows have the same."""

    before: str
    texts: Sequence[str] | None = None
    after: str = ""


def write_rows(
    listing: Listing,
    write_column: Callable[[tuple[Any, ...]], Column],
    before: Sequence[str],
    end: str,
) -> Iterator[str]:
    """Yield the text of all rows in chunks.

    `before` has for each column what precedes its value, `end` ends a row.
    ValueError: a row has not as many values as there are columns.
    """
    width = len(listing.columns)
    rows = iter(listing.rows)
    while chunk := list(islice(rows, ROWS_PER_CHUNK)):
        columns = [write_column(column) for column in zip(*chunk, strict=True)]
        if len(columns) != width:
            raise ValueError(f"rows of {len(columns)} values in a listing of {width} columns")
        yield _weave(before, columns, end, len(chunk))


def is_constant(kind: type, column: tuple[Any, ...]) -> bool:
    """Say whether all values, which are of this type, are written alike, as far as that is quick to see."""
    first = column[0]
    return kind in _EQUAL_IS_SAME and bool(first == column[-1] and column.count(first) == len(column))


def as_listing(items: Sequence[Any]) -> Listing | None:
    """Return a list of dictionaries as a listing, if they all have the same keys in the same order."""
    first = items[0]
    if type(first) is not dict or not first:
        return None
    columns = tuple(first)
    if not all([type(item) is dict and tuple(item) == columns for item in items]):
        return None
    return Listing(columns, [tuple(item.values()) for item in items])


def _weave(before: Sequence[str], columns: Sequence[Column], end: str, count: int) -> str:
    parts: list[Any] = []
    literal = ""
    for head, column in zip(before, columns, strict=True):
        literal += head + column.before
        if column.texts is not None:
            parts += (repeat(literal, count), column.texts)
            literal = ""
        literal += column.after
    literal += end
    if not parts:
        return literal * count
    parts.append(repeat(literal, count))
    return "".join(chain.from_iterable(zip(*parts, strict=True)))
