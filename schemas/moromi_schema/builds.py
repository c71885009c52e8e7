"""Packages, builds and what kind of build each is.

One row of `build` per name-version-release, ever (`build_pkg_ver_rel`); a draft carries its own id in its
release (`draft_release_sane`) so that many drafts of one release can exist.
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

package = Table(
    "package",
    metadata,
    serial_id(),
    Column("name", Text, nullable=False),
    UniqueConstraint("name"),
)

volume = Table(
    "volume",
    metadata,
    serial_id(),
    Column("name", Text, nullable=False),
    UniqueConstraint("name"),
)

btype = Table(
    "btype",
    metadata,
    serial_id(),
    Column("name", Text, nullable=False),
    UniqueConstraint("name"),
)

content_generator = Table(
    "content_generator",
    metadata,
    serial_id(),
    Column("name", Text, nullable=False),
    UniqueConstraint("name"),
)

cg_users = Table(
    "cg_users",
    metadata,
    reference("cg_id", "content_generator.id"),
    reference("user_id", "users.id"),
    *versioned("cg_users", "cg_id", "user_id"),
)

build = Table(
    "build",
    metadata,
    serial_id(),
    reference("volume_id", "volume.id"),
    reference("pkg_id", "package.id", deferrable=True, initially="IMMEDIATE"),
    Column("version", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("epoch", Integer),
    Column("draft", Boolean, nullable=False, server_default=text("false")),
    Column("source", Text),
    reference("create_event", "events.id", server_default=func.get_event()),
    Column("start_time", Timestamp),
    Column("completion_time", Timestamp),
    Column("promotion_time", Timestamp),
    Column("state", Integer, nullable=False),
    reference("task_id", "task.id", nullable=True),
    reference("owner", "users.id"),
    reference("promoter", "users.id", nullable=True),
    reference("cg_id", "content_generator.id", nullable=True),
    Column("extra", Text),
    UniqueConstraint("pkg_id", "version", "release", name="build_pkg_ver_rel"),
    UniqueConstraint("id", "draft", name="draft_for_rpminfo"),
    CheckConstraint(
        "(state = 0 AND completion_time IS NULL) OR (state <> 0 AND completion_time IS NOT NULL)",
        name="completion_sane",
    ),
    CheckConstraint("NOT draft OR (promotion_time IS NULL AND promoter IS NULL)", name="promotion_sane"),
    CheckConstraint("NOT draft OR release ~ (',draft_' || id || '$')", name="draft_release_sane"),
    Index("build_by_pkg_id", "pkg_id"),
    Index("build_completion", "completion_time"),
)

build_types = Table(
    "build_types",
    metadata,
    reference("build_id", "build.id", primary_key=True),
    reference("btype_id", "btype.id", primary_key=True),
)

build_reservations = Table(
    "build_reservations",
    metadata,
    reference("build_id", "build.id", primary_key=True),
    Column("token", String(64)),
    Column("created", Timestamp, nullable=False),
    Index("build_reservations_created", "created"),
)

maven_builds = Table(
    "maven_builds",
    metadata,
    reference("build_id", "build.id", primary_key=True),
    Column("group_id", Text, nullable=False),
    Column("artifact_id", Text, nullable=False),
    Column("version", Text, nullable=False),
)

win_builds = Table(
    "win_builds",
    metadata,
    reference("build_id", "build.id", primary_key=True),
    Column("platform", Text, nullable=False),
)

image_builds = Table(
    "image_builds",
    metadata,
    reference("build_id", "build.id", primary_key=True),
)

LEGACY_BUILDS = {"maven": maven_builds, "win": win_builds, "image": image_builds}
"""What builds of the older types have beside their row, by type."""
