"""One connection to a server, directly or through a proxy, for one exchange after another.

The standard library's `http.client`, with what it leaves to its user: time limits, one packet for a small
request, the answer of a server that does not read on, and keep-alive probes, by which a server that vanished
without a word is noticed long before a time limit of hours.
"""

import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from select import POLLIN, poll
from typing import TYPE_CHECKING, NamedTuple, cast

from moromi.client.proxies import Proxy

if TYPE_CHECKING:
    from ssl import SSLContext

CONNECT_TIMEOUT = 60.0
PORTS = {"http": 80, "https": 443}
_PROBES = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 20), (socket.TCP_KEEPCNT, 6))


class Origin(NamedTuple):
    """A server, as far as what is meant for it is nobody else's business. The host is in ASCII."""

    scheme: str
    host: str
    port: int

    @property
    def name(self) -> str:
        """As the server is called in requests."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def same_server(self, other: "Origin") -> bool:
        """Whether `other` may be told what is meant for this one: the same, or the same by TLS now."""
        ports = self.port, other.port
        by_tls = (self.scheme, other.scheme, *ports) == ("http", "https", PORTS["http"], PORTS["https"])
        return self == other or (self.host == other.host and by_tls)


class Limits(NamedTuple):
    """Seconds: between two signs of life of an answer, and for a connection."""

    silence: float
    connect: float = CONNECT_TIMEOUT

    @property
    def connecting(self) -> float:
        """Nobody waits longer for a connection than for an answer."""
        return min(self.connect, self.silence)


class _Plain(HTTPConnection):
    """Without TLS."""

    def connect(self) -> None:
        # The host as bytes: Python would load its tables of international names for a text.
        self.sock = socket.create_connection((cast(str, self.host.encode()), self.port), self.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Connection:
    """A connection; OSError or HTTPException from everything that fails."""

    def __init__(
        self, origin: Origin, proxy: Proxy | None, timeout: float, tls: "Callable[[], SSLContext]"
    ) -> None:
        """Connect within `timeout` seconds each step; `tls` is asked when it is https."""
        self.origin, self.proxy = origin, proxy
        where = proxy or origin
        if origin.scheme == "http":
            self._http: HTTPConnection = _Plain(where.host, where.port, timeout)
        else:
            self._http = HTTPSConnection(where.host, where.port, timeout=timeout, context=tls())
            if proxy:
                self._http.set_tunnel(origin.host, origin.port, proxy.headers)
        try:
            self._http.connect()
        except BaseException:
            self._http.close()
            raise
        self._socket: socket.socket = self._http.sock
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _PROBES:
            self._socket.setsockopt(socket.IPPROTO_TCP, option, value)

    @property
    def alive(self) -> bool:
        """Whether the server has kept it: nothing can have come that was not asked for, but an end."""
        waiting = poll()
        waiting.register(self._socket, POLLIN)
        return not waiting.poll(0)

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, silence: float
    ) -> HTTPResponse:
        """Send a request and wait for the head of its answer; `silence` is the limit of each wait."""
        self._socket.settimeout(silence)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            self._http.request(method, target, body, {"Host": self.origin.name, **headers})
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        except (BrokenPipeError, ConnectionResetError) as err:
            with suppress(OSError, HTTPException):  # unless it said why before it closed
                return self._http.getresponse()
            raise err from None
        return self._http.getresponse()

    def end_exchange(self, answer: HTTPResponse) -> bool:
        """The caller is done with the answer; whether the connection is good for another."""
        good = answer.isclosed() and not answer.will_close  # it closes by itself when all of it was read
        answer.close()
        if not good:
            self.close()
        return good

    def abort(self) -> None:
        """Cut it, from any thread; one that reads is at the end."""
        with suppress(OSError):  # gone already
            # Not by the method of a TLS socket, which would take the state away from under the reader.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """For good. (A descriptor inherited over a fork: the parent is not disturbed.)"""
        self._http.close()
