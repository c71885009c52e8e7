"""Logging as `LogLevel` and `LogFormat` say (spec: hub-protocol.md section 6.2).

A format may name the request that a line is about: `method`, `user_id`, `user_name`,
`session_id`, `callnum`, `remoteaddr`. Only log lines learn of it this way; code is passed its `Call`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from moromi.errors import ConfigurationError
from moromi_hub.settings import Settings

if TYPE_CHECKING:
    from moromi_hub.call import Call

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_TREES = ("moromi_hub", "koji")
"""Our loggers, and those of plugins that were written for Koji."""

_call: ContextVar[Call | None] = ContextVar("moromi_hub_logged_call", default=None)


def configure(settings: Settings) -> None:
    """Log to standard error. Raises ConfigurationError `Invalid log level: …`."""
    logging.basicConfig(format=settings.LogFormat)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_with_request)
    for tree in _TREES:
        logging.getLogger(tree).setLevel(logging.DEBUG if settings.KojiDebug else logging.WARNING)
    for item in settings.LogLevel.split():
        name, _, level = item.rpartition(":")
        if level not in _LEVELS:
            raise ConfigurationError(f"Invalid log level: {level}")
        below = name.lstrip(".")
        below = "" if below == "koji" else below.removeprefix("koji.")
        for tree in _TREES:
            logging.getLogger(f"{tree}.{below}" if below else tree).setLevel(level)


@contextmanager
def about(call: Call) -> Iterator[None]:
    """Log lines of the block are about this request."""
    token = _call.set(call)
    try:
        yield
    finally:
        _call.reset(token)


def _with_request(record: logging.LogRecord) -> bool:
    """Give a line the fields of its request; a dash for what it has not."""
    call = _call.get()
    session = None if call is None else call.session
    record.method = "-" if call is None else call.method
    record.remoteaddr = "-" if call is None else call.remote_address
    record.user_id = "-" if session is None else session.user_id
    record.user_name = "-" if session is None else session.user_name
    record.session_id = "-" if session is None else session.id
    record.callnum = "-" if session is None else session.received
    return True
