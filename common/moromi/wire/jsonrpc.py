"""JSON-RPC 2.0 over the same calls and values as XML-RPC.

Our own addition, for callers to whom JSON comes easier. Positional parameters are
an array (which may end in a `__starstar` struct), named ones an object. Errors carry Koji's
fault code as `code` and its text as `message`; the codes of JSON-RPC are used only
for what is no call at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from moromi.errors import from_fault
from moromi.wire.jsonwrite import write_value
from moromi.wire.named import join_named
from moromi.wire.values import ParseError

PARSE_ERROR: Final = -32700
INTERNAL_ERROR: Final = -32603
INVALID_REQUEST: Final = -32600

Id = str | int | float | None


class Call(NamedTuple):
    """One call; `params` as XML-RPC has them. A notification wants no answer."""

    method: str
    params: list[Any]
    id: Id
    notification: bool


class Refused(NamedTuple):
    """An element of a request that is no call: answer it with `encode_error(id, code, text)`."""

    id: Id
    code: int
    text: str


class Request(NamedTuple):
    """The calls of a body; those of a `batch` are answered by `encode_batch`."""

    calls: list[Call | Refused]
    batch: bool


def decode_request(body: bytes) -> Request:
    """Parse a body. ParseError (answer with code -32700): it is not JSON."""
    value = _loads(body)
    if isinstance(value, list) and value:
        return Request([_call(element) for element in value], batch=True)
    return Request([_call(value)], batch=False)


def decode_response(body: bytes) -> Any:
    """Return the result of a single answer; raise what `from_fault` makes of an error."""
    value = _loads(body)
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise ParseError("not a JSON-RPC 2.0 answer")
    error = value.get("error")
    if isinstance(error, dict):
        code, text = error.get("code"), error.get("message")
        if type(code) is int and isinstance(text, str):
            raise from_fault(code, text)
    if error is not None or "result" not in value:
        raise ParseError("malformed JSON-RPC answer")
    return value["result"]


def encode_request(method: str, params: Sequence[Any], id: Id = 1) -> bytes:
    """Return the body of a call."""
    return write_value({"jsonrpc": "2.0", "method": method, "params": list(params), "id": id}).encode()


def encode_result(id: Id, value: Any) -> bytes:
    """Return the answer of a call. Errors as `jsonwrite.write_value`."""
    return write_value({"jsonrpc": "2.0", "result": value, "id": id}).encode()


def encode_error(id: Id, code: int, text: str) -> bytes:
    """Return the answer of a call that failed."""
    return write_value({"jsonrpc": "2.0", "error": {"code": code, "message": text}, "id": id}).encode()


def encode_batch(answers: Iterable[bytes]) -> bytes:
    """Join the answers of a batch (those of notifications left out; none at all: send nothing)."""
    return b"[" + b",".join(answers) + b"]"


def _call(element: Any) -> Call | Refused:
    if not isinstance(element, dict):
        return Refused(None, INVALID_REQUEST, "a call must be an object")
    id = element.get("id")
    if isinstance(id, bool) or not isinstance(id, (str, int, float, type(None))):
        return Refused(None, INVALID_REQUEST, "id must be a string or a number")
    method, params = element.get("method"), element.get("params", [])
    if element.get("jsonrpc") != "2.0" or not isinstance(method, str):
        return Refused(id, INVALID_REQUEST, "not a JSON-RPC 2.0 call")
    if isinstance(params, dict):
        params = join_named([], params)
    if not isinstance(params, list):
        return Refused(id, INVALID_REQUEST, "params must be an array or an object")
    return Call(method, params, id, "id" not in element)


# Re-encoded text that holds a character which XML, and hence the rest of the
# system, cannot hold. An even number of backslashes before it is text.
_CONTROL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\(?:u00[01]|b|f)")


def _loads(body: bytes) -> Any:
    if not body:
        raise ParseError("Empty request")
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
        if b"\\" in body and _CONTROL.search(_checked(value)):
            raise ParseError("control characters are not allowed")
    except ParseError:
        raise
    except RecursionError:
        raise ParseError("values are nested too deeply") from None
    except ValueError as error:
        raise ParseError(str(error)) from None
    return value


def _checked(value: Any) -> str:
    """Return JSON text of `value`. ValueError: an escape made half a surrogate pair."""
    text = json.dumps(value, ensure_ascii=False)
    text.encode()
    return text


def _refuse_constant(name: str) -> NoReturn:
    raise ParseError(f"{name} is not JSON")
