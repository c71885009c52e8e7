"""Builders and the channels they take tasks from.

`host` keeps what changes at every check-in (load, readiness, time); what people configure is versioned in
`host_config` and `host_channels`.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from .base import Timestamp, metadata, reference, serial_id, versioned

channels = Table(
    "channels",
    metadata,
    serial_id(),
    Column("name", String(128), nullable=False),
    Column("description", Text),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("comment", Text),
    UniqueConstraint("name"),
)

host = Table(
    "host",
    metadata,
    serial_id(),
    reference("user_id", "users.id"),
    Column("name", String(128), nullable=False),
    Column("update_time", Timestamp),
    Column("task_load", Double, nullable=False, server_default=text("0.0")),
    Column("ready", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("name"),
    CheckConstraint("task_load >= 0", name="host_task_load_check"),
)

host_config = Table(
    "host_config",
    metadata,
    reference("host_id", "host.id"),
    Column("arches", Text),
    Column("capacity", Double, nullable=False, server_default=text("2.0")),
    Column("description", Text),
    Column("comment", Text),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    *versioned("host_config", "host_id"),
    CheckConstraint("capacity > 1", name="host_config_capacity_check"),
    Index("host_config_by_active_and_enabled", "active", "enabled"),
)

host_channels = Table(
    "host_channels",
    metadata,
    reference("host_id", "host.id"),
    reference("channel_id", "channels.id"),
    *versioned("host_channels", "host_id", "channel_id"),
)
