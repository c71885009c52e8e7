"""What must be done so that a hub is as a document says: one `Change` for each thing that differs.

The order is one in which every step finds what it needs. Package lists and groups of a tag come before its
parents: an entry that is equal to an inherited one is not made anew.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from moromi_cli.declare.document import Document

Call = tuple[str, tuple[Any, ...], dict[str, Any]]
Thing = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One line of a plan: `sign` is `+`, `~` or `-`; `calls` are those that make it."""

    sign: str
    text: str
    calls: list[Call]

    def __str__(self) -> str:
        return f"{self.sign} {self.text}"


@dataclass
class Plan:
    """Collects changes. `me` is the user who makes them; `force` overrides policies of package lists."""

    have: Document
    want: Document
    me: str = ""
    force: bool = False
    changes: list[Change] = field(default_factory=list)

    def add(self, sign: str, text: str, *calls: Call) -> None:
        """One more."""
        self.changes.append(Change(sign, text, list(calls)))

    def section(self, name: str) -> Iterator[tuple[str, Any, Any]]:
        """(name, what is wanted, what is there or None) of a section."""
        there = self.have.get(name, {})
        for key, wanted in self.want.get(name, {}).items():
            yield key, wanted, there.get(key)


def call(name: str, *args: Any, **keywords: Any) -> Call:
    """A call to be made."""
    return name, args, keywords


def make(
    have: Document, want: Document, me: str, *, force: bool = False, prune: bool = False
) -> list[Change]:
    """All changes, in order. `prune`: targets, tags and external repositories not named in `want` go."""
    plan = Plan(have, want, me, force)
    steps: tuple[Callable[[Plan], None], ...] = (
        _permissions,
        _users,
        _channels,
        _hosts,
        _disabled_channels,
        _external_repos,
        _tags,
        _packages,
        _groups,
        _inheritance,
        _requirements,
        _uses_of_repos,
        _targets,
    )
    for step in steps:
        step(plan)
    if prune:
        _prune(plan)
    return plan.changes


def differing(have: Thing, want: Thing, *keys: str) -> dict[str, Any]:
    """What is wanted otherwise, of these keys."""
    return {key: want[key] for key in keys if key in want and want[key] != have.get(key)}


def shown(value: Any) -> str:
    """A value in a plan."""
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else repr(value) if isinstance(value, str) else str(value)


def told(have: Thing, changes: Mapping[str, Any]) -> str:
    """`arches x86_64 -> x86_64 aarch64, locked no -> yes`."""
    return ", ".join(f"{key} {shown(have.get(key))} -> {shown(value)}" for key, value in changes.items())


def _permissions(plan: Plan) -> None:
    for name, description, _ in plan.section("permissions"):
        if name not in plan.have["permissions"]:
            # The hub makes a permission only by granting it.
            text = {"description": description} if description is not None else {}
            grant = call("grantPermission", plan.me, name, create=True, **text)
            plan.add("+", f"permission {name}", grant, call("revokePermission", plan.me, name))
        elif description is not None and description != plan.have["permissions"][name]:
            plan.add("~", f"permission {name}: {description!r}", call("editPermission", name, description))


def _users(plan: Plan) -> None:
    for name, want, there in plan.section("users"):
        have = there or {"principals": [], "permissions": [], "enabled": True}
        if there is None:
            plan.add("+", f"user {name}", call("createUser", name))
        _principals(plan, f"user {name}", name, have, want)
        for perm in _missing(want.get("permissions"), have["permissions"]):
            plan.add("+", f"user {name}: permission {perm}", call("grantPermission", name, perm))
        for perm in _missing(have["permissions"], want.get("permissions")):
            plan.add("-", f"user {name}: permission {perm}", call("revokePermission", name, perm))
        if differing(have, want, "enabled"):
            verb = "enable" if want["enabled"] else "disable"
            plan.add("~", f"user {name}: {verb}", call(f"{verb}User", name))


def _missing(wanted: list[str] | None, there: list[str] | None) -> list[str]:
    """What is in the one and not in the other; nothing when either is not stated."""
    if wanted is None or there is None:
        return []
    return [item for item in wanted if item not in there]


def _principals(plan: Plan, what: str, name: str, have: Thing, want: Thing) -> None:
    for principal in _missing(want.get("principals"), have["principals"]):
        plan.add("+", f"{what}: principal {principal}", call("addUserKrbPrincipal", name, principal))
    for principal in _missing(have["principals"], want.get("principals")):
        plan.add("-", f"{what}: principal {principal}", call("removeUserKrbPrincipal", name, principal))


def _channels(plan: Plan) -> None:
    for name, want, there in plan.section("channels"):
        have = there or {"description": None, "comment": None, "enabled": True}
        if there is None:
            plan.add("+", f"channel {name}", call("addChannel", name))
        changes = differing(have, want, "description", "comment")
        if changes:
            plan.add("~", f"channel {name}: {told(have, changes)}", call("editChannel", name, **changes))
        if there is not None and differing(have, want, "enabled") and want["enabled"]:
            plan.add("~", f"channel {name}: enable", call("enableChannel", name))


def _disabled_channels(plan: Plan) -> None:
    """After the builders: none can be put into a disabled channel."""
    for name, want, there in plan.section("channels"):
        if want.get("enabled") is False and (there is None or there["enabled"]):
            plan.add("~", f"channel {name}: disable", call("disableChannel", name))


NEW_HOST = {
    "capacity": 2.0,
    "description": None,
    "comment": None,
    "enabled": True,
    "channels": ["default"],
    "principals": [],
}


def _hosts(plan: Plan) -> None:
    for name, want, there in plan.section("hosts"):
        have = there or {**NEW_HOST, "arches": want.get("arches", [])}
        if there is None:
            plan.add("+", f"host {name} ({shown(have['arches'])})", call("addHost", name, have["arches"]))
        _principals(plan, f"host {name}", name, have, want)
        changes = differing(have, want, "arches", "capacity", "description", "comment")
        if changes:
            values = {key: " ".join(value) if key == "arches" else value for key, value in changes.items()}
            plan.add("~", f"host {name}: {told(have, changes)}", call("editHost", name, **values))
        if differing(have, want, "enabled"):
            verb = "enable" if want["enabled"] else "disable"
            plan.add("~", f"host {name}: {verb}", call(f"{verb}Host", name))
        for channel in _missing(want.get("channels"), have["channels"]):
            plan.add("+", f"host {name}: channel {channel}", call("addHostToChannel", name, channel))
        for channel in _missing(have["channels"], want.get("channels")):
            plan.add("-", f"host {name}: channel {channel}", call("removeHostFromChannel", name, channel))


def _external_repos(plan: Plan) -> None:
    for name, url, there in plan.section("external-repos"):
        if there is None:
            plan.add("+", f"external repository {name} at {url}", call("createExternalRepo", name, url))
        elif there.rstrip("/") != url.rstrip("/"):
            plan.add("~", f"external repository {name}: {url}", call("editExternalRepo", name, url=url))


NEW_TAG: Thing = {
    "arches": [],
    "locked": False,
    "permission": None,
    "maven": False,
    "maven-include-all": False,
    "extra": {},
    "blocked-extra": [],
    "inheritance": [],
    "external-repos": [],
    "groups": {},
    "packages": {},
}
TAG_WORDS = {
    "arches": "arches",
    "locked": "locked",
    "permission": "perm",
    "maven": "maven_support",
    "maven-include-all": "maven_include_all",
}


def _tags(plan: Plan) -> None:
    for name, want, there in plan.section("tags"):
        have = there or NEW_TAG
        changes = differing(have, want, *TAG_WORDS)
        arguments = {
            TAG_WORDS[key]: " ".join(value) if key == "arches" else value for key, value in changes.items()
        }
        extra = _extra_arguments(have, want)
        if there is None:
            blocked = {key: extra.pop(key) for key in ("block_extra",) if key in extra}
            calls = [call("createTag", name, **arguments, **extra)]
            calls += [call("editTag2", name, **blocked)] if blocked else []
            text = ", ".join(f"{key} {shown(value)}" for key, value in changes.items())
            plan.add("+", f"tag {name}" + (f" ({text})" if text else ""), *calls)
        elif changes or _extra_text(have, want):
            words = [text for text in (told(have, changes), _extra_text(have, want)) if text]
            calls = [call("editTag2", name, **arguments, **extra)] if arguments or extra else []
            plan.add("~", f"tag {name}: {', '.join(words)}", *calls, *_unblock(name, have, want))


def _extra_arguments(have: Thing, want: Thing) -> dict[str, Any]:
    """`extra`, `remove_extra` and `block_extra` of editTag2."""
    made: dict[str, Any] = {}
    if "extra" in want:
        changed = {key: value for key, value in want["extra"].items() if have["extra"].get(key, ...) != value}
        gone = [key for key in have["extra"] if key not in want["extra"]]
        made = {"extra": changed} if changed else {}
        made |= {"remove_extra": gone} if gone else {}
    if "blocked-extra" in want:
        added = _missing(want["blocked-extra"], have["blocked-extra"])
        made["remove_extra"] = [key for key in made.get("remove_extra", []) if key not in added]
        made |= {"block_extra": added}
    return {key: value for key, value in made.items() if value}


def _extra_text(have: Thing, want: Thing) -> str:
    after: Thing = want["extra"] if "extra" in want else have["extra"]
    keys = sorted({*have["extra"], *after})
    changed = [key for key in keys if have["extra"].get(key, ...) != after.get(key, ...)]
    words = [f"{key}={after[key]!r}" if key in after else f"no {key}" for key in changed]
    words += [f"blocked {key}" for key in _missing(want.get("blocked-extra"), have["blocked-extra"])]
    words += [f"unblocked {key}" for key in _missing(have["blocked-extra"], want.get("blocked-extra"))]
    return f"extra {', '.join(words)}" if words else ""


def _unblock(tag: str, have: Thing, want: Thing) -> list[Call]:
    """Only a key with a value can be removed, so a blocked one gets a value first."""
    freed = _missing(have["blocked-extra"], want.get("blocked-extra"))
    freed = [key for key in freed if key not in want.get("extra", {})]
    if not freed:
        return []
    values = call("editTag2", tag, extra=dict.fromkeys(freed))
    return [values, call("editTag2", tag, remove_extra=freed)]


def _parts(plan: Plan, key: str) -> Iterator[tuple[str, Any, Any]]:
    """(tag, wanted, there) of those tags whose `key` is stated and differs."""
    for name, want, there in plan.section("tags"):
        have = (there or NEW_TAG)[key]
        if key in want and want[key] != have:
            yield name, want[key], have


def _packages(plan: Plan) -> None:
    force = {"force": True} if plan.force else {}
    for tag, want, have in _parts(plan, "packages"):
        for name, entry in want.items():
            if have.get(name) != entry:
                _package(plan, tag, name, entry, have.get(name), force)
        for name in have:
            if name not in want:
                plan.add("-", f"tag {tag}: package {name}", call("packageListRemove", tag, name, **force))


def _package(plan: Plan, tag: str, name: str, want: Thing, have: Thing | None, force: Thing) -> None:
    arches = " ".join(want["arches"] or [])
    if have is None:
        words: Thing = {"block": True} if want["blocked"] else {}
        words |= {"extra_arches": arches} if arches else {}
        owner = want["owner"] or plan.me
        text = f"tag {tag}: package {name} of {owner}" + (", blocked" if want["blocked"] else "")
        plan.add("+", text, call("packageListAdd", tag, name, owner, **words, **force))
        return
    calls = []
    if want["owner"] not in (None, have["owner"]):
        calls.append(call("packageListSetOwner", tag, name, want["owner"], **force))
    if want["arches"] != have["arches"]:
        calls.append(call("packageListSetArches", tag, name, arches, **force))
    if want["blocked"] != have["blocked"]:
        verb = "Block" if want["blocked"] else "Unblock"
        calls.append(call(f"packageList{verb}", tag, name, **force))
    if calls:
        changes = {
            key: want[key]
            for key in want
            if want[key] not in (have[key], None if key == "owner" else have[key])
        }
        plan.add("~", f"tag {tag}: package {name}: {told(have, changes)}", *calls)


GROUP_WORDS = {
    "display-name": "display_name",
    "description": "description",
    "default": "is_default",
    "visible": "uservisible",
    "exported": "exported",
    "langonly": "langonly",
    "biarchonly": "biarchonly",
    "blocked": "block",
}


def _groups(plan: Plan) -> None:
    for tag, want, have in _parts(plan, "groups"):
        for name, entry in want.items():
            there = have.get(name)
            config = {key: entry[key] for key in GROUP_WORDS}
            if there is None or any(there[key] != value for key, value in config.items()):
                words = {GROUP_WORDS[key]: value for key, value in config.items()}
                sign = "+" if there is None else "~"
                plan.add(
                    sign, f"tag {tag}: group {name}", call("groupListAdd", tag, name, force=True, **words)
                )
            _group_packages(plan, tag, name, entry["packages"], there["packages"] if there else {})
        for name, old in have.items():
            if name not in want:
                plan.add("-", f"tag {tag}: group {name}", *_end_of_group(tag, name, old))


def _end_of_group(tag: str, name: str, group: Thing) -> list[Call]:
    """What is in it goes first: it would come back with the group."""
    calls = [call("groupPackageListRemove", tag, name, package) for package in group["packages"]]
    calls += [call("groupReqListRemove", tag, name, other) for other in group["requires"]]
    return [*calls, call("groupListRemove", tag, name)]


def _group_packages(plan: Plan, tag: str, group: str, want: Thing, have: Thing) -> None:
    for name, entry in want.items():
        if have.get(name) != entry:
            words = {"block" if key == "blocked" else key: value for key, value in entry.items()}
            made = call("groupPackageListAdd", tag, group, name, force=True, **words)
            plan.add("~" if name in have else "+", f"tag {tag}: group {group}: package {name}", made)
    for name in have:
        if name not in want:
            gone = call("groupPackageListRemove", tag, group, name)
            plan.add("-", f"tag {tag}: group {group}: package {name}", gone)


def _requirements(plan: Plan) -> None:
    for tag, groups, there in _parts(plan, "groups"):
        for group, entry in groups.items():
            want, have = entry["requires"], there[group]["requires"] if group in there else {}
            for name, about in want.items():
                if have.get(name) != about:
                    words = {"type": about["type"], "is_metapkg": about["metapkg"], "block": about["blocked"]}
                    made = call("groupReqListAdd", tag, group, name, force=True, **words)
                    plan.add("~" if name in have else "+", f"tag {tag}: group {group}: needs {name}", made)
            for name in have:
                if name not in want:
                    gone = call("groupReqListRemove", tag, group, name)
                    plan.add("-", f"tag {tag}: group {group}: needs {name}", gone)


def _inheritance(plan: Plan) -> None:
    for tag, want, have in _parts(plan, "inheritance"):
        data = [
            {
                "parent_id": link["parent"],
                **{key: link[key] for key in ("priority", "maxdepth", "intransitive", "noconfig")},
                "pkg_filter": link["filter"],
            }
            for link in want
        ]
        names = [link["parent"] for link in want]
        before = [link["parent"] for link in have]
        made = call("setInheritanceData", tag, data, clear=True)
        plan.add("~", f"tag {tag}: parents {shown(before)} -> {shown(names)}", made)


def _uses_of_repos(plan: Plan) -> None:
    for tag, wanted, there in _parts(plan, "external-repos"):
        have: dict[str, Thing] = {use["name"]: use for use in there}
        want: dict[str, Thing] = {use["name"]: use for use in wanted}
        for name in have:
            if name not in want:
                gone = call("removeExternalRepoFromTag", tag, name)
                plan.add("-", f"tag {tag}: external repository {name}", gone)
        # What changes is taken away first, all of it: two may not have one priority, even for a moment.
        calls = [
            call("removeExternalRepoFromTag", tag, name)
            for name, use in want.items()
            if name in have and have[name] != use
        ]
        for name, use in want.items():
            if have.get(name) != use:
                arches = {"arches": " ".join(use["arches"])} if use["arches"] else {}
                mode = {"merge_mode": use["mode"]}
                calls.append(call("addExternalRepoToTag", tag, name, use["priority"], **mode, **arches))
                text = f"tag {tag}: external repository {name}, priority {use['priority']}, {use['mode']}"
                plan.add("~" if name in have else "+", text, *calls)
                calls = []


def _targets(plan: Plan) -> None:
    for name, want, there in plan.section("targets"):
        text = f"target {name}: {want['build']} -> {want['dest']}"
        if there is None:
            plan.add("+", text, call("createBuildTarget", name, want["build"], want["dest"]))
        elif there != want:
            plan.add("~", text, call("editBuildTarget", name, name, want["build"], want["dest"]))


def _prune(plan: Plan) -> None:
    ends = (("targets", "deleteBuildTarget"), ("tags", "deleteTag"), ("external-repos", "deleteExternalRepo"))
    for section, method in ends:
        if section in plan.want:
            for name in plan.have[section]:
                if name not in plan.want[section]:
                    plan.add("-", f"{section.removesuffix('s')} {name}", call(method, name))
