"""LISTEN for push messages in a process without an event loop."""

from __future__ import annotations

import json
import logging
import os
import select
from collections.abc import Callable
from typing import Any

import psycopg2
from sqlalchemy import Engine

from moromi_hub.db.transaction import PUSH_CHANNEL

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_CHECK_SECONDS = 30.0


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
                    select.select([self._wake_read], [], [], _RETRY_SECONDS)
        finally:
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _listen(self) -> None:
        arguments, keywords = self._engine.dialect.create_connect_args(self._engine.url)
        connection = psycopg2.connect(*arguments, **keywords, application_name="moromi-worker")
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f'LISTEN "{PUSH_CHANNEL}"')
            self._lost()
            while not self._stopped:
                readable, _, _ = select.select([connection, self._wake_read], [], [], _CHECK_SECONDS)
                if not readable:
                    with connection.cursor() as cursor:  # a silent connection may be a dead one
                        cursor.execute("SELECT 1")
                connection.poll()
                for note in connection.notifies:
                    self._take(note.payload)
                connection.notifies.clear()
        finally:
            connection.close()

    def _take(self, payload: str) -> None:
        """Anybody who may write to the database may notify, so a message is checked before it is used."""
        try:
            message = json.loads(payload)
            self._publish(message)
        except (ValueError, TypeError, KeyError) as error:
            log.warning("odd push message %r: %r", payload[:200], error)
