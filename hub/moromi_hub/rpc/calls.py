"""Test calls, introspection, and calls about other calls (spec: hub-protocol.md section 4)."""

from __future__ import annotations

import pprint
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from moromi.errors import GenericError
from moromi.version import KOJI_VERSION, VERSION
from moromi_hub.call import Call
from moromi_hub.rpc import describe, discover, multicall
from moromi_hub.rpc.registry import ADMIN, ANYONE, Export, exported
from moromi_hub.settings import Settings

_SECRET_OPTIONS = frozenset({"DBPass", "DBConnectionString"})

__all__ = ["discover", "multicall"]


@exported("hello", access=ANYONE)
def hello(call: Call, *args: Any) -> str:
    """Answer `Hello World`, whatever is said."""
    return "Hello World"


@exported("echo", access=ANYONE)
def echo(call: Call, *args: Any) -> tuple[Any, ...]:
    """The arguments as a list."""
    return args


@exported("error", access=ANYONE)
def error(call: Call) -> None:
    """Fail with GenericError `test error`."""
    raise GenericError("test error")


@exported("fault", access=ANYONE)
def fault(call: Call) -> None:
    """Fail with an unexpected exception (fault code 1)."""
    raise Exception("test exception")


@exported("getAPIVersion", access=ANYONE)
def get_api_version(call: Call) -> int:
    """1."""
    return 1


@exported("getKojiVersion", access=ANYONE)
def get_koji_version(call: Call) -> str:
    """The level of the protocol that clients test for."""
    return KOJI_VERSION


@exported("getMoromiVersion", access=ANYONE)
def get_moromi_version(call: Call) -> str:
    """Our own release."""
    return VERSION


@exported("getPushInfo", access=ANYONE)
def get_push_info(call: Call) -> dict[str, str | None]:
    """`{url}`: where the push service is (docs/push.md), or nil when there is none."""
    return {"url": call.settings.push_url}


@exported("mavenEnabled", access=ANYONE)
def maven_enabled(call: Call) -> bool:
    """Option `EnableMaven`."""
    return call.settings.EnableMaven


@exported("winEnabled", access=ANYONE)
def win_enabled(call: Call) -> bool:
    """Option `EnableWin`."""
    return call.settings.EnableWin


@exported("showOpts", access=ADMIN)
def show_opts(call: Call, as_string: bool = True) -> Any:
    """The hub's options, secrets masked: a text, or with `as_string` false a struct."""
    options: dict[str, Any] = {}
    for option in fields(Settings):
        value = getattr(call.settings, option.name)
        options[option.name] = "***" if option.name in _SECRET_OPTIONS and value else value
    options["policy"] = dict(options["policy"])
    return pprint.pformat(options) if as_string else options


def _visible(call: Call) -> list[Export]:
    return [export for export in call.hub.registry if export.name not in describe.HIDDEN]


@exported("_listapi", access=ANYONE)
def list_api(call: Call) -> list[dict[str, Any]]:
    """Every call as `{name, doc, argdesc, args, argspec}`."""
    return [describe.describe(export) for export in _visible(call)]


@exported("system.listMethods", access=ANYONE)
def list_methods(call: Call) -> list[str]:
    """The names of all calls."""
    return [export.name for export in _visible(call)]


@exported("system.methodSignature", access=ANYONE)
def method_signature(call: Call, method: str) -> str:
    """Not supported, as its answer says."""
    return "signatures not supported"


@exported("system.methodHelp", access=ANYONE)
def method_help(call: Call, method: str) -> str:
    """How a call is made, its documentation and who may make it; an empty text for an unknown one."""
    if method not in call.hub.registry or method in describe.HIDDEN:
        return ""
    export = call.hub.registry.find(method)
    return f"{method}{describe.arguments(export)}\ndescription: {describe.help_text(export)}"


@exported("count", access=ANYONE)
def count(call: Call, methodName: str, *args: Any, **kw: Any) -> int:
    """How many items another call returns: nil 0, a list or struct its length, anything else 1."""
    result = _inner(call, methodName, args, kw)
    if result is None:
        return 0
    if isinstance(result, (list, tuple, dict)):
        return len(result)
    if hasattr(result, "__iter__") and not isinstance(result, (str, bytes)):
        return sum(1 for _ in result)
    return 1


@exported("countAndFilterResults", access=ANYONE)
def count_and_filter_results(call: Call, methodName: str, *args: Any, **kw: Any) -> list[Any]:
    """`[total, filtered]` of another call's list; `filterOpts` = {order, offset, limit, noneGreatest}."""
    return list(_filtered(call, methodName, args, kw))


@exported("filterResults", access=ANYONE)
def filter_results(call: Call, methodName: str, *args: Any, **kw: Any) -> Any:
    """Another call's list, ordered and sliced by `filterOpts`."""
    return _filtered(call, methodName, args, kw)[1]


def _inner(call: Call, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if name in describe.HIDDEN:
        raise GenericError(f"Invalid method: {name}")
    return call.hub.registry.find(name)(call, list(args), kwargs)


def _filtered(
    call: Call, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[int, list[Any] | None]:
    options = kwargs.pop("filterOpts", None) or {}
    if name in describe.HIDDEN or name not in call.hub.registry:
        raise GenericError(f"Invalid method: {name}")
    try:
        result = _inner(call, name, args, kwargs)
    except Exception as error:
        raise GenericError(f"method {name} raised an exception ({error})") from error
    if result is None:
        return 0, None
    # a tuple is one value with parts (the arguments of `echo`), not a list of rows
    if isinstance(result, (str, bytes, dict, tuple)) or not hasattr(result, "__iter__"):
        raise GenericError(f"{name}() did not return a list")
    rows = list(result)
    return len(rows), _sorted_slice(rows, options)


def _sorted_slice(rows: list[Any], options: Mapping[str, Any]) -> list[Any]:
    if order := options.get("order"):
        key = order.removeprefix("-")
        greatest = bool(options.get("noneGreatest", True))
        absent = [row for row in rows if row[key] is None]
        present = sorted((row for row in rows if row[key] is not None), key=lambda row: row[key])
        rows = present + absent if greatest else absent + present
        if order.startswith("-"):
            rows.reverse()
    if options.get("offset") is not None:
        rows = rows[options["offset"] :]
    if options.get("limit") is not None:
        rows = rows[: options["limit"]]
    return rows
