"""Arguments of the right type that name nothing, so that no call finds what it could change."""

from __future__ import annotations

import inspect
import re
from typing import Any

from moromi_hub.rpc.registry import Export

NOWHERE = "no-such-thing"
NOBODY = 999999

_NUMBERS = frozenset(
    [
        "brootid",
        "event",
        "from_id",
        "id",
        "offset",
        "parent",
        "priority",
        "repo",
        "size",
        "state",
        "task_load",
        "ts",
        "weight",
    ]
)
_LISTS = frozenset(
    [
        "archives",
        "arches",
        "arglist",
        "builds",
        "calls",
        "clauses",
        "extensions",
        "keys",
        "mavenlist",
        "rpmlist",
        "rpms",
        "srcs",
        "taglist",
        "tasks",
    ]
)
_STRUCTS = frozenset(
    [
        "build_info",
        "hostdata",
        "maven_info",
        "maven_results",
        "results",
        "rpm_results",
        "rpminfo",
        "taskopts",
        "win_info",
    ]
)
_FLAGS = frozenset(["is_successful", "locked", "ready", "success_only"])
_OF_CALLS: dict[tuple[str, str], Any] = {
    ("addRPMSig", "data"): b"",
    ("CGInitBuild", "data"): {},
    ("evalPolicy", "data"): {},
    ("setInheritanceData", "data"): [],
    ("buildImage", "img_type"): "livecd",
    ("importArchive", "type"): "maven",
    ("importArchive", "typeInfo"): {},
    ("uploadFile", "data"): "",
}


def arguments(export: Export) -> list[Any]:
    """A value for each argument that must be given."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        _value(export.name, each.name)
        for each in export.signature.parameters.values()
        if each.default is each.empty and each.kind not in variadic
    ]


def _value(call: str, name: str) -> Any:
    if (call, name) in _OF_CALLS:
        return _OF_CALLS[call, name]
    if name in _LISTS:
        return []
    if name in _STRUCTS:
        return {}
    if name in _FLAGS:
        return True
    if name in _NUMBERS or re.search("(ID|Id|_id)$", name):
        return NOBODY
    return NOWHERE
