"""SQL of archives and their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.sql.expression import FromClause

from moromi.constants import BuildState
from moromi_hub.db import versions
from moromi_hub.db.bulk import POSITION, unnested
from moromi_hub.db.columns import decoded, integer_array, text_array
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_archive, _kind = t.archiveinfo, t.archivetypes

TYPE_FIELDS: dict[str, ColumnElement[Any]] = {
    key: _kind.c[key] for key in ("id", "name", "description", "extensions", "compression_type")
}
FIELDS: dict[str, ColumnElement[Any]] = {
    "id": _archive.c.id,
    "type_id": _archive.c.type_id,
    "type_name": _kind.c.name,
    "type_description": _kind.c.description,
    "type_extensions": _kind.c.extensions,
    "compression_type": _kind.c.compression_type,
    "btype_id": _archive.c.btype_id,
    "btype": t.btype.c.name,
    "build_id": _archive.c.build_id,
    "buildroot_id": _archive.c.buildroot_id,
    "filename": _archive.c.filename,
    "size": _archive.c.size,
    "checksum": _archive.c.checksum,
    "checksum_type": _archive.c.checksum_type,
    "metadata_only": _archive.c.metadata_only,
    "extra": decoded(_archive.c.extra),
}
"""What an archive in a list shows."""

FILE_KEYS = ("filename", "size", "checksum", "checksum_type")
"""What tells whether two files are the same."""

LEGACY = {"maven": t.maven_archives, "win": t.win_archives, "image": t.image_archives}
LEGACY_KEYS = {
    "maven": ("group_id", "artifact_id", "version"),
    "win": ("relpath", "platforms", "flags"),
    "image": ("arch",),
}


def _joined() -> FromClause:
    return _archive.join(_kind, _kind.c.id == _archive.c.type_id).join(
        t.btype, t.btype.c.id == _archive.c.btype_id
    )


def rootid(archive: FromClause) -> ColumnElement[bool]:
    """Whether an archive has rpm components."""
    part = t.archive_rpm_components
    return select(part.c.rpm_id).where(part.c.archive_id == archive.c.id).exists()


# types


def types() -> Select[Any]:
    """Statement of all archive types, by id."""
    return select(*TYPE_FIELDS.values()).order_by(_kind.c.id)


def type_by(tx: Transaction, key: str, value: Any) -> dict[str, Any] | None:
    """One archive type by `id` or `name`."""
    return tx.row(select(*TYPE_FIELDS.values()).where(_kind.c[key] == value))


def types_of_extensions(tx: Transaction, extensions: Sequence[str]) -> list[dict[str, Any]]:
    """The archive types that have one of some file extensions (lower case), which is `extension`."""
    words = func.unnest(func.string_to_array(func.lower(_kind.c.extensions), " ")).table_valued("extension")
    word = words.render_derived(name="word").c.extension
    columns = [column.label(key) for key, column in TYPE_FIELDS.items()]
    query = select(*columns, word).select_from(_kind.join(word.table, true()))
    return tx.rows(query.where(word == func.any(text_array(extensions))).order_by(_kind.c.id))


def add_type(tx: Transaction, values: Mapping[str, Any]) -> None:
    """Make an archive type."""
    tx.execute(insert(_kind).values(**values))


def btype_exists(tx: Transaction, name: str) -> bool:
    """Whether there is a btype of that name."""
    return tx.scalar(select(t.btype.c.id).where(t.btype.c.name == name)) is not None


# reading


def find(tx: Transaction, archive_id: int) -> dict[str, Any] | None:
    """One archive with the keys of the legacy tables that know it; `legacy` names those."""
    maven, win, image = LEGACY["maven"], LEGACY["win"], LEGACY["image"]
    columns = [column.label(key) for key, column in FIELDS.items()]
    for name, table in LEGACY.items():
        columns.append(table.c.archive_id.is_not(None).label(f"is_{name}"))
        columns += [table.c[key].label(key) for key in LEGACY_KEYS[name]]
    tables = (
        _joined()
        .outerjoin(maven, maven.c.archive_id == _archive.c.id)
        .outerjoin(win, win.c.archive_id == _archive.c.id)
        .outerjoin(image, image.c.archive_id == _archive.c.id)
    )
    columns.append(rootid(_archive).label("rootid"))
    return tx.row(select(*columns).select_from(tables).where(_archive.c.id == archive_id))


def legacy_archive(tx: Transaction, btype: str, archive_id: int) -> dict[str, Any] | None:
    """The row of an archive in the table of a legacy btype."""
    table = LEGACY[btype]
    columns: list[Any] = list(table.c)
    query = select(*columns).where(table.c.archive_id == archive_id)
    if btype == "image":
        archive = table.join(_archive, _archive.c.id == table.c.archive_id)
        query = select(*columns, rootid(_archive).label("rootid")).select_from(archive)
        query = query.where(table.c.archive_id == archive_id)
    return tx.row(query)


def legacy_build(tx: Transaction, btype: str, build_id: int) -> dict[str, Any] | None:
    """The row of a build in the table of a legacy btype."""
    table = t.LEGACY_BUILDS[btype]
    return tx.row(select(table).where(table.c.build_id == build_id))


def listing(
    filters: Mapping[str, Any], btype: str | None, type_info: Mapping[str, Any]
) -> tuple[dict[str, ColumnElement[Any]], Select[Any]]:
    """Fields and statement of `listArchives`; `filters` are its plain ones that are not None."""
    fields, tables = dict(FIELDS), _joined()
    where: list[ColumnElement[bool]] = []
    for key in ("build_id", "buildroot_id", "filename", "size", "checksum", "checksum_type", "id"):
        if key in filters:
            where.append(_archive.c[key] == filters[key])
    if "component_buildroot_id" in filters:
        held = t.buildroot_archives
        tables = tables.join(held, held.c.archive_id == _archive.c.id)
        where.append(held.c.buildroot_id == filters["component_buildroot_id"])
        fields |= {"component_buildroot_id": held.c.buildroot_id, "project": held.c.project_dep}
    if "image_id" in filters:
        part = t.archive_components
        tables = tables.join(part, part.c.component_id == _archive.c.id)
        where.append(part.c.archive_id == filters["image_id"])
    if "host_id" in filters:
        root = t.standard_buildroot
        tables = tables.join(root, root.c.buildroot_id == _archive.c.buildroot_id)
        where.append(root.c.host_id == filters["host_id"])
        fields["host_id"] = root.c.host_id
    if btype in LEGACY:
        table = LEGACY[btype]
        tables = tables.join(table, table.c.archive_id == _archive.c.id)
        fields |= {key: table.c[key] for key in LEGACY_KEYS[btype]}
        where += _type_conditions(btype, type_info)
    elif btype is not None:
        where.append(t.btype.c.name == btype)
    return fields, select(_archive.c.id).select_from(tables).where(*where)


def _type_conditions(btype: str, type_info: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    table, where = LEGACY[btype], []
    for key in LEGACY_KEYS[btype]:
        value = type_info.get(key)
        if not value:
            continue
        if key in ("platforms", "flags"):
            words = value.split() if isinstance(value, str) else value
            held = func.string_to_array(table.c[key], " ")
            where += [literal(word) == func.any(held) for word in words]
        else:
            where.append(table.c[key] == value)
    return where


def maven_archives(walk: Sequence[tuple[int, str | None]], inherit: bool, event: int | None) -> Select[Any]:
    """Statement of all maven archives in a tag's walk, in its order.

    `walk` is tag ids with the pattern for names of packages. `maven_include_all`
    says whether the tag includes every version.
    """
    places = _places(walk, "walk")
    own = _places(walk if inherit else walk[:1], "places")
    listing, build, config, gav = t.tag_listing, t.build, t.tag_config, t.maven_archives
    entry = t.tag_packages
    pattern = or_(places.c.pattern.is_(None), t.package.c.name.regexp_match(places.c.pattern))
    nearest = (
        select(entry.c.package_id, entry.c.blocked)
        .join_from(entry, places, places.c.tag_id == entry.c.tag_id)
        .join(t.package, t.package.c.id == entry.c.package_id)
        .where(versions.visible(entry, event), pattern)
        .ext(distinct_on(entry.c.package_id))
        .order_by(entry.c.package_id, places.c.position)
        .subquery("nearest")
    )
    fields = _maven_fields()
    query = (
        select(*(column.label(key) for key, column in fields.items()), config.c.maven_include_all)
        .join_from(listing, own, own.c.tag_id == listing.c.tag_id)
        .join(build, build.c.id == listing.c.build_id)
        .join(nearest, nearest.c.package_id == build.c.pkg_id)
        .join(t.package, t.package.c.id == build.c.pkg_id)
        .join(t.volume, t.volume.c.id == build.c.volume_id)
        .join(t.tag, t.tag.c.id == listing.c.tag_id)
        .join(config, and_(config.c.tag_id == listing.c.tag_id, versions.visible(config, event)))
        .join(_archive, _archive.c.build_id == build.c.id)
        .join(gav, gav.c.archive_id == _archive.c.id)
        .where(
            versions.visible(listing, event),
            build.c.state == BuildState.COMPLETE,
            nearest.c.blocked.is_(False),
        )
        .order_by(own.c.position, listing.c.create_event.desc(), build.c.id.desc(), _archive.c.id)
    )
    return query


def _places(walk: Sequence[tuple[int, str | None]], name: str) -> Any:
    columns = (Column("tag_id", Integer), Column("pattern", Text))
    ids, patterns = integer_array([each[0] for each in walk]), text_array([each[1] for each in walk])
    return (
        func.unnest(ids, patterns)
        .table_valued(*columns, with_ordinality="position")
        .render_derived(name=name)
    )


def _maven_fields() -> dict[str, ColumnElement[Any]]:
    archive = (
        "id",
        "type_id",
        "buildroot_id",
        "filename",
        "size",
        "checksum",
        "checksum_type",
        "metadata_only",
    )
    build = t.build
    return {
        **{key: _archive.c[key] for key in archive},
        "metadata_only": _archive.c.metadata_only,
        "extra": decoded(_archive.c.extra),
        **{key: t.maven_archives.c[key] for key in LEGACY_KEYS["maven"]},
        "tag_id": t.tag.c.id,
        "tag_name": t.tag.c.name,
        "tag_event": t.tag_listing.c.create_event,
        "pkg_id": build.c.pkg_id,
        "build_id": build.c.id,
        "build_name": t.package.c.name,
        "build_version": build.c.version,
        "build_release": build.c.release,
        "build_epoch": build.c.epoch,
        "state": build.c.state,
        "task_id": build.c.task_id,
        "owner": build.c.owner,
        "volume_id": build.c.volume_id,
        "volume_name": t.volume.c.name,
    }


# writing


def find_same_files(tx: Transaction, files: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """By place in `files`, the id of an archive that is equal in `FILE_KEYS`; the newest of several."""
    given = unnested(_archive, FILE_KEYS, files)
    same = and_(*(_archive.c[key] == given.c[key] for key in FILE_KEYS))
    place = given.c[POSITION]
    found = (
        select(place, _archive.c.id)
        .join_from(given, _archive, same)
        .ext(distinct_on(place))
        .order_by(place, _archive.c.id.desc())
    )
    return {row[POSITION] - 1: row["id"] for row in tx.rows(found)}


def files_of(tx: Transaction, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """`FILE_KEYS` of archives by their ids, with `nvr` and `draft` of their builds."""
    build, package = t.build, t.package
    nvr = package.c.name + "-" + build.c.version + "-" + build.c.release
    columns = [_archive.c[key] for key in ("id", *FILE_KEYS)]
    found = (
        select(*columns, nvr.label("nvr"), build.c.draft)
        .join_from(_archive, build, build.c.id == _archive.c.build_id)
        .join(package, package.c.id == build.c.pkg_id)
        .where(_archive.c.id == func.any(integer_array(ids)))
    )
    return {row["id"]: row for row in tx.rows(found)}


def btype_id(tx: Transaction, name: str) -> int:
    """The id of a btype that is there."""
    return int(tx.scalar(select(t.btype.c.id).where(t.btype.c.name == name)))


def has_file(tx: Transaction, build_id: int, filename: str) -> bool:
    """Whether a build has an archive with a file of that name."""
    where = (
        _archive.c.build_id == build_id,
        _archive.c.filename == filename,
        _archive.c.metadata_only.is_(False),
    )
    return tx.scalar(select(_archive.c.id).where(*where).limit(1)) is not None


def add(tx: Transaction, values: Mapping[str, Any]) -> int:
    """Make the row of an archive and return its id."""
    return int(tx.scalar(insert(_archive).values(**values).returning(_archive.c.id)))


def add_legacy(tx: Transaction, btype: str, values: Mapping[str, Any]) -> None:
    """Make the row of an archive in the table of a legacy btype."""
    tx.execute(insert(LEGACY[btype]).values(**values))


def set_legacy_build(tx: Transaction, btype: str, values: Mapping[str, Any]) -> None:
    """Make or overwrite the row of a build in the table of a legacy btype."""
    row = insert_or_skip(t.LEGACY_BUILDS[btype]).values(**values)
    changed = {key: value for key, value in values.items() if key != "build_id"}
    if changed:
        tx.execute(row.on_conflict_do_update(index_elements=["build_id"], set_=changed))
    else:
        tx.execute(row.on_conflict_do_nothing())


def add_components(
    tx: Transaction, archive_id: int, rpm_ids: Sequence[int], archive_ids: Sequence[int]
) -> None:
    """Note what an archive was made of."""
    pairs = (
        (t.archive_rpm_components, "rpm_id", rpm_ids),
        (t.archive_components, "component_id", archive_ids),
    )
    for table, key, ids in pairs:
        if ids:
            each = func.unnest(integer_array(sorted(set(ids)))).column_valued(key)
            rows = insert_or_skip(table).from_select(["archive_id", key], select(literal(archive_id), each))
            tx.execute(rows.on_conflict_do_nothing())


def remove_of_build(tx: Transaction, build_id: int) -> None:
    """Delete the archives of a build and everything that refers to them."""
    own = select(_archive.c.id).where(_archive.c.build_id == build_id)
    for table in (*LEGACY.values(), t.buildroot_archives, t.archive_rpm_components):
        tx.execute(delete(table).where(table.c.archive_id.in_(own)))
    part = t.archive_components
    tx.execute(delete(part).where(or_(part.c.archive_id.in_(own), part.c.component_id.in_(own))))
    tx.execute(delete(_archive).where(_archive.c.build_id == build_id))
