"""What a TLS-terminating proxy in front of the hub may tell it (docs/authentication.md).

The peer of a connection is a proxy when `TrustedProxies` lists its address; from
anybody else the headers here are ignored. A proxy's word about addresses is
always taken, its word about who the client is only as far as `ProxyIdentity`
says, because a proxy passes on every header that it was not told to replace, and
a site that only wants addresses has no reason to tell it.

The names of the identity's headers have no hyphen: web servers fold `_` and `-`
into one character, so `Moromi_Client_DN` from a client could take the place of
`Moromi-Client-DN` from the proxy.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from moromi.errors import AuthError, ConfigurationError
from moromi_hub.settings import Settings

ADDRESS_HEADER = "HTTP_X_FORWARDED_FOR"
CERTIFICATE, REMOTE_USER = "certificate", "remote-user"
_IDENTITY_HEADERS: Mapping[str, Mapping[str, str]] = {
    CERTIFICATE: {
        "SSL_CLIENT_VERIFY": "HTTP_MOROMICLIENTVERIFY",
        "SSL_CLIENT_S_DN": "HTTP_MOROMICLIENTDN",
    },
    REMOTE_USER: {"REMOTE_USER": "HTTP_MOROMIREMOTEUSER"},
}
"""By the words of `ProxyIdentity`: which server variable a header stands for."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Proxies:
    """The proxies of a configuration. Raises ConfigurationError for a bad list."""

    def __init__(self, settings: Settings) -> None:
        self._networks = _networks(settings.TrustedProxies)
        self._headers: dict[str, str] = {}
        for word in settings.ProxyIdentity.replace(",", " ").split():
            if word not in _IDENTITY_HEADERS:
                known = " or ".join(_IDENTITY_HEADERS)
                raise ConfigurationError(f"ProxyIdentity: {word!r} is neither {known}")
            self._headers.update(_IDENTITY_HEADERS[word])

    def client_address(self, environ: Mapping[str, Any]) -> str:
        """Who is behind the proxies: the last address of `X-Forwarded-For` that is none of them."""
        peer = environ.get("REMOTE_ADDR") or "-"
        if not self.is_trusted(peer):
            return str(peer)
        client = str(peer)
        for entry in reversed(str(environ.get(ADDRESS_HEADER, "")).split(",")):
            address = _address(entry.strip())
            if address is None:
                break
            client = str(address)
            if not self.is_trusted(client):
                break
        return client

    def variables(self, environ: Mapping[str, Any]) -> dict[str, str]:
        """Server variables about the client's identity, from a proxy that may set them."""
        if not self._headers or not self.is_trusted(environ.get("REMOTE_ADDR")):
            return {}
        return {name: _text(environ[key]) for name, key in self._headers.items() if environ.get(key)}

    def is_trusted(self, peer: Any) -> bool:
        """Whether an address is a proxy's."""
        address = _address(str(peer)) if self._networks else None
        return address is not None and any(address in network for network in self._networks)


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(word) for word in text.replace(",", " ").split())
    except ValueError as error:
        raise ConfigurationError(f"TrustedProxies: {error}") from None


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _text(header: str) -> str:
    """A header's text: WSGI shows its bytes as Latin-1 characters."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise AuthError("the proxy's headers about the client are not UTF-8") from None
