"""Clause queries: `[field, op, value]` filters over a fixed set of fields.

Spec: hub-protocol.md section 4.4 (last paragraph). `repo.query` and `scheduler.get*` take them. The texts
of a caller select columns and operators out of fixed tables; only values are bound.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, cast, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from moromi.errors import ParameterError
from moromi_hub import arguments
from moromi_hub.db.query_options import check_options, slice_rows
from moromi_hub.db.transaction import Transaction

Column = ColumnElement[Any]


def _json(value: Any) -> Column:
    text = value if isinstance(value, str) else json.dumps(value)
    return cast(literal(text), JSONB)


def _bound(value: Any) -> Column:
    """A comparison value that SQLAlchemy must not turn into IS, even when it is a boolean."""
    return value if isinstance(value, ColumnElement) else literal(value)


_OPERATORS: Mapping[str, Callable[[Column, Any], ColumnElement[bool]]] = {
    "IN": lambda column, value: column.in_(list(value)),
    "=": lambda column, value: column == _bound(value),
    "!=": lambda column, value: column != _bound(value),
    ">": lambda column, value: column > value,
    "<": lambda column, value: column < value,
    ">=": lambda column, value: column >= value,
    "<=": lambda column, value: column <= value,
    "IS": lambda column, value: column.is_(value),
    "IS NOT": lambda column, value: column.is_not(value),
    "@>": lambda column, value: column.op("@>")(_json(value)),
    "<@": lambda column, value: column.op("<@")(_json(value)),
}


@dataclass(frozen=True)
class ClauseQuery:
    """What a call offers: its fields, and which of them are its own, and which are shown unasked."""

    source: Any
    """The FROM clause, with every join that a field may need."""
    own: Mapping[str, Column]
    """Fields of the table itself (`*`)."""
    joined: Mapping[str, Column]
    """Fields of joined tables (`**` adds them)."""
    default: Sequence[str]

    @property
    def fields(self) -> dict[str, Column]:
        """All fields by name."""
        return {**self.own, **self.joined}

    def run(
        self, tx: Transaction, clauses: Any = None, fields: Any = None, opts: Any = None, order: str = "id"
    ) -> Any:
        """The rows, in `order` unless `opts` are given.

        Raises ParameterError for what the query does not know.
        """
        names = self._names(fields)
        options = check_options(opts)
        query: Any = select().select_from(self.source)
        for clause in arguments.expect(clauses or [], list):
            query = query.where(self._condition(clause))
        if options.get("countOnly"):
            inner = slice_rows(query.with_only_columns(literal(1).label("one")), options)
            return int(tx.scalar(select(func.count()).select_from(inner.subquery())))
        query = query.with_only_columns(*(self.fields[name].label(name) for name in names))
        terms = options.get("order") or (order if opts is None else "")
        query = slice_rows(self._ordered(query, terms), options)
        if options.get("asList"):
            return [[row[name] for name in sorted(names)] for row in tx.rows(query)]
        return tx.rows(query)

    def _names(self, fields: Any) -> list[str]:
        if fields is None:
            return list(self.default)
        if fields == "*":
            return list(self.own)
        if fields == "**":
            return list(self.fields)
        names = [fields] if isinstance(fields, str) else arguments.expect(fields, list)
        for name in names:
            self._column(name)
        return names

    def _column(self, name: Any) -> Column:
        if not isinstance(name, str) or name not in self.fields:
            raise ParameterError(f"Invalid field for query {name}")
        return self.fields[name]

    def _condition(self, clause: Any) -> ColumnElement[bool]:
        if not isinstance(clause, list | tuple) or len(clause) not in (2, 3):
            raise ParameterError(f"Invalid clause: {clause}")
        field, value = clause[0], clause[-1]
        operator = clause[1] if len(clause) == 3 else ("IN" if isinstance(value, list) else "=")
        column = self._column(field)
        word = str(operator).upper()
        if word not in _OPERATORS:
            raise ParameterError(f"Invalid operator: {word}")
        if word == "IN" and not isinstance(value, list | tuple):
            raise ParameterError(f"Invalid clause: {clause}")
        if word in ("IS", "IS NOT") and not (value is None or isinstance(value, bool)):
            raise ParameterError(f"Invalid clause: {clause}")
        if isinstance(column.type, JSONB) and word in ("=", "!=") and value is not None:
            value = _json(value)
        return _OPERATORS[word](column, value)

    def _ordered(self, query: Select[Any], terms: str) -> Select[Any]:
        for term in terms.split(","):
            name = term.strip().removeprefix("-")
            if not name:
                continue
            column = self._column(name)
            query = query.order_by(column.desc() if term.strip().startswith("-") else column)
        return query
