"""The page `getfile`: one file that a task has written (spec: web.md section 2).

Mail about builds links to it, and live logs read it piece by piece. What tasks write is not to be
trusted: a browser shows nothing but plain text of it, runs nothing, and guesses no types.
"""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from werkzeug.wrappers import Request, Response

from moromi.errors import GenericError
from moromi_hub import arguments
from moromi_hub.hub import Hub
from moromi_hub.tasks import output

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_PIECE = 1 << 20
_TEXT = (".log", ".ks")
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "no-cache",
}


class TaskFile:
    """WSGI application: `?taskID=&name=&volume=&offset=&size=`.

    A negative `offset` counts from the end; without `size` comes the rest. 400 for what is no request,
    404 for what is not there.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Response("Method Not Allowed\n", 405, {"Allow": "GET, HEAD"}, "text/plain")
        try:
            task_id, offset, size = _numbers(request.args)
        except ValueError as error:
            return Response(f"{error}\n", 400, _SAFE, "text/plain")
        name, volume = request.args.get("name", ""), request.args.get("volume")
        try:
            with self._hub.call("getfile") as call:
                source = output.open_file(call, task_id, name, volume)
        except GenericError:
            return Response("Not Found\n", 404, _SAFE, "text/plain")
        return _answer(source, name, offset, size)


def _numbers(asked: Mapping[str, str]) -> tuple[int, int, int]:
    """Task, offset, size (-1: the rest). ValueError: not such numbers."""
    found = []
    for key, default in (("taskID", ""), ("offset", "0"), ("size", "-1")):
        text = asked.get(key) or default
        if not text.removeprefix("-").isdecimal() or not text.isascii():
            raise ValueError(f"{key} is not a number")
        found.append(int(text))
    if not arguments.fits_id(found[0]):
        raise ValueError("taskID is out of range")
    return found[0], found[1], found[2]


def _answer(source: IO[bytes], name: str, offset: int, size: int) -> Response:
    """The part of a file as it is now; what is appended meanwhile is for the next request."""
    length = os.fstat(source.fileno()).st_size
    start = min(length, offset if offset >= 0 else max(0, length + offset))
    count = length - start if size < 0 else min(size, length - start)
    source.seek(start)
    response = Response(_Pieces(source, count), 200, _SAFE, direct_passthrough=True)
    response.content_type = kind = _type_of(name)
    response.content_length = count
    if not kind.startswith("text/plain"):
        file_name = quote(Path(name).name, safe="")
        response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{file_name}"
    return response


def _type_of(name: str) -> str:
    if name.endswith(_TEXT):
        return "text/plain; charset=utf-8"
    kind, packed = mimetypes.guess_type(name)
    if packed or kind is None:
        return "application/octet-stream"
    return "text/plain; charset=utf-8" if kind == "text/plain" else kind


class _Pieces:
    """Bytes of a file from where it stands, for a WSGI server, which closes it."""

    def __init__(self, source: IO[bytes], count: int) -> None:
        self._source = source
        self._count = count

    def __iter__(self) -> Iterator[bytes]:
        left = self._count
        while left and (piece := self._source.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece

    def close(self) -> None:
        """Called at the end of the answer, also when the client has gone."""
        self._source.close()
