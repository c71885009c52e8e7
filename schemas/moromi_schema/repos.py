"""Repositories generated from tags, and the queue of requests for them."""

from sqlalchemy import Boolean, CheckConstraint, Column, Integer, Table, func, text
from sqlalchemy.dialects.postgresql import JSONB

from .base import Timestamp, metadata, reference, serial_id

repo = Table(
    "repo",
    metadata,
    serial_id(),
    Column("creation_time", Timestamp, server_default=func.now()),
    reference("create_event", "events.id", server_default=func.get_event()),
    Column("state_time", Timestamp, server_default=func.now()),
    reference("begin_event", "events.id", nullable=True),
    reference("end_event", "events.id", nullable=True),
    reference("tag_id", "tag.id"),
    Column("state", Integer),
    Column("dist", Boolean, server_default=text("false")),
    Column("opts", JSONB),
    Column("custom_opts", JSONB),
    reference("task_id", "task.id", nullable=True),
)

repo_queue = Table(
    "repo_queue",
    metadata,
    serial_id(),
    Column("create_time", Timestamp, nullable=False, server_default=func.now()),
    reference("owner", "users.id"),
    Column("priority", Integer, nullable=False),
    reference("tag_id", "tag.id"),
    reference("at_event", "events.id", nullable=True),
    reference("min_event", "events.id", nullable=True),
    Column("opts", JSONB, nullable=False),
    Column("update_time", Timestamp, nullable=False, server_default=func.now()),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    reference("task_id", "task.id", nullable=True),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    reference("repo_id", "repo.id", nullable=True),
    CheckConstraint("at_event IS NULL OR min_event IS NULL", name="only_one_event"),
    CheckConstraint("NOT active OR repo_id IS NULL", name="active_sane"),
)
