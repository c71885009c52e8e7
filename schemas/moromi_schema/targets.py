"""Build targets: from which tag a buildroot is made, and into which tag a build goes."""

from sqlalchemy import Column, Table, Text, UniqueConstraint

from .base import metadata, reference, serial_id, versioned

build_target = Table(
    "build_target",
    metadata,
    serial_id(),
    Column("name", Text, nullable=False),
    UniqueConstraint("name"),
)

build_target_config = Table(
    "build_target_config",
    metadata,
    reference("build_target_id", "build_target.id"),
    reference("build_tag", "tag.id"),
    reference("dest_tag", "tag.id"),
    *versioned("build_target_config", "build_target_id"),
)
