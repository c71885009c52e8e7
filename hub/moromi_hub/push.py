"""LISTEN on the channel of push messages: what the worker and the push service have in common."""

from __future__ import annotations

import json
import logging
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
