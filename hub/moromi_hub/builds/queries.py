"""SQL of builds: one build, its entry's life, and lists of builds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.sql.expression import FromClause

from moromi.constants import BuildState
from moromi_hub.db.columns import decoded, integer_array, seconds
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

owner = t.users.alias("owner")
promoter = t.users.alias("promoter")

NVR: ColumnElement[str] = t.package.c.name + "-" + t.build.c.version + "-" + t.build.c.release

ROW_FIELDS: dict[str, ColumnElement[Any]] = {
    "build_id": t.build.c.id,
    "package_id": t.build.c.pkg_id,
    "package_name": t.package.c.name,
    "name": t.package.c.name,
    "version": t.build.c.version,
    "release": t.build.c.release,
    "epoch": t.build.c.epoch,
    "nvr": NVR,
    "draft": t.build.c.draft,
    "state": t.build.c.state,
    "source": t.build.c.source,
    "extra": decoded(t.build.c.extra),
    "task_id": t.build.c.task_id,
    "owner_id": t.build.c.owner,
    "owner_name": owner.c.name,
    "volume_id": t.build.c.volume_id,
    "volume_name": t.volume.c.name,
    "promoter_id": t.build.c.promoter,
    "promoter_name": promoter.c.name,
    "creation_event_id": t.build.c.create_event,
    "creation_time": t.events.c.time,
    "creation_ts": seconds(t.events.c.time),
    "start_time": t.build.c.start_time,
    "start_ts": seconds(t.build.c.start_time),
    "completion_time": t.build.c.completion_time,
    "completion_ts": seconds(t.build.c.completion_time),
    "promotion_time": t.build.c.promotion_time,
    "promotion_ts": seconds(t.build.c.promotion_time),
}
"""What a build in a list shows."""

FIELDS: dict[str, ColumnElement[Any]] = {
    "id": t.build.c.id,
    **ROW_FIELDS,
    "cg_id": t.build.c.cg_id,
    "cg_name": t.content_generator.c.name,
}
"""What `getBuild` shows."""


def joined(*, generator: bool = False) -> FromClause:
    """Builds with the tables that `ROW_FIELDS` (and with `generator`, `FIELDS`) name."""
    tables: FromClause = (
        t.build.join(t.package, t.package.c.id == t.build.c.pkg_id)
        .join(t.volume, t.volume.c.id == t.build.c.volume_id)
        .join(t.events, t.events.c.id == t.build.c.create_event)
        .join(owner, owner.c.id == t.build.c.owner)
        .outerjoin(promoter, promoter.c.id == t.build.c.promoter)
    )
    if generator:
        return tables.outerjoin(t.content_generator, t.content_generator.c.id == t.build.c.cg_id)
    return tables


def find_by_id(tx: Transaction, build_id: int) -> dict[str, Any] | None:
    """The build with that id, with `FIELDS`."""
    return tx.row(_BY_ID, {"wanted_id": build_id})


def find_by_nvr(tx: Transaction, name: str, version: str, release: str) -> dict[str, Any] | None:
    """The build of that name, version and release, with `FIELDS`."""
    return tx.row(_BY_NVR, {"wanted_name": name, "wanted_version": version, "wanted_release": release})


def _record(*where: ColumnElement[bool]) -> Select[Any]:
    """The statement of a look-up; put together once, which takes longer than to run it."""
    columns = [column.label(key) for key, column in FIELDS.items()]
    return select(*columns).select_from(joined(generator=True)).where(*where)


_BY_ID = _record(t.build.c.id == bindparam("wanted_id"))
_BY_NVR = _record(
    t.package.c.name == bindparam("wanted_name"),
    t.build.c.version == bindparam("wanted_version"),
    t.build.c.release == bindparam("wanted_release"),
)


def find_id(tx: Transaction, name: str, version: str, release: str) -> int | None:
    """The id of a build by name, version and release."""
    query = (
        select(t.build.c.id)
        .join_from(t.build, t.package, t.package.c.id == t.build.c.pkg_id)
        .where(t.package.c.name == name, t.build.c.version == version, t.build.c.release == release)
    )
    found: int | None = tx.scalar(query)
    return found


def lock(tx: Transaction, build_id: int) -> dict[str, Any] | None:
    """State, completion time and task of a build, whose row stays locked until the transaction ends."""
    columns = (t.build.c.id, t.build.c.state, t.build.c.completion_time, t.build.c.task_id, t.build.c.draft)
    return tx.row(select(*columns).where(t.build.c.id == build_id).with_for_update())


def lock_nvr(tx: Transaction, package_id: int, version: str, release: str) -> dict[str, Any] | None:
    """The same by package, version and release."""
    columns = (t.build.c.id, t.build.c.state, t.build.c.task_id)
    where = (t.build.c.pkg_id == package_id, t.build.c.version == version, t.build.c.release == release)
    return tx.row(select(*columns).where(*where).with_for_update())


def next_id(tx: Transaction) -> int:
    """A build id that nobody else gets."""
    return int(tx.scalar(select(func.nextval("build_id_seq"))))


def add(tx: Transaction, values: Mapping[str, Any]) -> int | None:
    """Make the row of a build; None if another transaction made that name-version-release first."""
    row = insert_or_skip(t.build).values(**values)
    row = row.on_conflict_do_nothing(constraint="build_pkg_ver_rel")
    made: int | None = tx.scalar(row.returning(t.build.c.id))
    return made


def change(tx: Transaction, build_id: int, values: Mapping[str, Any]) -> None:
    """Overwrite columns of a build."""
    tx.execute(update(t.build).where(t.build.c.id == build_id).values(**values))


def kept_completion() -> ColumnElement[Any]:
    """The completion time that a build has, or now if it has none."""
    return func.coalesce(t.build.c.completion_time, func.now())


def promote(tx: Transaction, build_id: int, release: str, user_id: int) -> None:
    """Make a draft a build; its rpm rows follow by their foreign key."""
    values = {"draft": False, "release": release, "promoter": user_id, "promotion_time": func.now()}
    tx.execute(update(t.build).where(t.build.c.id == build_id).values(**values))


def reuse_obstacle(tx: Transaction, build_id: int) -> str | None:
    """What keeps an old entry from being used again: `tag history`, `rpm data`, `archive data` or None."""
    uses = (
        ("tag history", t.tag_listing.c.build_id),
        ("rpm data", t.rpminfo.c.build_id),
        ("archive data", t.archiveinfo.c.build_id),
    )
    found = tx.row(select(*(exists().where(column == build_id).label(what) for what, column in uses)))
    return next((what for what, there in (found or {}).items() if there), None)


def forget_types(tx: Transaction, build_id: int) -> None:
    """Delete the type rows of a build."""
    for table in (t.maven_builds, t.win_builds, t.image_builds, t.build_types):
        tx.execute(delete(table).where(table.c.build_id == build_id))


def add_types(tx: Transaction, build_id: int, names: Sequence[str]) -> None:
    """Note that a build has these btypes; those that it has already are left."""
    source = select(select(t.build.c.id).where(t.build.c.id == build_id).scalar_subquery(), t.btype.c.id)
    rows = insert_or_skip(t.build_types).from_select(
        ["build_id", "btype_id"], source.where(t.btype.c.name.in_(names))
    )
    tx.execute(rows.on_conflict_do_nothing())


def type_names(tx: Transaction, build_id: int) -> list[str]:
    """The btypes of a build, by id."""
    found = (
        select(t.btype.c.name)
        .join_from(t.build_types, t.btype, t.btype.c.id == t.build_types.c.btype_id)
        .where(t.build_types.c.build_id == build_id)
        .order_by(t.btype.c.id)
    )
    return tx.scalars(found)


def legacy_types(tx: Transaction, build_id: int) -> dict[str, dict[str, Any]]:
    """The rows of maven_builds, win_builds and image_builds of a build, by btype."""
    found = {}
    for name, table in t.LEGACY_BUILDS.items():
        row = tx.row(select(table).where(table.c.build_id == build_id))
        if row is not None:
            found[name] = row
    return found


def list_btypes() -> tuple[dict[str, ColumnElement[Any]], Select[Any]]:
    """Fields and statement of `listBTypes`."""
    return {"id": t.btype.c.id, "name": t.btype.c.name}, select(t.btype)


def add_btype(tx: Transaction, name: str) -> None:
    """Make a btype."""
    tx.execute(insert(t.btype).values(name=name))


def latest_release(tx: Transaction, name: str, version: str) -> str | None:
    """The release of the newest build that counts for `getNextRelease`."""
    states = (BuildState.BUILDING, BuildState.COMPLETE, BuildState.DELETED)
    query = (
        select(t.build.c.release)
        .join_from(t.build, t.package, t.package.c.id == t.build.c.pkg_id)
        .where(
            t.package.c.name == name,
            t.build.c.version == version,
            t.build.c.state.in_(states),
            t.build.c.draft.is_(False),
        )
        .order_by(t.build.c.id.desc())
        .limit(1)
    )
    found: str | None = tx.scalar(query)
    return found


def average_duration(tx: Transaction, package_id: int, months: int | None) -> float | None:
    """Mean seconds from entry to completion of a package's builds that a task made."""
    lasted = seconds(t.build.c.completion_time) - seconds(t.events.c.time)
    query = (
        select(func.avg(lasted))
        .join_from(t.build, t.events, t.events.c.id == t.build.c.create_event)
        .where(
            t.build.c.pkg_id == package_id,
            t.build.c.state == BuildState.COMPLETE,
            t.build.c.task_id.is_not(None) | t.build.c.extra.contains("koji_task_id", autoescape=True),
        )
    )
    if months is not None:
        query = query.where(t.build.c.completion_time > func.now() - func.make_interval(0, months))
    found: float | None = tx.scalar(query)
    return found


def under_way(tx: Transaction, task_ids: Sequence[int]) -> list[int]:
    """Ids of the BUILDING builds of tasks."""
    mine = t.build.c.task_id == func.any(integer_array(task_ids))
    where = (mine, t.build.c.state == BuildState.BUILDING)
    return tx.scalars(select(t.build.c.id).where(*where).order_by(t.build.c.id))


def btype_names(tx: Transaction) -> set[str]:
    """All btypes."""
    return set(tx.scalars(select(t.btype.c.name)))


def add_reservation(tx: Transaction, build_id: int, token: str) -> bool:
    """Note the reservation of a build; False if it has one."""
    row = insert_or_skip(t.build_reservations).values(build_id=build_id, token=token, created=func.now())
    return tx.execute(row.on_conflict_do_nothing()).rowcount == 1


def reservation(tx: Transaction, build_id: int) -> str | None:
    """The token of a build's reservation."""
    table = t.build_reservations
    found: str | None = tx.scalar(select(table.c.token).where(table.c.build_id == build_id))
    return found


def drop_reservation(tx: Transaction, build_id: int) -> None:
    """Forget the reservation of a build, if any."""
    tx.execute(delete(t.build_reservations).where(t.build_reservations.c.build_id == build_id))
