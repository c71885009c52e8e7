"""The calls that list what is in a tag, and those that change it."""

from __future__ import annotations

from typing import Any

from moromi_hub.call import Call
from moromi_hub.rpc.registry import ANYONE, exported
from moromi_hub.tagging import listing
from moromi_hub.tags import service as tags


@exported("listTagged", access=ANYONE)
def list_tagged(
    call: Call,
    tag: Any,
    event: Any = None,
    inherit: bool = False,
    prefix: str | None = None,
    latest: bool | int = False,
    package: str | None = None,
    owner: str | None = None,
    type: str | None = None,
    strict: bool = True,
    extra: bool = False,
    draft: bool | None = None,
) -> Any:
    """[TaggedBuild] in inheritance order, then newest tagging first; [] for an unknown tag unless `strict`.

    Raises GenericError `No such tagInfo: …`, `Invalid event: …`, `unsupported build type: …`.
    """
    found = tags.get_tag(call, tag, strict=strict, event=event)
    if found is None:
        return []
    what = listing.wanted(
        call, found["id"], event, inherit, latest, package, owner, type, draft, prefix=prefix
    )
    return listing.builds(call, what, extra)


@exported("listTaggedRPMS", access=ANYONE)
def list_tagged_rpms(
    call: Call,
    tag: Any,
    event: Any = None,
    inherit: bool = False,
    latest: bool | int = False,
    package: str | None = None,
    arch: Any = None,
    rpmsigs: bool = False,
    owner: str | None = None,
    type: str | None = None,
    strict: bool = True,
    extra: bool = True,
    draft: bool | None = None,
) -> list[Any]:
    """[[TaggedRPM], [TaggedBuild]]; [] for an unknown tag unless `strict`.

    Raises GenericError as `listTagged`, and `Invalid type for arch option: …`.
    """
    found = tags.get_tag(call, tag, strict=strict, event=event)
    if found is None:
        return []
    what = listing.wanted(call, found["id"], event, inherit, latest, package, owner, type, draft)
    return [listing.rpms(call, what, arch, rpmsigs, extra), listing.builds(call, what)]


@exported("listTaggedArchives", access=ANYONE)
def list_tagged_archives(
    call: Call,
    tag: Any,
    event: Any = None,
    inherit: bool = False,
    latest: bool | int = False,
    package: str | None = None,
    type: str | None = None,
    strict: bool = True,
    extra: bool = True,
) -> list[Any]:
    """[[TaggedArchive], [TaggedBuild]]; [] for an unknown tag unless `strict`.

    Raises GenericError as `listTagged`, and `unsupported archive type: …`.
    """
    found = tags.get_tag(call, tag, strict=strict, event=event)
    if found is None:
        return []
    what = listing.wanted(call, found["id"], event, inherit, latest, package, type=type)
    return [listing.archives(call, what, type, extra), listing.builds(call, what)]


@exported("getLatestBuilds", access=ANYONE)
def get_latest_builds(
    call: Call,
    tag: Any,
    event: Any = None,
    package: str | None = None,
    type: str | None = None,
    draft: bool | None = None,
) -> Any:
    """[TaggedBuild]: the latest build of each package, with inheritance.

    Raises GenericError `No such entry in table tag: …`; a deleted tag is not refused.
    """
    tag_id = tags.require_tag_id(call, tag)
    what = listing.wanted(call, tag_id, event, True, True, package, type=type, draft=draft)
    return listing.builds(call, what)


@exported("getLatestRPMS", access=ANYONE)
def get_latest_rpms(
    call: Call,
    tag: Any,
    package: str | None = None,
    arch: Any = None,
    event: Any = None,
    rpmsigs: bool = False,
    type: str | None = None,
    draft: bool | None = None,
) -> list[Any]:
    """[[TaggedRPM], [TaggedBuild]] of the latest builds, with inheritance; errors as `getLatestBuilds`."""
    tag_id = tags.require_tag_id(call, tag)
    what = listing.wanted(call, tag_id, event, True, True, package, type=type, draft=draft)
    return [listing.rpms(call, what, arch, rpmsigs), listing.builds(call, what)]
