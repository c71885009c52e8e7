"""SQL of tagging: which builds (and their rpms) a tag shows, and the rows that say so.

A listing is one statement however many tags are inherited: the walk comes as an
array of tags, the package list of the start tag is worked out from it, and
"latest" is a rank over position in the walk, time of tagging and build id
(spec: data-model.md section 4.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Select,
    Subquery,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.sql.expression import FromClause

from moromi.constants import BuildState, TagUpdateType
from moromi_hub.db import versions
from moromi_hub.db.columns import decoded, integer_array, text_array
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

owner = t.users.alias("owner")
promoter = t.users.alias("promoter")


@dataclass(frozen=True)
class Position:
    """One tag of the walk, with the pattern that names of packages must match there (None: any)."""

    tag_id: int
    pattern: str | None = None


@dataclass(frozen=True)
class Wanted:
    """What of a tag's content is asked for."""

    walk: Sequence[Position]
    """The start tag and all that it inherits: where the package list comes from."""
    inherit: bool = False
    """Builds of the whole walk, not only of the start tag."""
    event: int | None = None
    latest: int = 0
    """How many builds per package; 0 is all."""
    package: str | None = None
    prefix: str | None = None
    owner: str | None = None
    btype: str | None = None
    draft: bool | None = None


BUILD_FIELDS: dict[str, ColumnElement[Any]] = {
    "tag_id": t.tag.c.id,
    "tag_name": t.tag.c.name,
    "id": t.build.c.id,
    "build_id": t.build.c.id,
    "package_id": t.build.c.pkg_id,
    "package_name": t.package.c.name,
    "name": t.package.c.name,
    "version": t.build.c.version,
    "release": t.build.c.release,
    "epoch": t.build.c.epoch,
    "nvr": t.package.c.name + "-" + t.build.c.version + "-" + t.build.c.release,
    "draft": t.build.c.draft,
    "state": t.build.c.state,
    "task_id": t.build.c.task_id,
    "owner_id": t.build.c.owner,
    "owner_name": owner.c.name,
    "promoter_id": t.build.c.promoter,
    "promoter_name": promoter.c.name,
    "volume_id": t.build.c.volume_id,
    "volume_name": t.volume.c.name,
    "creation_event_id": t.build.c.create_event,
    "creation_time": t.events.c.time,
    "start_time": t.build.c.start_time,
    "completion_time": t.build.c.completion_time,
    "promotion_time": t.build.c.promotion_time,
}
RPM_FIELDS: dict[str, ColumnElement[Any]] = {
    key: t.rpminfo.c[key]
    for key in (
        "id",
        "name",
        "version",
        "release",
        "epoch",
        "arch",
        "draft",
        "payloadhash",
        "size",
        "buildtime",
        "buildroot_id",
        "build_id",
        "metadata_only",
    )
}
ARCHIVE_FIELDS: dict[str, ColumnElement[Any]] = {
    "id": t.archiveinfo.c.id,
    "type_id": t.archiveinfo.c.type_id,
    "btype_id": t.archiveinfo.c.btype_id,
    "btype": t.btype.c.name,
    "build_id": t.archiveinfo.c.build_id,
    "buildroot_id": t.archiveinfo.c.buildroot_id,
    "filename": t.archiveinfo.c.filename,
    "size": t.archiveinfo.c.size,
    "checksum": t.archiveinfo.c.checksum,
    "checksum_type": t.archiveinfo.c.checksum_type,
    "metadata_only": t.archiveinfo.c.metadata_only,
}


def _walk(positions: Sequence[Position], name: str) -> Any:
    """The walk as a table: tag_id, pattern, position."""
    return (
        func.unnest(
            integer_array([position.tag_id for position in positions]),
            text_array([position.pattern for position in positions]),
        )
        .table_valued(Column("tag_id", Integer), Column("pattern", Text), with_ordinality="position")
        .render_derived(name=name)
    )


def _allowed(wanted: Wanted) -> Subquery:
    """Ids of the packages that the start tag's list has and does not block."""
    walk, entry = _walk(wanted.walk, "package_walk"), t.tag_packages
    tables: FromClause = entry.join(walk, walk.c.tag_id == entry.c.tag_id)
    where = [versions.visible(entry, wanted.event)]
    if wanted.package is not None or any(position.pattern for position in wanted.walk):
        tables = tables.join(t.package, t.package.c.id == entry.c.package_id)
        where.append(or_(walk.c.pattern.is_(None), t.package.c.name.regexp_match(walk.c.pattern)))
    if wanted.package is not None:
        where.append(t.package.c.name == wanted.package)
    nearest = (
        select(entry.c.package_id, entry.c.blocked)
        .select_from(tables)
        .where(*where)
        .ext(distinct_on(entry.c.package_id))
        .order_by(entry.c.package_id, walk.c.position)
        .subquery("nearest")
    )
    return select(nearest.c.package_id).where(nearest.c.blocked.is_(False)).subquery("allowed")


def _chosen(wanted: Wanted) -> Subquery:
    """The taggings that are asked for: tag_id, build_id, create_event, position."""
    walk = _walk(wanted.walk if wanted.inherit else wanted.walk[:1], "walk")
    listing, build, allowed = t.tag_listing, t.build, _allowed(wanted)
    tables: FromClause = (
        listing.join(walk, walk.c.tag_id == listing.c.tag_id)
        .join(build, and_(build.c.id == listing.c.build_id, build.c.state == BuildState.COMPLETE))
        .join(allowed, allowed.c.package_id == build.c.pkg_id)
    )
    where = [versions.visible(listing, wanted.event)]
    if wanted.owner is not None:
        tables = tables.join(t.users, and_(t.users.c.id == build.c.owner, t.users.c.name == wanted.owner))
    if wanted.prefix is not None:
        tables = tables.join(t.package, t.package.c.id == build.c.pkg_id)
        where.append(func.lower(t.package.c.name).startswith(wanted.prefix.lower(), autoescape=True))
    if wanted.btype in t.LEGACY_BUILDS:
        legacy = t.LEGACY_BUILDS[wanted.btype]
        tables = tables.join(legacy, legacy.c.build_id == build.c.id)
    elif wanted.btype is not None:
        typed = t.build_types
        tables = tables.join(typed, typed.c.build_id == build.c.id)
        tables = tables.join(t.btype, and_(t.btype.c.id == typed.c.btype_id, t.btype.c.name == wanted.btype))
    if wanted.draft is not None:
        where.append(build.c.draft.is_(bool(wanted.draft)))
    columns: list[Any] = [listing.c.tag_id, listing.c.build_id, listing.c.create_event, walk.c.position]
    if not wanted.latest:
        return select(*columns).select_from(tables).where(*where).subquery("chosen")
    order = (walk.c.position, listing.c.create_event.desc(), build.c.id.desc())
    rank = func.row_number().over(partition_by=build.c.pkg_id, order_by=order).label("rank")
    ranked = select(*columns, rank).select_from(tables).where(*where).subquery("ranked")
    names = ("tag_id", "build_id", "create_event", "position")
    return (
        select(*(ranked.c[name] for name in names)).where(ranked.c.rank <= wanted.latest).subquery("chosen")
    )


def tagged_builds(wanted: Wanted, extra: bool) -> tuple[list[str], Select[Any]]:
    """Column names and statement of a listing of builds."""
    chosen = _chosen(wanted)
    tables: FromClause = (
        chosen.join(t.build, t.build.c.id == chosen.c.build_id)
        .join(t.tag, t.tag.c.id == chosen.c.tag_id)
        .join(t.package, t.package.c.id == t.build.c.pkg_id)
        .join(t.volume, t.volume.c.id == t.build.c.volume_id)
        .join(t.events, t.events.c.id == t.build.c.create_event)
        .join(owner, owner.c.id == t.build.c.owner)
        .outerjoin(promoter, promoter.c.id == t.build.c.promoter)
    )
    fields = {**BUILD_FIELDS, "create_event": chosen.c.create_event}
    if extra:
        fields["extra"] = decoded(t.build.c.extra)
    if wanted.btype == "maven":
        tables = tables.join(t.maven_builds, t.maven_builds.c.build_id == t.build.c.id)
        fields |= {f"maven_{key}": t.maven_builds.c[key] for key in ("group_id", "artifact_id", "version")}
    elif wanted.btype == "win":
        tables = tables.join(t.win_builds, t.win_builds.c.build_id == t.build.c.id)
        fields["platform"] = t.win_builds.c.platform
    columns = [column.label(key) for key, column in fields.items()]
    order = (chosen.c.position, chosen.c.create_event.desc(), chosen.c.build_id.desc())
    return list(fields), select(*columns).select_from(tables).order_by(*order)


def tagged_rpms(
    wanted: Wanted, arches: Sequence[str] | None, rpmsigs: bool, extra: bool
) -> tuple[list[str], Select[Any]]:
    """Column names and statement of a listing of the rpms of the builds."""
    chosen = _chosen(wanted)
    tables: FromClause = chosen.join(t.rpminfo, t.rpminfo.c.build_id == chosen.c.build_id)
    fields = dict(RPM_FIELDS)
    order = [chosen.c.position, t.rpminfo.c.id]
    if extra:
        fields["extra"] = decoded(t.rpminfo.c.extra)
    if rpmsigs:
        tables = tables.outerjoin(t.rpmsigs, t.rpmsigs.c.rpm_id == t.rpminfo.c.id)
        fields["sigkey"] = t.rpmsigs.c.sigkey
        order.append(t.rpmsigs.c.sigkey)
    query = select(*(column.label(key) for key, column in fields.items())).select_from(tables)
    if arches is not None:
        query = query.where(t.rpminfo.c.arch.in_(arches))
    return list(fields), query.order_by(*order)


def repo_builds(wanted: Wanted) -> Select[Any]:
    """Statement of what the directories of the builds are made of; see `listing.repo_builds`."""
    chosen, build = _chosen(wanted), t.build
    names = (t.package.c.name, build.c.version, build.c.release, t.volume.c.name.label("volume_name"))
    return (
        select(chosen.c.build_id.label("id"), *names)
        .join_from(chosen, build, build.c.id == chosen.c.build_id)
        .join(t.package, t.package.c.id == build.c.pkg_id)
        .join(t.volume, t.volume.c.id == build.c.volume_id)
        .order_by(chosen.c.position, chosen.c.build_id)
    )


def tagged_archives(wanted: Wanted, btype: str | None, extra: bool) -> tuple[list[str], Select[Any]]:
    """Column names and statement of a listing of the archives of the builds."""
    chosen = _chosen(wanted)
    archive = t.archiveinfo
    tables: FromClause = chosen.join(archive, archive.c.build_id == chosen.c.build_id).outerjoin(
        t.btype, t.btype.c.id == archive.c.btype_id
    )
    fields = dict(ARCHIVE_FIELDS)
    if extra:
        fields["extra"] = decoded(archive.c.extra)
    if btype == "maven":
        gav = t.maven_archives
        tables = tables.join(gav, gav.c.archive_id == archive.c.id)
        fields |= {f"maven_{key}": gav.c[key] for key in ("group_id", "artifact_id", "version")}
    elif btype == "win":
        win = t.win_archives
        tables = tables.join(win, win.c.archive_id == archive.c.id)
        fields |= {key: win.c[key] for key in ("relpath", "platforms", "flags")}
    query = select(*(column.label(key) for key, column in fields.items())).select_from(tables)
    order = (chosen.c.position, chosen.c.create_event.desc(), archive.c.build_id.desc(), archive.c.id)
    return list(fields), query.order_by(*order)


# rows


def is_tagged(tx: Transaction, tag_id: int, build_id: int) -> bool:
    """Whether a build is in a tag now."""
    row = t.tag_listing
    found = select(row.c.build_id).where(
        row.c.tag_id == tag_id, row.c.build_id == build_id, row.c.active.is_(True)
    )
    return tx.scalar(found) is not None


def add(tx: Transaction, tag_id: int, build_id: int, user_id: int) -> None:
    """Put a build into a tag."""
    versions.create(tx, t.tag_listing, user_id, {"tag_id": tag_id, "build_id": build_id})


def revoke(tx: Transaction, tag_id: int, build_id: int, user_id: int) -> int:
    """Take a build out of a tag; the number of rows."""
    row = t.tag_listing
    return versions.revoke(tx, row, user_id, row.c.tag_id == tag_id, row.c.build_id == build_id)


def tags_of(tx: Transaction, build_id: int) -> list[dict[str, Any]]:
    """The `{id, name}` of the tags that have a build, by id."""
    row = t.tag_listing
    found = (
        select(t.tag.c.id, t.tag.c.name)
        .join_from(row, t.tag, t.tag.c.id == row.c.tag_id)
        .where(row.c.build_id == build_id, row.c.active.is_(True))
        .order_by(t.tag.c.id)
    )
    return tx.rows(found)


def note_update(tx: Transaction, tag_ids: Sequence[int], kind: TagUpdateType, user_id: int) -> None:
    """Note that what tags show has changed without a change of their rows."""
    rows = [
        {"tag_id": tag_id, "update_event": tx.event(), "updater_id": user_id, "update_type": int(kind)}
        for tag_id in tag_ids
    ]
    if rows:
        tx.execute(insert(t.tag_updates), rows)


def remove_of_build(tx: Transaction, build_id: int) -> None:
    """Delete all rows of a build, dead ones too."""
    tx.execute(delete(t.tag_listing).where(t.tag_listing.c.build_id == build_id))


def builds_to_move(tx: Transaction, tag_id: int, package_id: int) -> list[dict[str, Any]]:
    """Id and name-version-release of the builds of a package in a tag, the oldest tagging first."""
    row, build = t.tag_listing, t.build
    found = (
        select(build.c.id, t.package.c.name, build.c.version, build.c.release)
        .join_from(row, build, build.c.id == row.c.build_id)
        .join(t.package, t.package.c.id == build.c.pkg_id)
        .where(
            row.c.tag_id == tag_id,
            row.c.active.is_(True),
            build.c.pkg_id == package_id,
            build.c.state == BuildState.COMPLETE,
        )
        .order_by(row.c.create_event, build.c.id)
    )
    return tx.rows(found)


def btype_exists(tx: Transaction, name: str) -> bool:
    """Whether there is a btype of that name."""
    return tx.scalar(select(t.btype.c.id).where(t.btype.c.name == name)) is not None
