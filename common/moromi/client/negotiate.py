"""`Authorization: Negotiate`: a Kerberos ticket for the web server of a hub (RFC 4559).

The first request carries the token already: whoever logs in this way knows that it will be asked for.
"""

import base64
from collections.abc import Iterable
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

SPNEGO = (1, 3, 6, 1, 5, 5, 2)
SCHEME = "negotiate"


class Negotiation:
    """One login at the server of `url`; a token is good for one request."""

    def __init__(self, url: str, principal: str | None = None) -> None:
        """For a principal when one is named, else whose ticket is at hand. The built-in ImportError without
        the package `gssapi`; its GSSError without a ticket.
        """
        gssapi = import_module("gssapi")
        credentials = None
        if principal:
            name = gssapi.Name(principal, gssapi.NameType.kerberos_principal)
            credentials = gssapi.Credentials(name=name, usage="initiate")
        self._context: Any = gssapi.SecurityContext(
            name=gssapi.Name(f"HTTP@{urlsplit(url).hostname}", gssapi.NameType.hostbased_service),
            creds=credentials,
            mech=gssapi.OID.from_int_seq(SPNEGO),
            flags=gssapi.RequirementFlag.mutual_authentication,
            usage="initiate",
        )
        self._token: bytes = self._context.step() or b""

    @property
    def token(self) -> str:
        """The header's value for the next request."""
        return f"Negotiate {base64.b64encode(self._token).decode()}"

    def goes_on(self, status: int, challenges: Iterable[str]) -> bool:
        """Take an answer; whether the server wants another token.

        A server that proves who it is must prove it well (GSSError); one that does not has its certificate.
        """
        for challenge in challenges:
            scheme, _, proof = challenge.partition(" ")
            if scheme.lower() == SCHEME and proof.strip() and not self._context.complete:
                self._token = self._context.step(base64.b64decode(proof)) or b""
                return status == 401 and bool(self._token)
        return False
