"""Many rows in one statement, whose text is the same however many there are.

Each column is a bound array, and the database unnests them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Table, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert


def insertion(table: Table, keys: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> Insert:
    """INSERT, in their order, of the values that `rows` have under `keys`, which are columns of `table`."""
    columns = [Column(key, table.c[key].type) for key in keys]
    arrays = [
        cast(literal([row[column.key] for row in rows], ARRAY(column.type)), ARRAY(column.type))
        for column in columns
    ]
    new = func.unnest(*arrays).table_valued(*columns).render_derived(name="new")
    return insert(table).from_select([column.key for column in columns], select(*new.c))
