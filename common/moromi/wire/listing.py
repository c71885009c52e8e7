"""A long answer that is never turned into Python objects one by one.

A query for tens of thousands of rows gives tuples; to make a dictionary of each
only for the codec to take it apart again costs more than the query. A
`Listing` keeps the column names once and the rows as they come, and the codecs
write each row with a template made once per column list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any


class Listing:
    """Rows under common column names; on the wire, an array of structs.

    `rows` may be an iterator: then the listing can be read or encoded once.
    Every row has as many values as there are columns.
    """

    __slots__ = ("columns", "rows")

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        self.columns = tuple(columns)
        self.rows = rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        columns = self.columns
        return (dict(zip(columns, row, strict=True)) for row in self.rows)

    def __repr__(self) -> str:
        return f"Listing(columns={self.columns!r})"
