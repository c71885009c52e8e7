"""HTTP as a client of a hub needs it: connections kept alive, time limits, TLS, proxies, redirects; no more.

* Any thread may ask at any time: a connection belongs to one exchange, and to the pool when that is over. A
  forked child must not write into its parent's sockets, so it begins with an empty pool.
* A redirect takes headers of the caller (sessions, passwords) and a client certificate no further than the
  server that they are for; a body goes nowhere else at all. ~/.netrc is never read.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.client import HTTPException, HTTPMessage, HTTPResponse, IncompleteRead
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from moromi.client.connection import PORTS, Connection, Limits, Origin
from moromi.client.options import SessionOptions
from moromi.client.proxies import Proxy, basic_authorization, find_proxy
from moromi.client.trouble import Failure, TransportError, transport_error

if TYPE_CHECKING:
    from ssl import SSLContext

ALWAYS = {"User-Agent": "koji/1", "Accept-Encoding": "identity"}
REDIRECTS = 10
IDLE_CONNECTIONS = 10
"""Kept for each server; more threads than that at once connect anew."""
MOVED = frozenset({301, 302, 303, 307, 308})
SAME_REQUEST = frozenset({307, 308})
NEUTRAL_HEADERS = frozenset({"accept", "range"})
"""What a redirect to another server may tell it of the request."""
_LEGAL = "!#$%&'()*+,/:;=?@[]~"


@contextmanager
def _translated(url: str, limit: float) -> Iterator[None]:
    """Turn what the libraries below raise into TransportError."""
    try:
        yield
    except TransportError:
        raise
    except (OSError, HTTPException, UnicodeError) as err:
        raise transport_error(url, err, limit) from err


class Response:
    """An answer whose body is still to be read. Close it, or use it as a context manager; its connection is
    kept when all of the body was read.
    """

    def __init__(
        self, pool: "Http", url: str, connection: Connection, answer: HTTPResponse, limit: float
    ) -> None:
        self.url = url
        """Of this answer: the last one of a chain of redirects."""
        self.status: int = answer.status
        self.reason: str = answer.reason
        self.headers: HTTPMessage = answer.headers
        self._pool = pool
        self._answer = answer
        self._connection = connection
        self._limit = limit

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self) -> bytes:
        """The rest of the body. TransportError when it is cut short."""
        with _translated(self.url, self._limit):
            return self._answer.read()

    def blocks(self, size: int) -> Iterator[bytes]:
        """The body in pieces of at most `size` bytes, as `read`."""
        return self._pieces(self._answer.read, size)

    def lines(self, limit: int) -> Iterator[bytes]:
        """The body in lines, each as soon as it is there."""
        return self._pieces(self._answer.readline, limit)

    def _pieces(self, take: Callable[[int], bytes], limit: int) -> Iterator[bytes]:
        while True:
            with _translated(self.url, self._limit):
                piece = take(limit)
                if not piece and self._answer.length:  # the library says so of whole bodies only
                    raise IncompleteRead(b"", self._answer.length)
            if not piece:
                return
            yield piece

    def close(self) -> None:
        """Done with it."""
        if self._connection.end_exchange(self._answer):
            self._pool.keep(self._connection)

    def abort(self) -> None:
        """Cut the connection, from any thread; one that reads is at the end."""
        self._connection.abort()


class Http:
    """Asks servers, with the certificates of a session's options."""

    def __init__(self, options: SessionOptions | None = None) -> None:
        self.options = options or SessionOptions()
        self._idle: dict[tuple[Origin, Proxy | None], list[Connection]] = {}
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
        sent = {**ALWAYS, **({"Authorization": login} if login else {}), **(headers or {})}
        response = self._exchange(method, parts, origin, sent, body, limits)
        moved_to = response.headers.get("Location")
        if response.status not in MOVED or not moved_to:
            return response
        response.close()
        target = urljoin(url, moved_to)
        stays = origin.same_server(_address(target)[1])
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
        url = f"{origin.scheme}://{origin.name}{parts.path}"
        target = quote(parts.path or "/", safe=_LEGAL)
        if parts.query:
            target += f"?{quote(parts.query, safe=_LEGAL)}"
        with _translated(url, limits.connecting):
            connection = self._connection(origin, limits)
        if connection.proxy and origin.scheme == "http":
            target = f"http://{origin.name}{target}"
            headers = headers | connection.proxy.headers
        try:
            with _translated(url, limits.silence):
                answer = connection.ask(method, target, headers, body, limits.silence)
        except BaseException:
            connection.close()
            raise
        return Response(self, url, connection, answer, limits.silence)

    def _connection(self, origin: Origin, limits: Limits) -> Connection:
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
        return Connection(origin, proxy, limits.connecting, lambda: self.tls)

    def keep(self, connection: Connection) -> None:
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
        port = parts.port or PORTS.get(parts.scheme)
        host = parts.hostname or ""
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError as err:
        raise TransportError(f"{url}: {err}", Failure.ADDRESS) from err
    if not port or not host or parts.scheme not in PORTS:
        raise TransportError(f"{url}: not an address that begins with http:// or https://", Failure.ADDRESS)
    return parts, Origin(parts.scheme, host, port)
