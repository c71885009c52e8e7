"""The hub's file tree as a builder sees it: over HTTP, or on a local mount when that is the same tree.

A builder needs no shared file system. Where `topdir` is mounted, a file is read from there once a HEAD
request has shown that the hub serves a file of that size under the same name (another hub's tree at the
same place would have other sizes); everything else is downloaded once per task.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from moromi.client import SessionOptions, TransportError
from moromi.client.connection import Limits
from moromi.client.download import fetch
from moromi.client.http import Http
from moromi.errors import GenericError

logger = logging.getLogger(__name__)

TRIES = 4
BACKOFF = 0.3
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
LIMITS = Limits(connect=30.0, silence=300.0)


class MissingFile(GenericError):
    """The hub has no such file."""


@dataclass(frozen=True)
class _Found:
    """What the hub has."""

    body: bytes
    size: int | None
    """In bytes, if it says; a HEAD request has it without the body."""


class HubFiles:
    """Reads files of the hub's tree; paths are relative to its top, e.g. `work/cli-build/x/a.src.rpm`."""

    def __init__(
        self, base_url: str, topdir: str, cache: Path, options: SessionOptions | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.topdir = Path(topdir)
        self.cache = cache
        self._http = Http(options)

    def url(self, path: str) -> str:
        """Give the address of a file."""
        return f"{self.base_url}/{quote(path)}"

    def read(self, path: str) -> bytes | None:
        """Read a (small) file; None if the hub has none."""
        found = self._request("GET", path)
        return None if found is None else found.body

    def exists(self, path: str) -> bool:
        """Tell whether the hub has a file."""
        return self._request("HEAD", path) is not None

    def fetch(self, path: str, *, expected: str | None = None) -> Path:
        """Give a local copy of a file: the mounted one, or a download kept in the task's cache.

        Raises MissingFile with the text `expected` (default: `Missing file: <path>`).
        """
        if path.startswith("/") or ".." in path.split("/"):
            raise GenericError(f"Invalid path: {path}")
        copy = self.cache / path
        if copy.is_file():
            return copy
        mounted = self.topdir / path
        head = self._request("HEAD", path)
        if head is None:
            raise MissingFile(expected or f"Missing file: {path}")
        if mounted.is_file() and mounted.stat().st_size == head.size:
            return mounted
        copy.parent.mkdir(parents=True, exist_ok=True)
        self.download(self.url(path), copy)
        return copy

    def download(self, url: str, target: Path) -> None:
        """Download a file; it appears under its name only when it is whole."""
        partial = target.with_name(f".{target.name}.partial")
        for attempt in range(1, TRIES + 1):
            try:
                fetch(url, str(partial), http=self._http)
                os.replace(partial, target)
                return
            except TransportError as exc:
                if attempt == TRIES or not _passing(exc):
                    raise GenericError(f"cannot download {url}: {exc}") from exc
                logger.info("download of %s failed, trying again: %s", url, exc)
                time.sleep(BACKOFF * 2**attempt)

    def mounted_tree(self, directory: str, probe: str) -> Path | None:
        """Give the local mount of a directory if it is the hub's: `probe`, a small file in it, has the
        same bytes.
        """
        local = self.topdir / directory
        try:
            here = (local / probe).read_bytes()
        except OSError:
            return None
        return local if here == self.read(f"{directory}/{probe}") else None

    def _request(self, verb: str, path: str) -> _Found | None:
        """Ask for a file, patiently; None for 404."""
        url = self.url(path)
        for attempt in range(1, TRIES + 1):
            try:
                with self._http.request(verb, url, limits=LIMITS) as response:
                    if response.status == 404:
                        return None
                    if response.status >= 400:
                        raise TransportError(f"{response.status} {response.reason}", status=response.status)
                    size = response.headers.get("Content-Length")
                    return _Found(response.read(), None if size is None else int(size))
            except TransportError as exc:
                if attempt == TRIES or not _passing(exc):
                    raise GenericError(f"cannot download {url}: {exc}") from exc
            time.sleep(BACKOFF * 2**attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")


def _passing(exc: TransportError) -> bool:
    """Tell a failure that may pass from one that will not."""
    return not exc.failure.final and (exc.status is None or exc.status in RETRIED)
