"""Who sends a request, as its transport tells: the address, and an identity for `sslLogin`.

Three sources, the first that knows anything counts (hub-protocol.md section 2.5):

1. a web server that runs the hub in itself and sets `REMOTE_USER` or `SSL_CLIENT_*`,
   or a proxy that is trusted to say the same in headers (`proxies`);
2. the hub's own SPNEGO (`negotiate`), at `<base>/ssllogin` and where an interface of a
   plugin has its login (`web.login`).

No other header of a client is looked at, so nobody can claim an identity. A
failure here is kept until `sslLogin` asks: it becomes that call's fault, which is
the one place where every client shows a text.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from moromi.constants import AuthType
from moromi.errors import AuthError, ConfigurationError
from moromi_hub.auth import distinguished_name
from moromi_hub.auth.model import Caller, Identity
from moromi_hub.auth.proxies import Proxies
from moromi_hub.settings import Settings

if TYPE_CHECKING:
    from moromi_hub.auth.negotiate import Acceptor

log = logging.getLogger(__name__)

LOGIN_PATH = "/ssllogin"
_VARIABLES = ("REMOTE_USER", "SSL_CLIENT_VERIFY", "SSL_CLIENT_S_DN")


class Challenge(Exception):
    """The client has to log in with Kerberos: HTTP 401 with `WWW-Authenticate: Negotiate`."""


class Gate:
    """Looks at every request of a process. Raises ConfigurationError for options that cannot work."""

    def __init__(self, settings: Settings) -> None:
        self._component = settings.DNUsernameComponent
        self._proxies = Proxies(settings)
        self._acceptor = _acceptor(settings)

    def admit(self, environ: Mapping[str, Any], *, login: bool | None = None) -> Caller:
        """The sender of a request. Raises Challenge where one is due.

        `login`: whether a ticket is looked for; None is at `<base>/ssllogin` only.
        """
        login = _is_login(environ) if login is None else login
        address = self._proxies.client_address(environ)
        try:
            variables = self._server_variables(environ)
            identity = self._identity(environ, variables)
            if identity is not None:
                return Caller(address, identity)
            verified = variables.get("SSL_CLIENT_VERIFY")
            # a client with a certificate that was refused wants to hear of that, not of Kerberos
            if self._acceptor is not None and verified in (None, "NONE") and login:
                return _negotiated(address, self._acceptor, environ)
        except AuthError as error:
            return Caller(address, failure=str(error))
        return Caller(address, failure=f"could not verify client: {verified}")

    def _server_variables(self, environ: Mapping[str, Any]) -> dict[str, Any]:
        """What the web server itself, or a trusted proxy, says of the client."""
        # some servers show their own environment, in which a variable says nothing of a client
        own = {name: environ[name] for name in _VARIABLES if environ.get(name) and name not in os.environ}
        return {**self._proxies.variables(environ), **own}

    def _identity(self, environ: Mapping[str, Any], variables: Mapping[str, Any]) -> Identity | None:
        if principal := variables.get("REMOTE_USER"):
            return Identity(str(principal), str(principal), AuthType.GSSAPI)
        if variables.get("SSL_CLIENT_VERIFY") != "SUCCESS":
            return None
        subject = str(variables.get("SSL_CLIENT_S_DN", ""))
        name = environ.get(f"SSL_CLIENT_S_DN_{self._component}") or self._name_in(subject)
        if not name or not str(name).isprintable():
            raise AuthError(f"unable to get user information ({self._component}) from client certificate")
        return Identity(str(name), subject, AuthType.SSL)

    def _name_in(self, subject: str) -> str | None:
        try:
            return distinguished_name.component(subject, self._component)
        except ValueError as error:
            log.warning("the subject of a client certificate cannot be read: %s", error)
            return None


def _acceptor(settings: Settings) -> Acceptor | None:
    if not settings.GSSAPIKeytab:
        return None
    try:
        from moromi_hub.auth.negotiate import Acceptor
    except ImportError as error:
        raise ConfigurationError(f"GSSAPIKeytab needs the extra moromi[gssapi]: {error}") from None
    return Acceptor(settings.GSSAPIKeytab, settings.GSSAPIService)


def _is_login(environ: Mapping[str, Any]) -> bool:
    path: str = environ.get("PATH_INFO", "")
    return path.rstrip("/") == LOGIN_PATH


def _negotiated(address: str, acceptor: Acceptor, environ: Mapping[str, Any]) -> Caller:
    scheme, _, token = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if scheme.lower() != "negotiate":
        raise Challenge("Log in with a Kerberos ticket (Negotiate).")
    accepted = acceptor.accept(token.strip())
    headers = (("WWW-Authenticate", f"Negotiate {accepted.token}"),) if accepted.token else ()
    principal = accepted.principal
    return Caller(address, Identity(principal, principal, AuthType.GSSAPI), headers=headers)
