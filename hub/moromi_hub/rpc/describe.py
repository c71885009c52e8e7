"""What the registry knows about a call, in words: for introspection, the reference and OpenRPC.

There is one source, the function with its decorator, and three readers of it:
`_listapi` and `system.methodHelp` (rpc.calls), `rpc.discover` (rpc.discover) and
docs/api.md (util/apidocs.py).
"""

from __future__ import annotations

import inspect
from typing import Any

from moromi.plugins import FILE_MODULE
from moromi_hub.rpc.registry import Export

HIDDEN = ("multiCall", "system.multicall")
"""Calls of the transport itself, which introspection does not list."""


def arguments(export: Export) -> str:
    """The parameters as callers see them: `(tagInfo, strict=False)`."""
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in export.signature.parameters.values()
    ]
    return str(inspect.Signature(parameters))


def documentation(export: Export) -> str:
    """The docstring: shapes and errors. Empty for an undocumented call (of a plugin)."""
    return inspect.getdoc(export.function) or ""


def help_text(export: Export) -> str:
    """The documentation, and who may make the call."""
    return f"{documentation(export)}\n\nAccess: {export.access.words}".lstrip()


def domain(export: Export) -> str:
    """The folder of the hub that the call belongs to, `tags`; of a plugin, `plugin sidetag_hub`."""
    parts = export.function.__module__.split(".")
    if parts[0] == "moromi_hub":
        return parts[1]
    return f"plugin {parts[-1].removeprefix(FILE_MODULE)}"


def describe(export: Export) -> dict[str, Any]:
    """The element of `_listapi`."""
    return {
        "name": export.name,
        "doc": help_text(export),
        "argdesc": arguments(export),
        "args": _args(export),
        "argspec": _argspec(export),
    }


def _args(export: Export) -> list[Any]:
    return [
        each.name if each.default is inspect.Parameter.empty else [each.name, each.default]
        for each in export.signature.parameters.values()
    ]


def _argspec(export: Export) -> list[Any]:
    """`inspect.FullArgSpec`, without annotations."""
    kinds = inspect.Parameter
    parameters = export.signature.parameters.values()
    plain = [p for p in parameters if p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.POSITIONAL_ONLY)]
    star = [p.name for p in parameters if p.kind is kinds.VAR_POSITIONAL]
    double = [p.name for p in parameters if p.kind is kinds.VAR_KEYWORD]
    named = [p for p in parameters if p.kind is kinds.KEYWORD_ONLY]
    defaults = [p.default for p in plain if p.default is not kinds.empty]
    return [
        [p.name for p in plain],
        star[0] if star else None,
        double[0] if double else None,
        defaults or None,
        [p.name for p in named],
        {p.name: p.default for p in named if p.default is not kinds.empty} or None,
        {},
    ]
