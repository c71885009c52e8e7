"""A small hub that writes down what it is asked, for what clients do before a hub matters."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from moromi.errors import GenericError
from moromi.wire.named import split_named
from moromi.wire.xmlrpc import decode_request, encode_fault, encode_response

LOGIN = {"session-id": 7, "session-key": "1-secret", "header-auth": True}


class Recorder:
    """Answers calls by `functions`, others with an empty list; `calls` are their names and arguments."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/kojihub"
        self.calls: list[tuple[str, list[Any], dict[str, Any]]] = []
        self.functions: dict[str, Callable[..., Any]] = {
            "getAPIVersion": lambda: 1,
            "getKojiVersion": lambda: "1.36.1",
            "login": lambda *args, **kwargs: LOGIN,
            "logout": lambda **kwargs: None,
            "getLoggedInUser": lambda: {"id": 1, "name": "alice", "authtype": 0},
        }
        self.broken = 0
        """How many requests get the status 500."""
        self.slowness = 0.0
        """Seconds that it thinks of each answer."""

    @property
    def names(self) -> list[str]:
        """The calls so far, without their arguments."""
        return [name for name, _, _ in self.calls]

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """Status and body."""
        name, params = decode_request(body)
        args, kwargs = split_named(params)
        self.calls.append((str(name), args, kwargs))
        time.sleep(self.slowness)
        if self.broken:
            self.broken -= 1
            return 500, b"out of order"
        try:
            return 200, encode_response(
                self.functions[str(name)](*args, **kwargs) if name in self.functions else []
            )
        except GenericError as err:
            return 200, encode_fault(err.faultCode, str(err))


@contextlib.contextmanager
def recorder() -> Iterator[Recorder]:
    """A hub of that kind on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status, body = made.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # who has no patience is gone by now
                self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Keep the test output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Recorder(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
