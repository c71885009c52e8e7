"""The call at work, for plugins written for Koji: their functions take no `call`.

Only the package `kojihub` (in `plugins/compat`) looks here. It is set while such a
function runs and at no other time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from moromi.errors import Fault, GenericError, from_fault
from moromi_hub.call import Call

_current: ContextVar[Call | None] = ContextVar("moromi_hub_call", default=None)


@contextmanager
def running(call: Call) -> Iterator[None]:
    """Hold the call. Exceptions of Koji's own classes leave the block as ours of the same code and text."""
    token = _current.set(call)
    try:
        yield
    except Exception as error:
        code = getattr(error, "faultCode", None)
        if not isinstance(code, int) or isinstance(error, (GenericError, Fault)):
            raise
        text = getattr(error, "faultString", None) or (error.args[0] if error.args else error)
        raise from_fault(code, str(text)) from error
    finally:
        _current.reset(token)


def current_call() -> Call:
    """The call at work. Raises RuntimeError outside of a plugin's functions."""
    call = _current.get()
    if call is None:
        raise RuntimeError("no call is at work: this can only be used in functions that the hub calls")
    return call
