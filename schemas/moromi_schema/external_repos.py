"""Repositories that live elsewhere and are merged into the ones made from a tag.

Id 0 (`INTERNAL`) stands for the rpms built here.
"""

from sqlalchemy import Column, Integer, Table, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from .base import metadata, reference, serial_id, versioned

external_repo = Table(
    "external_repo",
    metadata,
    serial_id(),
    Column("name", Text, nullable=False),
    UniqueConstraint("name"),
)

external_repo_config = Table(
    "external_repo_config",
    metadata,
    reference("external_repo_id", "external_repo.id"),
    Column("url", Text, nullable=False),
    *versioned("external_repo_config", "external_repo_id"),
)

external_repo_data = Table(
    "external_repo_data",
    metadata,
    reference("external_repo_id", "external_repo.id"),
    Column("data", JSONB),
    *versioned("external_repo_data", "external_repo_id"),
)

tag_external_repos = Table(
    "tag_external_repos",
    metadata,
    reference("tag_id", "tag.id"),
    reference("external_repo_id", "external_repo.id"),
    Column("priority", Integer, nullable=False),
    Column("merge_mode", Text, nullable=False, server_default=text("'koji'")),
    Column("arches", Text),
    *versioned("tag_external_repos", "tag_id", "priority", also_unique=(("tag_id", "external_repo_id"),)),
)
