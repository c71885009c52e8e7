"""Exceptions as faults (spec: hub-protocol.md sections 1.8 and 1.9)."""

from __future__ import annotations

import re
import reprlib
import traceback
from collections.abc import Iterator
from typing import Any

from sqlalchemy.exc import DBAPIError

from moromi.errors import Fault, GenericError
from moromi_hub.settings import Settings

_SECRET = re.compile("passw|key|token|secret|environ|headers", re.IGNORECASE)


def unwrap(error: BaseException) -> BaseException:
    """The database's own exception instead of the library's wrapper."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig
    return error


def fault_of(error: BaseException, settings: Settings) -> tuple[int, str]:
    """Code and text that the wire shows for an exception."""
    error = unwrap(error)
    if isinstance(error, Fault):
        return error.faultCode, error.faultString
    if isinstance(error, GenericError):
        return error.faultCode, _traceback(error, settings) if settings.KojiDebug else message(error)
    if settings.KojiTraceback in ("normal", "extended"):
        return 1, _traceback(error, settings)
    return 1, f"{type(error)}: {message(error)}"


def message(error: BaseException) -> str:
    """The first argument of an exception as text; of what the system refuses, why, and no path of ours."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error.args[0]) if error.args else str(error)


def element_of(error: BaseException) -> dict[str, Any]:
    """What a failed element of a multicall looks like."""
    error = unwrap(error)
    if isinstance(error, Fault):
        return {"faultCode": error.faultCode, "faultString": error.faultString}
    code = error.faultCode if isinstance(error, GenericError) else 1
    return {
        "faultCode": code,
        "faultString": ", ".join(str(part) for part in error.args),
        "traceback": _traceback(error).splitlines(),
    }


def _traceback(error: BaseException, settings: Settings | None = None) -> str:
    text = "".join(traceback.format_exception(error))
    if settings is None or settings.KojiTraceback != "extended":
        return text
    return "\n".join([text, "Locals by frame, innermost last", *_locals(error), ""])


def _locals(error: BaseException) -> Iterator[str]:
    """The local variables of each frame, shortened; what is secret by its name is left out."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        yield f"\nFrame {frame.f_code.co_name} in {frame.f_code.co_filename} at line {line}"
        for name, value in frame.f_locals.items():
            shown = "***" if _SECRET.search(name) else reprlib.repr(value)
            yield f"{name:>20} = {shown}"
