"""Who the transport says is calling.

A web server in front (or our own GSSAPI layer) authenticates and passes the
result in WSGI variables. Headers of a client end up in `HTTP_*` variables, which
are never looked at here, so nobody can claim an identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moromi.constants import AuthType
from moromi.errors import AuthError
from moromi_hub.auth.model import Identity
from moromi_hub.settings import Settings


def identity_of(environ: Mapping[str, Any], settings: Settings) -> Identity | None:
    """The authenticated identity of a request, or None (hub-protocol.md section 2.5)."""
    if principal := environ.get("REMOTE_USER"):
        return Identity(str(principal), str(principal), AuthType.GSSAPI)
    if environ.get("SSL_CLIENT_VERIFY") != "SUCCESS":
        return None
    component = settings.DNUsernameComponent
    name = environ.get(f"SSL_CLIENT_S_DN_{component}")
    if not name:
        raise AuthError(f"unable to get user information ({component}) from client certificate")
    return Identity(str(name), str(environ.get("SSL_CLIENT_S_DN", "")), AuthType.SSL)
