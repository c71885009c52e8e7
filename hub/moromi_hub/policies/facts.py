"""What a policy question is about: derived from its data once, and kept there under an underscore key.

Spec: hub-protocol.md section 6.6. A test takes its question's `Call` from the data.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from moromi.errors import GenericError, ParameterError
from moromi.names import parse_NVR
from moromi.policy import PolicyData
from moromi.tasks import parse_task_params
from moromi_hub.arguments import fits_id
from moromi_hub.call import Call
from moromi_hub.db import lookup
from moromi_hub.policies import queries
from moromi_hub.tags import service as tags
from moromi_hub.targets import service as targets
from moromi_hub.tasks.model import decode_request
from moromi_hub.users import service as users
from moromi_schema import tables as t

CALL = "_call"
SOURCE_PARAMETERS = ("src", "spec_url", "url")
TARGET_PARAMETERS = ("target", "build_target", "target_info")
TAG_PARAMETERS = ("tag", "tag_id", "tag_info")

T = TypeVar("T")


def call_of(data: PolicyData) -> Call:
    """The call in which the question is asked."""
    call: Call = data[CALL]
    return call


def remembered(data: PolicyData, key: str, find: Callable[[Call, PolicyData], T]) -> T:
    """`find`'s answer, asked once for a question."""
    if key not in data:
        data[key] = find(call_of(data), data)
    answer: T = data[key]
    return answer


def build_of(data: PolicyData) -> dict[str, Any] | None:
    """The build that `build` names (id, N-V-R or map); None without the key. A miss raises GenericError."""
    return remembered(data, "_build", _find_build)


def _find_build(call: Call, data: PolicyData) -> dict[str, Any] | None:
    info = data.get("build")
    if info is None:
        return None
    if isinstance(info, Mapping):
        info = info.get("id") or {key: info.get(key) for key in ("name", "version", "release")}
    where = parse_NVR(info) if isinstance(info, str) else info
    if isinstance(where, int):
        found = queries.build(call.tx, {"id": where}) if fits_id(where) else None
    elif isinstance(where, Mapping):
        found = queries.build(call.tx, {key: where.get(key) for key in ("name", "version", "release")})
    else:
        raise GenericError(f"Invalid type for argument: {type(info)}")
    if found is None:
        raise GenericError(f"No such build: {info!r}")
    return found


def require_build(data: PolicyData) -> dict[str, Any]:
    """`build_of`, whose absence raises GenericError."""
    build = build_of(data)
    if build is None:
        raise GenericError("policy data must contain a build")
    return build


def user_id_of(data: PolicyData) -> int | None:
    """The acting user: key `user_id`, else the caller."""
    if data.get("user_id") is not None:
        return users.find_user_id(call_of(data), data["user_id"], strict=True)
    session = call_of(data).session
    return None if session is None else session.user_id


def user_name(data: PolicyData) -> str | None:
    """The name of the acting user."""
    return remembered(data, "_username", _find_user_name)


def _find_user_name(call: Call, data: PolicyData) -> str | None:
    user_id = user_id_of(data)
    return None if user_id is None else str(users.require_user(call, user_id)["name"])


def permissions(data: PolicyData) -> set[str]:
    """The effective permissions of the acting user."""
    return remembered(data, "_permissions", _find_permissions)


def _find_permissions(call: Call, data: PolicyData) -> set[str]:
    user_id = user_id_of(data)
    return set() if user_id is None else users.effective_permissions(call, user_id)


def package_name(data: PolicyData) -> str:
    """The name of the package in question. Raises GenericError when there is none."""
    return remembered(data, "_package", _find_package)


def _find_package(call: Call, data: PolicyData) -> str:
    info = data.get("package")
    if info is None:
        build = build_of(data)
        if build is None:
            raise GenericError("policy requires package data")
        return str(build["name"])
    found = lookup.find_row(call.tx, t.package, info)
    if found is not None:
        return str(found["name"])
    if isinstance(info, str):
        return info
    raise GenericError(f"No such package: {info}")


def part_of_build(data: PolicyData, key: str) -> str:
    """`version` or `release` of the question or of its build. Raises GenericError when there is none."""

    def find(call: Call, data: PolicyData) -> str:
        if data.get(key) is not None:
            return str(data[key])
        build = build_of(data)
        if build is None:
            raise GenericError(f"policy requires {key} data")
        return str(build[key])

    return remembered(data, f"_{key}", find)


def volume_name(data: PolicyData) -> str | None:
    """The volume in question, or that of its build."""
    return remembered(data, "_volume", _find_volume)


def _find_volume(call: Call, data: PolicyData) -> str | None:
    if data.get("volume") is not None:
        found = lookup.find_row(call.tx, t.volume, data["volume"])
        return None if found is None else str(found["name"])
    build = build_of(data)
    return None if build is None else str(build["volume_name"])


def tag_name(data: PolicyData, key: str) -> str | None:
    """The name of the tag under `key`, now or before it was deleted; None for none and for unknown ones."""
    if data.get(key) is None:
        return None
    tag = tags.get_tag(call_of(data), data[key], event="auto")
    return None if tag is None else str(tag["name"])


def buildroots(data: PolicyData) -> set[int | None]:
    """The buildroots in question: key `buildroots`, else those of the parts of the build (None: imported)."""
    return remembered(data, "_buildroots", _find_buildroots)


def _find_buildroots(call: Call, data: PolicyData) -> set[int | None]:
    if data.get("buildroots") is not None:
        return set(data["buildroots"])
    build = build_of(data)
    return set() if build is None else queries.buildroot_ids(call.tx, build["id"])


def build_tag_ids(data: PolicyData) -> list[int]:
    """The tags in which the thing in question was built, or will be."""
    return remembered(data, "_build_tags", _find_build_tags)


def _find_build_tags(call: Call, data: PolicyData) -> list[int]:
    given: Collection[Any] | None = None
    if data.get("build_tag") is not None:
        given = [data["build_tag"]]
    elif data.get("build_tags") is not None:
        given = data["build_tags"]
    if given is not None:
        found = [tags.get_tag(call, info, event="auto") for info in given if info is not None]
        return [tag["id"] for tag in found if tag is not None]
    if data.get("target") is not None:
        target = targets.get_target(call, data["target"])
        return [] if target is None else [target["build_tag"]]
    roots = [root for root in buildroots(data) if root is not None]
    return sorted(set(queries.buildroot_tags(call.tx, roots).values()))


def generators(data: PolicyData) -> set[str | None]:
    """The content generators in question: key `cg_list`, else of the buildroots (None: not from one)."""
    return remembered(data, "_generators", _find_generators)


def _find_generators(call: Call, data: PolicyData) -> set[str | None]:
    if data.get("cg_list") is not None:
        return set(data["cg_list"])
    roots = buildroots(data)
    found = queries.buildroot_generators(call.tx, [root for root in roots if root is not None])
    return set(found.values()) | ({None} if None in roots else set())


def source(data: PolicyData) -> str | None:
    """What is or was built: key `source`, else of the build, else of the task that made it."""
    return remembered(data, "_source", _find_source)


def _find_source(call: Call, data: PolicyData) -> str | None:
    if data.get("source") is not None:
        return str(data["source"])
    build = build_of(data)
    if build is None:
        return None
    if build["source"] is not None:
        return str(build["source"])
    task = None if build["task_id"] is None else queries.task(call.tx, build["task_id"])
    return None if task is None else _source_of_task(task)


def _source_of_task(task: Mapping[str, Any]) -> str | None:
    method = task["method"]
    if method == "indirectionimage":
        return None
    parameters = task_parameters(method, decode_request(task["request"]))
    names = {"winbuild": ("source_url",), "wrapperRPM": ("spec_url",)}.get(method, ("src", "url"))
    return next((str(parameters[name]) for name in names if parameters.get(name)), None)


def task_parameters(method: str, arguments: list[Any]) -> dict[str, Any]:
    """The arguments of a task by name; none for a method without a known signature or for a bad fit."""
    try:
        return parse_task_params(method, arguments)
    except (TypeError, ParameterError):
        return {}
