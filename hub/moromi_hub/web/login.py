"""Sessions of the web: who logged in with a ticket or a certificate goes on with a cookie.

They are sessions as `sslLogin` begins them, with all that operators can do about those; the
cookie is a session's id and key. For interfaces that plugins add.
"""

from __future__ import annotations

from dataclasses import dataclass

from moromi.errors import AuthError
from moromi_hub.auth import sessions, transport_login
from moromi_hub.auth.gate import Challenge
from moromi_hub.auth.model import Credentials
from moromi_hub.call import Call
from moromi_hub.web.site import sender

METHOD = "web"


@dataclass(frozen=True)
class Begun:
    """A new session: its user, its cookie, and the headers of the answer that prove who the hub is."""

    user_id: int
    cookie: str
    headers: tuple[tuple[str, str], ...]


def begin(call: Call) -> Begun | None:
    """Log in whoever the transport says sends the request; None where it says nothing. Raises AuthError."""
    try:
        caller = sender(login=True)
    except Challenge:
        return None
    call.identity, call.identity_failure = caller.identity, caller.failure
    call.remote_address = caller.address
    with sessions.failures_logged(call, caller.identity.dn if caller.identity else None):
        user_id, authtype = transport_login.authenticate(call, None, None)
    made = sessions.start(call, user_id, authtype)
    return Begun(user_id, f"{made['session-id']}.{made['session-key']}", caller.headers)


def go_on(call: Call, cookie: str) -> int:
    """Make a call one of the session of a cookie; its user. Raises AuthError."""
    number, dot, key = cookie.partition(".")
    if not dot or not number.isdecimal() or not number.isascii() or len(number) > 9:
        raise AuthError("Invalid session or bad credentials")
    call.remote_address = sender().address
    sessions.establish(call, Credentials(int(number), key, None), METHOD)
    return call.user_id
