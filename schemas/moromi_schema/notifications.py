"""Who wants mail about which builds, and who does not."""

from sqlalchemy import Boolean, Column, Table, Text, text

from .base import metadata, reference, serial_id

build_notifications = Table(
    "build_notifications",
    metadata,
    serial_id(),
    reference("user_id", "users.id"),
    reference("package_id", "package.id", nullable=True),
    reference("tag_id", "tag.id", nullable=True),
    Column("success_only", Boolean, nullable=False, server_default=text("false")),
    Column("email", Text, nullable=False),
)

build_notifications_block = Table(
    "build_notifications_block",
    metadata,
    serial_id(),
    reference("user_id", "users.id"),
    reference("package_id", "package.id", nullable=True),
    reference("tag_id", "tag.id", nullable=True),
)
