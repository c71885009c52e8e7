"""SPNEGO: a Kerberos ticket in an `Authorization: Negotiate` header becomes a principal.

Needs the `gssapi` library (extra `gssapi`) and a keytab with the service's key, so
it is imported only where `GSSAPIKeytab` is set. A login is one exchange: the
client's first token holds its ticket, and the hub's answer proves the hub's own
identity. Mechanisms that need more exchanges would need a context that lives
across requests, on whichever process they reach; they are refused by name.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path

import gssapi
from gssapi.raw.misc import GSSError

from moromi.errors import AuthError, ConfigurationError

FAILED = "GSSAPI login failed"
_MECHANISMS = (gssapi.MechType.kerberos, gssapi.OID.from_int_seq("1.3.6.1.5.5.2"))
"""Kerberos, and SPNEGO around it."""


@dataclass(frozen=True)
class Accepted:
    """A client that has proved who it is."""

    principal: str
    """`name@REALM`"""
    token: str | None
    """The hub's half of the mutual authentication, for the answer's `WWW-Authenticate` header."""


class Acceptor:
    """Accepts tickets for a service with the keys of a keytab.

    `service` is `HTTP` for the keys of that service for any host name, or
    `HTTP@hub.example.org` for one. Raises ConfigurationError when the keytab
    cannot serve.
    """

    def __init__(self, keytab: str, service: str) -> None:
        self._store: dict[bytes | str, bytes | str] = {"keytab": keytab}
        self._name = gssapi.Name(service, gssapi.NameType.hostbased_service)
        if not Path(keytab).is_file():
            raise ConfigurationError(f"GSSAPIKeytab: no such file: {keytab}")
        try:
            self._credentials()
        except GSSError as error:
            raise ConfigurationError(
                f"GSSAPIKeytab {keytab}, GSSAPIService {service}: {_reason(error)}"
            ) from None

    def _credentials(self) -> gssapi.Credentials:
        """The service's keys as they are now: a keytab may be renewed under a running hub."""
        return gssapi.Credentials(usage="accept", name=self._name, mechs=_MECHANISMS, store=self._store)

    def accept(self, token: str) -> Accepted:
        """The client behind a token (base64). Raises AuthError that says what is wrong with it."""
        try:
            binary = base64.b64decode(token, validate=True)
        except binascii.Error:
            raise AuthError(f"{FAILED}: the token is not base64") from None
        try:
            context = gssapi.SecurityContext(creds=self._credentials(), usage="accept")
            answer = context.step(binary)
            if not context.complete:
                raise AuthError(
                    f"{FAILED}: the token begins an exchange of several steps, "
                    "and a Kerberos ticket in the first one is needed"
                )
            principal = str(context.initiator_name)
            anonymous = gssapi.RequirementFlag.anonymity in context.actual_flags
        except GSSError as error:
            raise AuthError(f"{FAILED}: {_reason(error)}") from None
        if anonymous:
            raise AuthError(f"{FAILED}: {principal} is anonymous")
        return Accepted(principal, base64.b64encode(answer).decode("ascii") if answer else None)


def _reason(error: GSSError) -> str:
    """What is wrong: in the mechanism's words, if it has any that say more than the general ones."""
    texts = [text for text in error.get_all_statuses(error.min_code, False) if text != "Unknown error"]
    return ", ".join(texts or error.get_all_statuses(error.maj_code, True))
