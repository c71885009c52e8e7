"""`moromi_hub.wsgi:application` for WSGI servers.

The configuration file is `$MOROMI_HUB_CONFIG`, else what the web server's variables
`koji.hub.ConfigFile` and `koji.hub.ConfigDir` say with the first request, else Koji's.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moromi_hub import settings
from moromi_hub.app import load_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class LoadedAtFirstRequest:
    """The application, made when a request says where its configuration is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._application: WSGIApplication | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            if self._application is None:
                config = environ.get("koji.hub.ConfigFile", settings.DEFAULT_FILE)
                self._application = load_application(config, environ.get("koji.hub.ConfigDir"))
        return self._application(environ, start_response)


_named = os.environ.get(settings.CONFIG_VARIABLE)
application: WSGIApplication = load_application(_named) if _named else LoadedAtFirstRequest()
