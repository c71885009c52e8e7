"""RPM files, their signatures and their checksums.

`rpminfo.draft` repeats `build.draft` through a composite key with ON UPDATE CASCADE, so that promoting a
draft flips its rpms in the same statement; the partial unique index then lets only drafts repeat an NVRA.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from .base import metadata, reference, serial_id

rpminfo = Table(
    "rpminfo",
    metadata,
    serial_id(),
    Column("build_id", Integer),
    reference("buildroot_id", "buildroot.id", nullable=True),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("epoch", Integer),
    Column("arch", String(16), nullable=False),
    Column("draft", Boolean),
    reference("external_repo_id", "external_repo.id"),
    Column("payloadhash", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("buildtime", BigInteger, nullable=False),
    Column("metadata_only", Boolean, nullable=False, server_default=text("false")),
    Column("extra", Text),
    ForeignKeyConstraint(["build_id", "draft"], ["build.id", "build.draft"], onupdate="CASCADE"),
    CheckConstraint(
        "(draft IS NULL AND build_id IS NULL AND external_repo_id <> 0) OR "
        "(draft IS NOT NULL AND build_id IS NOT NULL AND external_repo_id = 0)",
        name="build_id_draft_external_repo_id_sane",
    ),
    Index("rpminfo_build", "build_id"),
    # The name of the file, for searches by it.
    Index(
        "rpminfo_filename",
        text("(name || '-' || version || '-' || release || '.' || arch || '.rpm')"),
        postgresql_include=["id"],
    ),
    Index("rpminfo_nvra", "name", "version", "release", "arch", "external_repo_id"),
    Index(
        "rpminfo_unique_nvra_not_draft",
        "name",
        "version",
        "release",
        "arch",
        "external_repo_id",
        unique=True,
        postgresql_where=text("draft IS NOT TRUE"),
    ),
)

rpmsigs = Table(
    "rpmsigs",
    metadata,
    reference("rpm_id", "rpminfo.id"),
    Column("sigkey", Text, nullable=False),
    Column("sighash", Text, nullable=False),
    UniqueConstraint("rpm_id", "sigkey", name="rpmsigs_no_resign"),
)

rpm_checksum = Table(
    "rpm_checksum",
    metadata,
    reference("rpm_id", "rpminfo.id", primary_key=True),
    Column("sigkey", Text, primary_key=True),
    Column("checksum", Text, nullable=False),
    Column("checksum_type", SmallInteger, primary_key=True),
    UniqueConstraint("checksum"),
    Index("rpm_checksum_rpm_id", "rpm_id"),
)
