"""SQL of packages and of the package lists of tags."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.dialects.postgresql import insert

from moromi_hub.db import versions
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_package, _listed, _owner = t.package, t.tag_packages, t.tag_package_owners

KEYS = ("package_id", "package_name", "tag_id", "tag_name", "extra_arches", "blocked")
OWNER_KEYS = ("owner_id", "owner_name")


@dataclass(frozen=True)
class Filter:
    """Which rows of package lists; None is any."""

    tag_ids: Collection[int] | None = None
    package_id: int | None = None
    owner_id: int | None = None
    prefix: str | None = None
    with_owners: bool = True
    with_blocked: bool = True
    event: int | None = None


def entries(tx: Transaction, wanted: Filter) -> Iterator[Sequence[Any]]:
    """Rows with the columns `KEYS` (and `OWNER_KEYS`): one statement, newest entries first."""
    query = (
        select(
            _package.c.id,
            _package.c.name,
            _listed.c.tag_id,
            t.tag.c.name,
            _listed.c.extra_arches,
            _listed.c.blocked,
        )
        .join(_package, _package.c.id == _listed.c.package_id)
        .join(t.tag, t.tag.c.id == _listed.c.tag_id)
        .where(versions.visible(_listed, wanted.event))
        .order_by(_listed.c.create_event.desc(), _listed.c.package_id)
    )
    if wanted.with_owners:
        query = _with_owners(query, wanted)
    if wanted.tag_ids is not None:
        query = query.where(_listed.c.tag_id.in_(wanted.tag_ids))
    if wanted.package_id is not None:
        query = query.where(_listed.c.package_id == wanted.package_id)
    if wanted.prefix:
        query = query.where(_package.c.name.istartswith(wanted.prefix, autoescape=True))
    if not wanted.with_blocked:
        query = query.where(_listed.c.blocked.is_(False))
    return iter(tx.execute(query))


def _with_owners(query: Select[Any], wanted: Filter) -> Select[Any]:
    """Add the owner; an entry without a live owner row drops out."""
    query = (
        query.join(
            _owner, (_owner.c.tag_id == _listed.c.tag_id) & (_owner.c.package_id == _listed.c.package_id)
        )
        .join(t.users, t.users.c.id == _owner.c.owner)
        .where(versions.visible(_owner, wanted.event))
        .add_columns(t.users.c.id, t.users.c.name)
    )
    if wanted.owner_id is not None:
        query = query.where(_owner.c.owner == wanted.owner_id)
    return query


def simple_fields() -> dict[str, ColumnElement[Any]]:
    """The keys of `listPackagesSimple`."""
    return {"package_id": _package.c.id, "package_name": _package.c.name}


def simple_listing(prefix: str | None) -> Select[Any]:
    """FROM and WHERE of `listPackagesSimple`."""
    query = select(_package.c.id)
    return query.where(_package.c.name.istartswith(prefix, autoescape=True)) if prefix else query


def insert_package(tx: Transaction, name: str) -> int:
    """A new package's id."""
    row = insert(_package).values(name=name).on_conflict_do_nothing().returning(_package.c.id)
    made = tx.execute(row).scalar()
    if made is None:
        # somebody else made it meanwhile, and has committed: the insertion waited for that
        made = tx.scalar(select(_package.c.id).where(_package.c.name == name))
    return int(made)


def package_id(tx: Transaction, name: str) -> int | None:
    """The id of a package by its name."""
    found = tx.scalar(select(_package.c.id).where(_package.c.name == name))
    return None if found is None else int(found)


def create_entry(
    tx: Transaction, by: int, tag_id: int, package_id: int, blocked: bool, extra_arches: str | None
) -> None:
    """Write an entry of a tag's list."""
    row = {"tag_id": tag_id, "package_id": package_id, "blocked": blocked, "extra_arches": extra_arches}
    versions.create(tx, _listed, by, row)


def revoke_entry(tx: Transaction, by: int, tag_id: int, package_id: int) -> None:
    """End an entry of a tag's list."""
    versions.revoke(tx, _listed, by, _listed.c.tag_id == tag_id, _listed.c.package_id == package_id)


def replace_owner(tx: Transaction, by: int, tag_id: int, package_id: int, owner: int) -> None:
    """Write who owns a package in a tag."""
    versions.revoke(tx, _owner, by, _owner.c.tag_id == tag_id, _owner.c.package_id == package_id)
    versions.create(tx, _owner, by, {"tag_id": tag_id, "package_id": package_id, "owner": owner})
