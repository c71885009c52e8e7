"""Package groups of a tag (comps): `build`, `srpm-build` and what sites define."""

from sqlalchemy import Boolean, Column, String, Table, Text, UniqueConstraint, text

from .base import metadata, reference, serial_id, versioned

groups = Table(
    "groups",
    metadata,
    serial_id(),
    Column("name", String(50), nullable=False),
    UniqueConstraint("name"),
)

group_config = Table(
    "group_config",
    metadata,
    reference("group_id", "groups.id"),
    reference("tag_id", "tag.id"),
    Column("blocked", Boolean, nullable=False, server_default=text("false")),
    Column("exported", Boolean, server_default=text("true")),
    Column("display_name", Text, nullable=False),
    Column("is_default", Boolean),
    Column("uservisible", Boolean),
    Column("description", Text),
    Column("langonly", Text),
    Column("biarchonly", Boolean),
    *versioned("group_config", "group_id", "tag_id"),
)

group_package_listing = Table(
    "group_package_listing",
    metadata,
    reference("group_id", "groups.id"),
    reference("tag_id", "tag.id"),
    Column("package", Text, nullable=False),
    Column("blocked", Boolean, nullable=False, server_default=text("false")),
    Column("type", String(25), nullable=False),
    Column("basearchonly", Boolean),
    Column("requires", Text),
    *versioned("group_package_listing", "group_id", "tag_id", "package"),
)

group_req_listing = Table(
    "group_req_listing",
    metadata,
    reference("group_id", "groups.id"),
    reference("tag_id", "tag.id"),
    reference("req_id", "groups.id"),
    Column("blocked", Boolean, nullable=False, server_default=text("false")),
    Column("type", String(25)),
    Column("is_metapkg", Boolean, nullable=False, server_default=text("false")),
    *versioned("group_req_listing", "group_id", "tag_id", "req_id"),
)
