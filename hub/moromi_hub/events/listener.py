"""LISTEN on the database inside an event loop, through outages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import psycopg2
from sqlalchemy import Engine

from moromi_hub import push

log = logging.getLogger(__name__)


async def listen(engine: Engine, publish: Callable[[dict[str, Any]], None], lost: Callable[[], None]) -> None:
    """Hand every message to `publish`, for ever; call `lost` when some may have been missed."""
    while True:
        try:
            await _listen_once(engine, publish, lost)
        except (psycopg2.Error, OSError) as error:
            log.warning("lost the database: %s", error)
            lost()
        await asyncio.sleep(push.RETRY_SECONDS)


async def _listen_once(
    engine: Engine, publish: Callable[[dict[str, Any]], None], lost: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    connection = await loop.run_in_executor(None, push.connect, engine, "moromi-events")
    # streams that were opened since the last connection was lost have heard nothing either
    lost()
    readable = asyncio.Event()
    loop.add_reader(connection.fileno(), readable.set)
    try:
        while True:
            try:
                await asyncio.wait_for(readable.wait(), push.CHECK_SECONDS)
            except TimeoutError:
                await loop.run_in_executor(None, push.check, connection)
            readable.clear()
            push.take(connection, publish)
    finally:
        loop.remove_reader(connection.fileno())
        connection.close()
