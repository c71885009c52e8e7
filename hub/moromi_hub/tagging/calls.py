"""The calls that list what is in a tag, and those that change it."""

from __future__ import annotations

from typing import Any

from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.rpc.registry import ANYONE, HOST, LOGIN, exported, permission, task_host
from moromi_hub.tagging import listing, service
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
        call,
        found["id"],
        event,
        inherit,
        latest,
        package,
        owner,
        type,
        draft,
        prefix=arguments.optional_text(prefix),
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


# changes


@exported("tagBuild", access=LOGIN)
def tag_build(call: Call, tag: Any, build: Any, force: bool = False, fromtag: Any = None) -> int:
    """The id of the task that will tag (or move from `fromtag`) a build.

    Raises GenericError for what is unknown, TagError for a build or package that cannot be tagged,
    ActionNotAllowed by lock, permission or policy.
    """
    return service.request_tagging(call, tag, build, bool(force), fromtag)


@exported("moveBuild", access=LOGIN)
def move_build(call: Call, tag1: Any, tag2: Any, build: Any, force: bool = False) -> int:
    """`tagBuild(tag2, build, force, fromtag=tag1)`."""
    return service.request_tagging(call, tag2, build, bool(force), tag1)


@exported("moveAllBuilds", access=LOGIN)
def move_all_builds(call: Call, tag1: Any, tag2: Any, package: Any, force: bool = False) -> list[int]:
    """Ids of the tasks that will move all builds of a package, the oldest tagging first."""
    return service.request_moves(call, tag1, tag2, package, bool(force))


@exported("tagBuildBypass", access=permission("tag"))
def tag_build_bypass(call: Call, tag: Any, build: Any, force: bool = False, notify: bool = False) -> None:
    """Tag a build at once; policy and access are checked, the package list is not."""
    service.tag_directly(call, tag, build, bool(force), bool(notify))


@exported("untagBuild", access=LOGIN)
def untag_build(call: Call, tag: Any, build: Any, strict: bool = True, force: bool = False) -> None:
    """Take a build out of a tag; TagError `build … not in tag …` unless not `strict`."""
    service.untag_directly(call, tag, build, bool(strict), bool(force), mail=True)


@exported("untagBuildBypass", access=permission("tag"))
def untag_build_bypass(
    call: Call, tag: Any, build: Any, strict: bool = True, force: bool = False, notify: bool = False
) -> None:
    """`untagBuild` of people with the permission, who choose whether there is mail."""
    service.untag_directly(call, tag, build, bool(strict), bool(force), mail=bool(notify))


@exported("massTag", access=permission("tag"))
def mass_tag(call: Call, tag: Any, builds: Any) -> None:
    """Tag builds in the given order, again if need be; no policy, lock or package is checked."""
    service.mass_tag(call, tag, arguments.expect(builds, list))


@exported("host.tagBuild", access=task_host())
def host_tag_build(
    call: Call, task_id: int, tag: Any, build: Any, force: bool = False, fromtag: Any = None
) -> None:
    """What a tagBuild task does, on behalf of its owner; checks as `tagBuild`, all in one transaction."""
    service.tag_for_task(call, task_id, tag, build, bool(force), fromtag)


@exported("host.tagNotification", access=HOST)
def tag_notification(
    call: Call,
    is_successful: bool,
    tag_id: Any,
    from_id: Any,
    build_id: Any,
    user_id: Any,
    ignore_success: bool = False,
    failure_msg: str = "",
) -> None:
    """Queue mail about a tagging."""
    service.report(
        call, bool(is_successful), tag_id, from_id, build_id, user_id, bool(ignore_success), failure_msg
    )
