"""Logging as `LogLevel` and `LogFormat` say (spec: hub-protocol.md section 6.2)."""

from __future__ import annotations

import logging

from moromi.errors import ConfigurationError
from moromi_hub.settings import Settings

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def configure(settings: Settings) -> None:
    """Log to standard error. Raises ConfigurationError `Invalid log level: …`."""
    logging.basicConfig(format=settings.LogFormat)
    root = logging.getLogger("moromi_hub")
    root.setLevel(logging.DEBUG if settings.KojiDebug else logging.WARNING)
    for item in settings.LogLevel.split():
        name, _, level = item.rpartition(":")
        if level not in _LEVELS:
            raise ConfigurationError(f"Invalid log level: {level}")
        logger = logging.getLogger(f"moromi_hub.{name.lstrip('.')}") if name else root
        logger.setLevel(level)
