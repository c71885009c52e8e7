"""Asking a policy (hub-protocol.md section 6.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moromi.errors import ActionNotAllowed
from moromi_hub import arguments
from moromi_hub.call import Call
from moromi_hub.policies import facts
from moromi_hub.tags import service as tags
from moromi_hub.targets import service as targets


def evaluate(call: Call, name: str, data: Mapping[str, Any]) -> str | None:
    """The action of a policy, None when no rule matched. Raises GenericError `no such policy: …`."""
    return call.hub.policies.apply(arguments.expect(name, str), _question(call, data)).action


def _question(call: Call, data: Mapping[str, Any]) -> dict[str, Any]:
    """The data without what only tests may store in it, and with the call they ask in."""
    given = arguments.expect(data, dict) if not isinstance(data, Mapping) else data
    return {key: value for key, value in given.items() if not key.startswith("_")} | {facts.CALL: call}


def check(
    call: Call,
    name: str,
    data: Mapping[str, Any],
    default: str = "deny",
    strict: bool = False,
    force: bool = False,
) -> tuple[bool, str]:
    """(allowed, reason) of an allow/deny policy; `default` decides where no rule matched.

    `force` of an acting admin overrides a refusal. A missing policy allows if the
    option `MissingPolicyOk` is on. With `strict` a refusal raises ActionNotAllowed
    `policy violation (<name>): <reason>`.
    """
    question = _question(call, data)
    rule = ""
    if arguments.expect(name, str) not in call.hub.policies:
        allowed, reason = call.settings.MissingPolicyOk, "missing policy"
    else:
        result = call.hub.policies.apply(name, question)
        allowed, reason = result.verdict(default)
        rule = result.rule
    if allowed:
        return True, reason
    if force and "admin" in facts.permissions(question):
        return True, "overriden by force"
    if strict:
        text = f"policy violation ({name})" + (f": {reason}" if reason else "")
        if rule and (call.settings.KojiDebug or call.settings.VerbosePolicy):
            text += f" [rule: {rule}]"
        raise ActionNotAllowed(text)
    return False, reason


def assert_allowed(
    call: Call, name: str, data: Mapping[str, Any], default: str = "deny", force: bool = False
) -> None:
    """Raise ActionNotAllowed unless the policy allows."""
    check(call, name, data, default, strict=True, force=force)


def task_data(call: Call, method: str, arguments: Sequence[Any]) -> dict[str, Any]:
    """What a task's arguments contribute to the data of a question about it; nothing for unknown methods."""
    parameters = facts.task_parameters(method, list(arguments))
    if method == "indirectionimage" and isinstance(parameters.get("opts"), Mapping):
        parameters = dict(parameters["opts"])
    found: dict[str, Any] = {}
    source = _first(parameters, facts.SOURCE_PARAMETERS)
    if source is not None and method != "newRepo":
        found["source"] = source
    if any(key in parameters for key in facts.TARGET_PARAMETERS):
        found["target"] = _target_name(call, _first(parameters, facts.TARGET_PARAMETERS))
    for key, names in (("tag", facts.TAG_PARAMETERS), ("build_tag", ("build_tag",))):
        name = _tag_name(call, _first(parameters, names))
        if name is not None:
            found[key] = name
    opts = parameters.get("opts")
    if isinstance(opts, Mapping) and "scratch" in opts:
        found["scratch"] = opts["scratch"]
    return found


def _first(parameters: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The value of the first of some parameters that the method has."""
    return next((parameters[name] for name in names if name in parameters), None)


def _names_something(info: Any) -> bool:
    """Whether it is worth looking up: a request may hold anything, and still be made a task of."""
    if isinstance(info, dict):
        return isinstance(info.get("id", 0), int) and ("id" in info or "name" in info)
    return isinstance(info, (int, str)) and not isinstance(info, bool)


def _target_name(call: Call, info: Any) -> str | None:
    if not _names_something(info):
        return None
    target = targets.get_target(call, info)
    return None if target is None else str(target["name"])


def _tag_name(call: Call, info: Any) -> str | None:
    if not _names_something(info):
        return None
    tag = tags.get_tag(call, info)
    return None if tag is None else str(tag["name"])
