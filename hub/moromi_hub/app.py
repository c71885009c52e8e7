"""The WSGI application: `/kojihub` is the call interface, `/kojifiles` the file tree.

Any WSGI server can run it (`moromi_hub.wsgi:application`); `moromi-hub serve`
brings one along.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from moromi_hub.hub import Hub
from moromi_hub.rpc.endpoint import Endpoint
from moromi_hub.settings import Settings
from moromi_hub.web.tree import FileTree

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_WELCOME = b"This is a Moromi hub. Calls go to /kojihub, files are under /kojifiles.\n"


class Application:
    """Routes a request to the part of the hub that answers it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._mounts: dict[str, WSGIApplication] = {
            "kojihub": Endpoint(hub),
            "kojifiles": FileTree(hub.settings.topdir),
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        first, slash, rest = environ.get("PATH_INFO", "").removeprefix("/").partition("/")
        mounted = self._mounts.get(first)
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
    hub.activity.start()
    return Application(hub)
