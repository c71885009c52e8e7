"""The tables of projects, their packages and their builds (copr.md, section 4.2).

What Koji has words for is in the hub's own tables: tags, targets, tasks and builds.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from moromi_hub.plugin_api import Schema, t

metadata = MetaData()
_Time = DateTime(timezone=True)


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _of(name: str, target: Column[int], *, nullable: bool = False, primary_key: bool = False) -> Column[int]:
    """A reference; the row goes with what it belongs to."""
    key = ForeignKey(target, ondelete="CASCADE")
    return Column(name, Integer, key, nullable=nullable, primary_key=primary_key)


def _to(name: str, target: Column[int], *, nullable: bool = False) -> Column[int]:
    """A reference to something of the hub, which never goes away."""
    return Column(name, Integer, ForeignKey(target), nullable=nullable)


token = Table(
    "copr_token",
    metadata,
    Column("user_id", Integer, ForeignKey(t.users.c.id), primary_key=True),
    Column("login", Text, nullable=False, unique=True),
    Column("token_hash", Text, nullable=False),
    Column("expires", Date, nullable=False),
)

chroot = Table(
    "copr_chroot",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("os", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("arch", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("comment", Text, nullable=False, server_default=""),
)

project = Table(
    "copr_project",
    metadata,
    _id(),
    _to("owner_id", t.users.c.id),
    Column("name", Text, nullable=False),
    Column("created_on", _Time, nullable=False, server_default=func.now()),
    Column("description", Text, nullable=False),
    Column("unlisted_on_hp", Boolean, nullable=False),
    Column("options", JSONB, nullable=False),  # the rest of `model.Settings`
    Column("delete_on", _Time),
    Column("webhook_secret", Text, nullable=False),
    _to("tag_id", t.tag.c.id, nullable=True),  # the package list; null only while the project is made
    UniqueConstraint("owner_id", "name", name="copr_project_owner_name_key"),
)

permission = Table(
    "copr_permission",
    metadata,
    _of("project_id", project.c.id, primary_key=True),
    Column("user_id", Integer, ForeignKey(t.users.c.id), primary_key=True),
    Column("admin", SmallInteger, nullable=False),
    Column("builder", SmallInteger, nullable=False),
)

directory = Table(
    "copr_dir",
    metadata,
    _id(),
    _of("project_id", project.c.id),
    Column("name", Text, nullable=False),
    Column("last_build_on", _Time),
    UniqueConstraint("project_id", "name"),
)

project_chroot = Table(
    "copr_project_chroot",
    metadata,
    _id(),
    _of("project_id", project.c.id),
    _to("chroot_id", chroot.c.id),
    Column("options", JSONB, nullable=False),  # `model.ChrootSettings`
    Column("disabled_on", _Time),  # its data go some days later
    UniqueConstraint("project_id", "chroot_id"),
)

repository = Table(
    "copr_repository",
    metadata,
    _id(),
    _of("dir_id", directory.c.id),
    _of("project_chroot_id", project_chroot.c.id),
    _to("dest_tag_id", t.tag.c.id),
    _to("build_tag_id", t.tag.c.id),
    # the metadata of change number `wanted` are published when `made` has come that far
    Column("wanted", Integer, nullable=False, server_default="0"),
    Column("made", Integer, nullable=False, server_default="0"),
    # in devel mode only what buildroots see is written, unless somebody asks
    Column("publish_all", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("dir_id", "project_chroot_id"),
)
Index("copr_repository_due", repository.c.id, postgresql_where=repository.c.made < repository.c.wanted)

package = Table(
    "copr_package",
    metadata,
    _id(),
    _of("project_id", project.c.id),
    Column("name", Text, nullable=False),
    Column("source_type", Text, nullable=False),
    Column("source", JSONB, nullable=False),
    Column("options", JSONB, nullable=False),  # `model.PackageSettings`
    UniqueConstraint("project_id", "name", name="copr_package_project_name_key"),
)

batch = Table("copr_batch", metadata, _id(), Column("after_id", Integer))

build = Table(
    "copr_build",
    metadata,
    _id(),
    _of("project_id", project.c.id),
    _of("dir_id", directory.c.id),
    _of("package_id", package.c.id, nullable=True),
    _to("submitter_id", t.users.c.id),
    _to("task_id", t.task.c.id, nullable=True),
    Column("source_type", Text, nullable=False),
    Column("source", JSONB, nullable=False),
    Column("options", JSONB, nullable=False),  # `model.BuildOptions`
    Column("submitted_on", _Time, nullable=False, server_default=func.now()),
    Column("canceled", Boolean, nullable=False, server_default=false()),
    Column("version", Text),  # of the source package, with epoch and release; null until it is read
    Column("srpm", Text),  # its file below `srpm-builds/<id>/`
    Column("batch_id", Integer),
)
Index("copr_build_by_project", build.c.project_id, build.c.id)
Index("copr_build_by_package", build.c.package_id, build.c.id)
Index("copr_build_by_task", build.c.task_id)

build_chroot = Table(
    "copr_build_chroot",
    metadata,
    _id(),
    _of("build_id", build.c.id),
    _of("repository_id", repository.c.id),
    Column("name", Text, nullable=False),
    _to("task_id", t.task.c.id, nullable=True),
    _to("koji_build_id", t.build.c.id, nullable=True),
    Column("state", SmallInteger),  # a `model.State` that its task does not tell
    Column("published_in", Integer),  # number of the change of the repository that has it
    Column("started_on", _Time),
    Column("ended_on", _Time),
    UniqueConstraint("build_id", "repository_id"),
)
Index("copr_build_chroot_by_repository", build_chroot.c.repository_id, build_chroot.c.build_id)
Index("copr_build_chroot_by_task", build_chroot.c.task_id)

result = Table(
    "copr_result",
    metadata,
    _id(),
    _of("build_chroot_id", build_chroot.c.id),
    Column("name", Text, nullable=False),
    Column("epoch", Integer),
    Column("version", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("arch", Text, nullable=False),
)
Index("copr_result_by_chroot", result.c.build_chroot_id)

SCHEMA = Schema("copr", metadata)
