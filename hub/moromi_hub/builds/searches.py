"""SQL of the lists of builds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.sql.expression import FromClause

from moromi.constants import BuildState
from moromi_hub.builds.queries import NVR, ROW_FIELDS, joined
from moromi_hub.db.lookup import find_row
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

Moment = datetime | float | None


@dataclass(frozen=True)
class Search:
    """The filters of `listBuilds`, looked up; None is no filter."""

    package_id: int | None = None
    user_id: int | None = None
    promoter_id: int | None = None
    volume_id: int | None = None
    generator_id: int | None = None
    task_id: int | None = None
    prefix: str | None = None
    state: int | None = None
    source: str | None = None
    pattern: str | None = None
    draft: bool | None = None
    created: tuple[Moment, Moment] = (None, None)
    completed: tuple[Moment, Moment] = (None, None)
    promoted: tuple[Moment, Moment] = (None, None)
    btype: str | None = None
    type_info: Mapping[str, str] = field(default_factory=dict)


def glob(column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    """Whether text matches a glob, regardless of case; `*` and `?` are wild, everything else is literal."""
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.ilike(escaped.replace("*", "%").replace("?", "_"), escape="\\")


@dataclass(frozen=True)
class Listed:
    """What `run_query` takes."""

    fields: dict[str, ColumnElement[Any]]
    statement: Select[Any]
    narrow: Select[Any] | None
    """The same builds from the table of builds alone, if it has all that narrows them down."""


def builds(search: Search) -> Listed:
    """The parts of `listBuilds`."""
    fields, tables = dict(ROW_FIELDS), joined()
    where = [*_plain(search), *_texts(search), *_moments(search)]
    alone = (search.btype, search.prefix, search.pattern, *search.created) == (None,) * 5
    narrow = select(t.build.c.id).where(*where) if alone else None
    if search.btype in t.LEGACY_BUILDS:
        tables, more = _legacy(search, tables, fields)
        where += more
    elif search.btype is not None:
        typed = t.build_types
        tables = tables.join(typed, typed.c.build_id == t.build.c.id)
        tables = tables.join(t.btype, t.btype.c.id == typed.c.btype_id)
        where.append(t.btype.c.name == search.btype)
    return Listed(fields, select(t.build.c.id).select_from(tables).where(*where), narrow)


def _plain(search: Search) -> list[ColumnElement[bool]]:
    build = t.build.c
    pairs = (
        (build.pkg_id, search.package_id),
        (build.owner, search.user_id),
        (build.promoter, search.promoter_id),
        (build.volume_id, search.volume_id),
        (build.cg_id, search.generator_id),
        (build.state, search.state),
        (build.draft, None if search.draft is None else bool(search.draft)),
    )
    where = [column == value for column, value in pairs if value is not None]
    if search.task_id is not None:
        any_task = search.task_id == -1
        where.append(build.task_id.is_not(None) if any_task else build.task_id == search.task_id)
    return where


def _texts(search: Search) -> list[ColumnElement[bool]]:
    where = []
    if search.source is not None:
        where.append(glob(t.build.c.source, search.source))
    if search.prefix is not None:
        where.append(t.package.c.name.istartswith(search.prefix, autoescape=True))
    if search.pattern is not None:
        where.append(glob(NVR, search.pattern))
    return where


def _moments(search: Search) -> list[ColumnElement[bool]]:
    ranges = (
        (t.events.c.time, search.created),
        (t.build.c.completion_time, search.completed),
        (t.build.c.promotion_time, search.promoted),
    )
    where: list[ColumnElement[bool]] = []
    for column, (after, before) in ranges:
        if after is not None:
            where.append(column > _moment(after))
        if before is not None:
            where.append(column < _moment(before))
    return where


def _moment(value: datetime | float) -> Any:
    return value if isinstance(value, datetime) else func.to_timestamp(value)


def _legacy(
    search: Search, tables: FromClause, fields: dict[str, ColumnElement[Any]]
) -> tuple[FromClause, list[ColumnElement[bool]]]:
    """Join the table of a legacy btype, add its fields, and the conditions on them."""
    table = t.LEGACY_BUILDS[str(search.btype)]
    tables = tables.join(table, table.c.build_id == t.build.c.id)
    keys = [column.name for column in table.c if column.name != "build_id"]
    prefix = "maven_" if search.btype == "maven" else ""
    fields |= {prefix + key: table.c[key] for key in keys}
    return tables, [table.c[key] == search.type_info[key] for key in keys if search.type_info.get(key)]


def btype_exists(tx: Transaction, name: str) -> bool:
    """Whether there is a btype of that name."""
    return tx.scalar(select(t.btype.c.id).where(t.btype.c.name == name)) is not None


def generator_id(tx: Transaction, info: Any) -> int | None:
    """The id of a content generator by name or id."""
    found = find_row(tx, t.content_generator, info)
    return None if found is None else int(found["id"])


def untagged(name: str | None, draft: bool | None) -> tuple[dict[str, ColumnElement[Any]], Select[Any]]:
    """Fields and statement of `untaggedBuilds`."""
    build, tagging = t.build, t.tag_listing
    fields: dict[str, ColumnElement[Any]] = {
        "id": build.c.id,
        "name": t.package.c.name,
        "version": build.c.version,
        "release": build.c.release,
    }
    held = select(tagging.c.build_id).where(tagging.c.build_id == build.c.id, tagging.c.active.is_(True))
    where = [build.c.state == BuildState.COMPLETE, ~held.exists()]
    if name is not None:
        where.append(t.package.c.name == name)
    if draft is not None:
        where.append(build.c.draft.is_(bool(draft)))
    tables = build.join(t.package, t.package.c.id == build.c.pkg_id)
    return fields, select(build.c.id).select_from(tables).where(*where)
