"""A server that says what it is told to, byte by byte, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """An answer with a length."""
    fields = {"Content-Length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Canned:
    """Answers requests on the loopback address, one after another; None: by silence, b"": by hanging up."""

    answers: list[bytes | None] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    hang_up: bool = False
    """After each answer."""
    asked: list[bytes] = field(default_factory=list)
    """Requests: heads and bodies."""
    peers: list[object] = field(default_factory=list)
    """What certificate each TLS connection came with."""
    connections: int = 0
    hung_up: int = 0
    """How many of them this side has closed."""
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The hub, so to speak."""
        scheme, host = ("https", "localhost") if self.tls else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self.port}/kojihub"

    def head(self, number: int = -1) -> list[str]:
        """The lines of one request's head."""
        return self.asked[number].split(b"\r\n\r\n")[0].decode().split("\r\n")

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            self._converse(client)
        except OSError:
            client.close()  # the other side did
        self.hung_up += 1

    def _converse(self, client: socket.socket) -> None:
        with client:
            if self.tls:
                secured = self.tls.wrap_socket(client, server_side=True)
                self.peers.append(secured.getpeercert())
                client = secured
            with client, client.makefile("rb") as stream:
                while request := _request(stream):
                    self.asked.append(request)
                    said = self.answers.pop(0)
                    if said is None:
                        self.ended.wait(60)
                        return
                    client.sendall(said)
                    if not said or self.hang_up:
                        return

    def close(self) -> None:
        """Stop."""
        self.ended.set()
        self._listener.close()


def _request(stream: object) -> bytes:
    readline, read = stream.readline, stream.read  # type: ignore[attr-defined]  # of any kind of stream
    head = bytearray()
    while line := readline():
        head += line
        if line == b"\r\n":
            break
    length = [
        line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    ]
    return bytes(head) + (read(int(length[0])) if length else b"")


@contextlib.contextmanager
def canned(
    *answers: bytes | None, tls: ssl.SSLContext | None = None, hang_up: bool = False
) -> Iterator[Canned]:
    """A server with these answers."""
    server = Canned(list(answers), tls, hang_up)
    try:
        yield server
    finally:
        server.close()
