"""`sslLogin`: from an authenticated identity to a user (spec: hub-protocol.md section 2.5)."""

from __future__ import annotations

from typing import Any

from moromi.constants import AuthType
from moromi.errors import AuthError
from moromi_hub.auth import sessions
from moromi_hub.auth.model import Identity
from moromi_hub.call import Call
from moromi_hub.users import service as users


def authenticate(call: Call, proxyuser: str | None, proxyauthtype: int | None) -> tuple[int, int]:
    """The user id and authtype to log in. Raises AuthError with what failed."""
    if call.session is not None:
        raise AuthError("Already logged in")
    identity = call.identity
    if identity is None:
        raise AuthError(call.identity_failure)
    name, authtype = identity.name, identity.authtype
    if proxyuser:
        name, authtype = _proxied(call, identity, proxyuser, proxyauthtype)
    user = _find_user(call, name, authtype)
    sessions.check_allowed(user)
    return user["id"], authtype


def _proxied(call: Call, identity: Identity, proxyuser: str, proxyauthtype: int | None) -> tuple[str, int]:
    """Who a trusted caller logs in for, and with which authtype."""
    settings = call.settings
    if identity.authtype == AuthType.GSSAPI:
        allowed = [entry.strip() for entry in settings.ProxyPrincipals.split(",")]
    else:
        allowed = [entry.strip() for entry in settings.ProxyDNs.split("|")]
    if not identity.dn or identity.dn not in allowed:
        raise AuthError(f"{identity.dn} is not authorized to login other users")
    if proxyauthtype is None:
        return proxyuser, identity.authtype
    if proxyauthtype != identity.authtype and not settings.AllowProxyAuthType:
        raise AuthError(
            "Proxy must use same auth mechanism as hub (behaviour can be overriden via "
            "AllowProxyAuthType hub option)"
        )
    if proxyauthtype not in (AuthType.SSL, AuthType.GSSAPI):
        raise AuthError(f"Proxied authtype {proxyauthtype} is not valid for sslLogin")
    return proxyuser, proxyauthtype


def _find_user(call: Call, name: str, authtype: int) -> dict[str, Any]:
    by_principal = authtype == AuthType.GSSAPI and "@" in name
    if by_principal:
        _check_realm(call, name)
    user = users.get_user(call, {"krb_principal": name} if by_principal else {"name": name})
    if user is None and call.settings.LoginCreatesUser:
        user = users.create_at_login(call, name, by_principal=by_principal)
    if user is None:
        raise AuthError(f"Unknown user: {name}")
    return user


def _check_realm(call: Call, principal: str) -> None:
    allowed = call.settings.AllowedKrbRealms.strip()
    name, _, realm = principal.rpartition("@")
    if not name or not realm:
        raise AuthError(f"invalid Kerberos principal: {principal}")
    if allowed != "*" and realm not in [entry.strip() for entry in allowed.split(",")]:
        raise AuthError(f"Kerberos principal's realm: {realm} is not allowed")
