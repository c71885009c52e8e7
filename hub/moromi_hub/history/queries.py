"""SQL of events and of the question when a tag changed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, cast, func, literal, select, union_all
from sqlalchemy.types import Float

from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

CONTENT_TABLES: tuple[Table, ...] = (
    t.tag_listing,
    t.tag_inheritance,
    t.tag_config,
    t.tag_extra,
    t.tag_packages,
    t.tag_external_repos,
    t.group_package_listing,
    t.group_req_listing,
    t.group_config,
)
"""Where a change counts as a change of the tag (data-model.md section 4.11)."""

Bound = Callable[[ColumnElement[int]], ColumnElement[bool]]


def event(tx: Transaction, event_id: int) -> dict[str, Any] | None:
    """`{id, ts}` of an event."""
    return tx.row(_events().where(t.events.c.id == event_id))


def last_event(tx: Transaction, before: float | None) -> dict[str, Any] | None:
    """`{id, ts}` of the newest event, with a time below `before` (seconds since the epoch)."""
    query = _events().order_by(t.events.c.id.desc()).limit(1)
    if before is not None:
        query = query.where(t.events.c.time < func.to_timestamp(before))
    return tx.row(query)


def _events() -> Select[Any]:
    return select(t.events.c.id, cast(func.date_part("epoch", t.events.c.time), Float).label("ts"))


def changes(tag_ids: Collection[int], bound: Bound, outside: bool) -> list[Select[Any]]:
    """Per table and kind of change, the event column of the rows of some tags that `bound` admits.

    `outside`: also what lies behind the external repositories that the tags use.
    """
    found = [
        select(column).where(table.c.tag_id.in_(tag_ids), bound(column))
        for table in CONTENT_TABLES
        for column in (table.c.create_event, table.c.revoke_event)
    ]
    updates = t.tag_updates.c
    found.append(select(updates.update_event).where(updates.tag_id.in_(tag_ids), bound(updates.update_event)))
    if outside:
        used = select(t.tag_external_repos.c.external_repo_id).where(
            t.tag_external_repos.c.tag_id.in_(tag_ids), t.tag_external_repos.c.active.is_(True)
        )
        found += [
            select(column).where(table.c.external_repo_id.in_(used), bound(column))
            for table in (t.external_repo_config, t.external_repo_data)
            for column in (table.c.create_event, table.c.revoke_event)
        ]
    return found


def extreme(tx: Transaction, tag_ids: Collection[int], bound: Bound, last: bool) -> int | None:
    """The highest (`last`) or lowest event of `changes`: one statement, each part answered by an index."""
    pick: Any = func.max if last else func.min
    parts = []
    for change in changes(tag_ids, bound, outside=True):
        column = next(iter(change.selected_columns))
        parts.append(change.with_only_columns(pick(column).label("event")))
    every = union_all(*parts).subquery()
    found = tx.scalar(select(pick(every.c.event)))
    return None if found is None else int(found)


def any_since(tx: Transaction, tag_ids: Collection[int], event_id: int) -> bool:
    """Whether any of some tags changed after an event."""
    parts = [
        select(literal(1)).where(change.exists())
        for change in changes(tag_ids, lambda column: column > event_id, outside=False)
    ]
    return tx.scalar(union_all(*parts).limit(1)) is not None


def first_creation(tx: Transaction, tag_id: int) -> int | None:
    """The event at which a tag first came to be."""
    config = t.tag_config.c
    found = tx.scalar(select(func.min(config.create_event)).where(config.tag_id == tag_id))
    return None if found is None else int(found)
