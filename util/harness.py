"""The hub that the conformance corpus is replayed on, and its control socket."""

from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import sys
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from moromi_hub.db.embedded import EmbeddedPostgres
from support import database
from support.hub import HubUnderTest, running_hub, state_template

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Harness:
    """A hub behind a WSGI face that stays while the hub is replaced."""

    def __init__(self, server: EmbeddedPostgres, state: str) -> None:
        self._server = server
        self._state = state
        self._resources = contextlib.ExitStack()
        self._current: HubUnderTest | None = None
        self.reset()

    def reset(self) -> None:
        """A hub in the initial state takes the place of the present one."""
        fresh = contextlib.ExitStack()
        dsn = fresh.enter_context(database.clone(self._server, self._state))
        top = tempfile.mkdtemp(prefix="moromi-conformance-")
        fresh.callback(shutil.rmtree, top)
        self._current = fresh.enter_context(running_hub(dsn, Path(top)))
        self._current.hub.memory.start()
        old, self._resources = self._resources, fresh
        old.close()

    def close(self) -> None:
        """Remove the last database and tree."""
        self._resources.close()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._current is None:
            raise RuntimeError("the harness is closed")
        return self._current.application(environ, start_response)


class ThreadingServer(socketserver.ThreadingMixIn, WSGIServer):
    """A thread per connection."""

    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    """No line per request."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def serve(port: int, control: Path) -> None:
    """Run until interrupted; `control` is the socket on which orders to reset are taken."""
    with (
        database.running_server() as postgres,
        database.template(postgres) as plain,
        state_template(postgres, plain) as state,
    ):
        harness = Harness(postgres, state)
        web = make_server("127.0.0.1", port, harness, ThreadingServer, QuietHandler)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{web.server_port}/kojihub", flush=True)
        try:
            take_orders(harness, control)
        finally:
            web.shutdown()
            harness.close()


def take_orders(harness: Harness, path: Path) -> None:
    """Reset at each connection to the control socket."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen()
        try:
            while True:
                connection, _ = listener.accept()
                with connection:
                    harness.reset()
                    connection.sendall(b"ok")
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
        finally:
            path.unlink()
