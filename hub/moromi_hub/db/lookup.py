"""Name-or-id arguments (spec: data-model.md section 0.2)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, select

from moromi.errors import GenericError, ParameterError
from moromi_hub.db.transaction import Transaction


def name_or_id(value: Any) -> dict[str, Any]:
    """`{"id": …}` or `{"name": …}` out of an integer, a string, or a map with one of them.

    Raises ParameterError `Invalid name or id value: …` for everything else.
    """
    if isinstance(value, bool) or value is None:
        raise ParameterError(f"Invalid name or id value: {value}")
    if isinstance(value, int):
        return {"id": value}
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict):
        if "id" in value:
            return {"id": _number(value)}
        if isinstance(value.get("name"), str):
            return {"name": value["name"]}
    raise ParameterError(f"Invalid name or id value: {value}")


def _number(value: dict[str, Any]) -> int:
    try:
        return int(value["id"])
    except (TypeError, ValueError):
        raise ParameterError(f"Invalid name or id value: {value}") from None


def find_row(tx: Transaction, table: Table, value: Any, strict: bool = False) -> dict[str, Any] | None:
    """The `{id, name}` of the row that `value` (name or id) names in `table`.

    A miss is None, or with `strict` GenericError `No such entry in table …`.
    """
    (key, wanted), *_ = name_or_id(value).items()
    found = None
    if key != "id" or -(2**31) <= wanted < 2**31:
        found = tx.row(select(table.c.id, table.c.name).where(table.c[key] == wanted))
    if found is None and strict:
        raise GenericError(f"No such entry in table {table.name}: {value}")
    return found
