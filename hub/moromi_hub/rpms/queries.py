"""SQL of rpms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.sql.expression import FromClause

from moromi.arches import SOURCE_ARCHES
from moromi.constants import INTERNAL_REPO_ID
from moromi_hub.db.bulk import insertion
from moromi_hub.db.columns import decoded, integer_array, text_array
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

NVR: ColumnElement[str] = t.rpminfo.c.name + "-" + t.rpminfo.c.version + "-" + t.rpminfo.c.release

FIELDS: dict[str, ColumnElement[Any]] = {
    "id": t.rpminfo.c.id,
    "name": t.rpminfo.c.name,
    "version": t.rpminfo.c.version,
    "release": t.rpminfo.c.release,
    "epoch": t.rpminfo.c.epoch,
    "arch": t.rpminfo.c.arch,
    "draft": t.rpminfo.c.draft,
    "build_id": t.rpminfo.c.build_id,
    "buildroot_id": t.rpminfo.c.buildroot_id,
    "external_repo_id": t.rpminfo.c.external_repo_id,
    "external_repo_name": t.external_repo.c.name,
    "payloadhash": t.rpminfo.c.payloadhash,
    "size": t.rpminfo.c.size,
    "buildtime": t.rpminfo.c.buildtime,
    "metadata_only": t.rpminfo.c.metadata_only,
    "extra": decoded(t.rpminfo.c.extra),
}
"""What `getRPM` shows."""

ROW_FIELDS: dict[str, ColumnElement[Any]] = {**FIELDS, "nvr": NVR}
"""What an rpm in a list shows."""

# Which of several rpms of one name is meant: internal before external, released before draft, new before old.
_PREFERENCE = (
    t.rpminfo.c.external_repo_id != INTERNAL_REPO_ID,
    t.rpminfo.c.draft.is_(True),
    t.rpminfo.c.id.desc(),
)
NVRA_KEYS = ("name", "version", "release", "arch")
EXTERNAL_KEYS = (*NVRA_KEYS, "epoch", "payloadhash", "size", "buildtime")
BUILD_KEYS = (*EXTERNAL_KEYS, "draft", "build_id", "buildroot_id", "external_repo_id", "extra")
Nvra = tuple[str, ...]
"""The values of `NVRA_KEYS`."""


def joined() -> FromClause:
    """Rpms with the table of external repos, for `FIELDS`."""
    return t.rpminfo.join(t.external_repo, t.external_repo.c.id == t.rpminfo.c.external_repo_id)


def find(tx: Transaction, where: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rpms whose columns have these values, the preferred one first, with `FIELDS`."""
    return tx.rows(_record(tuple(where)), {f"wanted_{key}": value for key, value in where.items()})


@lru_cache
def _record(keys: tuple[str, ...]) -> Select[Any]:
    """The statement of a look-up by these columns; put together once, which takes longer than to run it."""
    columns = [column.label(key) for key, column in FIELDS.items()]
    conditions = [t.rpminfo.c[key] == bindparam(f"wanted_{key}") for key in keys]
    return select(*columns).select_from(joined()).where(*conditions).order_by(*_PREFERENCE)


def find_many(tx: Transaction, specs: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """The preferred rpm for each of many specs, by position in `specs`; one statement.

    A spec has an `id`, or `name`, `version`, `release`, `arch` and maybe
    `external_repo_id` (None: any). Found are `id`, `payloadhash`, `external_repo_id`.
    """
    wanted = (
        func.unnest(
            *(text_array([spec.get(key) for spec in specs]) for key in NVRA_KEYS),
            integer_array([spec.get("external_repo_id") for spec in specs]),
        )
        .table_valued(
            *(Column(key, Text) for key in NVRA_KEYS), Column("repo_id", Integer), with_ordinality="position"
        )
        .render_derived(name="wanted")
    )
    same = [t.rpminfo.c[key] == wanted.c[key] for key in NVRA_KEYS]
    repo = func.coalesce(wanted.c.repo_id, t.rpminfo.c.external_repo_id) == t.rpminfo.c.external_repo_id
    columns = (t.rpminfo.c.id, t.rpminfo.c.payloadhash, t.rpminfo.c.external_repo_id)
    found = (
        select(wanted.c.position, *columns)
        .join_from(wanted, t.rpminfo, and_(*same, repo))
        .ext(distinct_on(wanted.c.position))
        .order_by(wanted.c.position, *_PREFERENCE)
    )
    return {row.pop("position") - 1: row for row in tx.rows(found)}


def existing_ids(tx: Transaction, ids: Sequence[int]) -> set[int]:
    """Those of `ids` that are rpms."""
    return set(tx.scalars(select(t.rpminfo.c.id).where(t.rpminfo.c.id == func.any(integer_array(ids)))))


def external_repo_ids(tx: Transaction, names: Sequence[str]) -> dict[str, int]:
    """Ids of external repos by name."""
    rows = tx.rows(
        select(t.external_repo.c.id, t.external_repo.c.name).where(t.external_repo.c.name.in_(names))
    )
    return {row["name"]: row["id"] for row in rows}


def existing_repo_ids(tx: Transaction, ids: Sequence[int]) -> set[int]:
    """Those of `ids` that are external repos."""
    return set(tx.scalars(select(t.external_repo.c.id).where(t.external_repo.c.id.in_(ids))))


def add_external(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make rows of external rpms in one statement; those that another transaction made first are left."""
    made = insertion(t.rpminfo, (*EXTERNAL_KEYS, "external_repo_id"), rows)
    tx.execute(made.on_conflict_do_nothing())


def add_many(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> dict[Nvra, int]:
    """Make rows with `BUILD_KEYS` in one statement; ids by name, without those whose name is taken."""
    made = insertion(t.rpminfo, BUILD_KEYS, rows).on_conflict_do_nothing()
    names = [t.rpminfo.c[key] for key in NVRA_KEYS]
    return {tuple(row[1:]): row[0] for row in tx.execute(made.returning(t.rpminfo.c.id, *names))}


def of_build(tx: Transaction, build_id: int) -> bool:
    """Whether any rpm belongs to a build."""
    return tx.scalar(select(t.rpminfo.c.id).where(t.rpminfo.c.build_id == build_id).limit(1)) is not None


def arches_of(tx: Transaction, build_id: int) -> set[str]:
    """The arches of a build's rpms."""
    return set(tx.scalars(select(t.rpminfo.c.arch).where(t.rpminfo.c.build_id == build_id).distinct()))


def any_draft(tx: Transaction, ids: Sequence[int]) -> bool:
    """Whether one of the rpms is a draft's."""
    mine = t.rpminfo.c.id == func.any(integer_array(ids))
    return tx.scalar(select(t.rpminfo.c.id).where(mine, t.rpminfo.c.draft.is_(True)).limit(1)) is not None


def source_package(tx: Transaction, build_id: int) -> dict[str, Any] | None:
    """Name, version, release and arch of a build's source package."""
    columns = [t.rpminfo.c[key] for key in NVRA_KEYS]
    where = (t.rpminfo.c.build_id == build_id, t.rpminfo.c.arch.in_(SOURCE_ARCHES))
    return tx.row(select(*columns).where(*where).order_by(t.rpminfo.c.id))


def names_of_build(tx: Transaction, build_id: int) -> set[Nvra]:
    """The names of a build's rpms."""
    names = select(*(t.rpminfo.c[key] for key in NVRA_KEYS)).where(t.rpminfo.c.build_id == build_id)
    return {tuple(row) for row in tx.execute(names)}


def listing(
    *,
    build_id: int | None = None,
    buildroot_id: int | None = None,
    archive_id: int | None = None,
    component_buildroot_id: int | None = None,
    host_id: int | None = None,
    arches: Sequence[str] | None = None,
    draft: bool | None = None,
) -> tuple[dict[str, ColumnElement[Any]], Select[Any]]:
    """Fields and statement of `listRPMs`."""
    fields = dict(ROW_FIELDS)
    tables = joined()
    where: list[ColumnElement[bool]] = []
    if build_id is not None:
        where.append(t.rpminfo.c.build_id == build_id)
    if buildroot_id is not None:
        where.append(t.rpminfo.c.buildroot_id == buildroot_id)
    if component_buildroot_id is not None:
        inside = t.buildroot_listing
        tables = tables.join(inside, inside.c.rpm_id == t.rpminfo.c.id)
        where.append(inside.c.buildroot_id == component_buildroot_id)
        fields |= {"component_buildroot_id": inside.c.buildroot_id, "is_update": inside.c.is_update}
    if archive_id is not None:
        part = t.archive_rpm_components
        tables = tables.join(part, part.c.rpm_id == t.rpminfo.c.id)
        where.append(part.c.archive_id == archive_id)
    if host_id is not None:
        root = t.standard_buildroot
        tables = tables.join(root, root.c.buildroot_id == t.rpminfo.c.buildroot_id)
        where.append(root.c.host_id == host_id)
    if arches is not None:
        where.append(t.rpminfo.c.arch.in_(arches))
    if draft is not None:
        where.append(t.rpminfo.c.draft.is_(bool(draft)))
    return fields, select(t.rpminfo.c.id).select_from(tables).where(*where)


def remove_of_build(tx: Transaction, build_id: int) -> None:
    """Delete the rpms of a build, and their use in buildroots and archives."""
    own = select(t.rpminfo.c.id).where(t.rpminfo.c.build_id == build_id)
    for table in (t.buildroot_listing, t.archive_rpm_components):
        tx.execute(delete(table).where(table.c.rpm_id.in_(own)))
    tx.execute(delete(t.rpminfo).where(t.rpminfo.c.build_id == build_id))
