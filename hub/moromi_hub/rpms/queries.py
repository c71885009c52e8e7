"""SQL of rpms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Integer, Select, Text, and_, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.sql.expression import FromClause

from moromi.constants import INTERNAL_REPO_ID
from moromi_hub.db.columns import decoded
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

# Which of several rpms of one name is meant: internal ones first, among them the released one, then the newest.
_PREFERENCE = (
    t.rpminfo.c.external_repo_id != INTERNAL_REPO_ID,
    t.rpminfo.c.draft.is_(True),
    t.rpminfo.c.id.desc(),
)
_NVRA = ("name", "version", "release", "arch")


def _joined() -> FromClause:
    return t.rpminfo.join(t.external_repo, t.external_repo.c.id == t.rpminfo.c.external_repo_id)


def find(tx: Transaction, where: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rpms whose columns have these values, the preferred one first, with `FIELDS`."""
    columns = [column.label(key) for key, column in FIELDS.items()]
    conditions = [t.rpminfo.c[key] == value for key, value in where.items()]
    return tx.rows(select(*columns).select_from(_joined()).where(*conditions).order_by(*_PREFERENCE))


def find_many(tx: Transaction, specs: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """The preferred rpm for each of many names, by position in `specs`; one statement.

    A spec has `name`, `version`, `release`, `arch`, and `external_repo_id` (None: any).
    Found are `position`, `id`, `payloadhash`, `external_repo_id`.
    """
    wanted = func.unnest(
        *(_texts([spec[key] for spec in specs]) for key in _NVRA),
        _integers([spec.get("external_repo_id") for spec in specs]),
    ).table_valued(
        *(Column(key, Text) for key in _NVRA),
        Column("repo_id", Integer),
        with_ordinality="position",
    )
    named = wanted.render_derived(name="wanted")
    found = (
        select(named.c.position, t.rpminfo.c.id, t.rpminfo.c.payloadhash, t.rpminfo.c.external_repo_id)
        .join_from(
            named,
            t.rpminfo,
            and_(
                *(t.rpminfo.c[key] == named.c[key] for key in _NVRA),
                func.coalesce(named.c.repo_id, t.rpminfo.c.external_repo_id) == t.rpminfo.c.external_repo_id,
            ),
        )
        .distinct(named.c.position)
        .order_by(named.c.position, *_PREFERENCE)
    )
    return {row["position"] - 1: row for row in tx.rows(found)}


def _texts(values: Sequence[Any]) -> ColumnElement[Any]:
    return func.cast(array(values, type_=Text), type_=ARRAY(Text)) if False else _bound(values, Text)


def _integers(values: Sequence[Any]) -> ColumnElement[Any]:
    return _bound(values, Integer)


def _bound(values: Sequence[Any], kind: type[Any]) -> ColumnElement[Any]:
    from sqlalchemy import cast, literal

    return cast(literal(list(values), ARRAY(kind)), ARRAY(kind))
