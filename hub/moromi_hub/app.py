"""The WSGI application: `/kojihub` is the call interface, `/kojifiles` the file tree, the rest is plugins'.

Pages are at the root and below the path of `KojiWebURL`.

Any WSGI server can run it (`moromi_hub.wsgi:application`); `moromi-hub serve`
brings one along.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from moromi.wire.xmlrpc import encode_fault
from moromi_hub import limits, logs
from moromi_hub import settings as configuration
from moromi_hub.auth.gate import Gate
from moromi_hub.hub import Hub
from moromi_hub.rpc.endpoint import Endpoint
from moromi_hub.settings import Settings
from moromi_hub.web.site import make_site
from moromi_hub.web.taskfile import TaskFile
from moromi_hub.web.tree import FileTree

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_WELCOME = b"This is a Moromi hub. Calls go to /kojihub, files are under /kojifiles.\n"


class Application:
    """Routes a request to the part of the hub that answers it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        gate = Gate(hub.settings)
        self._mounts: dict[str, WSGIApplication] = {
            "kojihub": Endpoint(hub, gate),
            "kojifiles": FileTree(hub.settings.topdir),
        }
        base = urlsplit(hub.settings.KojiWebURL).path.strip("/")
        file = TaskFile(hub)
        self._pages: dict[str, WSGIApplication] = {"getfile": file, f"{base}/getfile": file}
        self._site = make_site(hub, gate, hub.plugins.blueprints) if hub.plugins.blueprints else None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "").removeprefix("/")
        page = self._pages.get(path)
        if page is not None:
            return page(environ, start_response)
        first, slash, rest = path.partition("/")
        mounted = self._mounts.get(first)
        if mounted is None and first and self._site is not None:
            return self._site(environ, start_response)
        if mounted is None:
            status = "200 OK" if not first else "404 Not Found"
            body = _WELCOME if not first else b"Not Found\n"
            start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
            return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]
        environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}/{first}"
        environ["PATH_INFO"] = f"{slash}{rest}"
        return mounted(environ, start_response)


def make_application(settings: Settings) -> Application:
    """The application of one process."""
    hub = Hub(settings)
    hub.start()
    return Application(hub)


def load_application(config: Path | str, fragments: Path | str | None = None) -> WSGIApplication:
    """The application for a configuration file, and the directory of its fragments (else beside it).

    A hub that cannot start answers every call with fault 1014 instead of none, so that clients wait for
    it (hub-protocol.md section 1.10); the log says why.
    """
    try:
        settings = configuration.load(config, fragments)
        logs.configure(settings)
        limits.apply(settings)
        return make_application(settings)
    except Exception:
        logging.getLogger(__name__).exception("the hub cannot start")
        return _startup_error


def _startup_error(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    body = encode_fault(1014, "server startup error")
    start_response("200 OK", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]
