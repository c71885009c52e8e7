"""Buildroots and what was in them: the provenance of every rpm and archive."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from .base import metadata, reference, serial_id

buildroot = Table(
    "buildroot",
    metadata,
    serial_id(),
    Column("br_type", Integer, nullable=False),
    reference("cg_id", "content_generator.id", nullable=True),
    Column("cg_version", Text),
    Column("container_type", Text),
    Column("container_arch", Text),
    Column("host_os", Text),
    Column("host_arch", Text),
    Column("extra", Text),
    CheckConstraint("(cg_id IS NULL) = (cg_version IS NULL)", name="cg_sane"),
    CheckConstraint("(container_type IS NULL) = (container_arch IS NULL)", name="container_sane"),
)

standard_buildroot = Table(
    "standard_buildroot",
    metadata,
    reference("buildroot_id", "buildroot.id", primary_key=True),
    reference("host_id", "host.id"),
    reference("repo_id", "repo.id"),
    reference("task_id", "task.id"),
    reference("create_event", "events.id", server_default=func.get_event()),
    Column("retire_event", Integer),
    Column("state", Integer),
)

buildroot_tools_info = Table(
    "buildroot_tools_info",
    metadata,
    reference("buildroot_id", "buildroot.id", primary_key=True),
    Column("tool", Text, primary_key=True),
    Column("version", Text, nullable=False),
)

buildroot_listing = Table(
    "buildroot_listing",
    metadata,
    reference("buildroot_id", "buildroot.id"),
    reference("rpm_id", "rpminfo.id"),
    Column("is_update", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("buildroot_id", "rpm_id"),
    Index("buildroot_listing_rpms", "rpm_id"),
)

buildroot_archives = Table(
    "buildroot_archives",
    metadata,
    reference("buildroot_id", "buildroot.id", primary_key=True),
    reference("archive_id", "archiveinfo.id", primary_key=True),
    Column("project_dep", Boolean, nullable=False),
    Index("buildroot_archives_archive_idx", "archive_id"),
)
