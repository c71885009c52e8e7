"""LISTEN on the channel of push messages: what those that hear them have in common."""

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

RETRY_SECONDS = 1.0
"""How long to wait before a lost database is tried again."""
CHECK_SECONDS = 30.0
"""After so long a silence a connection is checked: it may be a dead one."""


def connect(engine: Engine, application: str) -> Any:
    """A psycopg2 connection of its own that listens. Raises psycopg2.Error."""
    arguments, keywords = engine.dialect.create_connect_args(engine.url)
    connection = psycopg2.connect(*arguments, **keywords, application_name=application)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'LISTEN "{PUSH_CHANNEL}"')
    except BaseException:
        connection.close()
        raise
    return connection


def check(connection: Any) -> None:
    """Raise psycopg2.Error if the connection is dead."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def take(connection: Any, publish: Callable[[dict[str, Any]], None]) -> None:
    """Hand the messages that have arrived to `publish`.

    Anybody who may write to the database may notify, so an odd message is logged and left out.
    """
    connection.poll()
    for note in connection.notifies:
        try:
            publish(json.loads(note.payload))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("odd push message %r: %r", note.payload[:200], error)
    connection.notifies.clear()


class Listener:
    """Hands every message to `publish` until `stop`, in a thread without an event loop.

    Calls `listening` whenever it begins to hear, when messages may have been missed, and `deaf` when it
    stops hearing.
    """

    def __init__(
        self,
        engine: Engine,
        application: str,
        publish: Callable[[dict[str, Any]], None],
        listening: Callable[[], None],
        deaf: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._application = application
        self._publish = publish
        self._listening = listening
        self._deaf = deaf
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
                    select.select([self._wake_read], [], [], RETRY_SECONDS)
        finally:
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _listen(self) -> None:
        connection = connect(self._engine, self._application)
        try:
            self._listening()
            while not self._stopped:
                readable, _, _ = select.select([connection, self._wake_read], [], [], CHECK_SECONDS)
                if not readable:
                    check(connection)
                take(connection, self._publish)
        finally:
            self._deaf()
            connection.close()
