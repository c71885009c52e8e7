"""`moromi-hub serve`: a whole hub in one command.

It starts the embedded database where no other is configured, makes the schema on
the first run, and keeps the web server, the worker and the push service running.
Each of them can also be run alone, on other machines (`moromi-hub web`,
`worker`, `events`), with the same configuration file.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.server import Server

from moromi_hub import settings as configuration
from moromi_hub.db.embedded import EmbeddedPostgres, EmbeddedPostgresError
from moromi_hub.db.engine import make_engine
from moromi_hub.processes import Supervisor
from moromi_hub.settings import CONFIG_VARIABLE, Settings
from moromi_schema import upgrade

log = logging.getLogger(__name__)


def serve(config: Path, *, worker: bool = True, events: bool = True) -> None:
    """Run until SIGTERM or SIGINT; everything that was started is ended."""
    settings = configuration.load(config)
    settings.topdir.mkdir(parents=True, exist_ok=True)
    database = None
    supervisor = Supervisor()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, supervisor.request_stop)
    if settings.EmbeddedDatabase and not (settings.DBName or settings.DBConnectionString):
        database = EmbeddedPostgres(Path(settings.EmbeddedDatabase))
        database.start()
        supervisor.watches.append(lambda: _keep_running(database))
    try:
        prepare_database(settings)
        supervisor.add("web", _command("web", config))
        if events and settings.PushListen:
            supervisor.add("events", _command("events", config))
        if worker:
            supervisor.add("worker", _command("worker", config))
        supervisor.run()
    finally:
        if database is not None:
            database.stop()


def _keep_running(database: EmbeddedPostgres) -> None:
    """Start the database again when it has died; calls meanwhile are answered with a fault to retry."""
    if database.running:
        return
    log.error("the database has ended; starting it again")
    try:
        database.start()
    except EmbeddedPostgresError:
        log.exception("the database does not start")


def prepare_database(settings: Settings) -> None:
    """Make or upgrade the schema."""
    engine = make_engine(settings.dsn)
    try:
        upgrade.upgrade(engine)
    finally:
        engine.dispose()


def web(config: Path) -> None:
    """Run the web server alone."""
    settings = configuration.load(config)
    os.environ[CONFIG_VARIABLE] = str(config)
    host, _, port = settings.Listen.rpartition(":")
    options: dict[str, Any] = {
        "interface": Interfaces.WSGI,
        "workers": settings.Workers,
        "blocking_threads": settings.Threads,
        "respawn_failed_workers": True,
        "workers_kill_timeout": 10,
        "log_access": False,
        "backlog": 1024,
    }
    Server("moromi_hub.wsgi:application", address=host, port=int(port), **options).serve()


def _command(name: str, config: Path) -> list[str]:
    return [sys.executable, "-m", "moromi_hub.admin", name, "--config", str(config)]
