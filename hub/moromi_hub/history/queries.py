"""SQL of events and of the question when a tag changed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, literal, select, union_all

from moromi_hub.db.columns import integer_array, seconds
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
    return select(t.events.c.id, seconds(t.events.c.time).label("ts"))


def _event_columns(table: Table) -> tuple[ColumnElement[int], ...]:
    if table is t.tag_updates:
        return (t.tag_updates.c.update_event,)
    return (table.c.create_event, table.c.revoke_event)


def extreme(tx: Transaction, tag_ids: Collection[int], bound: Bound, last: bool) -> int | None:
    """The highest (`last`) or lowest event that changed one of some tags, of those that `bound` admits.

    Looks also behind the external repositories that the tags use. One statement;
    each tag and column is one descent of an index, however many rows a tag has.
    """
    pick: Any = func.max if last else func.min
    of_all: Any = func.greatest if last else func.least
    tag = func.unnest(integer_array(list(tag_ids))).table_valued("id").render_derived(name="wanted")
    used = t.tag_external_repos
    parts = []
    for table in (*CONTENT_TABLES, t.tag_updates):
        for column in _event_columns(table):
            parts.append(select(pick(column)).where(table.c.tag_id == tag.c.id, bound(column)))
    for table in (t.external_repo_config, t.external_repo_data):
        for column in _event_columns(table):
            linked = used.c.external_repo_id == table.c.external_repo_id
            conditions = (used.c.tag_id == tag.c.id, used.c.active.is_(True), bound(column))
            parts.append(select(pick(column)).join(used, linked).where(*conditions))
    of_tag = of_all(*(part.correlate(tag).scalar_subquery() for part in parts))
    found = tx.scalar(select(pick(of_tag)).select_from(tag))
    return None if found is None else int(found)


def any_since(tx: Transaction, tag_ids: Collection[int], event_id: int) -> bool:
    """Whether any of some tags changed after an event; their external repositories do not count."""
    parts = [
        select(literal(1)).where(
            select(column).where(table.c.tag_id.in_(tag_ids), column > event_id).exists()
        )
        for table in (*CONTENT_TABLES, t.tag_updates)
        for column in _event_columns(table)
    ]
    return tx.scalar(union_all(*parts).limit(1)) is not None


def first_creation(tx: Transaction, tag_id: int) -> int | None:
    """The event at which a tag first came to be."""
    config = t.tag_config.c
    found = tx.scalar(select(func.min(config.create_event)).where(config.tag_id == tag_id))
    return None if found is None else int(found)
