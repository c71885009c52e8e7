"""Fetching files over HTTP, continuing what an earlier try left (command-line spec, "Downloading").

One request decides: the part that is there is named in a range; the server sends the rest, or says that there
is none.
"""

import os
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import requests

from moromi.client.options import SessionOptions
from moromi.client.transport import USER_AGENT, TransportError
from moromi.errors import GenericError

BLOCK = 1 << 16
CONNECT_TIMEOUT = 60.0
SILENCE_LIMIT = 600.0


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
    session: requests.Session | None = None,
) -> None:
    """Download `url` to `path`, with the server's time stamp.

    TransportError for an HTTP error or a cut connection (what came stays and is continued next time),
    GenericError when the length is wrong. A file that stays empty because of an error is removed.
    """
    options = options or SessionOptions()
    observer = observer or Observer()
    have = os.path.getsize(path) if os.path.isfile(path) else 0
    try:
        with _get(session, url, options, have) as response:
            _store(response, path, have, observer)
    except requests.RequestException as err:
        if os.path.isfile(path) and not os.path.getsize(path):
            os.unlink(path)
        raise TransportError(f"{type(err).__name__}: {err}") from err


def _get(session: requests.Session | None, url: str, options: SessionOptions, have: int) -> requests.Response:
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    return (session or requests).get(
        url,
        headers=headers,
        stream=True,
        timeout=(CONNECT_TIMEOUT, SILENCE_LIMIT),
        verify=options.verify,
        cert=options.cert,
    )


def _total(response: requests.Response, have: int) -> int:
    """Full length of the file, 0 when unknown."""
    span = response.headers.get("Content-Range", "")
    if "/" in span and span.rsplit("/", 1)[1].isdigit():
        return int(span.rsplit("/", 1)[1])
    return int(response.headers.get("Content-Length", 0)) + (have if response.status_code == 206 else 0)


def _store(response: requests.Response, path: str, have: int, observer: Observer) -> None:
    total = _total(response, have)
    if response.status_code == 416:
        if total == have:
            observer.present(path)
            return
        raise GenericError(f"{path} is longer than {response.url}: not a part of it; remove it first")
    response.raise_for_status()
    if response.status_code == 200 and have and total == have:
        observer.present(path)
        return
    start = have if response.status_code == 206 else 0
    if start:
        observer.resuming(path)
    with open(path, "r+b" if start else "wb") as target:
        target.seek(start)
        done = start
        observer.progress(done, total)
        for block in _blocks(response):
            target.write(block)
            done += len(block)
            observer.progress(done, total)
    if total and done != total:
        raise GenericError(f"download of {response.url}: {done} of {total} bytes came")
    observer.finished()
    _stamp(response, path)


def _blocks(response: requests.Response) -> Iterator[bytes]:
    blocks: Iterator[bytes] = response.iter_content(BLOCK)
    return blocks


def _stamp(response: requests.Response, path: str) -> None:
    modified = response.headers.get("Last-Modified")
    if modified:
        when = parsedate_to_datetime(modified).timestamp()
        os.utime(path, (when, when))
