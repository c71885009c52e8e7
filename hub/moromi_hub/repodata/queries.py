"""SQL of the kept metadata of rpms."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    cast,
    delete,
    func,
    literal,
    select,
    update,
)

from moromi.constants import INTERNAL_REPO_ID, BuildState
from moromi_hub.db.bulk import insertion
from moromi_hub.db.columns import integer_array, text_array
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_kept, _rpm = t.moromi_rpm_metadata, t.rpminfo
KEYS = tuple(column.key for column in _kept.c)
FACTS = ("pkgid", "file_time", "size", "header_start", "header_end")
"""The columns that differ between the signed copies of an rpm."""
ENTRY_KEYS = (
    *("sourcerpm", "name", "arch", "epoch", "version", "release", "build_id", "fragment"),
    *(*FACTS, "pack"),
)
"""Those of the engine's entries, but for places; without metadata `fragment` is empty."""
_with_kept = _rpm.outerjoin(_kept, and_(_kept.c.rpm_id == _rpm.c.id, _kept.c.sigkey == literal("")))
_LACKING = (
    _kept.c.rpm_id.is_(None),
    _rpm.c.external_repo_id == INTERNAL_REPO_ID,
    _rpm.c.metadata_only.is_(False),
)
_COMPLETE = and_(t.build.c.id == _rpm.c.build_id, t.build.c.state == BuildState.COMPLETE)


def add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store rows with `KEYS`; those that are there are replaced."""
    new = insertion(_kept, KEYS, rows)
    changed = {key: new.excluded[key] for key in KEYS if key not in ("rpm_id", "sigkey")}
    tx.execute(new.on_conflict_do_update(index_elements=["rpm_id", "sigkey"], set_=changed))


def of_rpm(tx: Transaction, rpm_id: int, sigkey: str) -> dict[str, Any] | None:
    """The row of one file, with `KEYS`."""
    return tx.row(select(_kept).where(_kept.c.rpm_id == rpm_id, _kept.c.sigkey == sigkey))


def rename(tx: Transaction, rpm_id: int, old: str, new: str) -> None:
    """Give the signed copy of an rpm another key."""
    tx.execute(update(_kept).where(_kept.c.rpm_id == rpm_id, _kept.c.sigkey == old).values(sigkey=new))


def remove(tx: Transaction, rpm_id: int, sigkeys: Sequence[str]) -> None:
    """Forget signed copies of an rpm."""
    tx.execute(delete(_kept).where(_kept.c.rpm_id == rpm_id, _kept.c.sigkey.in_(sigkeys)))


def remove_of_build(tx: Transaction, build_id: int) -> None:
    """Forget all rpms of a build."""
    mine = select(_rpm.c.id).where(_rpm.c.build_id == build_id)
    tx.execute(delete(_kept).where(_kept.c.rpm_id.in_(mine)))


def remove_packs(tx: Transaction, names: Collection[str]) -> int:
    """Forget all that is kept in packs; how many rows."""
    return tx.execute(delete(_kept).where(_kept.c.pack.in_(names))).rowcount


def packs(tx: Transaction, build_ids: Sequence[int]) -> list[dict[str, Any]]:
    """`{build_id, pack}` of builds, each once."""
    query = (
        select(_rpm.c.build_id, _kept.c.pack)
        .join(_kept, _kept.c.rpm_id == _rpm.c.id)
        .where(_rpm.c.build_id == func.any(integer_array(build_ids)))
        .distinct()
    )
    return tx.rows(query)


def entries(build_ids: Sequence[int]) -> Select[Any]:
    """Statement of what is kept of the rpms of builds, with `ENTRY_KEYS`."""
    of_builds = _rpm.c.build_id == func.any(integer_array(build_ids))
    return select(*_entry_columns()).select_from(_with_kept).where(of_builds)


def entries_of_files(files: Sequence[tuple[int, str]]) -> Select[Any]:
    """Statement of what is kept of files (rpm id, key), in their order, with `ENTRY_KEYS`, rpm id and key."""
    ids, keys = [rpm_id for rpm_id, _key in files], [key for _rpm_id, key in files]
    wanted = (
        func.unnest(integer_array(ids), text_array(keys))
        .table_valued(Column("rpm_id", Integer), Column("sigkey", Text), with_ordinality="position")
        .render_derived(name="wanted")
    )
    same = and_(_kept.c.rpm_id == wanted.c.rpm_id, _kept.c.sigkey == wanted.c.sigkey)
    tables = wanted.join(_rpm, _rpm.c.id == wanted.c.rpm_id).outerjoin(_kept, same)
    query = select(*_entry_columns(), wanted.c.rpm_id, wanted.c.sigkey).select_from(tables)
    return query.order_by(wanted.c.position)


def builds_of(tx: Transaction, rpm_ids: Collection[int]) -> list[int]:
    """The ids of the builds of rpms, each once; external rpms have none."""
    mine = _rpm.c.id == func.any(integer_array(list(rpm_ids)))
    return list(tx.scalars(select(_rpm.c.build_id).where(mine, _rpm.c.build_id.is_not(None)).distinct()))


def rpms(tx: Transaction, rpm_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """By id: id, name, version, release, arch, build_id."""
    columns = [_rpm.c[name] for name in ("id", "name", "version", "release", "arch", "build_id")]
    rows = tx.rows(select(*columns).where(_rpm.c.id == func.any(integer_array(list(rpm_ids)))))
    return {row["id"]: row for row in rows}


def _entry_columns() -> list[ColumnElement[Any]]:
    """As an entry has them, but for places: a build's id stands where `href` goes."""
    return [
        func.coalesce(_kept.c.sourcerpm, ""),
        _rpm.c.name,
        _rpm.c.arch,
        func.coalesce(_rpm.c.epoch, 0),
        _rpm.c.version,
        _rpm.c.release,
        func.coalesce(_rpm.c.build_id, 0),
        _hex(_kept.c.fragment),
        _hex(_kept.c.pkgid),
        *(func.coalesce(cast(_kept.c[key], Text), "") for key in FACTS[1:]),
        func.coalesce(_kept.c.pack, ""),
    ]


def _hex(column: Any) -> Any:
    return func.coalesce(func.encode(column, "hex"), "")


def lacking(tx: Transaction, build_id: int) -> list[dict[str, Any]]:
    """The rpms of a build whose metadata is not kept: id, name, version, release, arch."""
    columns = [_rpm.c[name] for name in ("id", "name", "version", "release", "arch")]
    query = select(*columns).select_from(_with_kept).where(_rpm.c.build_id == build_id, *_LACKING)
    return tx.rows(query.order_by(_rpm.c.id))


def incomplete_builds(tx: Transaction, after: int, limit: int) -> list[int]:
    """Ids, ascending and above `after`, of COMPLETE builds with rpms whose metadata is not kept."""
    of_builds = select(_rpm.c.build_id).select_from(_with_kept).join(t.build, _COMPLETE)
    query = of_builds.where(_rpm.c.build_id > after, *_LACKING).distinct().order_by(_rpm.c.build_id)
    return list(tx.scalars(query.limit(limit)))


def count_lacking(tx: Transaction) -> int:
    """How many rpms of COMPLETE builds have no metadata kept."""
    query = select(func.count(_rpm.c.id)).select_from(_with_kept).join(t.build, _COMPLETE).where(*_LACKING)
    return int(tx.scalar(query))


def places(tx: Transaction, build_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """By id, what the directories of COMPLETE builds are made of: name, version, release, volume_name."""
    build = t.build
    query = (
        select(
            build.c.id,
            t.package.c.name,
            build.c.version,
            build.c.release,
            t.volume.c.name.label("volume_name"),
        )
        .join(t.package, t.package.c.id == build.c.pkg_id)
        .join(t.volume, t.volume.c.id == build.c.volume_id)
        .where(build.c.id == func.any(integer_array(build_ids)), build.c.state == BuildState.COMPLETE)
    )
    return {row["id"]: row for row in tx.rows(query)}
