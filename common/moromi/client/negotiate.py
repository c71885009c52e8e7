"""`Authorization: Negotiate`: a Kerberos ticket for the web server of a hub (RFC 4559).

The first request carries the token already: whoever logs in this way knows that it will be asked for.
"""

import base64
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from moromi.errors import AuthError

SPNEGO = "1.3.6.1.5.5.2"
SCHEME = "negotiate"


class Negotiation:
    """One login at the server of `url`; a token is good for one request."""

    def __init__(self, url: str, principal: str | None = None) -> None:
        """For a principal when one is named, else whose ticket is at hand. AuthError without a ticket; the
        built-in ImportError without the package `gssapi`.
        """
        self._gssapi = gssapi = import_module("gssapi")
        with self._explained():
            kerberos = [gssapi.MechType.kerberos]
            name = gssapi.Name(principal, gssapi.NameType.kerberos_principal) if principal else None
            # First by itself, as the exchange would not say what is missing.
            gssapi.Credentials(name=name, usage="initiate", mechs=kerberos)
            self._context: Any = gssapi.SecurityContext(
                name=gssapi.Name(f"HTTP@{urlsplit(url).hostname}", gssapi.NameType.hostbased_service),
                creds=gssapi.Credentials(name=name, usage="initiate") if name else None,
                mech=gssapi.OID.from_int_seq(SPNEGO),
                flags=gssapi.RequirementFlag.mutual_authentication,
                usage="initiate",
            )
            self._token: bytes = self._context.step() or b""

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """AuthError with what Kerberos says, for the library's own errors."""
        try:
            yield
        except self._gssapi.exceptions.GSSError as err:
            said = err.get_all_statuses(err.min_code, False) or [str(err)]
            raise AuthError("; ".join(said)) from err

    @property
    def token(self) -> str:
        """The header's value for the next request."""
        return f"Negotiate {base64.b64encode(self._token).decode()}"

    def goes_on(self, status: int, challenges: Iterable[str]) -> bool:
        """Take an answer; whether the server wants another token.

        A server that proves who it is must prove it well (else AuthError); one that does not has its
        certificate.
        """
        for challenge in challenges:
            scheme, _, proof = challenge.partition(" ")
            if scheme.lower() == SCHEME and proof.strip() and not self._context.complete:
                with self._explained():
                    self._token = self._context.step(base64.b64decode(proof)) or b""
                return status == 401 and bool(self._token)
        return False
