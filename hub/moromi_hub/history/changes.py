"""`queryHistory`: every version of every row, with who made and ended it and when (data-model.md 1.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, cast, func, literal, or_, select
from sqlalchemy.types import DateTime, Text

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.db import lookup, query_options
from moromi_hub.db.columns import seconds
from moromi_hub.history.tables import History, tables
from moromi_hub.users import service as users
from moromi_schema import tables as t

_SUBJECTS: Mapping[str, Any] = {
    "tag": t.tag,
    "package": t.package,
    "permission": t.permissions,
    "cg": t.content_generator,
    "external_repo": t.external_repo,
    "build_target": t.build_target,
    "group": t.groups,
}
_NOTHING = -1
"""An id that no row has: what an unknown host or channel is compared with."""

_created, _revoked = t.events.alias("created"), t.events.alias("revoked")
_creator, _revoker = t.users.alias("creator"), t.users.alias("revoker")


def query_history(call: Call, names: list[str] | None, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Rows by table. Raises GenericError for an unknown table, or a subject that does not exist.

    One statement per table, and one per subject named.
    """
    known = tables()
    for name in names or []:
        if name not in known:
            raise GenericError(f"No such history table: {name}")
    wanted = list(known) if names is None else names
    subjects = _subjects(call, filters)
    found = {}
    for name in wanted:
        if all(subject in known[name].filters for subject in subjects):
            found[name] = _table(call, known[name], subjects, filters)
    return found


def _subjects(call: Call, filters: Mapping[str, Any]) -> dict[str, Any]:
    """The ids (for a package also the name) that rows must refer to, by filter."""
    found: dict[str, Any] = {}
    for name, table in _SUBJECTS.items():
        if filters.get(name) is not None:
            found[name] = lookup.find_row(call.tx, table, filters[name], strict=True)
    if filters.get("build") is not None:
        found["build"] = builds.require_build(call, filters["build"])
    if filters.get("user") is not None:
        found["user"] = users.require_user(call, filters["user"])
    for name, table in (("host", t.host), ("channel", t.channels)):
        if filters.get(name) is not None:
            found[name] = lookup.find_row(call.tx, table, filters[name]) or {"id": _NOTHING}
    if filters.get("xkey") is not None:
        found["xkey"] = {"id": arguments.expect(filters["xkey"], str)}
    return found


def _table(call: Call, entry: History, subjects: Mapping[str, Any], filters: Mapping[str, Any]) -> Any:
    fields = _common_fields(entry.table) | entry.own_fields() | entry.joined_fields()
    query = select(entry.table.c.create_event).select_from(_joined(entry))
    for subject, row in subjects.items():
        query = query.where(or_(*(_equals(column, row) for column in entry.filters[subject])))
    active = filters.get("active")
    if active is not None:
        query = query.where(entry.table.c.active.is_(True if active else None))
    query, flags = _when_and_who(call, entry, query, filters)
    return query_options.run_query(call.tx, fields | flags, query, filters.get("queryOpts"))


def _equals(column: ColumnElement[Any], row: Mapping[str, Any]) -> ColumnElement[bool]:
    # Only the packages of comps groups are kept by name: those are rpms', which no table lists.
    by_name = column.table is t.group_package_listing and column.name == "package"
    matches: ColumnElement[bool] = column == (row["name"] if by_name else row["id"])
    return matches


def _common_fields(table: FromClause) -> dict[str, ColumnElement[Any]]:
    return {
        "active": table.c.active,
        "create_event": table.c.create_event,
        "revoke_event": table.c.revoke_event,
        "creator_id": table.c.creator_id,
        "revoker_id": table.c.revoker_id,
        "creator_name": _creator.c.name,
        "revoker_name": _revoker.c.name,
        "create_ts": seconds(_created.c.time),
        "revoke_ts": seconds(_revoked.c.time),
    }


def _joined(entry: History) -> FromClause:
    table = entry.table
    source: FromClause = (
        table.join(_created, _created.c.id == table.c.create_event)
        .join(_creator, _creator.c.id == table.c.creator_id)
        .outerjoin(_revoked, _revoked.c.id == table.c.revoke_event)
        .outerjoin(_revoker, _revoker.c.id == table.c.revoker_id)
    )
    for join in entry.joins:
        source = source.outerjoin(join.table, join.table.c.id == join.column)
    return source


def _when_and_who(
    call: Call, entry: History, query: Select[Any], filters: Mapping[str, Any]
) -> tuple[Select[Any], dict[str, ColumnElement[Any]]]:
    """Narrow by editor and time; the flags say whether the creation or the revocation fits."""
    columns = entry.table.c
    flags: dict[str, ColumnElement[Any]] = {}
    conditions: list[tuple[str, ColumnElement[bool], ColumnElement[bool]]] = []
    if filters.get("editor") is not None:
        editor = users.require_user(call, filters["editor"])["id"]
        conditions.append(("by", columns.creator_id == editor, columns.revoker_id == editor))
    bounds: tuple[tuple[str, str, Callable[[Any, Any], ColumnElement[bool]]], ...] = (
        ("after", "afterEvent", lambda column, value: column > value),
        ("before", "beforeEvent", lambda column, value: column < value),
    )
    for word, event_word, compare in bounds:
        if filters.get(word) is not None:
            moment = _moment(filters[word])
            pair = (compare(_created.c.time, moment), compare(_revoked.c.time, moment))
            conditions.append((word, *pair))
        if filters.get(event_word) is not None:
            event = arguments.integer(filters[event_word])
            pair = (compare(columns.create_event, event), compare(columns.revoke_event, event))
            conditions.append((f"{word}_event", *pair))
    for name, created, revoked in conditions:
        flags[f"_created_{name}"], flags[f"_revoked_{name}"] = created, revoked
        query = query.where(or_(created, revoked))
    return query, flags


def _moment(value: Any) -> ColumnElement[Any]:
    """A time as seconds since the epoch, or as text that PostgreSQL reads."""
    if isinstance(value, (int, float)):
        return func.to_timestamp(value)
    return cast(literal(arguments.expect(value, str), Text), DateTime(timezone=True))
