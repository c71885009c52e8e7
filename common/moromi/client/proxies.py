"""Proxies of the environment: `http_proxy`, `https_proxy`, `all_proxy`, and `no_proxy` for exceptions.

As everywhere, the small letters count before the capitals; `no_proxy` lists names (with all below them),
addresses, networks like 10.0.0.0/8, each perhaps with a port, or is `*`. A proxy is talked to by plain HTTP;
what is https goes through it in a tunnel.
"""

import base64
import os
import re
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

_WITH_PORT = re.compile(r"(\[.+\]|[^:]+):(\d+)")


class Proxy(NamedTuple):
    """Where to connect instead, and what to log in with there."""

    host: str
    port: int
    authorization: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What the proxy itself is told."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


def basic_authorization(parts: SplitResult) -> str | None:
    """The header value for user and password of an address; None where it has none."""
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def find_proxy(scheme: str, host: str, port: int) -> Proxy | None:
    """The proxy for a server, or None. ValueError: the environment names one that cannot be."""
    url = _variable(f"{scheme}_proxy") or _variable("all_proxy")
    if not url or _excepted(host, port):
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"the proxy that the environment names is not at an http address: {url}")
    return Proxy(parts.hostname, parts.port or 80, basic_authorization(parts))


def _variable(name: str) -> str:
    """Its value. In a CGI program `HTTP_PROXY` is a header that anybody may have sent."""
    if name == "http_proxy" and "REQUEST_METHOD" in os.environ:
        return os.environ.get(name, "")
    return os.environ.get(name, os.environ.get(name.upper(), ""))


def _excepted(host: str, port: int) -> bool:
    listed = [word.strip().lower() for word in _variable("no_proxy").split(",")]
    return any(word == "*" or (word and _covers(word, host.lower(), port)) for word in listed)


def _covers(word: str, host: str, port: int) -> bool:
    with_port = _WITH_PORT.fullmatch(word)
    if with_port:
        if int(with_port[2]) != port:
            return False
        word = with_port[1]
    word = word.strip("[]").removeprefix("*").removeprefix(".")
    return host == word or host.endswith(f".{word}") or _in_network(host, word)


def _in_network(host: str, word: str) -> bool:
    if "/" not in word:
        return False
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(word, strict=False)
    except ValueError:
        return False
