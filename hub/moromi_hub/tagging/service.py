"""Putting builds into tags and taking them out: the rules (data-model.md section 4.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moromi.constants import PRIO_TAG, BuildState, TagUpdateType
from moromi.errors import TagError
from moromi.wire.listing import Listing
from moromi_hub.builds import notify
from moromi_hub.builds import service as builds
from moromi_hub.call import Call
from moromi_hub.packages import lists as package_lists
from moromi_hub.packages import service as packages
from moromi_hub.policies import service as policies
from moromi_hub.tagging import listing, queries
from moromi_hub.tags import service as tags
from moromi_hub.tasks import service as tasks
from moromi_hub.users import service as users

Info = Mapping[str, Any]
PRIO_MOVE = 15
"""Priority of the tagging tasks of a mass move."""


def tagged_builds(call: Call, tag_id: int, **filters: Any) -> Listing:
    """The builds of a tag: shape `TaggedBuild`. `filters` and errors are those of `listing.wanted`."""
    return listing.builds(call, listing.wanted(call, tag_id, **filters))


def tagged_rpms(
    call: Call,
    tag_id: int,
    arch: str | Sequence[str] | None = None,
    rpmsigs: bool = False,
    extra: bool = True,
    **filters: Any,
) -> tuple[Listing, list[dict[str, Any]]]:
    """The rpms (shape `TaggedRPM`, to be read before the transaction ends) and builds of a tag."""
    what = listing.wanted(call, tag_id, **filters)
    return listing.rpms(call, what, arch, rpmsigs, extra), list(listing.builds(call, what))


# one build


def tag_build(
    call: Call, tag_info: Any, build_info: Any, user_id: int | None = None, force: bool = False
) -> None:
    """Put a complete build into a tag, at its end: with `force` also if it is there.

    For `user_id` (the caller), whose access to the tag is checked. Raises TagError, ActionNotAllowed.
    """
    tag = tags.require_tag(call, tag_info)
    build = builds.require_build(call, build_info)
    acting = call.user_id if user_id is None else user_id
    tags.assert_tag_access(call, tag["id"], acting, force)
    put(call, tag, build, acting, force)


def put(call: Call, tag: Info, build: Info, user_id: int, force: bool = False) -> None:
    """`tag_build` without the check of access."""
    assert_complete(build)
    details = {"tag": tag, "build": build, "user": users.get_user(call, user_id), "force": force}
    call.run_callbacks("preTag", **details)
    if queries.is_tagged(call.tx, tag["id"], build["id"]):
        if not force:
            raise TagError(f"build {build['nvr']} already tagged ({tag['name']})")
        queries.revoke(call.tx, tag["id"], build["id"], user_id)
    queries.add(call.tx, tag["id"], build["id"], user_id)
    tags.changed(call, tag["id"])
    call.run_callbacks("postTag", **details)


def assert_complete(build: Info) -> None:
    """Raise TagError `build … not complete: …`."""
    if build["state"] != BuildState.COMPLETE:
        state = BuildState(build["state"]).name
        raise TagError(f"build {build['nvr']} not complete: state {state}")


def untag_build(
    call: Call,
    tag_info: Any,
    build_info: Any,
    user_id: int | None = None,
    force: bool = False,
    strict: bool = True,
) -> None:
    """Take a build out of a tag. Raises TagError `build … not in tag …` unless not `strict`."""
    tag = tags.require_tag(call, tag_info)
    build = builds.require_build(call, build_info)
    acting = call.user_id if user_id is None else user_id
    tags.assert_tag_access(call, tag["id"], acting, force)
    take(call, tag, build, acting, strict=strict, force=force)


def take(
    call: Call, tag: Info, build: Info, user_id: int, *, strict: bool = True, force: bool = False
) -> None:
    """`untag_build` without the check of access."""
    details = {
        "tag": tag,
        "build": build,
        "user": users.get_user(call, user_id),
        "force": force,
        "strict": strict,
    }
    call.run_callbacks("preUntag", **details)
    if not queries.revoke(call.tx, tag["id"], build["id"], user_id) and strict:
        raise TagError(f"build {build['nvr']} not in tag {tag['name']}")
    tags.changed(call, tag["id"])
    call.run_callbacks("postUntag", **details)


def note_update(call: Call, build_id: int, kind: TagUpdateType) -> None:
    """Note on every tag of a build that what the tag shows has changed."""
    ids = [tag["id"] for tag in queries.tags_of(call.tx, build_id)]
    queries.note_update(call.tx, ids, kind, call.user_id)
    for tag_id in ids:
        tags.changed(call, tag_id)


def tags_of_build(call: Call, build_id: int) -> list[dict[str, Any]]:
    """`{id, name}` of the tags that have a build."""
    return queries.tags_of(call.tx, build_id)


def forget_build(call: Call, build_id: int) -> None:
    """Delete all tagging of a build, history included."""
    for tag in queries.tags_of(call.tx, build_id):
        tags.changed(call, tag["id"])
    queries.remove_of_build(call.tx, build_id)


def mass_tag(call: Call, tag_info: Any, infos: Sequence[Any]) -> None:
    """Tag builds in order, each in an event of its own; no policy, access or package is checked."""
    tag = tags.require_tag(call, tag_info)
    for info in infos:
        put(call, tag, builds.require_build(call, info), call.user_id, force=True)
        call.tx.forget_event()


# requests


def check_package(call: Call, tag: Info, package: Info, force: bool, user_id: int, where: str = "") -> None:
    """The package must be in the tag's list and not blocked; a forcing admin gets it added.

    `where` goes before the tag's name in the messages of TagError.
    """
    entry = packages.package_config(call, tag["id"], package["id"])
    if entry is not None and not entry["blocked"]:
        return
    if force and "admin" in users.effective_permissions(call, user_id):
        # A blocked package keeps its owner.
        owner = user_id if entry is None else None
        package_lists.add(
            call, tag["id"], package["name"], owner=owner, block=False, force=True, use_policy=False
        )
        return
    problem = "not in list for" if entry is None else "blocked in"
    raise TagError(f"Package {package['name']} {problem} {where}{tag['name']}")


def _package_of(build: Info) -> dict[str, Any]:
    return {"id": build["package_id"], "name": build["package_name"]}


def request_tagging(
    call: Call, tag_info: Any, build_info: Any, force: bool = False, from_tag: Any = None
) -> int:
    """Check everything, and make the task that tags (or moves) a build; its id."""
    build = builds.require_build(call, build_info)
    tag = tags.require_tag(call, tag_info)
    from_id = None if from_tag is None else tags.require_tag_id(call, from_tag)
    assert_complete(build)
    tags.assert_tag_access(call, tag["id"], call.user_id, force)
    if from_id is not None:
        tags.assert_tag_access(call, from_id, call.user_id, force)
    check_package(call, tag, _package_of(build), force, call.user_id)
    data = {"tag": tag["id"], "build": build["id"], "fromtag": from_id, "operation": _operation(from_id)}
    policies.assert_allowed(call, "tag", data, force=force)
    request = [tag["id"], build["id"], force, from_id]
    return tasks.make_task(call, "tagBuild", request, priority=PRIO_TAG)


def _operation(from_id: int | None) -> str:
    return "tag" if from_id is None else "move"


def request_moves(call: Call, from_tag: Any, to_tag: Any, package: Any, force: bool = False) -> list[int]:
    """Tasks that move the builds of a package one after another, the oldest tagging first; their ids."""
    found = packages.require_package(call, package)
    source = tags.require_tag(call, tags.require_tag_id(call, from_tag))
    target = tags.require_tag(call, tags.require_tag_id(call, to_tag))
    check_package(call, target, found, force, call.user_id, where="tag ")
    for tag in (source, target):
        tags.assert_tag_access(call, tag["id"], call.user_id, force)
    ids: list[int] = []
    for build in queries.builds_to_move(call.tx, source["id"], found["id"]):
        data = {"tag": to_tag, "fromtag": from_tag, "build": build["id"], "operation": "move"}
        policies.assert_allowed(call, "tag", data)
        request = ["tagBuild", [target["id"], build["id"], force, source["id"]], {"priority": PRIO_MOVE}]
        ids.append(tasks.make_task(call, "dependantTask", [ids[-1:], [request]]))
    return ids


def tag_for_task(
    call: Call, task_id: int, tag_info: Any, build_info: Any, force: bool, from_tag: Any
) -> None:
    """What the tagBuild task does: checks again and tags on behalf of the owner of the task."""
    task = tasks.get_task(call, task_id, strict=True)
    assert task is not None
    owner = task["owner"]
    tag = tags.require_tag(call, tag_info)
    build = builds.require_build(call, build_info)
    source = None if from_tag is None else tags.require_tag(call, from_tag)
    data: dict[str, Any] = {"tag": tag["name"], "build": build, "fromtag": source["name"] if source else None}
    data |= {"operation": "move" if source else "tag", "user_id": owner}
    policies.assert_allowed(call, "tag", data, force=force)
    check_package(call, tag, _package_of(build), force, owner)
    if source is not None:
        tags.assert_tag_access(call, source["id"], owner, force)
    tags.assert_tag_access(call, tag["id"], owner, force)
    if source is not None:
        take(call, source, build, owner, force=force)
    put(call, tag, build, owner, force)


def tag_directly(call: Call, tag_info: Any, build_info: Any, force: bool, mail: bool) -> None:
    """Tag without a task; no check of packages."""
    tag = tags.require_tag(call, tag_info)
    build = builds.require_build(call, build_info)
    data = {"tag": tag["id"], "build": build["id"], "fromtag": None, "operation": "tag"}
    policies.assert_allowed(call, "tag", data, force=force)
    tag_build(call, tag["id"], build["id"], force=force)
    if mail:
        notify.tag_notification(call, build, call.user_id, successful=True, tag_id=tag["id"])


def untag_directly(call: Call, tag_info: Any, build_info: Any, strict: bool, force: bool, mail: bool) -> None:
    """Untag without a task."""
    tag = tags.require_tag(call, tag_info)
    build = builds.require_build(call, build_info)
    data = {"tag": None, "build": build["id"], "fromtag": tag["id"], "operation": "untag"}
    policies.assert_allowed(call, "tag", data, force=force)
    untag_build(call, tag["id"], build["id"], force=force, strict=strict)
    if mail:
        notify.tag_notification(call, build, call.user_id, successful=True, from_id=tag["id"])


def report(
    call: Call,
    successful: bool,
    tag_info: Any,
    from_info: Any,
    build_info: Any,
    user_info: Any,
    ignore_success: bool,
    failure: str,
) -> None:
    """Queue mail about a tagging that a task did or failed to do."""
    build = builds.get_build(call, build_info)
    user = users.get_user(call, user_info, strict=True)
    if build is None or user is None:
        return
    notify.tag_notification(
        call,
        build,
        user["id"],
        successful=successful,
        tag_id=None if tag_info is None else tags.find_tag_id(call, tag_info),
        from_id=None if from_info is None else tags.find_tag_id(call, from_info),
        ignore_success=ignore_success,
        failure=failure,
    )
