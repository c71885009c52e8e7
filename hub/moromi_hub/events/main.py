"""Run the push service."""

from __future__ import annotations

import os
from pathlib import Path

from granian.constants import Interfaces
from granian.server import Server

from moromi.errors import ConfigurationError
from moromi_hub import logs
from moromi_hub import settings as configuration


def run(config: Path) -> None:
    """Serve the streams on `PushListen` until SIGTERM."""
    settings = configuration.load(config)
    logs.configure(settings)
    if not settings.PushListen:
        raise ConfigurationError("PushListen is not set: there is no push service to run")
    # the worker process of the server reads the file again
    os.environ[configuration.CONFIG_VARIABLE] = str(config)
    host, _, port = settings.PushListen.rpartition(":")
    Server(
        "moromi_hub.events.app:make_application",
        address=host,
        port=int(port),
        interface=Interfaces.ASGI,
        factory=True,
        workers=1,
        # streams never end by themselves
        workers_kill_timeout=1,
        log_access=False,
        backlog=4096,
    ).serve()
