"""A TCP proxy between a client and a server, to count what is asked and to cut what is connected."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

_REQUEST = re.compile(rb"(?:GET|POST|HEAD) (\S+) HTTP/1\.[01]\r\n")


@dataclass
class Proxy:
    """Forwards to a port of the loopback address. `down` refuses and cuts, until `up`."""

    target: int
    sent: bytearray = field(default_factory=bytearray)
    """Everything that clients have sent."""
    refused: int = 0
    swallowed: int = 0
    """How many answers were lost."""
    _lost: set[bytes] = field(default_factory=set)
    _deaf: set[socket.socket] = field(default_factory=set)
    _up: bool = True
    _hears: bool = True
    _budget: int | None = None
    _pairs: set[tuple[socket.socket, socket.socket]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where clients connect."""
        return int(self._listener.getsockname()[1])

    def requests(self) -> list[str]:
        """The path of every HTTP request so far."""
        with self._lock:
            return [path.decode() for path in _REQUEST.findall(bytes(self.sent))]

    def down(self) -> None:
        """Cut everything, and connections to come."""
        with self._lock:
            self._up = False
            for pair in self._pairs:
                _end(pair)

    def up(self) -> None:
        """Let through again."""
        with self._lock:
            self._up = True
            self._budget = None

    def deafen(self) -> None:
        """Let requests through and cut the connection instead of the answer, until `hear`."""
        self._hears = False

    def hear(self) -> None:
        """Let answers through again."""
        self._hears = True

    def lose_answers_to(self, *words: bytes) -> None:
        """Cut the connection instead of the answer to the next request with each of these words."""
        with self._lock:
            self._lost |= set(words)

    def cut_after(self, size: int) -> None:
        """Go down by itself when clients have sent so many bytes more."""
        with self._lock:
            self._budget = size

    @property
    def is_up(self) -> bool:
        """Whether connections pass."""
        return self._up

    def close(self) -> None:
        """Stop for good."""
        self._listener.close()
        self.down()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with (
            client,
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.target)) as server,
        ):
            pair = (client, server)
            with self._lock:
                if not self._up:
                    self.refused += 1
                    return
                self._pairs.add(pair)
            back = threading.Thread(target=self._answer, args=(server, client), daemon=True)
            back.start()
            self._forward(client, server)
            back.join()
            with self._lock:
                self._pairs.discard(pair)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        while data := client.recv(65536):
            if not self._passes(len(data)):
                self.down()
                return
            with self._lock:
                self.sent += data
                found = {words for words in self._lost if words in data}
                if found:
                    self._lost -= found
                    self._deaf.add(client)
            server.sendall(data)
        server.shutdown(socket.SHUT_WR)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if not self._hears or client in self._deaf:
                    with self._lock:
                        self.swallowed += 1
                    _end((client, server))
                    return
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)

    def _passes(self, size: int) -> bool:
        with self._lock:
            if self._budget is None:
                return True
            self._budget -= size
            return self._budget >= 0


def _end(pair: tuple[socket.socket, socket.socket]) -> None:
    for each in pair:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """A proxy to a port of this machine."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
