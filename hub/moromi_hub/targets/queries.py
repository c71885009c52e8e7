"""SQL of build targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, insert, select, update

from moromi_hub.db import versions
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_target, _config = t.build_target, t.build_target_config
_build_tag, _dest_tag = t.tag.alias("build_tag"), t.tag.alias("dest_tag")


def fields() -> dict[str, ColumnElement[Any]]:
    """The keys of the shape `Target`."""
    return {
        "id": _target.c.id,
        "name": _target.c.name,
        "build_tag": _config.c.build_tag,
        "build_tag_name": _build_tag.c.name,
        "dest_tag": _config.c.dest_tag,
        "dest_tag_name": _dest_tag.c.name,
    }


def listing(
    info: Mapping[str, Any] | None, build_tag: int | None, dest_tag: int | None, event: int | None
) -> Select[Any]:
    """FROM and WHERE of `getBuildTargets`; `info` is `{id}` or `{name}`."""
    query = (
        select(_target.c.id)
        .join(_config, _config.c.build_target_id == _target.c.id)
        .join(_build_tag, _build_tag.c.id == _config.c.build_tag)
        .join(_dest_tag, _dest_tag.c.id == _config.c.dest_tag)
        .where(versions.visible(_config, event))
    )
    for key, value in (info or {}).items():
        query = query.where(_target.c[key] == value)
    if build_tag is not None:
        query = query.where(_config.c.build_tag == build_tag)
    if dest_tag is not None:
        query = query.where(_config.c.dest_tag == dest_tag)
    return query


def insert_name(tx: Transaction, name: str) -> int:
    """A new target row's id."""
    return int(tx.execute(insert(_target).values(name=name).returning(_target.c.id)).scalar_one())


def rename(tx: Transaction, target_id: int, name: str) -> None:
    """Change the name, which is not versioned."""
    tx.execute(update(_target).where(_target.c.id == target_id).values(name=name))


def create_config(tx: Transaction, by: int, target_id: int, build_tag: int, dest_tag: int) -> None:
    """Write what a target means."""
    values = {"build_target_id": target_id, "build_tag": build_tag, "dest_tag": dest_tag}
    versions.create(tx, _config, by, values)


def revoke_config(tx: Transaction, by: int, target_id: int) -> None:
    """End a target."""
    versions.revoke(tx, _config, by, _config.c.build_target_id == target_id)
