"""Tags: sets of builds, what they inherit, and which packages they accept.

All but `tag` and `tag_updates` are versioned.
"""

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, UniqueConstraint, func, text

from .base import metadata, reference, serial_id, versioned

tag = Table(
    "tag",
    metadata,
    serial_id(),
    Column("name", Text, nullable=False),
    UniqueConstraint("name"),
)

tag_config = Table(
    "tag_config",
    metadata,
    reference("tag_id", "tag.id"),
    Column("arches", Text),
    reference("perm_id", "permissions.id", nullable=True),
    Column("locked", Boolean, nullable=False, server_default=text("false")),
    Column("maven_support", Boolean, nullable=False, server_default=text("false")),
    Column("maven_include_all", Boolean, nullable=False, server_default=text("false")),
    *versioned("tag_config", "tag_id"),
)

tag_extra = Table(
    "tag_extra",
    metadata,
    reference("tag_id", "tag.id"),
    Column("key", Text, nullable=False),
    Column("value", Text),
    *versioned("tag_extra", "tag_id", "key"),
)

tag_inheritance = Table(
    "tag_inheritance",
    metadata,
    reference("tag_id", "tag.id"),
    reference("parent_id", "tag.id"),
    Column("priority", Integer, nullable=False),
    Column("maxdepth", Integer),
    Column("intransitive", Boolean, nullable=False, server_default=text("false")),
    Column("noconfig", Boolean, nullable=False, server_default=text("false")),
    Column("pkg_filter", Text),
    *versioned("tag_inheritance", "tag_id", "priority", also_unique=(("tag_id", "parent_id"),)),
    Index("tag_inheritance_by_parent", "parent_id"),
)

tag_packages = Table(
    "tag_packages",
    metadata,
    reference("package_id", "package.id"),
    reference("tag_id", "tag.id"),
    Column("blocked", Boolean, nullable=False, server_default=text("false")),
    Column("extra_arches", Text),
    *versioned("tag_packages", "package_id", "tag_id"),
    Index("tag_packages_active_tag_id", "active", "tag_id"),
    Index("tag_packages_create_event", "create_event"),
    Index("tag_packages_revoke_event", "revoke_event"),
)

tag_package_owners = Table(
    "tag_package_owners",
    metadata,
    reference("package_id", "package.id"),
    reference("tag_id", "tag.id"),
    reference("owner", "users.id"),
    *versioned("tag_package_owners", "package_id", "tag_id"),
)

tag_listing = Table(
    "tag_listing",
    metadata,
    reference("build_id", "build.id"),
    reference("tag_id", "tag.id"),
    *versioned("tag_listing", "build_id", "tag_id"),
    Index("tag_listing_tag_id_key", "tag_id"),
)

tag_updates = Table(
    "tag_updates",
    metadata,
    serial_id(),
    reference("tag_id", "tag.id"),
    reference("update_event", "events.id", server_default=func.get_event()),
    reference("updater_id", "users.id"),
    Column("update_type", Integer, nullable=False),
    Index("tag_updates_by_event", "update_event"),
    Index("tag_updates_by_tag", "tag_id"),
)
