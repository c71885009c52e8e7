"""A hub in the initial state of the conformance corpus, put back to it on demand.

`serve` runs it and prints its URL; `reset`, from another process, gives it a fresh
copy of the template database and an empty tree. No worker runs, as the corpus
says (tests/conformance/README.md).
"""

from __future__ import annotations

import argparse
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
    """No line per request; connections stay open."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def control_path(port: int) -> Path:
    """The socket on which a running harness takes orders."""
    return Path(tempfile.gettempdir()) / f"moromi-conformance-{port}.sock"


def serve(port: int) -> None:
    """Run until interrupted."""
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
            take_orders(harness, control_path(web.server_port))
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


def reset(port: int) -> None:
    """Ask the running harness for its initial state, and wait for it."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(control_path(port)))
        if connection.recv(2) != b"ok":
            raise SystemExit("the harness did not reset")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["serve", "reset"])
    parser.add_argument("--port", type=int, default=8790, help="port of the hub (default: %(default)s)")
    arguments = parser.parse_args()
    {"serve": serve, "reset": reset}[arguments.command](arguments.port)


if __name__ == "__main__":
    main()
