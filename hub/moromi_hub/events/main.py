"""Run the push service."""

from __future__ import annotations

from granian.constants import Interfaces
from granian.server import Server

from moromi.errors import ConfigurationError
from moromi_hub.settings import Settings


def run(settings: Settings) -> None:
    """Serve the streams on `PushListen` until SIGTERM. The environment names the configuration file."""
    if not settings.PushListen:
        raise ConfigurationError("PushListen is not set: there is no push service to run")
    host, _, port = settings.PushListen.rpartition(":")
    Server(
        "moromi_hub.events.app:make_application",
        address=host,
        port=int(port),
        interface=Interfaces.ASGI,
        factory=True,
        workers=1,
        log_access=False,
        backlog=4096,
    ).serve()
