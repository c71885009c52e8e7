"""Changes of external repositories: the hub, which cannot see them, is told (spec: builder, 6.5)."""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from typing import Any

from moromi.client import ClientSession

logger = logging.getLogger(__name__)

TIMEOUT = 5.0
LIMIT = 10 << 20
TIMESTAMP = "{http://linux.duke.edu/metadata/repo}timestamp"


def check(session: ClientSession) -> None:
    """Tell the hub about those that have changed."""
    used = {entry["external_repo_id"]: entry for entry in session.getTagExternalRepos()}
    arches = session.getAllArches()
    seen: dict[str, int] = {}
    for repo_id, entry in sorted(used.items()):
        latest = _latest(entry, arches, seen)
        data = session.repo.getExternalRepoData(repo_id) or {}
        if latest > int(data.get("max_ts") or 0):
            logger.info("external repository %s has changed", entry["external_repo_name"])
            session.repo.setExternalRepoData(repo_id, {**data, "max_ts": latest})


def _latest(entry: Mapping[str, Any], arches: Iterable[str], seen: dict[str, int]) -> int:
    """Give the latest timestamp over all arches; `seen` are those of this round."""
    url = entry["url"]
    urls = [url.replace("$arch", arch) for arch in arches] if "$arch" in url else [url]
    for each in urls:
        if each not in seen:
            seen[each] = _timestamp(f"{each.rstrip('/')}/repodata/repomd.xml")
    return max((seen[each] for each in urls), default=0)


def _timestamp(url: str) -> int:
    """Read the latest timestamp of a repository's index; 0 if it cannot be read."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            root = ElementTree.fromstring(answer.read(LIMIT))
        return max((int(float(item.text or 0)) for item in root.iter(TIMESTAMP)), default=0)
    except urllib.error.HTTPError as error:
        if error.code != 404:
            logger.warning("cannot read %s: %s", url, error)
    except (OSError, ValueError, ElementTree.ParseError) as error:
        logger.warning("cannot read %s: %s", url, error)
    return 0
