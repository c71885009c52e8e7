"""The actions `trash`, `delete` and `salvage`: into the trashcan, out of it off the disk, out of it again.

Spec: builder, section 7.1. A build is trashed when it is in no tag, nothing was made with it, and neither was
otherwise a moment ago; it is saved from the trashcan when it was tagged or signed meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from moromi.errors import GenericError
from moromi_upkeep.gc.collector import Collector
from moromi_upkeep.gc.notices import Notices

Build = Mapping[str, Any]


def trash(gc: Collector) -> None:
    """Put builds that nobody uses into the trashcan, and tell their owners."""
    trashcan = gc.trashcan()
    notices = Notices(gc.options) if gc.options.mail else None
    builds = {build["id"]: build for build in gc.session.untaggedBuilds() if gc.wants(build["name"])}
    gc.debug(f"Got {len(builds)} untagged builds")
    for step in (_unused, _untagged_long_ago, _unprotected):
        builds = step(gc, builds)
    records = gc.ask("getBuild", builds)
    by_owner: dict[str, list[Build]] = {}
    for build in sorted((record for record in records.values() if record), key=lambda each: each["nvr"]):
        by_owner.setdefault(build["owner_name"], []).append(build)
    listed = {entry["package_name"] for entry in gc.session.listPackages(tagID=trashcan["id"])}
    for owner, owned in sorted(by_owner.items()):
        if notices is not None:
            gc.attempt(f"Mailing {owner} about {len(owned)} builds", notices.send, owner, owned)
        for build in owned:
            what = f"Trashing {build['nvr']}, owned by {owner}"
            gc.attempt(what, _put, gc, trashcan["name"], build, listed)


def _unused(gc: Collector, builds: Mapping[int, Build]) -> dict[int, Build]:
    """Keep those that nothing refers to and that were in no buildroot lately."""
    kept = {}
    for build, uses in gc.ask("buildReferences", builds, limit=10, lazy=True).items():
        used = [kind for kind in ("tags", "rpms", "archives", "component_of") if uses.get(kind)]
        last = uses.get("last_used")
        if last is not None and gc.now - last < gc.options.delay:
            used.append("used lately")
        if used:
            gc.debug(f"Skipping build {_nvr(builds[build])}: {', '.join(used)}")
        else:
            kept[build] = builds[build]
    return kept


def _untagged_long_ago(gc: Collector, builds: Mapping[int, Build]) -> dict[int, Build]:
    """Keep those whose last untagging, or making if they never had a tag, is long ago."""
    with gc.session.multicall(strict=True, batch=100) as calls:
        histories = {build: calls.queryHistory(tables=["tag_listing"], build=build) for build in builds}
        records = {build: calls.getBuild(build) for build in builds}
    kept = {}
    for build, history in histories.items():
        record = records[build].result
        entries = history.result["tag_listing"]
        if record is None or any(entry["revoke_event"] is None for entry in entries):
            continue
        since = max((entry["revoke_ts"] for entry in entries), default=record["creation_ts"])
        if gc.now - since < gc.options.delay:
            gc.debug(f"Skipping build {record['nvr']}: untagged lately")
        else:
            kept[build] = builds[build]
    return kept


def _unprotected(gc: Collector, builds: Mapping[int, Build]) -> dict[int, Build]:
    """Keep those without a signature that protects them."""
    kept = {}
    for build, keys in gc.keys(builds).items():
        protecting = gc.protecting(keys)
        if protecting:
            gc.debug(f"Skipping build {_nvr(builds[build])}: signed with {', '.join(protecting)}")
        else:
            kept[build] = builds[build]
    return kept


def _put(gc: Collector, trashcan: str, build: Build, listed: set[str]) -> None:
    """Tag a build with the trashcan; its package belongs there to whom it belongs in most tags."""
    package = build["package_name"]
    if package not in listed:
        entries = gc.session.listPackages(pkgID=package, with_dups=True)
        owners = Counter(entry["owner_name"] for entry in entries if entry["owner_name"])
        owner = owners.most_common(1)[0][0] if owners else build["owner_name"]
        gc.session.packageListAdd(trashcan, package, owner)
        listed.add(package)
    gc.session.tagBuildBypass(trashcan, build["id"], force=True)


def delete(gc: Collector) -> None:
    """Delete what has been in the trashcan for long enough; what must not go leaves the trashcan."""
    trashcan = gc.options.trashcan_tag
    for build, nvr in _salvage(gc).items():
        gc.attempt(f"Deleting build {nvr}", _delete, gc, trashcan, build)


def _delete(gc: Collector, trashcan: str, build: int) -> None:
    gc.session.untagBuildBypass(trashcan, build)
    if gc.session.deleteBuild(build, strict=True) is False:
        raise GenericError("the hub keeps it")


def salvage(gc: Collector) -> None:
    """Take what must not be deleted out of the trashcan."""
    _salvage(gc)


def _salvage(gc: Collector) -> dict[int, str]:
    """Save what was tagged or signed meanwhile; name the rest, by build."""
    trashcan = gc.trashcan()["name"]
    history = gc.session.queryHistory(
        tables=["tag_listing"], tag=trashcan, active=True, before=gc.now - gc.options.grace_period
    )
    builds = {row["build_id"]: row for row in history["tag_listing"] if gc.wants(row["name"])}
    gc.debug(f"Got {len(builds)} builds in the trashcan")
    tags = gc.tags(builds)
    keys = gc.keys(builds)
    rest = {}
    for build, row in builds.items():
        nvr = _nvr(row)
        others = sorted(tags[build] - {trashcan})
        protecting = gc.protecting(keys[build])
        if others or protecting:
            why = f"tagged with {', '.join(others)}" if others else f"signed with {', '.join(protecting)}"
            what = f"Salvaging build {nvr}: {why}"
            gc.attempt(what, gc.session.untagBuildBypass, trashcan, build, force=True)
        else:
            rest[build] = nvr
    return rest


def _nvr(build: Build) -> str:
    return "{name}-{version}-{release}".format_map(dict(build))
