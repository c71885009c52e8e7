"""SQL of dist repositories."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select

from moromi_hub.db.columns import integer_array
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

RPM_KEYS = ("id", "name", "version", "release", "arch", "epoch", "size", "payloadhash", "build_id")


def rpms(tx: Transaction, rpm_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """Rpms by id with `RPM_KEYS` and, under `build`, what the path of their build is made of."""
    columns = [t.rpminfo.c[key] for key in RPM_KEYS]
    build = (
        t.package.c.name.label("build_name"),
        t.build.c.version.label("build_version"),
        t.build.c.release.label("build_release"),
        t.volume.c.name.label("build_volume_name"),
    )
    query = (
        select(*columns, *build)
        .join_from(t.rpminfo, t.build, t.build.c.id == t.rpminfo.c.build_id)
        .join(t.package, t.package.c.id == t.build.c.pkg_id)
        .join(t.volume, t.volume.c.id == t.build.c.volume_id)
        .where(t.rpminfo.c.id == func.any(integer_array(list(rpm_ids))))
    )
    found = {}
    for row in tx.rows(query):
        row["build"] = {key: row.pop(f"build_{key}") for key in ("name", "version", "release", "volume_name")}
        found[row["id"]] = row
    return found
