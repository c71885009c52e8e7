"""Tasks as they are stored and as they travel (spec: data-model.md section 9.1).

`task.request` is the text of an XML-RPC call, `task.result` that of its answer.
Old rows may hold Base64 of it. Both are decoded here only, so a row that cannot
be read is one exception (`UnreadableTask`) and never a surprise elsewhere.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from moromi.errors import Fault, GenericError
from moromi.wire import xmlrpc


class UnreadableTask(GenericError):
    """A stored request or result that is no XML-RPC message."""


def encode_request(method: str, arguments: Sequence[Any]) -> str:
    """The text that is stored for a call of `method`."""
    return xmlrpc.encode_request(method, arguments).decode()


def decode_request(text: str | None) -> list[Any]:
    """The argument list of a stored request; a `__starstar` map stays its last element.

    Raises UnreadableTask.
    """
    try:
        return xmlrpc.decode_request(_message(text))[1]
    except ValueError as error:
        raise UnreadableTask(f"Unreadable task request: {error}") from error


def decode_result(text: str | None) -> Any:
    """The value of a stored result; a stored fault is raised as the exception of its code.

    Raises UnreadableTask.
    """
    try:
        return xmlrpc.decode_response(_message(text))
    except ValueError as error:
        raise UnreadableTask(f"Unreadable task result: {error}") from error


def fault_map(error: Exception) -> dict[str, Any]:
    """`{faultCode, faultString}` of an exception that a stored fault became."""
    text = error.faultString if isinstance(error, Fault) else str(error)
    return {"faultCode": getattr(error, "faultCode", 1), "faultString": text}


def _message(text: str | None) -> bytes:
    body = (text or "").encode()
    if body.lstrip().startswith(b"<"):
        return body
    try:
        return base64.b64decode(body, validate=False)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
