"""Files of builds that are not rpms, and what they were made of."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from .base import metadata, reference, serial_id

archivetypes = Table(
    "archivetypes",
    metadata,
    serial_id(),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("extensions", Text, nullable=False),
    Column("compression_type", Text),
    UniqueConstraint("name"),
)

archiveinfo = Table(
    "archiveinfo",
    metadata,
    serial_id(),
    reference("type_id", "archivetypes.id"),
    reference("btype_id", "btype.id", nullable=True),
    reference("build_id", "build.id"),
    reference("buildroot_id", "buildroot.id", nullable=True),
    Column("filename", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("checksum_type", Integer, nullable=False),
    Column("metadata_only", Boolean, nullable=False, server_default=text("false")),
    Column("extra", Text),
    Index("archiveinfo_build_idx", "build_id"),
    Index("archiveinfo_buildroot_idx", "buildroot_id"),
    Index("archiveinfo_filename_idx", "filename"),
    Index("archiveinfo_type_idx", "type_id"),
)

maven_archives = Table(
    "maven_archives",
    metadata,
    reference("archive_id", "archiveinfo.id", primary_key=True),
    Column("group_id", Text, nullable=False),
    Column("artifact_id", Text, nullable=False),
    Column("version", Text, nullable=False),
)

win_archives = Table(
    "win_archives",
    metadata,
    reference("archive_id", "archiveinfo.id", primary_key=True),
    Column("relpath", Text, nullable=False),
    Column("platforms", Text, nullable=False),
    Column("flags", Text),
)

image_archives = Table(
    "image_archives",
    metadata,
    reference("archive_id", "archiveinfo.id", primary_key=True),
    Column("arch", String(16), nullable=False),
)

archive_rpm_components = Table(
    "archive_rpm_components",
    metadata,
    reference("archive_id", "archiveinfo.id"),
    reference("rpm_id", "rpminfo.id"),
    UniqueConstraint("archive_id", "rpm_id"),
    Index("rpm_components_idx", "rpm_id"),
)

archive_components = Table(
    "archive_components",
    metadata,
    reference("archive_id", "archiveinfo.id"),
    reference("component_id", "archiveinfo.id"),
    UniqueConstraint("archive_id", "component_id"),
    Index("archive_components_idx", "component_id"),
)
