"""Packages, and the effective package list of a tag (data-model.md section 4.5)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import lookup
from moromi_hub.packages import queries
from moromi_hub.packages.queries import KEYS, OWNER_KEYS, Filter
from moromi_hub.tags import inheritance
from moromi_schema import tables as t


def find_package(
    call: Call, package_info: Any, strict: bool = False, create: bool = False
) -> dict[str, Any] | None:
    """The `{id, name}` of a package by name or id; `create` makes one of a new name, which is checked."""
    found = lookup.find_row(call.tx, t.package, package_info, strict and not create)
    if found is None and create:
        return create_package(call, package_info)
    return found


def create_package(call: Call, package_info: Any) -> dict[str, Any]:
    """A new package of the name that `package_info` holds: `{id, name}`."""
    info = lookup.name_or_id(package_info)
    if "name" not in info:
        raise GenericError(f"No such entry in table package: {package_info}")
    name = arguments.verify_name(call.settings, info["name"])
    return {"id": queries.insert_package(call.tx, name), "name": name}


def require_package(call: Call, package_info: Any) -> dict[str, Any]:
    """`find_package`, a miss raises GenericError."""
    found = find_package(call, package_info, strict=True)
    if found is None:
        raise GenericError(f"No such entry in table package: {package_info}")
    return found


def columns(with_owners: bool) -> tuple[str, ...]:
    """The keys of the rows of `effective_rows`."""
    return KEYS + OWNER_KEYS if with_owners else KEYS


def effective_rows(
    call: Call, tag_id: int | None, wanted: Filter, inherited: bool = False, with_dups: bool = False
) -> Iterator[Sequence[Any]]:
    """Rows of the package list of a tag (None: of all tags), as tuples under `columns`.

    Own rows come first, then those of each ancestor in the order of the walk, as
    far as the filters of the way let a package through; the first row of a
    package wins unless `with_dups`. At most two statements.
    """
    if tag_id is None:
        rows = queries.entries(call.tx, wanted)
        return rows if with_dups else _first_of_each(rows)
    steps = inheritance.ordered_tag_ids(call, tag_id, wanted.event, inherited)
    by_tag: dict[int, list[Sequence[Any]]] = defaultdict(list)
    for row in queries.entries(call.tx, replace(wanted, tag_ids={step.tag_id for step in steps})):
        by_tag[row[2]].append(row)
    walked = (row for step in steps for row in _passing(by_tag.get(step.tag_id, []), step.filters))
    return walked if with_dups else _first_of_each(walked)


def _passing(rows: list[Sequence[Any]], filters: tuple[str, ...]) -> list[Sequence[Any]]:
    if not filters:
        return rows
    matches: list[Callable[[str], object]] = [_pattern(text).match for text in filters]
    return [row for row in rows if all(match(row[1]) for match in matches)]


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise GenericError(f"Invalid package filter {text!r}: {error}") from None


def _first_of_each(rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    seen: set[int] = set()
    for row in rows:
        if row[0] not in seen:
            seen.add(row[0])
            yield row


def tag_packages(
    call: Call,
    tag_id: int,
    event: int | None = None,
    inherited: bool = True,
    package_id: int | None = None,
    with_owners: bool = True,
) -> dict[int, dict[str, Any]]:
    """The effective entries (shape `TagPackage`, blocked ones included) by package id."""
    wanted = Filter(package_id=package_id, event=event, with_owners=with_owners)
    keys = columns(with_owners)
    rows = effective_rows(call, tag_id, wanted, inherited)
    return {row[0]: dict(zip(keys, row, strict=True)) for row in rows}


def package_config(
    call: Call, tag_id: int, package_id: int, event: int | None = None
) -> dict[str, Any] | None:
    """The effective entry of one package in a tag, which may be a blocked one."""
    return tag_packages(call, tag_id, event, package_id=package_id).get(package_id)


def check_tag_package(call: Call, tag_id: int, package: Any) -> bool:
    """Whether a package is in the effective list of a tag and not blocked."""
    found = find_package(call, package)
    if found is None:
        return False
    entry = package_config(call, tag_id, found["id"])
    return entry is not None and not entry["blocked"]
