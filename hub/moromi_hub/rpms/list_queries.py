"""SQL of the lists of rpms that a repository has (see `repos.lists`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Select,
    String,
    Text,
    cast,
    func,
    literal,
    not_,
    or_,
    select,
)

from moromi.arches import SOURCE_ARCHES
from moromi_hub.db.columns import integer_array
from moromi_schema import tables as t

KEYS = (
    "name",
    "version",
    "release",
    "arch",
    "id",
    "epoch",
    "draft",
    "payloadhash",
    "size",
    "buildtime",
    "buildroot_id",
    "build_id",
    "metadata_only",
    "extra",
)
"""What the list of a repository says of an rpm."""
_DEBUG = ("%-debuginfo", "%-debugsource", "%-debuginfo-%")
"""The names of `moromi.names.is_debuginfo`."""


def of_builds(build_ids: Sequence[int], sources: bool, debuginfo: bool) -> Select[Any]:
    """Statement of the rpms of builds, in the order of these.

    Build id, arch, path below the build's directory, and `KEYS` as a JSON object: the database puts it
    together while we deal out what came before.
    """
    builds = (
        func.unnest(integer_array(build_ids))
        .table_valued(Column("id", Integer), with_ordinality="position")
        .render_derived(name="builds")
    )
    rpm = t.rpminfo.c
    return (
        select(rpm.build_id, rpm.arch, _path(), _record())
        .join_from(builds, t.rpminfo, rpm.build_id == builds.c.id)
        .where(*kinds(sources, debuginfo))
        .order_by(builds.c.position, rpm.id)
    )


def _path() -> ColumnElement[str]:
    rpm = t.rpminfo.c
    return rpm.arch + "/" + rpm.name + "-" + rpm.version + "-" + rpm.release + "." + rpm.arch + ".rpm"


def _record() -> ColumnElement[str]:
    record: ColumnElement[str] = literal("{")
    for number, key in enumerate(KEYS):
        record = record + f'{", " if number else ""}"{key}": ' + _as_json(t.rpminfo.c[key])
    return record + "}"


def _as_json(column: Column[Any]) -> ColumnElement[str]:
    value = cast(func.to_json(column) if isinstance(column.type, String) else column, Text)
    return func.coalesce(value, "null") if column.nullable else value


def kinds(sources: bool, debuginfo: bool) -> list[ColumnElement[bool]]:
    """With or without source packages and debug packages."""
    rpm = t.rpminfo.c
    source = rpm.arch.in_(SOURCE_ARCHES)
    where: list[ColumnElement[bool]] = [] if sources else [not_(source)]
    if not debuginfo:
        where.append(or_(source, not_(or_(*(rpm.name.like(pattern) for pattern in _DEBUG)))))
    return where
