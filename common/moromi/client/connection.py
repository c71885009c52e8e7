"""One connection to a server, directly or through a proxy, for one exchange after another.

A server that vanished without a word is noticed by keep-alive probes, long before a time limit of hours.
"""

import select
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from moromi.client.message import Incoming, request_head
from moromi.client.proxies import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import SSLContext

CONNECT_TIMEOUT = 60.0
PORTS = {"http": 80, "https": 443}
ONE_PACKET = 1 << 16
"""Up to this size a body goes out together with its head."""
_PROBES = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 20), (socket.TCP_KEEPCNT, 6))


class Origin(NamedTuple):
    """A server, as far as what is meant for it is nobody else's business."""

    scheme: str
    host: str
    port: int

    @property
    def name(self) -> str:
        """As the server is called in requests."""
        host = self.host if self.host.isascii() else self.host.encode("idna").decode()
        host = f"[{host}]" if ":" in host else host
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


def _dial(host: str, port: int, timeout: float) -> socket.socket:
    # As bytes: Python would load its tables of international names for a text.
    name = cast(str, host.encode()) if host.isascii() else host
    made = socket.create_connection((name, port), timeout)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _PROBES:
        made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


class Connection:
    """A connection; OSError from everything that fails."""

    def __init__(
        self, origin: Origin, proxy: Proxy | None, timeout: float, tls: "Callable[[], SSLContext]"
    ) -> None:
        """Connect within `timeout` seconds each step; `tls` is asked when it is https."""
        self.origin, self.proxy = origin, proxy
        where = proxy or origin
        self._socket = _dial(where.host, where.port, timeout)
        if origin.scheme == "https":
            try:
                if proxy:
                    self._tunnel(proxy)
                self._socket = tls().wrap_socket(self._socket, server_hostname=origin.host)
            except BaseException:
                self._socket.close()
                raise
        self._stream: BinaryIO | None = None
        self._incoming: Incoming | None = None

    def _tunnel(self, proxy: Proxy) -> None:
        """Ask the proxy to pass bytes on from here."""
        name = self.origin.name if self.origin.port != PORTS["https"] else f"{self.origin.name}:443"
        self._socket.sendall(request_head("CONNECT", name, {"Host": name, **proxy.headers}))
        # Unbuffered, so that nothing is read that belongs to what comes through the tunnel.
        with self._socket.makefile("rb", buffering=0) as stream:
            answer = Incoming(cast(BinaryIO, stream), "HEAD")
        if answer.status != 200:
            raise OSError(f"the proxy {proxy.host}:{proxy.port} refuses: {answer.status} {answer.reason}")

    @property
    def alive(self) -> bool:
        """Whether the server has kept it: nothing can have come that was not asked for, but an end."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, silence: float
    ) -> Incoming:
        """Send a request and wait for the head of its answer; `silence` is the limit of each wait."""
        length = {} if body is None else {"Content-Length": str(len(body))}
        head = request_head(method, target, {"Host": self.origin.name, **headers, **length})
        self._socket.settimeout(silence)
        try:
            if body is None or len(body) <= ONE_PACKET:
                self._socket.sendall(head + (body or b""))
            else:
                self._socket.sendall(head)
                self._socket.sendall(body)
        except BrokenPipeError as err:
            return self._refusal(method, err)
        return self._answer(method)

    def _refusal(self, method: str, err: BrokenPipeError) -> Incoming:
        """Why the server did not want to read on, if it said so before it closed."""
        try:
            return self._answer(method)
        except OSError:
            raise err from None

    def _answer(self, method: str) -> Incoming:
        self._stream = self._socket.makefile("rb")
        self._incoming = Incoming(self._stream, method)
        return self._incoming

    def end_exchange(self) -> bool:
        """The caller is done with the answer; whether the connection is good for another."""
        good = self._incoming is not None and self._incoming.keeps_connection
        if self._stream is not None:
            self._stream.close()
        self._stream = self._incoming = None
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
        if self._stream is not None:
            self._stream.close()
        self._socket.close()
