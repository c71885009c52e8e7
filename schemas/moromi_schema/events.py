"""Time: one row per change, and what every versioned row counts by.

An event is a number with a moment. Versioned rows (see `versioned`) name the event that made them and the
one that revoked them, so that any past state of a tag can be asked for (spec: data-model, "one event per
call"). The two SQL functions are part of the shape of a Koji database: `get_event()` is the column default
of every `create_event`, so it must exist before the tables that use it and after `events`.
"""

from sqlalchemy import Column, String, Table, UniqueConstraint, func

from .base import Timestamp, metadata, reference, serial_id

events = Table(
    "events",
    metadata,
    serial_id(),
    Column("time", Timestamp, nullable=False, server_default=func.clock_timestamp()),
)

event_labels = Table(
    "event_labels",
    metadata,
    reference("event_id", "events.id"),
    Column("label", String(255), nullable=False),
    UniqueConstraint("label"),
)

# Name and argument types of the SQL functions; `check` looks for them, the first revision creates them.
FUNCTIONS = {"get_event": "", "get_event_time": "integer"}
