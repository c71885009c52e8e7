"""The programs that make up a hub: web server, push service, worker.

`moromi-hub serve` runs them as children; `moromi-hub web`, `events` and `worker`
run one alone. Each reads the configuration file and works until SIGTERM.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.server import Server

from moromi.errors import ConfigurationError
from moromi_hub import logs
from moromi_hub import settings as configuration
from moromi_hub.processes import begin_child
from moromi_hub.rpc.registry import Registry

_STOP_SECONDS = 10
"""How long an open request may hold up the end of a web server."""


def load_all() -> None:
    """Import what the parts need, before processes are forked which would each import it again."""
    Registry.load()
    for name in ("psycopg2", "moromi_hub.app", "moromi_hub.events.app", "moromi_hub.worker.main"):
        importlib.import_module(name)


def web(config: Path) -> None:
    """The web server: the calls and the file tree."""
    settings = configuration.load(config)
    load_all()

    def application() -> Any:
        from moromi_hub.app import load_application

        return load_application(config)

    options: dict[str, Any] = {
        "interface": Interfaces.WSGI,
        "workers": settings.Workers,
        "blocking_threads": settings.Threads,
        "respawn_failed_workers": True,
        "websockets": False,
        "backlog": 1024,
        "workers_kill_timeout": _STOP_SECONDS,
    }
    _serve(settings.Listen, application, options)


def events(config: Path) -> None:
    """The push service. Raises ConfigurationError unless `PushListen` is set."""
    settings = configuration.load(config)
    logs.configure(settings)
    if not settings.PushListen:
        raise ConfigurationError("PushListen is not set: there is no push service to run")

    def application() -> Any:
        from moromi_hub.events.app import make_application

        return make_application(settings)

    # Streams have no end to wait for: whoever listens connects again.
    options = {"interface": Interfaces.ASGI, "workers": 1, "backlog": 4096, "workers_kill_timeout": 1}
    _serve(settings.PushListen, application, options)


def worker(config: Path) -> None:
    """The background worker."""
    from moromi_hub.worker import main

    settings = configuration.load(config)
    logs.configure(settings)
    main.run(settings)


def address(listen: str) -> tuple[str, int]:
    """Host and port of `Listen` or `PushListen`.

    Raises ConfigurationError where that is something else, or nobody can listen there; the server itself
    would show where in its machine code it found out.
    """
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigurationError(f"{listen} is no address to listen on: host:port is wanted")
    try:
        family, *_, where = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        raise ConfigurationError(f"Nobody can listen on {listen}: {error.strerror}") from None
    return host, int(port)


def _serve(listen: str, application: Callable[[], Any], options: dict[str, Any]) -> None:
    """Serve what `application` makes in each worker process, which ends with this one."""
    parent = os.getpid()

    def load() -> Any:
        begin_child(parent)
        # Between the fork and here, a signal was the server's own handler's.
        if server.interrupt_signal:
            sys.exit(0)
        return application()

    host, port = address(listen)
    # the name of the target is shown only: `load` has it
    server = Server("moromi_hub", host, port, log_access=False, **options)
    server.serve(target_loader=load, wrap_loader=False)
