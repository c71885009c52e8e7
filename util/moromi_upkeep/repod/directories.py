"""Where repositories are in the file tree, and whose a directory is (spec: builder, sections 5.1 and 6.3).

A tag's name may have belonged to another tag, whose directories are still there; and a dist repository may be
a link to another volume. So a directory goes only if what is written in it agrees with the hub.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from moromi.paths import PathInfo

logger = logging.getLogger(__name__)


class Directories:
    """The repositories of a file tree."""

    def __init__(self, topdir: str, ignore_other_volumes: bool) -> None:
        self._paths = PathInfo(topdir)
        self._ignore_other_volumes = ignore_other_volumes
        self.top = Path(topdir)

    def of(self, repo: Mapping[str, Any]) -> Path:
        """Give a repository's directory on the default volume."""
        make = self._paths.distrepo if repo["dist"] else self._paths.repo
        return Path(make(repo["id"], repo["tag_name"]))

    def age(self, repo: Mapping[str, Any], now: float) -> float | None:
        """Say how old a repository's directory is; None if there is none."""
        try:
            return now - self.of(repo).stat().st_mtime
        except OSError:
            return None

    def removable(self, repo: Mapping[str, Any]) -> list[Path]:
        """List what a deleted repository leaves: its directory; of a link, also what it leads to."""
        path = self.of(repo)
        if not path.is_symlink() and not path.exists():
            return []
        described = read_json(path)
        if described.get("tag_id", repo["tag_id"]) != repo["tag_id"]:
            logger.warning("%s stays: it is not one of tag %s", path, repo["tag_id"])
            return []
        if not path.is_symlink():
            return [path]
        volume = described.get("volume")
        if not repo["dist"] or not isinstance(volume, str) or self._ignore_other_volumes:
            logger.warning("%s stays: it leads elsewhere", path)
            return []
        target = Path(self._paths.distrepo(repo["id"], repo["tag_name"], volume))
        if path.resolve() != target.resolve():
            logger.warning("%s stays: it does not lead to %s", path, target)
            return []
        return [path, target.resolve()]

    def roots(self) -> Iterator[tuple[Path, bool]]:
        """Give the directories that have one for each tag, and whether they hold dist repositories."""
        yield self.top / "repos", False
        yield self.top / "repos-dist", True
        if not self._ignore_other_volumes:
            for path in sorted((self.top / "vol").glob("*/repos-dist")):
                yield path, True


def numbered(tag: Path) -> Iterator[Path]:
    """Give a tag's repositories, without the one that `latest` leads to."""
    if tag.is_symlink() or not tag.is_dir():
        return
    latest = tag / "latest"
    kept = latest.readlink().name if latest.is_symlink() else ""
    for path in sorted(tag.iterdir()):
        if path.name.isascii() and path.name.isdigit() and path.name != kept:
            yield path


def read_json(directory: Path) -> dict[str, Any]:
    """Read a repository's own description; empty if it has none that can be read."""
    try:
        found = json.loads((directory / "repo.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
