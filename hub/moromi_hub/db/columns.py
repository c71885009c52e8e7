"""Column expressions that repeat through the domains: JSON kept as text, times as seconds, bound arrays.

Spec: data-model.md section 0.1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Double, Integer, Text, cast, extract, literal, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class JsonText(TypeDecorator[Any]):
    """A text column that holds JSON; NULL is None. What cannot be decoded raises ValueError."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Python to text."""
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Text to Python."""
        return None if value is None else json.loads(value)


def decoded(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """`column`, a text column with JSON, as what the JSON says."""
    return type_coerce(column, JsonText)


def seconds(column: ColumnElement[Any]) -> ColumnElement[float]:
    """A timestamp column as float seconds since the epoch."""
    return cast(extract("epoch", column), Double)


def text_array(values: Sequence[str | None]) -> ColumnElement[Any]:
    """A bound `text[]`, to be unnested: one parameter however many values."""
    return cast(literal(list(values), ARRAY(Text)), ARRAY(Text))


def integer_array(values: Sequence[int | None]) -> ColumnElement[Any]:
    """A bound `integer[]`."""
    return cast(literal(list(values), ARRAY(Integer)), ARRAY(Integer))
