"""What a session sends to its hub, and what it makes of the answer: HTTP statuses as errors, with what the
server said in one line.
"""

import re
from collections.abc import Iterable, Mapping
from http.client import HTTPMessage
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from moromi.client.connection import Limits
from moromi.client.http import Http, Response
from moromi.client.options import SessionOptions
from moromi.client.trouble import TransportError, logger

if TYPE_CHECKING:
    from moromi.client.negotiate import Negotiation

DEBUG_BODY = 1024
SAID = 200
"""Characters of a server's explanation that go into an error."""


class Answer(NamedTuple):
    """Body and headers of a 200 answer."""

    body: bytes
    headers: HTTPMessage

    @property
    def said(self) -> str:
        """What it says to a person, as far as it is no answer of a hub."""
        return explanation(self.body, self.headers.get("Content-Type") or "")


class Transport:
    """Posts bytes to the hub. Thread-safe and fork-safe."""

    def __init__(self, baseurl: str, options: SessionOptions) -> None:
        self.baseurl = baseurl
        self.options = options
        self.http = Http(options)

    def drop(self) -> None:
        """Forget the connections."""
        self.http.close()

    def post(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        path: str = "",
        query: Iterable[tuple[str, str]] = (),
        timeout: float,
        auth: "Negotiation | None" = None,
    ) -> Answer:
        """One POST, no retries. Raises TransportError for everything but a 200 answer."""
        url = self.baseurl + path
        if self.options.debug_xmlrpc:
            logger().debug("POST %s %s", url, body[:DEBUG_BODY])
        arguments = urlencode(list(query))
        if arguments:
            url = f"{url}?{arguments}"
        limits = Limits(silence=timeout)
        status, reason, answer = self._ask(url, body, dict(headers), limits, auth)
        if self.options.debug_xmlrpc:
            logger().debug("%s %s", status, answer.body[:DEBUG_BODY])
        if status >= 400:
            said = f": {answer.said}" if answer.said not in ("", reason, f"{status} {reason}") else ""
            raise TransportError(f"{self.baseurl} answered {status} {reason}{said}", status=status)
        return answer

    def _ask(
        self, url: str, body: bytes, headers: dict[str, str], limits: Limits, auth: "Negotiation | None"
    ) -> tuple[int, str, Answer]:
        """Status, reason and body; with `auth` after as many steps as the server wants."""
        while True:
            if auth:
                headers["Authorization"] = auth.token
            with self.http.request("POST", url, limits=limits, headers=headers, body=body) as response:
                answer = Answer(_decoded(response), response.headers)
            if not auth or not auth.goes_on(
                response.status, response.headers.get_all("WWW-Authenticate", [])
            ):
                return response.status, response.reason, answer


def _decoded(response: Response) -> bytes:
    """The body; unpacked where a server packs it without having been asked to."""
    body = response.read()
    if (response.headers.get("Content-Encoding") or "").lower() in ("gzip", "x-gzip", "deflate"):
        import zlib

        try:
            return zlib.decompress(body, 32 + zlib.MAX_WBITS)
        except zlib.error as err:
            raise TransportError(f"{response.url}: the compressed answer is damaged: {err}") from err
    return body


def explanation(body: bytes, kind: str) -> str:
    """One line of a body of the content type `kind`: the title of a page, the beginning of a text."""
    text = body[: 1 << 16].decode("utf-8", "replace")
    if "html" in kind or text.lstrip()[:1] == "<":
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        text = title[1] if title else ""
    text = " ".join(text.split())
    return text if len(text) <= SAID else text[:SAID] + "..."
