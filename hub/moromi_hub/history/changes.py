"""`queryHistory`: every version of every row, with who made and ended it and when (data-model.md 1.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Table, cast, func, literal, or_, select
from sqlalchemy.types import DateTime, Text

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.db import lookup, query_options
from moromi_hub.db.columns import seconds
from moromi_hub.history.tables import History, tables
from moromi_hub.packages import service as packages
from moromi_hub.users import service as users
from moromi_schema import tables as t

_ROWS: Mapping[str, Table] = {
    "tag": t.tag,
    "package": t.package,
    "permission": t.permissions,
    "cg": t.content_generator,
    "external_repo": t.external_repo,
    "build_target": t.build_target,
    "group": t.groups,
    "host": t.host,
    "channel": t.channels,
}
SUBJECTS = (*_ROWS, "build", "user", "xkey")
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
    subjects = _Subjects(call, filters)
    found = {}
    for name in wanted:
        if all(subject in known[name].filters for subject in subjects.names):
            found[name] = _table(call, known[name], subjects, filters)
    return found


class _Subjects:
    """What rows must refer to; a subject is looked up when the first table asks for it."""

    def __init__(self, call: Call, filters: Mapping[str, Any]) -> None:
        self._call = call
        self._given = {name: filters[name] for name in SUBJECTS if filters.get(name) is not None}
        self._ids: dict[str, Any] = {}
        self.names = tuple(self._given)

    def matches(self, name: str, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """That a column refers to the subject. Raises GenericError when that does not exist."""
        given = self._given[name]
        if name == "xkey":
            value = arguments.expect(given, str)
        elif column.table is t.group_package_listing and column.name == "package":
            # The packages of comps groups are rpms' names, which no table lists.
            value = given if isinstance(given, str) else packages.require_package(self._call, given)["name"]
        else:
            if name not in self._ids:
                self._ids[name] = self._find(name, given)
            value = self._ids[name]
        condition: ColumnElement[bool] = column == value
        return condition

    def _find(self, name: str, given: Any) -> Any:
        if name == "build":
            return builds.require_build(self._call, given)["id"]
        if name == "user":
            return users.require_user(self._call, given)["id"]
        strict = name not in ("host", "channel")
        found = lookup.find_row(self._call.tx, _ROWS[name], given, strict)
        return found["id"] if found else _NOTHING


def _table(call: Call, entry: History, subjects: _Subjects, filters: Mapping[str, Any]) -> Any:
    fields = _common_fields(entry.table) | entry.own_fields() | entry.joined_fields()
    query = select(entry.table.c.create_event).select_from(_joined(entry))
    for subject in subjects.names:
        query = query.where(or_(*(subjects.matches(subject, column) for column in entry.filters[subject])))
    active = filters.get("active")
    if active is not None:
        query = query.where(entry.table.c.active.is_(True if active else None))
    query, flags = _when_and_who(call, entry, query, filters)
    return query_options.run_query(call.tx, fields | flags, query, filters.get("queryOpts"))


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
