"""The XML-RPC codec (hub-protocol.md 1.2), the outside of it.

Our own because the standard library's is the largest cost of a long answer,
knows no limits, and differs from the protocol in details (`nil`, `i8`, times).
How values are read and written is in `xmlread` and `xmlwrite`; here is what a
message looks like.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from moromi.errors import Fault, from_fault
from moromi.wire.listing import Listing
from moromi.wire.values import DateTime, ParseError
from moromi.wire.xmlread import Message, read
from moromi.wire.xmlwrite import encoded, escape, iter_value, write_value

__all__ = [
    "DateTime",
    "ParseError",
    "decode_request",
    "decode_response",
    "encode_fault",
    "encode_request",
    "encode_response",
    "iter_encode",
]

_DECLARATION: Final = "<?xml version='1.0'?>\n"
_RESPONSE_HEAD: Final = f"{_DECLARATION}<methodResponse>\n<params>\n<param>\n"
_RESPONSE_TAIL: Final = "\n</param>\n</params>\n</methodResponse>\n"
_NOT_IN_XML: Final = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""Not compiled at import: that takes 5 ms, and clients make no faults."""


def decode_request(body: bytes) -> tuple[str | None, list[Any]]:
    """Return the method name (None if the body has none) and the parameters.

    ParseError: the body is malformed, or a fault; its text is for the caller.
    """
    if not body:
        raise ParseError("Empty request")
    message = read(body)
    if message.kind == "fault":
        raise ParseError(str(_fault(message)))
    return message.method, message.values


def decode_response(body: bytes) -> Any:
    """Return the answer of a call; raise what `from_fault` makes of a fault.

    ParseError: the body is no XML-RPC response.
    """
    message = read(body)
    if message.kind == "fault":
        fault = _fault(message)
        raise from_fault(fault.faultCode, fault.faultString)
    if message.kind != "methodResponse":
        raise ParseError(f"not an XML-RPC response: {message.kind}")
    return message.values[0] if len(message.values) == 1 else message.values


def encode_response(value: Any) -> bytes:
    """Return the body that answers `value`.

    OverflowError, TypeError: as `xmlwrite.write_value`.
    """
    if isinstance(value, Listing):
        return b"".join(iter_encode(value))
    return f"{_RESPONSE_HEAD}{write_value(value)}{_RESPONSE_TAIL}".encode()


def iter_encode(value: Any) -> Iterator[bytes]:
    """Yield the body that answers `value` in pieces, a long listing chunk by chunk.

    An error of a later row comes when earlier rows are out already; a sender that
    wants to turn it into a fault collects the pieces first.
    """
    return encoded(iter_value(value), _RESPONSE_HEAD, _RESPONSE_TAIL)


def encode_fault(code: int, text: str) -> bytes:
    """Return the body of a fault. What XML cannot say of a text that is quoted is a question mark."""
    value = write_value({"faultCode": code, "faultString": re.sub(_NOT_IN_XML, "?", text)})
    return f"{_DECLARATION}<methodResponse>\n<fault>\n{value}\n</fault>\n</methodResponse>\n".encode()


def encode_request(method: str, params: Sequence[Any]) -> bytes:
    """Return the body of a call with positional parameters (`named.join_named` adds the others)."""
    values = "".join([f"<param>\n{write_value(value)}\n</param>\n" for value in params])
    return (
        f"{_DECLARATION}<methodCall>\n<methodName>{escape(method)}</methodName>\n"
        f"<params>\n{values}</params>\n</methodCall>\n"
    ).encode()


def _fault(message: Message) -> Fault:
    values = message.values
    if len(values) == 1 and isinstance(values[0], dict):
        code, text = values[0].get("faultCode"), values[0].get("faultString")
        if type(code) is int and isinstance(text, str):
            return Fault(code, text)
    raise ParseError("malformed fault")
