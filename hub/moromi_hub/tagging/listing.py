"""What is in a tag: builds, rpms, archives, with inheritance and "latest" (data-model.md section 4.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from moromi.constants import LEGACY_BTYPES
from moromi.errors import GenericError
from moromi.wire.listing import Listing
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.db import versions
from moromi_hub.tagging import queries
from moromi_hub.tagging.queries import Position, Wanted
from moromi_hub.tags import inheritance


def wanted(
    call: Call,
    tag_id: int,
    event: int | None = None,
    inherit: bool = False,
    latest: bool | int | None = False,
    package: str | None = None,
    owner: str | None = None,
    type: str | None = None,
    draft: bool | None = None,
    prefix: str | None = None,
) -> Wanted:
    """What to list, with the walk read (one statement); raises GenericError `unsupported build type: …`."""
    versions.check_event(event)
    type = arguments.optional_text(type)
    if type is not None and type not in LEGACY_BTYPES and not queries.btype_exists(call.tx, type):
        raise GenericError(f"unsupported build type: {type}")
    steps = inheritance.ordered_tag_ids(call, tag_id, event)
    walk = [Position(step.tag_id, one_pattern(step.filters)) for step in steps]
    return Wanted(
        walk=walk,
        inherit=bool(inherit),
        event=event,
        latest=arguments.integer(latest or 0),
        package=arguments.optional_text(package),
        prefix=prefix or None,
        owner=arguments.optional_text(owner),
        btype=type,
        draft=draft,
    )


def one_pattern(filters: Sequence[str]) -> str | None:
    """One regular expression for a name that matches all of `filters` at its start."""
    if not filters:
        return None
    return "^" + "".join(f"(?=(?:{pattern}))" for pattern in filters)


def builds(call: Call, what: Wanted, extra: bool = False) -> Listing:
    """Listing of shape `TaggedBuild`: inheritance order, then newest tagging, then newest build."""
    names, statement = queries.tagged_builds(what, extra)
    return Listing(names, call.tx.stream(statement))


def rpms(
    call: Call,
    what: Wanted,
    arch: str | Sequence[str] | None = None,
    rpmsigs: bool = False,
    extra: bool = True,
) -> Listing:
    """Listing of shape `TaggedRPM`: the rpms of the builds that `what` selects."""
    if arch is not None and not isinstance(arch, (str, list, tuple)):
        raise GenericError(f"Invalid type for arch option: {type(arch)}")
    arches = [arch] if isinstance(arch, str) else arch
    names, statement = queries.tagged_rpms(what, arches or None, rpmsigs, extra)
    return Listing(names, call.tx.stream(statement))


def repo_builds(call: Call, what: Wanted) -> list[dict[str, Any]]:
    """What the directories of the builds are made of: id, name, version, release, volume_name."""
    return call.tx.rows(queries.repo_builds(what))


def archives(call: Call, what: Wanted, btype: str | None, extra: bool = True) -> Listing:
    """Listing of shape `TaggedArchive` of the builds that `what` selects.

    Raises GenericError `unsupported archive type: …` for a `btype` other than maven and win.
    """
    if btype not in (None, "maven", "win"):
        raise GenericError(f"unsupported archive type: {btype}")
    names, statement = queries.tagged_archives(replace(what, btype=None), btype, extra)
    return Listing(names, call.tx.stream(statement))
