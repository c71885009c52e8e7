"""The three ways to become somebody: password, client certificate, GSSAPI (client-session spec, section 2,
"Login details").

Each function runs the exchange on a session and leaves it logged in. They keep what a renewal needs: a hub
may expire a session at any call, and the same way is then gone again with the old session's headers.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from moromi.client.negotiate import Negotiation
from moromi.client.trouble import Failure, TransportError
from moromi.constants import AuthType
from moromi.errors import AuthError, Fault, GenericError, GSSAPIAuthError

if TYPE_CHECKING:
    from moromi.client.session import ClientSession


def _renewal(session: "ClientSession", renew: bool) -> dict[str, Any]:
    return {"renew": True, "exclusive": session.exclusive} if renew else {}


def password_login(
    session: "ClientSession", user: str | None, password: str | None, opts: dict[str, Any] | None, renew: bool
) -> bool:
    """`login`; False when the hub gives no session. AuthError `invalid username or password` comes from the
    hub.
    """
    user = session.opts.user if user is None else user
    password = session.opts.password if password is None else password
    sinfo = session.call_briefly("login", (user, password), {"opts": opts, **_renewal(session, renew)})
    if not sinfo:
        return False
    session.adopt(sinfo, AuthType.NORMAL, "login", {"user": user, "password": password, "opts": opts})
    return True


def _proxy_arguments(session: "ClientSession", kwargs: dict[str, Any], renew: bool) -> dict[str, Any]:
    arguments: dict[str, Any] = {"proxyuser": kwargs.get("proxyuser"), **_renewal(session, renew)}
    if kwargs.get("proxyauthtype") is not None:
        arguments["proxyauthtype"] = kwargs["proxyauthtype"]
    return arguments


def _https(url: str) -> str:
    return "https://" + url.split("://", 1)[1] if url.startswith("http://") else url


def certificate_login(session: "ClientSession", kwargs: dict[str, Any], renew: bool) -> bool:
    """`sslLogin` with a client certificate over https. `kwargs`: cert, serverca, proxyuser, proxyauthtype."""
    cert = kwargs.get("cert") or session.opts.cert
    serverca = kwargs.get("serverca") or session.opts.serverca
    if not cert:
        raise AuthError("No client cert provided")
    for path in (cert, serverca) if isinstance(cert, str) else (*cert, serverca):
        if path and not os.access(path, os.R_OK):
            raise AuthError(f"Certificate {path} does not exist or is not readable")
    old = session.transport.baseurl, session.opts.cert, session.opts.serverca
    session.transport.baseurl = session.baseurl = _https(session.baseurl)
    session.opts.cert, session.opts.serverca = cert, serverca
    session.new_session()
    try:
        sinfo = session.call_briefly(
            "sslLogin", (), _proxy_arguments(session, kwargs, renew), path="/ssllogin"
        )
        if not sinfo:
            raise AuthError("the hub gave no session")
    except (GenericError, Fault, TransportError) as err:
        session.baseurl, session.opts.cert, session.opts.serverca = old
        session.transport.baseurl = session.baseurl
        session.new_session()
        raise AuthError(f"unable to obtain a session (ssl auth failed: {err})") from err
    session.adopt(sinfo, AuthType.SSL, "ssl_login", kwargs)
    return True


@contextmanager
def _environment(**values: str | None) -> Iterator[None]:
    """Set environment variables for the block; None leaves one alone."""
    changed = {name: os.environ.get(name) for name, value in values.items() if value is not None}
    os.environ.update({name: value for name, value in values.items() if value is not None})
    try:
        yield
    finally:
        for name, old in changed.items():
            if old is None:
                del os.environ[name]
            else:
                os.environ[name] = old


def gssapi_login(session: "ClientSession", kwargs: dict[str, Any], renew: bool) -> bool:
    """`sslLogin` with a Kerberos ticket. `kwargs`: principal, keytab, ccache, proxyuser, proxyauthtype.

    Only dropped connections are tried again; a refusal stays one.
    """
    old = session.baseurl
    session.transport.baseurl = session.baseurl = _https(session.baseurl)
    session.new_session()
    try:
        with _environment(KRB5_CLIENT_KTNAME=kwargs.get("keytab"), KRB5CCNAME=kwargs.get("ccache")):
            sinfo = _gssapi_exchange(session, kwargs, renew)
    except Exception as err:
        session.transport.baseurl = session.baseurl = old
        session.new_session()
        if isinstance(err, ModuleNotFoundError):
            raise
        session.logger.info("gssapi auth failed: %s", err)
        raise GSSAPIAuthError(f"unable to obtain a session (gssapi auth failed: {err})") from err
    session.adopt(sinfo, AuthType.GSSAPI, "gssapi_login", kwargs)
    return True


def _gssapi_exchange(session: "ClientSession", kwargs: dict[str, Any], renew: bool) -> dict[str, Any]:
    arguments = _proxy_arguments(session, kwargs, renew)
    tries = 0
    while True:
        try:
            auth = Negotiation(session.baseurl, kwargs.get("principal"))
            sinfo = session.call_briefly("sslLogin", (), arguments, path="/ssllogin", auth=auth, retry=False)
        except TransportError as err:
            tries += 1
            if err.failure is not Failure.DROPPED or tries > session.opts.max_retries:
                raise
            time.sleep(session.opts.retry_interval)
            continue
        if not sinfo:
            raise AuthError("the hub gave no session")
        answer: dict[str, Any] = sinfo
        return answer
