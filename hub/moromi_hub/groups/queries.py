"""SQL of comps groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, insert, select

from moromi_hub.db import versions
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_config, _packages, _reqs = t.group_config, t.group_package_listing, t.group_req_listing
_FIELDS: Mapping[Table, tuple[str, ...]] = {
    _config: (
        "group_id", "tag_id", "blocked", "exported", "display_name", "is_default", "uservisible",
        "description", "langonly", "biarchonly",
    ),
    _packages: ("group_id", "tag_id", "package", "blocked", "type", "basearchonly", "requires"),
    _reqs: ("group_id", "tag_id", "req_id", "blocked", "type", "is_metapkg"),
}  # fmt: skip


def configs(tx: Transaction, tag_ids: Collection[int], event: int | None) -> list[dict[str, Any]]:
    """The groups of some tags."""
    return _rows(tx, _config, _config.c.group_id, tag_ids, event)


def packages(tx: Transaction, tag_ids: Collection[int], event: int | None) -> list[dict[str, Any]]:
    """The packages in the groups of some tags."""
    return _rows(tx, _packages, None, tag_ids, event)


def requirements(tx: Transaction, tag_ids: Collection[int], event: int | None) -> list[dict[str, Any]]:
    """What the groups of some tags require; `name` is that of the required group."""
    return _rows(tx, _reqs, _reqs.c.req_id, tag_ids, event)


def _rows(
    tx: Transaction,
    table: Table,
    named: ColumnElement[int] | None,
    tag_ids: Collection[int],
    event: int | None,
) -> list[dict[str, Any]]:
    query = select(*(table.c[name] for name in _FIELDS[table])).order_by(
        table.c.create_event, table.c.group_id
    )
    if named is not None:
        query = query.add_columns(t.groups.c.name).join(t.groups, t.groups.c.id == named)
    return tx.rows(query.where(table.c.tag_id.in_(tag_ids), versions.visible(table, event)))


def insert_group(tx: Transaction, name: str) -> int:
    """A new group name's id."""
    return int(tx.execute(insert(t.groups).values(name=name).returning(t.groups.c.id)).scalar_one())


def put(tx: Transaction, by: int, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Replace the live row of `key` in one of the three group tables."""
    drop(tx, by, table, key)
    versions.create(tx, table, by, {**key, **values})


def drop(tx: Transaction, by: int, table: Table, key: Mapping[str, Any], *where: ColumnElement[bool]) -> int:
    """End the live row of `key`; the number of rows that ended."""
    return versions.revoke(tx, table, by, *(table.c[name] == value for name, value in key.items()), *where)


def live(tx: Transaction, table: Table, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """The live row of `key`."""
    conditions = [table.c[name] == value for name, value in key.items()]
    return tx.row(select(*(table.c[n] for n in _FIELDS[table])).where(table.c.active.is_(True), *conditions))
