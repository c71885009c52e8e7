"""`moromi_hub.wsgi:application` for WSGI servers.

The configuration file is `$MOROMI_HUB_CONFIG`. A hub that cannot start answers
every call with fault 1014 instead of none, so that clients wait for it
(hub-protocol.md section 1.10); the log says why.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moromi.wire.xmlrpc import encode_fault
from moromi_hub import logs, settings
from moromi_hub.app import make_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def _load() -> WSGIApplication:
    try:
        loaded = settings.load(os.environ.get(settings.CONFIG_VARIABLE, str(settings.DEFAULT_FILE)))
        logs.configure(loaded)
        return make_application(loaded)
    except Exception:
        logging.getLogger(__name__).exception("the hub cannot start")
        return _startup_error


def _startup_error(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    body = encode_fault(1014, "server startup error")
    start_response("200 OK", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]


application = _load()
