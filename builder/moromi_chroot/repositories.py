"""What the repositories of a configuration contain right now, by content.

A builder is given a new repository URL for each repository id, mostly with the content of the one before.
So nothing here is remembered by URL: the digest of a repository is that of its repomd.xml, which names
everything else by checksum.
"""

from __future__ import annotations

import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from moromi_chroot.config import Repository
from moromi_chroot.errors import PackagesFailed

TIMEOUT = 60
# Pauses in seconds between attempts: a hub that restarts is back within them.
PAUSES = (0.5, 1.5, 3.0)
_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True)
class Fetched:
    """A repository's repomd.xml as it was at `url`."""

    repository: Repository
    url: str
    repomd: bytes

    @property
    def digest(self) -> str:
        """Name of this content."""
        return hashlib.sha256(self.repomd).hexdigest()


def fetch_all(repositories: Sequence[Repository]) -> list[Fetched] | None:
    """Fetch each repository's repomd.xml; None if one has no base URL (mirror lists are left to dnf).

    Raises PackagesFailed if none of a repository's URLs answers.
    """
    if not all(repository.urls for repository in repositories):
        return None
    return [_fetch(repository) for repository in repositories]


def _fetch(repository: Repository) -> Fetched:
    for pause in (*PAUSES, None):
        failures: list[Exception] = []
        for url in repository.urls:
            try:
                return Fetched(repository, url, _read(url, repository.proxy))
            except (OSError, ValueError) as exc:
                failures.append(exc)
        if pause is None or not any(map(_transient, failures)):
            break
        time.sleep(pause)
    reasons = "; ".join(f"{url}: {exc}" for url, exc in zip(repository.urls, failures, strict=True))
    raise PackagesFailed(f"Cannot read repository {repository.name}: {reasons}")


def _transient(exc: Exception) -> bool:
    """Say whether another attempt may help: a server's own error or a connection's, not a refusal."""
    if isinstance(exc, urllib.error.HTTPError):
        return exc.code >= 500
    reason = exc.reason if isinstance(exc, urllib.error.URLError) else exc
    return isinstance(reason, OSError) and not isinstance(reason, FileNotFoundError)


def _read(url: str, proxy: str | None) -> bytes:
    handler = urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None)
    opener = urllib.request.build_opener(handler)
    with opener.open(f"{url.rstrip('/')}/repodata/repomd.xml", timeout=TIMEOUT) as answer:
        data = answer.read(_LIMIT + 1)
    if len(data) > _LIMIT:
        raise ValueError("repomd.xml is too large")
    return bytes(data)
