"""What the scheduler remembers: runs, refusals, its log, and the named locks.

A lock is taken with a row lock on the named row of `locks`.
"""

from sqlalchemy import Boolean, Column, Index, Table, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB

from .base import Timestamp, metadata, reference, serial_id

scheduler_task_runs = Table(
    "scheduler_task_runs",
    metadata,
    serial_id(),
    reference("task_id", "task.id"),
    reference("host_id", "host.id"),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("create_time", Timestamp, nullable=False, server_default=func.now()),
    Index("scheduler_task_runs_create_time", "create_time"),
    Index("scheduler_task_runs_host", "host_id"),
    Index("scheduler_task_runs_task", "task_id"),
)

scheduler_host_data = Table(
    "scheduler_host_data",
    metadata,
    reference("host_id", "host.id", primary_key=True),
    Column("data", JSONB),
)

scheduler_sys_data = Table(
    "scheduler_sys_data",
    metadata,
    Column("name", Text, primary_key=True),
    Column("data", JSONB),
)

scheduler_task_refusals = Table(
    "scheduler_task_refusals",
    metadata,
    serial_id(),
    reference("task_id", "task.id"),
    reference("host_id", "host.id"),
    Column("by_host", Boolean, nullable=False),
    Column("soft", Boolean, nullable=False, server_default=text("false")),
    Column("msg", Text),
    Column("time", Timestamp, nullable=False, server_default=func.now()),
    UniqueConstraint("task_id", "host_id"),
)

scheduler_log_messages = Table(
    "scheduler_log_messages",
    metadata,
    serial_id(),
    reference("task_id", "task.id", nullable=True),
    reference("host_id", "host.id", nullable=True),
    Column("msg_time", Timestamp, nullable=False, server_default=func.now()),
    Column("msg", Text, nullable=False),
)

locks = Table(
    "locks",
    metadata,
    Column("name", Text, primary_key=True),
)
