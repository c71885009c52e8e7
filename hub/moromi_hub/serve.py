"""`moromi-hub serve`: a whole hub in one command.

It starts the embedded database where no other is configured, makes the schema on
the first run, and keeps the web server, the worker and the push service running:
`moromi_hub.parts` has what each of them does, also alone and on other machines.
"""

from __future__ import annotations

import functools
import logging
import signal
from pathlib import Path

from moromi_hub import parts
from moromi_hub import settings as configuration
from moromi_hub.db.embedded import EmbeddedPostgres, EmbeddedPostgresError
from moromi_hub.db.engine import make_engine
from moromi_hub.processes import Supervisor
from moromi_hub.settings import Settings
from moromi_schema import upgrade

log = logging.getLogger(__name__)


def serve(config: Path, *, worker: bool = True, events: bool = True) -> None:
    """Run until SIGTERM or SIGINT; everything that was started is ended."""
    settings = configuration.load(config)
    for listen in filter(None, (settings.Listen, settings.PushListen if events else None)):
        parts.address(listen)
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
        wanted = {"web": parts.web}
        if events and settings.PushListen:
            wanted["events"] = parts.events
        if worker:
            wanted["worker"] = parts.worker
        parts.load_all()
        for name, run in wanted.items():
            supervisor.add(f"moromi-hub {name} --config {config}", functools.partial(run, config))
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
