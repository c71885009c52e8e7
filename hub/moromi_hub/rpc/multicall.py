"""Many calls in one request (spec: hub-protocol.md section 1.6).

Each element is a unit of the transaction and gets its own event; a failing one becomes
a fault element and stops nobody. All successes are committed together. Only when the
database goes away does the whole request fail, so that the client makes it again.
`multiCallAtomic` is for those who want all or nothing.
"""

from __future__ import annotations

import logging
from typing import Any

from moromi.errors import GenericError
from moromi_hub.call import Call
from moromi_hub.rpc import dispatch, faults
from moromi_hub.rpc.registry import ANYONE, exported

log = logging.getLogger(__name__)


@exported("multiCall", access=ANYONE)
@exported("system.multicall", access=ANYONE)
def multi_call(call: Call, calls: list[dict[str, Any]]) -> list[Any]:
    """Run the calls `{methodName, params}` in order.

    Each result is `[value]`, or `{faultCode, faultString, traceback}`.
    """
    outer = call.method
    try:
        return [_element(call, element) for element in calls]
    finally:
        call.method = outer


def _element(call: Call, element: dict[str, Any]) -> Any:
    try:
        call.method = element["methodName"]
        export = call.hub.registry.find(call.method)
        params = list(element["params"])
        dispatch.check_lockout(call, export.name)
        with call.tx.unit():
            # the answer is encoded after the unit, and an error of a listing belongs to it
            return [_materialise(dispatch.invoke(call, export, params))]
    except Exception as error:
        if dispatch.is_outage(error):
            raise
        # what it has put there may have been undone
        call.cache.clear()
        # the name alone: what came with it may be a password
        log.info("%s failed in a multicall: %s", call.method, error)
        return faults.element_of(error)


@exported("multiCallAtomic", access=ANYONE)
def multi_call_atomic(call: Call, calls: list[dict[str, Any]]) -> list[Any]:
    """All of the calls `{methodName, params}`, or none: unlike in multiCall, a fault undoes everything.

    The plain results, in order. Raises the first fault, its text after `call <number> (<name>): `. Our own.
    """
    outer = call.method
    try:
        return [_atom(call, number, element) for number, element in enumerate(calls, 1)]
    finally:
        call.method = outer


def _atom(call: Call, number: int, element: dict[str, Any]) -> Any:
    try:
        export = call.hub.registry.find(element["methodName"])
        call.method = export.name
        dispatch.check_lockout(call, export.name)
        with call.tx.unit():
            return _materialise(dispatch.invoke(call, export, list(element["params"])))
    except GenericError as error:
        raise type(error)(f"call {number} ({element['methodName']}): {error}") from error


def _materialise(value: Any) -> Any:
    """Drain what is read from a cursor: the next element uses the same connection."""
    if hasattr(value, "__iter__") and not isinstance(value, (str, bytes, dict, list, tuple)):
        return list(value)
    return value
