"""The file tree under `/kojifiles`, read-only (spec: hub-protocol.md section 1.1).

A production site serves it from its web server; this keeps a small site and
every test complete. Links are followed as long as they stay inside the tree,
which repositories and volumes need.
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.utils import send_file
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_TYPES = {
    ".log": "text/plain",
    ".rpm": "application/x-rpm",
    ".gz": "application/gzip",
    ".zst": "application/zstd",
    ".jsonl": "text/plain",
}


_SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
"""What users have built and uploaded is not to be trusted: no script in it runs as the hub's own."""


class FileTree:
    """WSGI application that serves the files below `top`."""

    def __init__(self, top: Path) -> None:
        self.top = top

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._respond(environ)(environ, start_response)

    def _respond(self, environ: WSGIEnvironment) -> Response:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return Response("Method Not Allowed\n", 405, {"Allow": "GET, HEAD"}, "text/plain")
        name = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        path = self._find(name)
        if path is None:
            return Response("Not Found\n", 404, mimetype="text/plain")
        if path.is_dir():
            if not name.endswith("/"):
                where = quote(environ.get("SCRIPT_NAME", "") + name) + "/"
                return Response(status=301, headers={"Location": where})
            return Response(_listing(path, name), mimetype="text/html")
        kind = _TYPES.get(path.suffix, None if path.suffix else "application/octet-stream")
        try:
            response = send_file(path, environ, mimetype=kind, conditional=True, max_age=0)
        except RequestedRangeNotSatisfiable as error:
            # A client that continues a download asks so for the rest of a file that it has whole.
            return Response(status=416, headers={"Content-Range": f"bytes */{error.length}"})
        response.headers.extend(_SAFE)
        return response

    def _find(self, name: str) -> Path | None:
        """The file or directory of that name, or None: also for hidden ones and links that lead out."""
        parts = [part for part in name.split("/") if part]
        if "\0" in name or any(part.startswith(".") for part in parts):
            return None
        top = os.path.realpath(self.top)
        found = os.path.realpath(os.path.join(top, *parts))
        if found != top and not found.startswith(top + os.sep):
            return None
        return Path(found) if os.path.exists(found) else None


def _listing(directory: Path, name: str) -> str:
    rows = []
    for entry in sorted(os.scandir(directory), key=lambda item: item.name):
        if not entry.name.startswith("."):
            label = entry.name + ("/" if entry.is_dir() else "")
            rows.append(f'<li><a href="{quote(label)}">{html.escape(label)}</a></li>')
    title = html.escape(f"Index of {name}")
    return f"<!DOCTYPE html><title>{title}</title><h1>{title}</h1><ul>{''.join(rows)}</ul>\n"
