"""What policy tests ask the database: read only, over the tables of other domains.

The services of those domains consult policies themselves, so tests look here
rather than call back into them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, select, union

from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_b, _rpm, _archive = t.build, t.rpminfo, t.archiveinfo


def build(tx: Transaction, where: Mapping[str, Any]) -> dict[str, Any] | None:
    """A build by `id`, or by `name`, `version` and `release`."""
    columns: Mapping[str, ColumnElement[Any]] = {
        "id": _b.c.id,
        "name": t.package.c.name,
        "version": _b.c.version,
        "release": _b.c.release,
        "draft": _b.c.draft,
        "source": _b.c.source,
        "task_id": _b.c.task_id,
        "owner_id": _b.c.owner,
        "volume_name": t.volume.c.name,
    }
    query = (
        select(*(column.label(key) for key, column in columns.items()))
        .join(t.package, t.package.c.id == _b.c.pkg_id)
        .join(t.volume, t.volume.c.id == _b.c.volume_id)
    )
    return tx.row(query.where(*(columns[key] == value for key, value in where.items())))


def tag_names(tx: Transaction, build_id: int) -> list[str]:
    """The tags that a build is in."""
    tagged = t.tag_listing
    return tx.scalars(
        select(t.tag.c.name)
        .join(tagged, tagged.c.tag_id == t.tag.c.id)
        .where(tagged.c.build_id == build_id, tagged.c.active.is_(True))
    )


def build_types(tx: Transaction, build_id: int) -> list[str]:
    """The build types of a build."""
    return tx.scalars(
        select(t.btype.c.name)
        .join(t.build_types, t.build_types.c.btype_id == t.btype.c.id)
        .where(t.build_types.c.build_id == build_id)
    )


def buildroot_ids(tx: Transaction, build_id: int) -> set[int | None]:
    """The buildroots of the rpms and archives of a build; None stands for an imported one."""
    parts = [select(table.c.buildroot_id).where(table.c.build_id == build_id) for table in (_rpm, _archive)]
    return set(tx.scalars(union(*parts)))


def buildroot_tags(tx: Transaction, ids: Collection[int]) -> dict[int, int]:
    """The tag of each standard buildroot of some buildroots, by buildroot."""
    roots = t.standard_buildroot
    query = (
        select(roots.c.buildroot_id, t.repo.c.tag_id)
        .join(t.repo, t.repo.c.id == roots.c.repo_id)
        .where(roots.c.buildroot_id.in_(ids))
    )
    return {row["buildroot_id"]: row["tag_id"] for row in tx.rows(query)}


def buildroot_generators(tx: Transaction, ids: Collection[int]) -> dict[int, str | None]:
    """The content generator of each of some buildroots, by buildroot."""
    cg = t.content_generator
    query = (
        select(t.buildroot.c.id, cg.c.name)
        .outerjoin(cg, cg.c.id == t.buildroot.c.cg_id)
        .where(t.buildroot.c.id.in_(ids))
    )
    return {row["id"]: row["name"] for row in tx.rows(query)}


def is_listed(tx: Transaction, package: str) -> bool:
    """Whether there is a package of that name."""
    return tx.scalar(select(t.package.c.id).where(t.package.c.name == package)) is not None


def task(tx: Transaction, task_id: int) -> dict[str, Any] | None:
    """`{method, request}` of a task; the request is the XML text as it is stored."""
    return tx.row(select(t.task.c.method, t.task.c.request).where(t.task.c.id == task_id))
