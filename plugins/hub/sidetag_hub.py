"""Side tags: tags of ordinary users below a base tag, each with a target of its own.

A side tag is an ordinary tag that its extra data mark (`sidetag`, `sidetag_user`,
`sidetag_user_id`), so that it needs no table. Spec: data-model.md section 4.12,
builder.md section 8.4.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Integer, Select, case, cast, func, literal, select

from moromi.errors import ActionNotAllowed, ConfigurationError, GenericError
from moromi_hub.plugin_api import (
    ANYONE,
    LOGIN,
    Call,
    Configuration,
    PolicyData,
    PolicyTest,
    Sections,
    arguments,
    call_of,
    callback,
    exported,
    permissions,
    policies,
    query_options,
    repo_requests,
    section,
    t,
    tag_editing,
    tagging,
    tags,
    targets,
    users,
    versions,
)

log = logging.getLogger("moromi_hub.plugins.sidetag")

Tag = Mapping[str, Any]
MACRO = "rpm.macro."
MACRO_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Options:
    """`[sidetag]` of `sidetag.conf`."""

    remove_empty: bool
    allowed_suffixes: tuple[str, ...]
    name_template: str
    trigger_new_repo: bool


def _options(sections: Sections) -> Options:
    given = section(sections, "sidetag")
    template = given.get("name_template", "{basetag}-side-{tag_id}")
    try:
        template.format(basetag="base", tag_id=1)
    except (KeyError, IndexError, ValueError) as error:
        raise ConfigurationError(f"Invalid value for [sidetag] name_template: {template!r}") from error
    suffixes = (word.strip() for word in given.get("allowed_suffixes", "").split(","))
    return Options(
        remove_empty=given.boolean("remove_empty", False),
        allowed_suffixes=tuple(suffix for suffix in suffixes if suffix),
        name_template=template,
        trigger_new_repo=given.boolean("trigger_new_repo", False),
    )


CONFIG = Configuration("sidetag", _options)


# calls


@exported("createSideTag", access=LOGIN)
def create_side_tag(call: Call, basetag: Any, debuginfo: bool = False, suffix: Any = None) -> dict[str, Any]:
    """A new side tag of the caller, `{name, id, task_id, request}`, if the policy sidetag allows.

    `request` is the request for its repository where the site asks for one; `task_id` is always nil.
    """
    options = CONFIG.of(call)
    if suffix and suffix not in options.allowed_suffixes:
        raise GenericError(f"{suffix} suffix is not allowed for sidetag")
    base = tags.require_tag(call, basetag)
    user = users.require_user(call, call.user_id)
    owned = int(call.tx.scalar(select(func.count()).select_from(_listing(None, user["id"]).subquery())))
    policies.assert_allowed(call, "sidetag", {"tag": base["id"], "number_of_tags": owned})
    tag_id = tag_editing.reserve_id(call)
    name = options.name_template.format(basetag=base["name"], tag_id=tag_id)
    if suffix:
        name += f"-{suffix}"
    extra: dict[str, Any] = {"sidetag": True, "sidetag_user": user["name"], "sidetag_user_id": user["id"]}
    if debuginfo:
        extra["with_debuginfo"] = True
    tag_id = tag_editing.create_tag(
        call, name, parent=base["id"], arches=base["arches"], extra=extra, new_id=tag_id
    )
    targets.create_target(call, name, tag_id, tag_id)
    request = None
    if options.trigger_new_repo:
        request = repo_requests.request(call, tag_id, "last", None, None, None, False)["request"]
    return {"name": name, "id": tag_id, "task_id": None, "request": request}


@exported("removeSideTag", access=LOGIN)
def remove_side_tag(call: Call, sidetag: Any) -> None:
    """Delete a side tag of the caller (an admin: anybody's) and its target."""
    tag = _own_side_tag(call, sidetag)
    _remove(call, tag)


@exported("listSideTags", access=ANYONE)
def list_side_tags(call: Call, basetag: Any = None, user: Any = None, queryOpts: Any = None) -> Any:
    """Side tags as `{id, name, user_id, user_name}`: all, of a base tag, of a user."""
    user_id = None if user is None else users.find_user_id(call, user, strict=True)
    base_id = None if basetag is None else tags.require_tag(call, basetag)["id"]
    fields = {
        "id": t.tag.c.id,
        "name": t.tag.c.name,
        "user_id": _OWNER.c.value,
        "user_name": t.users.c.name,
    }
    return query_options.run_query(call.tx, fields, _listing(base_id, user_id), queryOpts)


@exported("editSideTag", access=LOGIN)
def edit_side_tag(
    call: Call,
    sidetag: Any,
    debuginfo: Any = None,
    rpm_macros: Any = None,
    remove_rpm_macros: Any = None,
    extra: Any = None,
    remove_extra: Any = None,
) -> None:
    """Change a side tag of the caller as far as its base tag allows.

    The base tag's extra data `sidetag_debuginfo_allowed` allows `debuginfo`, its
    `sidetag_rpm_macros_allowed` (patterns) macros; any `extra` takes the permission sidetag_admin.
    """
    tag = _own_side_tag(call, sidetag)
    if (extra is not None or remove_extra is not None) and not (
        permissions.has_perm(call, "sidetag_admin") or permissions.is_admin(call)
    ):
        raise GenericError("Extra can be modified only with sidetag_admin or admin permissions.")
    added = dict(arguments.expect(extra or {}, dict))
    removed = list(arguments.expect(remove_extra or [], list))
    macros = arguments.expect({} if rpm_macros is None else rpm_macros, dict)
    dropped = arguments.expect([] if remove_rpm_macros is None else remove_rpm_macros, list)
    parent = _parent(call, tag)
    if debuginfo is not None:
        if not parent["extra"].get("sidetag_debuginfo_allowed"):
            raise GenericError("Debuginfo setting is not allowed in parent tag.")
        added["with_debuginfo"] = bool(debuginfo)
    if macros or dropped:
        _check_macros(parent, [*macros, *dropped])
        if any("\n" in str(value) for value in macros.values()):
            raise GenericError("The value of a macro is one line")
        added |= {f"{MACRO}{name}": value for name, value in macros.items()}
        removed += [f"{MACRO}{name}" for name in dropped]
    tag_editing.edit_tag(call, tag["id"], {"extra": added, "remove_extra": removed})


@callback("postUntag")
def remove_when_empty(call: Call, kind: str, /, *, tag: Tag, **rest: Any) -> None:
    """Delete a side tag with its last build, where the site wants that."""
    if not CONFIG.of(call).remove_empty or not is_side_tag(tag):
        return
    if next(iter(tagging.tagged_builds(call, tag["id"])), None) is not None:
        return
    try:
        _remove(call, tag)
    except GenericError as error:
        # the build has left the tag all the same
        log.warning("cannot remove the empty side tag %s: %s", tag["name"], error)


# rules


def is_side_tag(tag: Tag) -> bool:
    """Whether the extra data of a tag mark it as a side tag."""
    return bool(tag["extra"].get("sidetag"))


def _side_tag(call: Call, info: Any) -> dict[str, Any]:
    tag = tags.require_tag(call, info)
    if not is_side_tag(tag):
        raise GenericError(f"Not a sidetag: {tag['name']}")
    return tag


def _own_side_tag(call: Call, info: Any) -> dict[str, Any]:
    tag = _side_tag(call, info)
    if tag["extra"].get("sidetag_user_id") != call.user_id and not permissions.is_admin(call):
        raise ActionNotAllowed("This is not your sidetag")
    return tag


def _remove(call: Call, tag: Tag) -> None:
    target = targets.get_target(call, tag["name"])
    if target is None:
        raise GenericError("Target is missing for sidetag")
    if target["build_tag"] != tag["id"] or target["dest_tag"] != tag["id"]:
        raise GenericError("Target does not match sidetag")
    targets.delete_target(call, target["id"])
    tag_editing.delete_tag(call, tag["id"])


def _parent(call: Call, tag: Tag) -> dict[str, Any]:
    """The base tag; should somebody have added parents, the nearest."""
    links = tags.parent_links(call, tag["id"])
    if not links:
        raise GenericError(f"Sidetag {tag['name']} has no parent tag")
    return tags.require_tag(call, links[0]["parent_id"])


def _check_macros(parent: Tag, names: list[Any]) -> None:
    """Raise GenericError unless the base tag allows these macros."""
    allowed = parent["extra"].get("sidetag_rpm_macros_allowed")
    if not allowed:
        raise GenericError("RPM macros change is not allowed in parent tag.")
    if not isinstance(allowed, (str, list)):
        raise GenericError(f"rpm_macros_allowed in {parent['name']} has invalid type: {type(allowed)}")
    patterns = allowed.split() if isinstance(allowed, str) else allowed
    if not all(isinstance(pattern, str) for pattern in patterns):
        raise GenericError(f"Allowed rpm macro list {allowed!r} is invalid for {parent['name']}.")
    for name in names:
        if not isinstance(name, str) or not MACRO_NAME.fullmatch(name):
            raise GenericError(f"Invalid macro name {name!r}")
        if not any(fnmatchcase(name, pattern) for pattern in patterns):
            raise GenericError(f"RPM macro {name} editing is not allowed via parent tag")


_MARK, _OWNER = t.tag_extra.alias("mark"), t.tag_extra.alias("owner")


def _listing(base_id: int | None, user_id: int | None) -> Select[Any]:
    """FROM and WHERE of the live side tags, of a base tag, of a user."""
    # anybody with the permission `tag` can write anything there
    owner_id = case((_OWNER.c.value.regexp_match(literal("^[0-9]{1,9}$")), cast(_OWNER.c.value, Integer)))
    query = (
        select(t.tag.c.id)
        .join(_MARK, _MARK.c.tag_id == t.tag.c.id)
        .join(_OWNER, _OWNER.c.tag_id == t.tag.c.id)
        .outerjoin(t.users, t.users.c.id == owner_id)
        .where(
            versions.visible(_MARK),
            _MARK.c.key == "sidetag",
            _MARK.c.value == "true",
            versions.visible(_OWNER),
            _OWNER.c.key == "sidetag_user_id",
        )
    )
    if user_id is not None:
        query = query.where(_OWNER.c.value == json.dumps(user_id))
    if base_id is not None:
        link = t.tag_inheritance
        query = query.join(link, link.c.tag_id == t.tag.c.id).where(
            versions.visible(link), link.c.parent_id == base_id
        )
    return query


# policy tests


class SidetagTest(PolicyTest):
    """`is_sidetag`: the tag in question is a side tag."""

    name = "is_sidetag"

    def run(self, data: PolicyData) -> bool:
        """Whether it is."""
        return _is_side_tag_of(data, "tag", None)


class SidetagOwnerTest(PolicyTest):
    """`is_sidetag_owner [tag|fromtag|both]`: a side tag, and the acting user's own (admins own all)."""

    name = "is_sidetag_owner"
    KEYS: Mapping[str, tuple[str, ...]] = {
        "tag": ("tag",),
        "fromtag": ("fromtag",),
        "both": ("tag", "fromtag"),
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        word = self.args[0] if self.args else "tag"
        if len(self.args) > 1 or word not in self.KEYS:
            raise GenericError(f"Invalid arguments of {self.name}: {' '.join(self.args)}")
        self._keys = self.KEYS[word]

    def run(self, data: PolicyData) -> bool:
        """Whether all are."""
        call = call_of(data)
        user_id = data.get("user_id")
        if user_id is not None:
            user_id = users.find_user_id(call, user_id, strict=True)
        elif call.session is not None:
            user_id = call.session.user_id
        if user_id is None:
            return False
        return all(_is_side_tag_of(data, key, user_id) for key in self._keys)


def _is_side_tag_of(data: PolicyData, key: str, user_id: int | None) -> bool:
    """Whether the tag under a key is a side tag, with a user: of that user."""
    if data.get(key) is None:
        return False
    call = call_of(data)
    tag = tags.get_tag(call, data[key])
    if tag is None or not is_side_tag(tag):
        return False
    if user_id is None or tag["extra"].get("sidetag_user_id") == user_id:
        return True
    return "admin" in users.effective_permissions(call, user_id)
