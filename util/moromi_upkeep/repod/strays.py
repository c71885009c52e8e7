"""Directories that no repository has, left by crashes and removed rows (spec: builder, 6.4)."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moromi.client import ClientSession
from moromi.constants import RepoState
from moromi_upkeep.options import Values
from moromi_upkeep.repod.directories import Directories, numbered, read_json
from moromi_upkeep.repod.removals import Removals

logger = logging.getLogger(__name__)

BATCH = 500


def prune(
    session: ClientSession,
    options: Values,
    directories: Directories,
    removals: Removals,
    tracked: set[int],
) -> None:
    """Queue what may go. `tracked` are the repositories that are not deleted."""
    found = []
    for root, dist in directories.roots():
        for tag in sorted(root.glob("*")):
            found += [(path, dist) for path in numbered(tag) if int(path.name) not in tracked]
    for start in range(0, len(found), BATCH):
        batch = found[start : start + BATCH]
        clauses = [["id", "IN", sorted({int(path.name) for path, _ in batch})]]
        fields = ["id", "tag_id", "tag_name", "state", "state_ts", "dist"]
        known = {repo["id"]: repo for repo in session.repo.query(clauses, fields)}
        for path, dist in batch:
            if path not in removals and _may_go(path, dist, known.get(int(path.name)), options):
                removals.add(path)


def _may_go(path: Path, dist: bool, repo: Mapping[str, Any] | None, options: Values) -> bool:
    try:
        changed = path.lstat().st_mtime
    except FileNotFoundError:  # somebody else was faster
        return False
    lifetime = options.expired_repo_lifetime
    if repo is None:
        return not options.ignore_stray_repos and time.time() - changed > lifetime
    if repo["tag_name"] != path.parent.name and read_json(path).get("tag_id") != repo["tag_id"]:
        logger.warning("%s stays: the repository of that id is one of tag %s", path, repo["tag_name"])
        return False
    if repo["state"] != RepoState.DELETED or repo["dist"] != dist:
        return False
    return bool(time.time() - max(changed, repo["state_ts"] or 0.0) > lifetime)
