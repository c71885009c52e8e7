"""SQL of events and of the question when a tag changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, literal, select, tuple_, union_all

from moromi_hub.arguments import INT4_MAX
from moromi_hub.db import event_order
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

_INDEXED_TABLES = frozenset({t.tag_listing, t.tag_packages})
"""The large ones, which have an index on (tag_id, event) for either event."""


def event(tx: Transaction, event_id: int) -> dict[str, Any] | None:
    """`{id, ts}` of an event."""
    return tx.row(_events().where(t.events.c.id == event_id))


def last_event(tx: Transaction, before: float | None) -> dict[str, Any] | None:
    """`{id, ts}` of the newest event, with a time below `before` (seconds since the epoch)."""
    query = _events().order_by(t.events.c.id.desc()).limit(1)
    if before is not None:
        query = query.where(t.events.c.time < func.to_timestamp(before))
    return tx.row(query)


def under_way(tx: Transaction) -> set[str]:
    """The transactions of others that have drawn an event for changes, or are about to."""
    return set(tx.scalars(event_order.UNDER_WAY))


def _events() -> Select[Any]:
    return select(t.events.c.id, seconds(t.events.c.time).label("ts"))


def _event_columns(table: Table) -> tuple[ColumnElement[int], ...]:
    if table is t.tag_updates:
        return (t.tag_updates.c.update_event,)
    return (table.c.create_event, table.c.revoke_event)


def last_change(tx: Transaction, tag_ids: Collection[int], before: int | None) -> int | None:
    """The highest event (below `before`) that changed one of some tags."""
    return _extreme(tx, tag_ids, INT4_MAX if before is None else before, last=True)


def first_change(tx: Transaction, tag_ids: Collection[int], after: int) -> int | None:
    """The lowest event above `after` that changed one of some tags."""
    return _extreme(tx, tag_ids, after, last=False)


def _extreme(tx: Transaction, tag_ids: Collection[int], bound: int, last: bool) -> int | None:
    """The event next to `bound` among the changes of some tags and of the external repositories they use.

    One statement; in the large tables each tag costs one descent of an index, however many rows it has.
    """
    pick: Any = func.max if last else func.min
    tag = func.unnest(integer_array(list(tag_ids))).table_valued("id").render_derived(name="wanted")
    used = t.tag_external_repos
    parts = []
    for table in (*CONTENT_TABLES, t.tag_updates):
        for column in _event_columns(table):
            if table in _INDEXED_TABLES:
                parts.append(_nearest(table, column, tag.c.id, bound, last))
            else:
                parts.append(
                    select(pick(column)).where(table.c.tag_id == tag.c.id, _within(column, bound, last))
                )
    for table in (t.external_repo_config, t.external_repo_data):
        for column in _event_columns(table):
            linked = used.c.external_repo_id == table.c.external_repo_id
            conditions = (used.c.tag_id == tag.c.id, used.c.active.is_(True), _within(column, bound, last))
            parts.append(select(pick(column)).join(used, linked).where(*conditions))
    of_all: Any = func.greatest if last else func.least
    of_tag = of_all(*(part.correlate(tag).scalar_subquery() for part in parts))
    found = tx.scalar(select(pick(of_tag)).select_from(tag))
    return None if found is None else int(found)


def _within(column: ColumnElement[int], bound: int, last: bool) -> ColumnElement[bool]:
    return column < bound if last else column > bound


def _nearest(
    table: Table, column: ColumnElement[int], tag_id: ColumnElement[int], bound: int, last: bool
) -> Select[Any]:
    """The event next to `bound` in a table with an index on (tag_id, event).

    Compared and ordered as a pair: with a plain `tag_id = …` the planner may
    rather walk all events backwards until one of the tag turns up, which for a
    tag without any is the whole table.
    """
    pair, limit = tuple_(table.c.tag_id, column), tuple_(tag_id, literal(bound))
    found = select(table.c.tag_id.label("tag_id"), column.label("event"))
    if last:
        found = found.where(pair < limit).order_by(table.c.tag_id.desc(), column.desc())
    else:
        found = found.where(pair > limit).order_by(table.c.tag_id, column)
    nearest = found.limit(1).correlate(tag_id.table).subquery()
    return select(nearest.c.event).where(nearest.c.tag_id == tag_id)


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
