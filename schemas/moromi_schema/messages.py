"""The backlog of the message plugin (its table is part of every Koji database)."""

from sqlalchemy import Column, Table, Text, func
from sqlalchemy.dialects.postgresql import JSON

from .base import Timestamp, metadata, serial_id

proton_queue = Table(
    "proton_queue",
    metadata,
    serial_id(),
    Column("created_ts", Timestamp, server_default=func.now()),
    Column("address", Text, nullable=False),
    Column("props", JSON, nullable=False),
    Column("body", JSON, nullable=False),
)
