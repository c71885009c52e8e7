"""`rpc.discover`: the calls as an OpenRPC document, for programs that make clients or pages of it.

The calls are the same over JSON-RPC, which OpenRPC describes, and XML-RPC. What it cannot say
is said by extensions: `x-permission` of a method, and `x-variadic` of a parameter that stands
for any number of further ones (`positional` or `named`).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from moromi import errors
from moromi.version import VERSION
from moromi_hub.call import Call
from moromi_hub.rpc import describe
from moromi_hub.rpc.registry import ANYONE, Export, exported

OPENRPC = "1.3.2"

_TYPES = {
    "int": "integer",
    "str": "string",
    "bool": "boolean",
    "float": "number",
    "None": "null",
    "list": "array",
    "tuple": "array",
    "dict": "object",
    "Mapping": "object",
}
_VARIADIC = {
    inspect.Parameter.VAR_POSITIONAL: "positional",
    inspect.Parameter.VAR_KEYWORD: "named",
}


@exported("rpc.discover", access=ANYONE)
def discover(call: Call) -> dict[str, Any]:
    """The OpenRPC 1.3 document of all calls."""
    return document(call.hub.registry)


def document(exports: Iterable[Export]) -> dict[str, Any]:
    """The OpenRPC document of `exports`."""
    return {
        "openrpc": OPENRPC,
        "info": {
            "title": "Moromi hub",
            "version": VERSION,
            "description": "The calls of Koji's protocol, over XML-RPC and JSON-RPC 2.0 at one URL.",
        },
        "methods": [_method(export) for export in exports if export.name not in describe.HIDDEN],
        "components": {"errors": _errors()},
    }


def _method(export: Export) -> dict[str, Any]:
    text = describe.documentation(export)
    parameters = export.signature.parameters.values()
    positional = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    return {
        "name": export.name,
        "summary": text.partition("\n")[0],
        "description": text,
        "tags": [{"name": describe.domain(export)}],
        "paramStructure": "by-position" if positional else "either",
        "params": [_parameter(each) for each in parameters],
        "result": {"name": "result", "schema": schema(export.signature.return_annotation)},
        "x-permission": export.access.words,
    }


def _parameter(parameter: inspect.Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {"name": parameter.name, "schema": schema(parameter.annotation)}
    if parameter.kind in _VARIADIC:
        return {**described, "required": False, "x-variadic": _VARIADIC[parameter.kind]}
    described["required"] = parameter.default is parameter.empty
    if not described["required"]:
        described["schema"]["default"] = parameter.default
    return described


def schema(annotation: Any) -> dict[str, Any]:
    """The JSON schema of an annotation; `{}` (anything) where it says nothing, or `Any`.

    Annotations are texts here, since every module of the hub postpones them.
    """
    if not isinstance(annotation, str):
        return {}
    names = [re.sub(r"\[.*", "", each).strip() for each in _alternatives(annotation)]
    types = [_TYPES[name] for name in names if name in _TYPES]
    if len(types) != len(names):
        return {}
    if types == ["array"] and (inner := re.fullmatch(r"list\[(.*)\]", annotation)):
        return {"type": "array", "items": schema(inner.group(1))}
    return {"type": types[0] if len(types) == 1 else types}


def _alternatives(annotation: str) -> list[str]:
    """`A | B` taken apart, but not what is inside brackets."""
    parts, depth = [""], 0
    for character in annotation:
        depth += (character == "[") - (character == "]")
        if character == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _errors() -> dict[str, dict[str, Any]]:
    """Koji's faults by class name; the code is the one on the wire."""
    classes = [
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, errors.GenericError)
    ]
    return {
        each.__name__: {"code": each.faultCode, "message": each.__name__}
        for each in sorted(classes, key=lambda each: each.faultCode)
    }
