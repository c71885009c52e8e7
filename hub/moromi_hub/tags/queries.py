"""SQL of tags, their configuration, extra data and inheritance."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, insert, or_, select, update

from moromi_hub.db import versions
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_tag, _config, _extra, _link = t.tag, t.tag_config, t.tag_extra, t.tag_inheritance

OWNED_TABLES: tuple[Table, ...] = (
    t.tag_config,
    t.tag_extra,
    t.tag_listing,
    t.tag_packages,
    t.tag_package_owners,
    t.tag_external_repos,
    t.group_config,
    t.group_req_listing,
    t.group_package_listing,
)
"""What ends with a tag. The one place where rows of other domains' tables are revoked, by tag alone."""


def _named(info: Mapping[str, Any]) -> ColumnElement[bool]:
    (key, value), *_ = info.items()
    column: ColumnElement[Any] = _tag.c[key]
    found: ColumnElement[bool] = column == value
    return found


def tag(tx: Transaction, info: Mapping[str, Any], event: int | None) -> dict[str, Any] | None:
    """A live tag with its configuration and, as `extra`, pairs of key and JSON text (None: a block)."""
    return tx.row(_tags(event).where(_named(info)))


def configurations(tx: Transaction, tag_ids: Collection[int], event: int | None) -> dict[int, dict[str, Any]]:
    """The same of many tags, by id."""
    return {row["id"]: row for row in tx.rows(_tags(event).where(_tag.c.id.in_(tag_ids)))}


def _tags(event: int | None) -> Select[Any]:
    pairs = func.json_agg(func.json_build_array(_extra.c.key, _extra.c.value))
    extra = (
        select(pairs)
        .where(_extra.c.tag_id == _tag.c.id, versions.visible(_extra, event))
        .correlate(_tag)
        .scalar_subquery()
    )
    return (
        select(
            _tag.c.id,
            _tag.c.name,
            _config.c.perm_id,
            t.permissions.c.name.label("perm"),
            _config.c.arches,
            _config.c.locked,
            _config.c.maven_support,
            _config.c.maven_include_all,
            extra.label("extra"),
        )
        .join(_config, _config.c.tag_id == _tag.c.id)
        .outerjoin(t.permissions, t.permissions.c.id == _config.c.perm_id)
        .where(versions.visible(_config, event))
    )


def last_revocation(tx: Transaction, info: Mapping[str, Any]) -> int | None:
    """The event at which a tag was last ended or changed."""
    query = (
        select(func.max(_config.c.revoke_event)).join(_tag, _tag.c.id == _config.c.tag_id).where(_named(info))
    )
    found = tx.scalar(query)
    return None if found is None else int(found)


def new_id(tx: Transaction) -> int:
    """An id that no tag has or will get."""
    return int(tx.scalar(select(func.nextval(func.pg_get_serial_sequence(_tag.name, _tag.c.id.name)))))


def insert_name(tx: Transaction, name: str, tag_id: int | None = None) -> int:
    """A new tag row's id: the given one (of `new_id`), else the next."""
    values: dict[str, Any] = {"name": name} if tag_id is None else {"name": name, "id": tag_id}
    return int(tx.execute(insert(_tag).values(values).returning(_tag.c.id)).scalar_one())


def rename(tx: Transaction, tag_id: int, name: str) -> None:
    """Change the name, which is not versioned."""
    tx.execute(update(_tag).where(_tag.c.id == tag_id).values(name=name))


def create_config(tx: Transaction, by: int, values: Mapping[str, Any]) -> None:
    """Write a configuration row."""
    versions.create(tx, _config, by, values)


def revoke_config(tx: Transaction, by: int, tag_id: int) -> None:
    """End the configuration row."""
    versions.revoke(tx, _config, by, _config.c.tag_id == tag_id)


def create_extra(tx: Transaction, by: int, tag_id: int, values: Mapping[str, str | None]) -> None:
    """Write extra data: JSON text by key, None for a block."""
    rows = [{"tag_id": tag_id, "key": key, "value": value} for key, value in values.items()]
    if rows:
        versions.create(tx, _extra, by, rows)


def revoke_extra(tx: Transaction, by: int, tag_id: int, keys: Collection[str]) -> None:
    """End extra data."""
    if keys:
        versions.revoke(tx, _extra, by, _extra.c.tag_id == tag_id, _extra.c.key.in_(keys))


def revoke_everything(tx: Transaction, by: int, tag_id: int) -> None:
    """End every live row of a tag: the tag is deleted."""
    for table in OWNED_TABLES:
        versions.revoke(tx, table, by, table.c.tag_id == tag_id)
    versions.revoke(tx, _link, by, or_(_link.c.tag_id == tag_id, _link.c.parent_id == tag_id))
    target = t.build_target_config
    versions.revoke(tx, target, by, or_(target.c.build_tag == tag_id, target.c.dest_tag == tag_id))


def links(tx: Transaction, tag_id: int, event: int | None) -> list[dict[str, Any]]:
    """The direct links of a tag to its parents, by priority."""
    return tx.rows(
        _links(event, _link.c.parent_id)
        .where(_link.c.tag_id == tag_id)
        .order_by(_link.c.priority)
        .add_columns(_link.c.tag_id.label("child_id"))
    )


def reachable_links(tx: Transaction, tag_id: int, event: int | None, reverse: bool) -> list[dict[str, Any]]:
    """Every link on any way from a tag to its ancestors (`reverse`: descendants), by priority: one statement.

    `UNION` keeps each tag once, so loops end and diamonds cost nothing.
    """
    near, far = (_link.c.parent_id, _link.c.tag_id) if reverse else (_link.c.tag_id, _link.c.parent_id)
    start = select(_tag.c.id.label("tag_id")).where(_tag.c.id == tag_id).cte("seen", recursive=True)
    seen = start.union(select(far).join(start, start.c.tag_id == near).where(versions.visible(_link, event)))
    return tx.rows(
        _links(event, far)
        .add_columns(_link.c.tag_id)
        .where(near.in_(select(seen.c.tag_id)))
        .order_by(near, _link.c.priority, far)
    )


def _links(event: int | None, named: ColumnElement[Any]) -> Select[Any]:
    return (
        select(
            _link.c.parent_id,
            _tag.c.name,
            _link.c.priority,
            _link.c.maxdepth,
            _link.c.intransitive,
            _link.c.noconfig,
            _link.c.pkg_filter,
        )
        .join(_tag, _tag.c.id == named)
        .where(versions.visible(_link, event))
    )


def create_links(tx: Transaction, by: int, rows: list[dict[str, Any]]) -> None:
    """Write links."""
    if rows:
        versions.create(tx, _link, by, rows)


def revoke_links(tx: Transaction, by: int, tag_id: int, parents: Iterable[int]) -> None:
    """End the links of a tag to some parents."""
    versions.revoke(tx, _link, by, _link.c.tag_id == tag_id, _link.c.parent_id.in_(list(parents)))


def listing_fields(perms: bool, package: bool) -> dict[str, ColumnElement[Any]]:
    """The keys of `listTags`."""
    fields: dict[str, ColumnElement[Any]] = {
        "id": _tag.c.id,
        "name": _tag.c.name,
        "arches": _config.c.arches,
        "locked": _config.c.locked,
        "maven_support": _config.c.maven_support,
        "maven_include_all": _config.c.maven_include_all,
    }
    if perms:
        fields |= {"perm_id": _config.c.perm_id, "perm": t.permissions.c.name}
    if package:
        fields |= {
            "owner_id": t.users.c.id,
            "owner_name": t.users.c.name,
            "blocked": t.tag_packages.c.blocked,
            "extra_arches": t.tag_packages.c.extra_arches,
        }
    return fields


def listing(build_id: int | None, package_id: int | None, perms: bool, pattern: str | None) -> Select[Any]:
    """FROM and WHERE of `listTags`."""
    query = select(_tag.c.id).join(_config, _config.c.tag_id == _tag.c.id).where(_config.c.active.is_(True))
    if perms:
        query = query.outerjoin(t.permissions, t.permissions.c.id == _config.c.perm_id)
    if build_id is not None:
        tagged = t.tag_listing
        query = query.join(tagged, tagged.c.tag_id == _tag.c.id).where(
            tagged.c.active.is_(True), tagged.c.build_id == build_id
        )
    if package_id is not None:
        listed, owners = t.tag_packages, t.tag_package_owners
        query = (
            query.join(listed, listed.c.tag_id == _tag.c.id)
            .join(owners, (owners.c.tag_id == _tag.c.id) & (owners.c.package_id == listed.c.package_id))
            .join(t.users, t.users.c.id == owners.c.owner)
            .where(listed.c.active.is_(True), owners.c.active.is_(True), listed.c.package_id == package_id)
        )
    if pattern:
        query = query.where(_tag.c.name.ilike(_like(pattern), escape="\\"))
    return query


def _like(glob: str) -> str:
    """A pattern with `*` and `?` as one of LIKE; `%` of the caller's stays one, as it always was."""
    return glob.replace("\\", "\\\\").replace("_", "\\_").replace("?", "_").replace("*", "%")
