"""How the programs log in: the options for it, and the order in which the ways are tried.

A client certificate if its file is there, else user and password, else Kerberos.
"""

from __future__ import annotations

import os
from typing import Any

from moromi.client import ClientSession, TransportError
from moromi.errors import AuthError, ConfigurationError, GenericError
from moromi_upkeep.options import Kind, Option, Values


class LoginFailed(Exception):
    """The hub does not let us in, or cannot be reached; the text is for the administrator."""


def login_options(directory: str, ccache: str, keytab: str | None) -> tuple[Option, ...]:
    """Declare the options; `directory` is where certificates are by default."""
    return (
        Option("server", Kind.TEXT, None, "URL of the hub's API", ("-s", "--server"), "URL"),
        Option("user", Kind.TEXT, None, "user for the password login"),
        Option("password", Kind.TEXT, None, "password for it; better in the file than here"),
        Option("principal", Kind.TEXT, None, "Kerberos principal"),
        Option("keytab", Kind.PATH, keytab, "Kerberos keytab", metavar="FILE"),
        Option("ccache", Kind.PATH, ccache, "Kerberos credentials cache", metavar="FILE"),
        Option("cert", Kind.PATH, _if_there(f"{directory}/client.crt"), "client certificate", metavar="FILE"),
        Option("serverca", Kind.PATH, _if_there(f"{directory}/serverca.crt"), "the hub's CA", metavar="FILE"),
        Option("no_ssl_verify", Kind.FLAG, False, "do not check the hub's certificate"),
        Option("runas", Kind.TEXT, None, "act for this user (needs the right to)", metavar="USER"),
        Option("noauth", Kind.FLAG, False, "do not log in"),
        Option("debug_xmlrpc", Kind.FLAG, False, "log requests and answers"),
    )


def _if_there(path: str) -> str | None:
    return path if os.path.isfile(path) else None


def open_session(values: Values, options: dict[str, Any] | None = None) -> ClientSession:
    """Log in. LoginFailed; ConfigurationError without a server."""
    if not values.server:
        raise ConfigurationError("The option server is required")
    opts = {"no_ssl_verify": values.no_ssl_verify, "serverca": values.serverca, "anon_retry": True}
    opts["debug_xmlrpc"] = values.debug_xmlrpc
    session = ClientSession(values.server, {**opts, **(options or {})})
    if values.noauth:
        return session
    try:
        good = _log_in(values, session)
    except (AuthError, GenericError, TransportError, ModuleNotFoundError) as error:
        raise LoginFailed(f"Error: Unable to log in: {error}") from error
    if not good:
        raise LoginFailed("Error: Unable to log in: the hub gave no session")
    return session


def _log_in(values: Values, session: ClientSession) -> bool:
    if values.cert and os.path.isfile(values.cert):
        return session.ssl_login(values.cert, None, values.serverca, proxyuser=values.runas)
    if values.user:
        return session.login(values.user, values.password)
    keytab = values.keytab if values.keytab and os.path.isfile(values.keytab) else None
    return session.gssapi_login(values.principal, keytab, values.ccache, proxyuser=values.runas)
