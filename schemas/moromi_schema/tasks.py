"""Tasks: the work that the hub hands to builders.

State numbers are those of `moromi.constants.TaskState`. `task_parent_label_key` is what makes a labelled
subtask idempotent: a parent that asks twice for one label gets the first task again.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from .base import Timestamp, metadata, reference, serial_id

task = Table(
    "task",
    metadata,
    serial_id(),
    Column("state", Integer),
    Column("create_time", Timestamp, nullable=False, server_default=func.now()),
    Column("start_time", Timestamp),
    Column("completion_time", Timestamp),
    reference("channel_id", "channels.id"),
    reference("host_id", "host.id", nullable=True),
    reference("parent", "task.id", nullable=True),
    Column("label", String(255)),
    Column("waiting", Boolean),
    Column("awaited", Boolean),
    reference("owner", "users.id"),
    Column("method", Text),
    Column("request", Text),
    Column("result", Text),
    Column("eta", Integer),
    Column("arch", String(16), nullable=False),
    Column("priority", Integer),
    Column("weight", Double, nullable=False, server_default=text("1.0")),
    UniqueConstraint("parent", "label"),
    CheckConstraint("parent IS NOT NULL OR label IS NULL", name="parent_label_sane"),
    CheckConstraint("weight >= 0", name="task_weight_check"),
    Index("task_by_host", "host_id"),
    Index(
        "task_by_no_parent_state_method",
        "parent",
        "state",
        "method",
        postgresql_where=text("parent IS NULL"),
    ),
    Index("task_by_state", "state"),
)
