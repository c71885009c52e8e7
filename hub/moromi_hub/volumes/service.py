"""Volumes: look-ups, and keeping the list (spec: data-model.md section 5.8)."""

from __future__ import annotations

from typing import Any

from moromi_hub.call import Call
from moromi_hub.db.lookup import find_row
from moromi_hub.volumes import queries
from moromi_schema import tables as t


def find_volume(call: Call, info: Any, strict: bool = False) -> dict[str, Any] | None:
    """`{id, name}` of a volume by name or id.

    Raises GenericError `No such entry in table volume: …` with `strict`.
    """
    return find_row(call.tx, t.volume, info, strict)


def list_volumes(call: Call) -> list[dict[str, Any]]:
    """All volumes, `{id, name}`, by id."""
    return queries.list_volumes(call.tx)
