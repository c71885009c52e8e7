"""HTTP as a client of a hub needs it: connections kept alive, time limits, TLS, proxies, redirects; no more.

On the standard library's protocol machine, because the start of a program is most of what a short command
costs, and the usual HTTP libraries take longer to import than a hub takes to answer.

* Any thread may ask at any time: a connection belongs to one exchange, and to the pool when that is over. A
  forked child must not write into its parent's sockets, so it begins with an empty pool.
* A server that vanished without a word is noticed by keep-alive probes, long before a time limit of hours.
* A redirect takes headers of the caller (sessions, passwords) and a client certificate no further than the
  server that they are for; a body goes nowhere else at all. ~/.netrc is never read.
"""

import os
import select
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPMessage,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from moromi.client.options import SessionOptions
from moromi.client.proxies import Proxy, basic_authorization, find_proxy
from moromi.client.trouble import Failure, TransportError, transport_error

if TYPE_CHECKING:
    from ssl import SSLContext

USER_AGENT = "koji/1"
CONNECT_TIMEOUT = 60.0
REDIRECTS = 10
IDLE_CONNECTIONS = 10
"""Kept for each server; more threads than that at once connect anew."""
PORTS = {"http": 80, "https": 443}
MOVED = frozenset({301, 302, 303, 307, 308})
SAME_REQUEST = frozenset({307, 308})
NEUTRAL_HEADERS = frozenset({"accept", "range", "user-agent"})
"""What a redirect to another server may tell it of the request."""
_LEGAL = "!#$%&'()*+,/:;=?@[]~"
_PROBES = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 20), (socket.TCP_KEEPCNT, 6))


class Origin(NamedTuple):
    """A server, as far as what is meant for it is nobody else's business."""

    scheme: str
    host: str
    port: int


class Limits(NamedTuple):
    """Seconds: for a connection, and between two signs of life of an answer."""

    silence: float
    connect: float = CONNECT_TIMEOUT

    @property
    def connecting(self) -> float:
        """Nobody waits longer for a connection than for an answer."""
        return min(self.connect, self.silence)


@contextmanager
def _translated(url: str, limit: float) -> Iterator[None]:
    """Turn what the libraries below raise into TransportError."""
    try:
        yield
    except TransportError:
        raise
    except (HTTPException, OSError, UnicodeError) as err:
        raise transport_error(url, err, limit) from err


class Response:
    """An answer whose body is still to be read. Close it, or use it as a context manager; its connection is
    kept when all of the body was read.
    """

    def __init__(self, url: str, raw: HTTPResponse, connection: "_Connection", limits: Limits) -> None:
        self.url = url
        """Of this answer: the last one of a chain of redirects."""
        self.status: int = raw.status
        self.reason: str = raw.reason
        self.headers: HTTPMessage = raw.headers
        self._raw = raw
        self._connection = connection
        self._limit = limits.silence

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, size: int | None = None) -> bytes:
        """The rest, or at most `size` bytes of it; b"" at the end. TransportError when it is cut short."""
        with _translated(self.url, self._limit):
            data = self._raw.read(size)
            if not data and size and self._raw.length:
                raise IncompleteRead(b"", self._raw.length)
            return data

    def readline(self, limit: int) -> bytes:
        """As soon as it is there; b"" at the end."""
        with _translated(self.url, self._limit):
            return self._raw.readline(limit)

    def blocks(self, size: int) -> Iterator[bytes]:
        """The body in pieces."""
        while block := self.read(size):
            yield block

    def close(self) -> None:
        """Done with it."""
        complete = self._raw.isclosed()
        self._raw.close()
        self._connection.done(complete)

    def abort(self) -> None:
        """Cut the connection, from any thread; one that reads is at the end."""
        self._connection.abort()


class _Connection:
    """A connection for one exchange after another."""

    def __init__(self, pool: "Http", origin: Origin, proxy: Proxy | None, limits: Limits) -> None:
        self.origin, self.proxy = origin, proxy
        self._pool = pool
        self._http = self._make(limits.connecting)
        self._http.connect()
        self._socket: socket.socket = self._http.sock
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _PROBES:
            self._socket.setsockopt(socket.IPPROTO_TCP, option, value)

    def _make(self, timeout: float) -> HTTPConnection:
        where = self.proxy or self.origin
        if self.origin.scheme == "http":
            return HTTPConnection(where.host, where.port, timeout=timeout)
        made = HTTPSConnection(where.host, where.port, timeout=timeout, context=self._pool.tls)
        if self.proxy:
            made.set_tunnel(self.origin.host, self.origin.port, self.proxy.headers)
        return made

    @property
    def alive(self) -> bool:
        """Whether the server has kept it: nothing can have come that was not asked for, but an end."""
        if self._http.sock is None:
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, limits: Limits
    ) -> HTTPResponse:
        """Send a request and read the head of its answer."""
        self._socket.settimeout(limits.silence)
        try:
            self._http.request(method, target, body, dict(headers))
        except BrokenPipeError:
            # It may have said why it did not want to read on.
            return self._http.getresponse()
        return self._http.getresponse()

    def done(self, complete: bool) -> None:
        """Keep the connection for the next exchange, if this one came to its end."""
        if complete and self._http.sock is not None:
            self._pool.keep(self)
        else:
            self.close()

    def abort(self) -> None:
        """Wake up who reads from it."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            self.close()  # gone already

    def close(self) -> None:
        """For good. (A descriptor inherited over a fork: the parent is not disturbed.)"""
        self._http.close()


class Http:
    """Asks servers, with the certificates of a session's options."""

    def __init__(self, options: SessionOptions | None = None) -> None:
        self.options = options or SessionOptions()
        self._idle: dict[tuple[Origin, Proxy | None], list[_Connection]] = {}
        self._tls: SSLContext | None = None
        self._pid = os.getpid()

    @property
    def tls(self) -> "SSLContext":
        """The certificates, read at the first need of them. CertificateError when one cannot be used."""
        if self._tls is None:
            from moromi.client.tls import tls_context

            self._tls = tls_context(self.options)
        return self._tls

    def close(self) -> None:
        """Forget connections and certificates; the next request begins anew."""
        idle, self._idle, self._tls = self._idle, {}, None
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        limits: Limits,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        redirects: int = REDIRECTS,
    ) -> Response:
        """The answer, of whatever status, after so many redirects at most. TransportError when there is
        none.
        """
        parts, origin = _address(url)
        login = basic_authorization(parts)
        sent = {"User-Agent": USER_AGENT, **({"Authorization": login} if login else {}), **(headers or {})}
        response = self._exchange(method, parts, origin, sent, body, limits)
        moved_to = response.headers.get("Location")
        if response.status not in MOVED or not moved_to:
            return response
        response.close()
        target = urljoin(url, moved_to)
        stays = _same_server(origin, _address(target)[1])
        if not redirects or (body is not None and not (stays and response.status in SAME_REQUEST)):
            raise TransportError(f"{url} answered {response.status}: moved to {target}", Failure.ADDRESS)
        if not stays:
            sent = {name: value for name, value in sent.items() if name.lower() in NEUTRAL_HEADERS}
        http = self if stays or not self.options.cert else Http(replace(self.options, cert=None))
        return http.request(method, target, limits=limits, headers=sent, body=body, redirects=redirects - 1)

    def _exchange(
        self,
        method: str,
        parts: SplitResult,
        origin: Origin,
        headers: dict[str, str],
        body: bytes | None,
        limits: Limits,
    ) -> Response:
        server = parts.netloc.rpartition("@")[2]
        url = f"{origin.scheme}://{server}{parts.path}"
        target = quote(parts.path or "/", safe=_LEGAL)
        if parts.query:
            target += f"?{quote(parts.query, safe=_LEGAL)}"
        with _translated(url, limits.connecting):
            connection = self._connection(origin, limits)
        if connection.proxy and origin.scheme == "http":
            target = f"http://{server}{target}"
            headers = headers | connection.proxy.headers
        try:
            with _translated(url, limits.silence):
                raw = connection.ask(method, target, headers, body, limits)
        except BaseException:
            connection.close()
            raise
        return Response(url, raw, connection, limits)

    def _connection(self, origin: Origin, limits: Limits) -> _Connection:
        """An idle one that is still good, or a new one."""
        if self._pid != os.getpid():
            self.close()
            self._pid = os.getpid()
        try:
            proxy = find_proxy(origin.scheme, origin.host, origin.port)
        except ValueError as err:
            raise TransportError(str(err), Failure.ADDRESS) from err
        idle = self._idle.get((origin, proxy), [])
        with suppress(IndexError):  # until there is none, or another thread took the last
            while True:
                connection = idle.pop()
                if connection.alive:
                    return connection
                connection.close()
        return _Connection(self, origin, proxy, limits)

    def keep(self, connection: _Connection) -> None:
        """Take a connection back for the next request."""
        idle = self._idle.setdefault((connection.origin, connection.proxy), [])
        if len(idle) < IDLE_CONNECTIONS and self._pid == os.getpid():
            idle.append(connection)
        else:
            connection.close()


def _address(url: str) -> tuple[SplitResult, Origin]:
    """An address and the server in it."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError as err:
        raise TransportError(f"{url}: {err}", Failure.ADDRESS) from err
    if not port or not parts.hostname:
        raise TransportError(f"{url}: not an address that begins with http:// or https://", Failure.ADDRESS)
    return parts, Origin(parts.scheme, parts.hostname, port)


def _same_server(here: Origin, there: Origin) -> bool:
    """Whether `there` may be told what is meant for `here`: the same, or the same by TLS now."""
    return here == there or (
        here.host == there.host
        and (here.scheme, here.port, there.scheme, there.port) == ("http", 80, "https", 443)
    )
