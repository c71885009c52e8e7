"""SQL of the lists of rpms that a repository has (see `repos.lists`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Integer,
    Select,
    Text,
    case,
    cast,
    func,
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
    """Statement of the rpms of builds, in the order of these, with `KEYS` as JSON has them but for quotes."""
    builds = (
        func.unnest(integer_array(build_ids))
        .table_valued(Column("id", Integer), with_ordinality="position")
        .render_derived(name="builds")
    )
    rpm = t.rpminfo.c
    return (
        select(*(_as_json(rpm[key]) for key in KEYS))
        .join_from(builds, t.rpminfo, rpm.build_id == builds.c.id)
        .where(*kinds(sources, debuginfo))
        .order_by(builds.c.position, rpm.id)
    )


def _as_json(column: Column[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, Boolean):
        return case((column.is_(True), "true"), (column.is_(False), "false"), else_="null")
    return func.coalesce(cast(column, Text), "null") if column.nullable else column


def kinds(sources: bool, debuginfo: bool) -> list[ColumnElement[bool]]:
    """With or without source packages and debug packages."""
    rpm = t.rpminfo.c
    source = rpm.arch.in_(SOURCE_ARCHES)
    where: list[ColumnElement[bool]] = [] if sources else [not_(source)]
    if not debuginfo:
        where.append(or_(source, not_(or_(*(rpm.name.like(pattern) for pattern in _DEBUG)))))
    return where
