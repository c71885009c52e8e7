"""The engine: one connection pool a process, with what every connection needs set once."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL

# Long listings are the large statements here. They are always read to their end, so a plan that only gets to
# the first rows soon is a bad one; and their sorts should not go through files.
_OPTIONS = (
    "-c timezone=UTC",
    "-c lock_timeout=60s",
    "-c idle_in_transaction_session_timeout=600s",
    "-c cursor_tuple_fraction=1.0",
    "-c work_mem=32MB",
)


def make_engine(dsn: URL | str, *, pool_size: int = 8, application: str = "moromi-hub") -> Engine:
    """An engine for the hub's processes.

    Sessions speak UTC (times on the wire carry the zone of the database
    session) and give up waiting for a lock after a minute, so that a stuck
    transaction is an error somewhere instead of a silent queue everywhere.
    """
    return create_engine(
        dsn,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_recycle=1800,
        json_serializer=_dump_json,
        connect_args={
            "application_name": application,
            "options": " ".join(_OPTIONS),
        },
    )


def _dump_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
