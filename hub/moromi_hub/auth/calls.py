"""Logging in and out, and who am I (spec: hub-protocol.md sections 2.5 to 2.8)."""

from __future__ import annotations

from typing import Any

from moromi.errors import ActionNotAllowed, GenericError
from moromi_hub import arguments
from moromi_hub.auth import permissions, queries, sessions, transport_login
from moromi_hub.call import Call
from moromi_hub.rpc.registry import ANYONE, checked, exported
from moromi_hub.users import service as users


@exported("login", access=ANYONE)
def login(
    call: Call,
    user: Any,
    password: Any,
    opts: Any = None,
    renew: bool = False,
    exclusive: bool = False,
) -> dict[str, Any] | None:
    """Log in with a password: `{session-id, session-key, header-auth}`; nil when renewal is refused."""
    options = {} if opts is None else arguments.expect(opts, dict)
    with sessions.failures_logged(call, user):
        row = sessions.login(call, user, password)
    if renew and call.presented is not None:
        return sessions.renew(call, row["id"], exclusive)
    address = arguments.optional_text(options.get("hostip"))
    return sessions.start(call, row["id"], sessions.password_authtype(), address=address)


@exported("sslLogin", access=ANYONE)
def ssl_login(
    call: Call,
    proxyuser: str | None = None,
    proxyauthtype: int | None = None,
    renew: bool = False,
    exclusive: bool | None = None,
) -> dict[str, Any] | None:
    """Log in with what the transport authenticated (TLS certificate or GSSAPI)."""
    with sessions.failures_logged(call, call.identity.dn if call.identity else None):
        user_id, authtype = transport_login.authenticate(call, proxyuser, proxyauthtype)
    if renew and call.presented is not None:
        return sessions.renew(call, user_id, bool(exclusive))
    return sessions.start(call, user_id, authtype)


@exported("logout", access=checked("owner of the session, or permission admin"))
def logout(call: Call, session_id: int | None = None) -> None:
    """Close the caller's session, or another one of the caller's."""
    sessions.logout(call, arguments.optional_integer(session_id))


@exported("logoutChild", access=checked("any logged-in user, for subsessions of the session"))
def logout_child(call: Call, session_id: int) -> None:
    """Close a subsession of the caller's session."""
    sessions.logout_child(call, arguments.integer(session_id))


@exported("subsession", access=checked("any logged-in user"))
def subsession(call: Call) -> dict[str, Any]:
    """A new session below the caller's."""
    return sessions.subsession(call)


@exported("exclusiveSession", access=checked("any logged-in user"))
def exclusive_session(call: Call, force: bool = False) -> None:
    """Make the session the user's only one; `force` closes a present holder."""
    sessions.make_exclusive(call, force)


@exported("sharedSession", access=checked("any logged-in user"))
def shared_session(call: Call) -> None:
    """Let other sessions of the user work again."""
    sessions.make_shared(call)


@exported("getLoggedInUser", access=ANYONE)
def get_logged_in_user(call: Call) -> dict[str, Any] | None:
    """@User with `authtype` and `krb_principal`, or nil for an anonymous caller."""
    if call.session is None:
        return None
    user = users.get_user(call, call.session.user_id, strict=True)
    if user is None:
        return None
    principals = user.get("krb_principals") or []
    return {
        **user,
        "authtype": call.session.authtype,
        "krb_principal": principals[0] if principals else None,
    }


@exported("getSessionInfo", access=checked("own sessions; those of others: permission admin"))
def get_session_info(call: Call, details: bool = False, user_id: Any = None) -> Any:
    """The caller's session, or with `user_id` the list of that user's sessions; @Session."""
    if call.session is None:
        return None
    hidden = () if details else ("id", "hostip")
    if user_id is None:
        row = call.tx.row(queries.describe(session_id=call.session.id)) or {}
        return {key: value for key, value in row.items() if key not in hidden}
    found = users.get_user(call, user_id, strict=True) or {}
    if found["id"] != call.session.user_id and not permissions.is_admin(call):
        raise ActionNotAllowed("only admins or owners may see all active sessions")
    rows = call.tx.rows(queries.describe(found["id"]))
    return [{key: value for key, value in row.items() if key not in hidden} for row in rows]


@exported("showSession", access=ANYONE)
def show_session(call: Call) -> str:
    """The session in words, without its key."""
    session = call.session
    if session is None:
        headers = any(name.startswith("HTTP_KOJI_SESSION") for name in call.environ)
        reason = "no session header or session args" if not headers else "no Koji-Session-* headers"
        return f"session: not logged in ({reason})"
    return (
        f"session {session.id}: user {session.user_name} ({session.user_id}), authtype {session.authtype}, "
        f"callnum {session.callnum}, master {session.master}, exclusive {session.exclusive}"
    )


@exported("getPerms", access=ANYONE)
def get_perms(call: Call) -> list[str]:
    """The caller's effective permissions."""
    return sorted(call.session.permissions) if call.session else []


@exported("hasPerm", access=ANYONE)
def has_perm(call: Call, perm: Any, strict: bool = False) -> bool:
    """Whether the caller has a permission, literally; `strict`: it must be defined."""
    if strict and users.find_permission(call, perm) is None:
        raise GenericError(f"No such permission {perm} defined")
    return isinstance(perm, str) and permissions.has_perm(call, perm)
