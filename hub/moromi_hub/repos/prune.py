"""Directories of repositories that no row promises, left behind by crashes and by removed rows.

Spec: builder.md section 6.4. Looks at `repos` and at `repos-dist` of every volume.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from moromi.constants import RepoState
from moromi_hub import arguments, files
from moromi_hub.call import Call
from moromi_hub.repos import directories, upkeep_queries

log = logging.getLogger(__name__)

_BATCH = 500
_DAY = 86400


def run(call: Call) -> int:
    """Remove what may go; how many directories."""
    if not call.settings.RepoUpkeep:
        return 0
    top = Path(call.paths.topdir)
    count = _prune(call, top / "repos", dist=False) + _prune(call, top / "repos-dist", dist=True)
    if not call.settings.IgnoreOtherVolumes:
        count += sum(_prune(call, path, dist=True) for path in sorted((top / "vol").glob("*/repos-dist")))
    return count


def _prune(call: Call, root: Path, dist: bool) -> int:
    candidates = [path for tag in sorted(root.glob("*")) for path in _repositories(tag)]
    count = 0
    for start in range(0, len(candidates), _BATCH):
        batch = candidates[start : start + _BATCH]
        rows = upkeep_queries.known(call.tx, [int(path.name) for path in batch])
        for path in batch:
            if _may_go(call, path, rows.get(int(path.name)), dist):
                log.info("removing %s", path)
                files.remove_tree(path)
                count += 1
    for tag in root.glob("*"):
        _remove_empty(tag)
    return count


def _repositories(tag: Path) -> Iterator[Path]:
    """The directories named by an id, without what `latest` points to."""
    if tag.is_symlink() or not tag.is_dir():
        return
    latest = tag / "latest"
    kept = latest.readlink().name if latest.is_symlink() else ""
    for path in sorted(tag.iterdir()):
        number = path.name
        if number.isascii() and number.isdigit() and number != kept and arguments.fits_id(int(number)):
            yield path


def _may_go(call: Call, path: Path, row: Mapping[str, Any] | None, dist: bool) -> bool:
    lifetime = call.settings.ExpiredRepoLifetime
    try:
        age = time.time() - path.lstat().st_mtime
    except FileNotFoundError:
        return False  # moromi-repod, or kojira, was quicker
    if row is None:
        return not call.settings.IgnoreStrayRepos and age > lifetime
    if row["tag_name"] != path.parent.name and directories.read_json(path).get("tag_id") != row["tag_id"]:
        log.warning("%s: the repository of that id is one of tag %s", path, row["tag_name"])
        return False
    if row["dist"] != dist or row["state"] != RepoState.DELETED:
        return False
    return bool(min(age, row["gone_for"]) > lifetime)


def _remove_empty(tag: Path) -> None:
    """Remove the directory of a tag without repositories, once nobody has touched it for a day."""
    if tag.is_symlink() or not tag.is_dir() or time.time() - tag.stat().st_mtime < _DAY:
        return
    left = list(tag.iterdir())
    if not left or (left == [tag / "latest"] and not left[0].exists()):
        files.remove_tree(tag)
