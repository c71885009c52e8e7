"""LISTEN for push messages in a process without an event loop."""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Callable
from typing import Any

import psycopg2
from sqlalchemy import Engine

from moromi_hub import push

log = logging.getLogger(__name__)


class Listener:
    """Hands every message to `publish` until `stop`; calls `lost` when some may have been missed."""

    def __init__(
        self, engine: Engine, publish: Callable[[dict[str, Any]], None], lost: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._publish = publish
        self._lost = lost
        self._wake_read, self._wake_write = os.pipe()
        self._stopped = False

    def stop(self) -> None:
        """Make `run` return; safe in a signal handler."""
        if not self._stopped:
            # in this order: `run` closes the pipe when it sees the flag
            os.write(self._wake_write, b"x")
            self._stopped = True

    def run(self) -> None:
        """Listen through outages of the database."""
        try:
            while not self._stopped:
                try:
                    self._listen()
                except (psycopg2.Error, OSError) as error:
                    log.warning("lost the database: %s", error)
                    select.select([self._wake_read], [], [], push.RETRY_SECONDS)
        finally:
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _listen(self) -> None:
        connection = push.connect(self._engine, "moromi-worker")
        try:
            self._lost()
            while not self._stopped:
                readable, _, _ = select.select([connection, self._wake_read], [], [], push.CHECK_SECONDS)
                if not readable:
                    push.check(connection)
                push.take(connection, self._publish)
        finally:
            connection.close()
