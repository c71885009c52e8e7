"""Comps groups of a tag with what it inherits (data-model.md section 4.8)."""

from __future__ import annotations

from typing import Any

from moromi_hub.call import Call
from moromi_hub.groups import queries
from moromi_hub.tags import inheritance


def tag_groups(
    call: Call,
    tag_id: int,
    event: int | None = None,
    inherit: bool = True,
    incl_pkgs: bool = True,
    incl_reqs: bool = True,
    incl_blocked: bool = False,
) -> list[dict[str, Any]]:
    """The effective groups of a tag: shape `Group`. At most four statements."""
    found = effective_groups(call, tag_id, event, inherit, incl_pkgs, incl_reqs)
    if not incl_blocked:
        found = {key: group for key, group in found.items() if not group["blocked"]}
    for group in found.values():
        for part in ("packagelist", "grouplist"):
            if part in group:
                entries = group[part].values()
                group[part] = [entry for entry in entries if incl_blocked or not entry["blocked"]]
    return list(found.values())


def effective_groups(
    call: Call,
    tag_id: int,
    event: int | None = None,
    inherit: bool = True,
    incl_pkgs: bool = True,
    incl_reqs: bool = True,
) -> dict[int, dict[str, Any]]:
    """The groups of a tag by id, blocked ones included; `packagelist` by package, `grouplist` by required id.

    The first row of the walk wins for a group, a package in it, a requirement of
    it. What belongs to or requires an absent or blocked group is left out.
    """
    order = [step.tag_id for step in inheritance.ordered_tag_ids(call, tag_id, event, inherit)]
    rank = {tag: position for position, tag in reversed(list(enumerate(order)))}
    found: dict[int, dict[str, Any]] = {}
    for row in sorted(queries.configs(call.tx, rank, event), key=lambda row: rank[row["tag_id"]]):
        found.setdefault(row["group_id"], row)
    live = {group_id for group_id, group in found.items() if not group["blocked"]}
    if incl_pkgs:
        rows = queries.packages(call.tx, rank, event) if live else []
        _merge(found, live, "packagelist", "package", sorted(rows, key=lambda row: rank[row["tag_id"]]))
    if incl_reqs:
        rows = queries.requirements(call.tx, rank, event) if live else []
        rows = [row for row in rows if row["req_id"] in live]
        _merge(found, live, "grouplist", "req_id", sorted(rows, key=lambda row: rank[row["tag_id"]]))
    return found


def _merge(
    groups: dict[int, dict[str, Any]], live: set[int], part: str, key: str, rows: list[dict[str, Any]]
) -> None:
    for group in groups.values():
        group[part] = {}
    for row in rows:
        if row["group_id"] in live:
            groups[row["group_id"]][part].setdefault(row[key], row)
