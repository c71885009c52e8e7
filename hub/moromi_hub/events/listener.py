"""LISTEN on the database inside an event loop, through outages."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import psycopg2
from sqlalchemy import Engine

from moromi_hub.db.transaction import PUSH_CHANNEL

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_CHECK_SECONDS = 30.0


async def listen(engine: Engine, publish: Callable[[dict[str, Any]], None], lost: Callable[[], None]) -> None:
    """Hand every message to `publish`, for ever; call `lost` when some may have been missed."""
    while True:
        try:
            await _listen_once(engine, publish)
        except (psycopg2.Error, OSError) as error:
            log.warning("lost the database: %s", error)
        lost()
        await asyncio.sleep(_RETRY_SECONDS)


async def _listen_once(engine: Engine, publish: Callable[[dict[str, Any]], None]) -> None:
    loop = asyncio.get_running_loop()
    connection = await loop.run_in_executor(None, _connect, engine)
    readable = asyncio.Event()
    loop.add_reader(connection.fileno(), readable.set)
    try:
        while True:
            try:
                await asyncio.wait_for(readable.wait(), _CHECK_SECONDS)
            except TimeoutError:
                # a silent connection may be a dead one
                await loop.run_in_executor(None, _check, connection)
            readable.clear()
            connection.poll()
            for note in connection.notifies:
                publish(json.loads(note.payload))
            connection.notifies.clear()
    finally:
        loop.remove_reader(connection.fileno())
        connection.close()


def _connect(engine: Engine) -> Any:
    arguments, keywords = engine.dialect.create_connect_args(engine.url)
    connection = psycopg2.connect(*arguments, **keywords, application_name="moromi-events")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'LISTEN "{PUSH_CHANNEL}"')
    return connection


def _check(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
