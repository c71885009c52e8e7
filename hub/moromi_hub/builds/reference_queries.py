"""SQL of what stands in the way of deleting a build: who uses its files."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select, true, union_all
from sqlalchemy.sql.expression import FromClause

from moromi.constants import BuildState
from moromi_hub.db.columns import seconds
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t


def rpm_users(tx: Transaction, build_id: int, limit: int | None) -> list[dict[str, Any]]:
    """Rpms of complete builds that were built where a build's rpms were installed."""
    own, inside, user = t.rpminfo.alias("own"), t.buildroot_listing, t.rpminfo
    uses = (
        select(user.c.id, user.c.name, user.c.version, user.c.release, user.c.arch, user.c.build_id)
        .join_from(inside, user, user.c.buildroot_id == inside.c.buildroot_id)
        .join(t.build, t.build.c.id == user.c.build_id)
        .where(inside.c.rpm_id == own.c.id, t.build.c.state == BuildState.COMPLETE)
    )
    return _each_file(tx, own, build_id, uses, limit)


def archive_users(tx: Transaction, build_id: int, limit: int | None) -> list[dict[str, Any]]:
    """Archives of complete builds that were built where a build's archives were installed."""
    own, held, user = t.archiveinfo.alias("own"), t.buildroot_archives, t.archiveinfo
    kind = t.archivetypes
    uses = (
        select(user.c.id, user.c.type_id, kind.c.name.label("type_name"), user.c.build_id, user.c.filename)
        .join_from(held, user, user.c.buildroot_id == held.c.buildroot_id)
        .join(kind, kind.c.id == user.c.type_id)
        .join(t.build, t.build.c.id == user.c.build_id)
        .where(held.c.archive_id == own.c.id, t.build.c.state == BuildState.COMPLETE)
    )
    return _each_file(tx, own, build_id, uses, limit)


def users_of_rpms(tx: Transaction, build_id: int, limit: int | None) -> list[int]:
    """Archives of complete builds that list a build's rpms as components."""
    return _component_users(tx, t.rpminfo.alias("own"), t.archive_rpm_components, "rpm_id", build_id, limit)


def users_of_archives(tx: Transaction, build_id: int, limit: int | None) -> list[int]:
    """Archives of complete builds that list a build's archives as components."""
    own = t.archiveinfo.alias("own")
    return _component_users(tx, own, t.archive_components, "component_id", build_id, limit)


def _component_users(
    tx: Transaction, own: FromClause, part: FromClause, key: str, build_id: int, limit: int | None
) -> list[int]:
    uses = (
        select(part.c.archive_id.label("id"))
        .join_from(part, t.archiveinfo, t.archiveinfo.c.id == part.c.archive_id)
        .join(t.build, t.build.c.id == t.archiveinfo.c.build_id)
        .where(part.c[key] == own.c.id, t.build.c.state == BuildState.COMPLETE)
    )
    return [row["id"] for row in _each_file(tx, own, build_id, uses, limit)]


def _each_file(
    tx: Transaction, own: FromClause, build_id: int, uses: Select[Any], limit: int | None
) -> list[dict[str, Any]]:
    """What uses the files of a build, each once, by id; at most `limit` for each file."""
    found = (uses if limit is None else uses.limit(limit)).lateral("used")
    query = select(*found.c).select_from(own.join(found, true())).where(own.c.build_id == build_id)
    return tx.rows(query.distinct().order_by(found.c.id))


def last_used(tx: Transaction, build_id: int) -> float | None:
    """When files of a build were last put into a builder's buildroot, in seconds since the epoch."""
    inside, held, root = t.buildroot_listing, t.buildroot_archives, t.standard_buildroot
    used = union_all(
        select(inside.c.buildroot_id)
        .join_from(inside, t.rpminfo, t.rpminfo.c.id == inside.c.rpm_id)
        .where(t.rpminfo.c.build_id == build_id),
        select(held.c.buildroot_id)
        .join_from(held, t.archiveinfo, t.archiveinfo.c.id == held.c.archive_id)
        .where(t.archiveinfo.c.build_id == build_id),
    ).subquery("used")
    newest = (
        select(func.max(seconds(t.events.c.time)))
        .join_from(used, root, root.c.buildroot_id == used.c.buildroot_id)
        .join(t.events, t.events.c.id == root.c.create_event)
    )
    found: float | None = tx.scalar(newest)
    return found
