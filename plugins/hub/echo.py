"""Logs every callback with its arguments, for those who write plugins."""

from __future__ import annotations

import logging
from typing import Any

from moromi.plugins import HUB_CALLBACKS
from moromi_hub.plugin_api import Call, callback, ignore_error

log = logging.getLogger("moromi_hub.plugins.echo")


@callback(*HUB_CALLBACKS)
@ignore_error
def echo(call: Call, kind: str, /, **arguments: Any) -> None:
    """One line, at the level `INFO`."""
    log.info("%s in %s: %r", kind, call.method, arguments)
