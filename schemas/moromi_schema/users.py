"""People, their permissions and their sessions.

`users` holds people, builders and groups of people alike (usertype 0, 1, 2), so a name is unique over all
three. `sessions.key` is varchar(255) and holds the hex SHA-256 of the key that the client was given (64
characters), never the key itself; a subsession names its parent in `master`.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from .base import Timestamp, metadata, reference, serial_id, versioned

users = Table(
    "users",
    metadata,
    serial_id(),
    Column("name", String(255), nullable=False),
    Column("password", String(255)),
    Column("status", Integer, nullable=False),
    Column("usertype", Integer, nullable=False),
    UniqueConstraint("name"),
)

user_krb_principals = Table(
    "user_krb_principals",
    metadata,
    reference("user_id", "users.id", primary_key=True),
    Column("krb_principal", String(255), primary_key=True),
    UniqueConstraint("krb_principal"),
)

permissions = Table(
    "permissions",
    metadata,
    serial_id(),
    Column("name", String(50), nullable=False),
    Column("description", Text),
    UniqueConstraint("name"),
)

user_perms = Table(
    "user_perms",
    metadata,
    reference("user_id", "users.id"),
    reference("perm_id", "permissions.id"),
    *versioned("user_perms", "user_id", "perm_id"),
)

user_groups = Table(
    "user_groups",
    metadata,
    reference("user_id", "users.id"),
    reference("group_id", "users.id"),
    *versioned("user_groups", "user_id", "group_id"),
)

sessions = Table(
    "sessions",
    metadata,
    serial_id(),
    reference("user_id", "users.id"),
    Column("expired", Boolean, nullable=False, server_default=text("false")),
    reference("master", "sessions.id", nullable=True),
    Column("key", String(255)),
    Column("authtype", Integer),
    Column("hostip", String(255)),
    Column("callnum", Integer),
    Column("start_time", Timestamp, nullable=False, server_default=func.now()),
    Column("update_time", Timestamp, nullable=False, server_default=func.now()),
    Column("exclusive", Boolean),
    Column("closed", Boolean, nullable=False, server_default=text("false")),
    Column("renew_time", Timestamp),
    UniqueConstraint("user_id", "exclusive"),
    CheckConstraint("exclusive", name="sessions_exclusive_check"),
    CheckConstraint("master IS NULL OR exclusive IS NULL", name="no_exclusive_subsessions"),
    CheckConstraint("NOT closed OR exclusive IS NULL", name="no_closed_exclusive"),
    Index(
        "sessions_active_and_recent",
        "expired",
        "master",
        "update_time",
        postgresql_where=text("expired = FALSE AND master IS NULL"),
    ),
    Index("sessions_expired", "expired"),
    Index("sessions_master", "master"),
)
