"""Fetching files over HTTP, continuing what an earlier try left (command-line spec, "Downloading").

One request decides: the part that is there is named in a range; the server sends the rest, or says that there
is none.
"""

import os
from email.utils import parsedate_to_datetime

from moromi.client.connection import Limits
from moromi.client.http import Http, Response
from moromi.client.options import SessionOptions
from moromi.client.trouble import TransportError
from moromi.errors import GenericError

BLOCK = 1 << 16
LIMITS = Limits(connect=60.0, silence=600.0)


class Observer:
    """What a download tells its caller; the methods do nothing until overridden."""

    def present(self, path: str) -> None:
        """The file was there already, whole."""

    def resuming(self, path: str) -> None:
        """The file was there in part, the rest comes now."""

    def progress(self, done: int, total: int) -> None:
        """Bytes so far (with what was there) and in the end; `total` 0 when the server does not say."""

    def finished(self) -> None:
        """All of it came."""


def fetch(
    url: str,
    path: str,
    *,
    options: SessionOptions | None = None,
    observer: Observer | None = None,
    http: Http | None = None,
    limits: Limits = LIMITS,
) -> None:
    """Download `url` to `path`, with the server's time stamp; over the connections of `http`, where given.

    TransportError for an HTTP error or a cut connection (what came stays and is continued next time),
    GenericError when the length is wrong. A file that stays empty because of an error is removed.
    """
    http = http or Http(options)
    observer = observer or Observer()
    have = os.path.getsize(path) if os.path.isfile(path) else 0
    try:
        with http.request(
            "GET", url, limits=limits, headers={"Range": f"bytes={have}-"} if have else {}
        ) as response:
            _store(response, path, have, observer)
    except TransportError:
        if os.path.isfile(path) and not os.path.getsize(path):
            os.unlink(path)
        raise


def _total(response: Response, have: int) -> int:
    """Full length of the file, 0 when unknown."""
    span = response.headers.get("Content-Range") or ""
    if "/" in span and span.rsplit("/", 1)[1].isdigit():
        return int(span.rsplit("/", 1)[1])
    return int(response.headers.get("Content-Length") or 0) + (have if response.status == 206 else 0)


def _store(response: Response, path: str, have: int, observer: Observer) -> None:
    total = _total(response, have)
    if response.status == 416:
        if total == have:
            observer.present(path)
            return
        raise GenericError(f"{path} is longer than {response.url}: not a part of it; remove it first")
    if response.status >= 400:
        raise TransportError(
            f"{response.url} answered {response.status} {response.reason}", status=response.status
        )
    if response.status == 200 and have and total == have:
        observer.present(path)
        return
    start = have if response.status == 206 else 0
    if start:
        observer.resuming(path)
    with open(path, "r+b" if start else "wb") as target:
        target.seek(start)
        done = start
        observer.progress(done, total)
        for block in response.blocks(BLOCK):
            target.write(block)
            done += len(block)
            observer.progress(done, total)
    if total and done != total:
        raise GenericError(f"download of {response.url}: {done} of {total} bytes came")
    observer.finished()
    _stamp(response, path)


def _stamp(response: Response, path: str) -> None:
    modified = response.headers.get("Last-Modified")
    if modified:
        when = parsedate_to_datetime(modified).timestamp()
        os.utime(path, (when, when))
