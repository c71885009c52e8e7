"""SQL of `moromi-hub fsck`: what the rows promise of many builds at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select

from moromi.constants import INTERNAL_REPO_ID
from moromi_hub.db.columns import integer_array
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

Rows = Mapping[int, Sequence[Mapping[str, Any]]]
"""By build."""


def builds(tx: Transaction, ids: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """All builds, or some, by id: what their directory is made of, and their state."""
    build = t.build
    query = (
        select(
            build.c.id,
            t.package.c.name,
            build.c.version,
            build.c.release,
            build.c.state,
            t.volume.c.name.label("volume_name"),
        )
        .join(t.package, t.package.c.id == build.c.pkg_id)
        .join(t.volume, t.volume.c.id == build.c.volume_id)
        .order_by(build.c.id)
    )
    if ids is not None:
        query = query.where(build.c.id == func.any(integer_array(ids)))
    return tx.rows(query)


def _by_build(tx: Transaction, query: Select[Any]) -> Rows:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in tx.rows(query):
        found[row["build_id"]].append(row)
    return found


def rpms(tx: Transaction, build_ids: Sequence[int]) -> Rows:
    """The rpms that have a file."""
    rpm = t.rpminfo
    columns = [rpm.c[key] for key in ("id", "build_id", "name", "version", "release", "arch", "size")]
    query = select(*columns, rpm.c.payloadhash).where(
        rpm.c.build_id == func.any(integer_array(build_ids)),
        rpm.c.external_repo_id == INTERNAL_REPO_ID,
        rpm.c.metadata_only.is_(False),
    )
    return _by_build(tx, query)


def signatures(tx: Transaction, build_ids: Sequence[int]) -> Rows:
    """The signatures, with the names of their rpms."""
    rpm, signature = t.rpminfo, t.rpmsigs
    columns = [rpm.c[key] for key in ("id", "build_id", "name", "version", "release", "arch")]
    query = (
        select(*columns, signature.c.sigkey, signature.c.sighash)
        .join(signature, signature.c.rpm_id == rpm.c.id)
        .where(rpm.c.build_id == func.any(integer_array(build_ids)))
    )
    return _by_build(tx, query)


def checksums(tx: Transaction, build_ids: Sequence[int]) -> Mapping[tuple[int, str], tuple[int, str]]:
    """(rpm, key) -> (type, hex digits): the strongest stored checksum of each signed copy."""
    stored = t.rpm_checksum
    query = (
        select(stored.c.rpm_id, stored.c.sigkey, stored.c.checksum_type, stored.c.checksum)
        .join(t.rpminfo, t.rpminfo.c.id == stored.c.rpm_id)
        .where(t.rpminfo.c.build_id == func.any(integer_array(build_ids)))
        .order_by(stored.c.checksum_type)
    )
    return {(row["rpm_id"], row["sigkey"]): (row["checksum_type"], row["checksum"]) for row in tx.rows(query)}


def archives(tx: Transaction, build_ids: Sequence[int]) -> Rows:
    """The archives that have a file, with what names its directory."""
    archive, maven = t.archiveinfo, t.maven_archives
    columns = [archive.c[key] for key in ("id", "build_id", "filename", "size", "checksum", "checksum_type")]
    query = (
        select(
            *columns,
            t.btype.c.name.label("btype"),
            maven.c.group_id,
            maven.c.artifact_id,
            maven.c.version,
            t.win_archives.c.relpath,
        )
        .join(t.btype, t.btype.c.id == archive.c.btype_id)
        .outerjoin(maven, maven.c.archive_id == archive.c.id)
        .outerjoin(t.win_archives, t.win_archives.c.archive_id == archive.c.id)
        .where(archive.c.build_id == func.any(integer_array(build_ids)), archive.c.metadata_only.is_(False))
    )
    return _by_build(tx, query)
