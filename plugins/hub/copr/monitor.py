"""How the packages of a project fare: the newest build of each in every chroot (copr.md, section 2.7)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from moromi_hub.plugin_api import Call

from . import build_queries, project_queries, results
from .errors import BadRequest, NotFound
from .model import FINAL, Project, State
from .settings import CONFIG

FIELDS = ("url_build_log", "url_backend_log", "url_build")


def overview(
    call: Call, project: Project, dirname: str | None, fields: Collection[str]
) -> list[dict[str, Any]]:
    """`[{name, chroots: {chroot: {state, status, build_id, pkg_version, …}}}]`, by name."""
    wrong = [name for name in fields if name not in FIELDS]
    if wrong:
        raise BadRequest(f"Wrong additional_fields argument(s): {', '.join(wrong)}")
    dir_id = None
    if dirname is not None:
        directory = project_queries.find_directory(call.tx, project.id, dirname)
        if directory is None:
            raise NotFound(f"Dirname '{dirname}' doesn't exist in '{project.full_name}' copr")
        dir_id = directory.id
    found: dict[str, dict[str, Any]] = {}
    for row in build_queries.newest_by_package(call.tx, project.id, dir_id):
        found.setdefault(row["package"], {})[row["chroot"]] = _entry(call, project, row, fields)
    return [{"name": name, "chroots": chroots} for name, chroots in found.items()]


def _entry(call: Call, project: Project, row: dict[str, Any], fields: Collection[str]) -> dict[str, Any]:
    state = State(row["state"])
    entry = {
        "state": state.name,
        "status": int(state),
        "build_id": row["build_id"],
        "pkg_version": row["version"],
    }
    suffix = ".log.gz" if state in FINAL else ".log"
    where = (project.owner.name, row["dirname"], row["chroot"], f"{row['build_id']:08d}-{row['package']}")
    has_logs = row["version"] is not None and state not in (State.waiting, State.skipped, State.forked)
    base = results.url(call, *where) if has_logs else None
    logs = {"url_build_log": "builder-live", "url_backend_log": "backend"}
    for name, log in logs.items():
        if name in fields:
            entry[name] = f"{base}/{log}{suffix}" if base else None
    if "url_build" in fields:
        entry["url_build"] = f"{CONFIG.of(call).url}/coprs/build/{row['build_id']}"
    return entry
