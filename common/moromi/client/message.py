"""HTTP/1.1 on a connection: a request as bytes, an answer read piece by piece (RFC 9112).

Our own, since the standard library's needs the modules for mail and for TLS before the first byte: more time
than most commands of the command line take in all. What a client of a hub never meets is left out (trailers
are read over, no upgrade, no pipelining).
"""

import re
from collections.abc import Iterable, Mapping
from typing import BinaryIO

LINE_LIMIT = 1 << 16
HEADERS_LIMIT = 200
PIECE = 1 << 20
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: (.*))?")
_CHUNK = re.compile(rb"\s*([0-9a-fA-F]{1,15})\s*(?:;.*)?")
_ENDS_LINE = re.compile(r"[\r\n\0]")
WITHOUT_BODY = frozenset({204, 304})


class RemoteDisconnected(ConnectionResetError):
    """The server closed the connection in place of an answer."""


class IncompleteRead(ConnectionResetError):
    """The connection ended before the answer did."""


class BadStatusLine(OSError):
    """What came is no HTTP."""


class Headers:
    """The fields of an answer, by name in any case."""

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._fields = [(name.lower(), value) for name, value in fields]

    def get_all(self, name: str) -> list[str]:
        """Every value of a field, in order."""
        return [value for each, value in self._fields if each == name.lower()]

    def get(self, name: str) -> str | None:
        """The first value; None if there is none."""
        return next(iter(self.get_all(name)), None)

    def lists(self, name: str, word: str) -> bool:
        """Whether a field that is a list of words names this one."""
        words = ",".join(self.get_all(name)).lower().split(",")
        return word in (each.strip() for each in words)


def request_head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The bytes before the body. ValueError for a header that would be two."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if any(_ENDS_LINE.search(line) for line in lines):
        raise ValueError("a header of the request has a line break in it")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _line(stream: BinaryIO) -> bytes:
    line = stream.readline(LINE_LIMIT)
    if not line.endswith(b"\n"):
        if len(line) >= LINE_LIMIT:
            raise BadStatusLine("a header of the answer is too long")
        raise IncompleteRead("the connection was cut within the head of the answer")
    return line.rstrip(b"\r\n")


def _fields(stream: BinaryIO) -> Headers:
    found: list[tuple[str, str]] = []
    while line := _line(stream):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or name != name.strip() or len(found) >= HEADERS_LIMIT:
            raise BadStatusLine(f"the answer has a malformed head: {line[:80]!r}")
        found.append((name, value.strip()))
    return Headers(found)


class Incoming:
    """One answer: its head, then its body by `read` or `readline`.

    OSError, all of it, for what is cut short or no HTTP.
    """

    def __init__(self, stream: BinaryIO, method: str) -> None:
        """Wait for the head; interim answers (100 and the like) are passed over."""
        self._stream = stream
        while True:
            self._read_head()
            if self.status >= 200:
                break
        self._chunked = self.headers.lists("Transfer-Encoding", "chunked")
        self.ended = method == "HEAD" or self.status in WITHOUT_BODY
        self._left = self._length()
        if self._left == 0 and not self._chunked:
            self.ended = True

    def _read_head(self) -> None:
        first = self._stream.readline(LINE_LIMIT)
        if not first:
            raise RemoteDisconnected("the server closed the connection without an answer")
        found = _STATUS.fullmatch(first.rstrip(b"\r\n"))
        if found is None:
            raise BadStatusLine(f"the answer is not HTTP: {first[:80]!r}")
        self._version = found[1]
        self.status = int(found[2])
        self.reason = (found[3] or b"").decode("latin-1").strip()
        self.headers = _fields(self._stream)

    def _length(self) -> int | None:
        """Bytes of the body, or of the chunk that has begun; None: until the server closes."""
        if self._chunked:
            return 0
        lengths = set(self.headers.get_all("Content-Length"))
        if not lengths:
            return None
        length = lengths.pop()
        if lengths or not (length.isascii() and length.isdigit()):
            raise BadStatusLine(f"the answer has an impossible length: {length[:80]!r}")
        return int(length)

    @property
    def keeps_connection(self) -> bool:
        """Whether another request may follow on the connection, once the body has ended."""
        framed = self._left is not None or self._chunked
        return (
            self.ended and framed and self._version == b"1" and not self.headers.lists("Connection", "close")
        )

    def read(self, size: int) -> bytes:
        """At most `size` bytes, less only at the end of a chunk; b"" at the end of the body."""
        if self.ended or not self._opened():
            return b""
        data = self._stream.read(size if self._left is None else min(size, self._left))
        self._took(data)
        return data

    def read_all(self) -> bytes:
        """What is left of the body."""
        pieces: list[bytes] = []
        while data := self.read(PIECE):
            pieces.append(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readline(self, limit: int) -> bytes:
        """A line, over chunks if need be; b"" at the end of the body."""
        line = b""
        while not line.endswith(b"\n") and len(line) < limit and not self.ended and self._opened():
            most = limit - len(line)
            data = self._stream.readline(most if self._left is None else min(most, self._left))
            self._took(data)
            line += data
        return line

    def _took(self, data: bytes) -> None:
        if self._left is None:
            self.ended = not data
            return
        if not data:
            raise IncompleteRead(f"the connection was cut, {self._left} bytes of the answer are missing")
        self._left -= len(data)
        if self._left:
            return
        if self._chunked:
            _line(self._stream)
        else:
            self.ended = True

    def _opened(self) -> bool:
        """Begin the next chunk, where there are chunks and it is time to; False at the end of the body."""
        if not self._chunked or self._left:
            return True
        line = _line(self._stream)
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise BadStatusLine(f"the answer has a malformed chunk: {line[:80]!r}")
        self._left = int(found[1], 16)
        if not self._left:
            _fields(self._stream)
            self.ended = True
        return not self.ended
