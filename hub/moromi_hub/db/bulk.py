"""Many rows in one statement, whose text is the same however many there are.

Each column is a bound array, and the database unnests them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Table, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert
from sqlalchemy.sql.selectable import TableValuedAlias

POSITION = "position"


def unnested(table: Table, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> TableValuedAlias:
    """The values that `rows` have under `keys`, which are columns of `table`, as a table itself.

    Its last column, `POSITION`, is the place in `rows`, from 1.
    """
    columns = [Column(key, table.c[key].type) for key in keys]
    arrays = [
        cast(literal([row[column.key] for row in rows], ARRAY(column.type)), ARRAY(column.type))
        for column in columns
    ]
    values = func.unnest(*arrays).table_valued(*columns, with_ordinality=POSITION)
    return values.render_derived(name="given")


def insertion(table: Table, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Insert:
    """INSERT, in their order, of the values that `rows` have under `keys`, which are columns of `table`."""
    given = unnested(table, keys, rows)
    values = select(*(given.c[key] for key in keys)).order_by(given.c[POSITION])
    return insert(table).from_select(list(keys), values)
