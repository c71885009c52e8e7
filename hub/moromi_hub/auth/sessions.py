"""Sessions: validating the one a request presents, logging in and out, renewal.

Spec: hub-protocol.md section 2. The key is shown to its owner once and stored as
a digest. A call costs one statement here: the session, its user, permissions,
host and any exclusive session of the user come in one row. The call number is
recorded with the commit of the call that it numbers (`record`), so a repeated
number means "that call has committed".

For the calls that builders repeat every few seconds the session may be one that this
process remembers (`moromi_hub.memory`): every change of a session is told, and a call
that writes checks with its number whether the session may still be used.
"""

from __future__ import annotations

import logging
import secrets
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Update

from moromi.constants import AuthType, UserStatus
from moromi.errors import (
    ActionNotAllowed,
    AuthError,
    AuthExpired,
    AuthLockError,
    GenericError,
    RetryError,
    SequenceError,
)
from moromi_hub.auth import password as passwords
from moromi_hub.auth import queries
from moromi_hub.auth.model import Credentials, Session
from moromi_hub.call import Call

log = logging.getLogger(__name__)

LOGIN_METHODS = frozenset({"login", "sslLogin"})
UNLOCKED_METHODS = frozenset({"exclusiveSession", "login", "logout"})
REPEATABLE_METHODS = frozenset(
    (
        "host.taskWait",
        "host.taskUnwait",
        "host.taskSetWait",
        "host.updateHost",
        "host.setBuildRootState",
        "repoExpire",
        "repoDelete",
        "repoProblem",
    )
)
REMEMBERED_METHODS = frozenset(
    (
        "host.getHost",
        "host.getHostTasks",
        "host.getID",
        "host.getLoadData",
        "host.getTasks",
        "host.isEnabled",
        "host.updateHost",
        "listBuildroots",
    )
)
"""What builders ask in every turn: about themselves, or what everybody may know."""
CONFIRMED_METHODS = frozenset({"host.openTask", "host.closeTask", "host.failTask", "host.setTaskWeight"})
"""What builders do with each task: also with a remembered session, but its state is confirmed in any case."""
_REMEMBERED_SECONDS = 60.0
_RECORDED = "the call number is stored"
_KEY_CHARACTERS = string.ascii_letters + string.digits
_KEY_LENGTH = 19


def hostip(call: Call) -> str:
    """The address that sessions are tied to; `-` when `CheckClientIP` is off."""
    return call.remote_address if call.settings.CheckClientIP else "-"


def establish(call: Call, credentials: Credentials | None, method: str) -> None:
    """Resolve the session that a request presents into `call.session`.

    Order of checks and texts: hub-protocol.md section 2.3.
    """
    if credentials is None:
        return
    key_hash = passwords.key_hash(credentials.key)
    known = method in REMEMBERED_METHODS or method in CONFIRMED_METHODS
    session = _remembered(call, credentials, key_hash) if known else None
    if session is None:
        session = _load(call, credentials.session_id, key_hash, credentials.callnum)
    call.presented = session
    _check(session, method)
    if session.expired:
        return
    call.hub.activity.saw(session.id)
    call.session = session


def _check(session: Session, method: str) -> None:
    """Raise unless the session may make a call of `method`."""
    if session.expired and method not in LOGIN_METHODS:
        raise AuthExpired(f'session "{session.id}" has expired')
    _check_number(session, method)
    if session.expired:
        return
    if session.user_status != UserStatus.NORMAL:
        raise AuthError(f"logins by {session.user_name} are not allowed")
    if session.locked and method not in UNLOCKED_METHODS:
        raise AuthLockError("User locked by another session")


def _remembered(call: Call, credentials: Credentials, key_hash: str) -> Session | None:
    """The session as this process knows it; a request without a number could not be checked later."""
    found = call.hub.memory.get(_memory_key(call, credentials.session_id, key_hash))
    if not isinstance(found, Session) or credentials.callnum is None:
        return None
    return replace(found, received=credentials.callnum, remembered=True)


def _remember(call: Call, session: Session, left: timedelta | None, moment: int | None) -> None:
    """Remember the session of a builder while nothing is heard of its user, nor longer than it is valid."""
    seconds = _REMEMBERED_SECONDS if left is None else min(_REMEMBERED_SECONDS, left.total_seconds())
    if session.host_id is not None and not session.expired:
        key = _memory_key(call, session.id, session.key_hash)
        call.hub.memory.put(key, session, [("user", session.user_id)], seconds, moment)


def _memory_key(call: Call, session_id: int, key_hash: str) -> tuple[str, int, str, str]:
    return "session", session_id, key_hash, hostip(call)


def _load(call: Call, session_id: int, key_hash: str, received: int | None) -> Session:
    moment = call.hub.memory.moment
    row = queries.session_row(call.tx, session_id, key_hash, hostip(call))
    if row is None:
        raise AuthError("Invalid session or bad credentials")
    timeout = timedelta(minutes=call.settings.SessionRenewalTimeout)
    age = row["now"] - (row["renew_time"] or row["start_time"])
    outlived = bool(timeout) and age > timeout
    if outlived and not row["expired"]:
        _expire(call, row["id"], row["user_id"])
    holder = row["exclusive_id"]
    session = Session(
        id=row["id"],
        user_id=row["user_id"],
        user_name=row["user_name"],
        user_status=row["user_status"],
        user_type=row["user_type"],
        authtype=row["authtype"],
        callnum=row["callnum"],
        master=row["master"],
        exclusive=bool(row["exclusive"]) or (holder is not None and holder == row["master"]),
        own_exclusive=row["exclusive"],
        expired=row["expired"] or outlived,
        hostip=row["hostip"],
        start_time=row["start_time"],
        update_time=row["update_time"],
        renew_time=row["renew_time"],
        host_id=row["host_id"],
        permissions=frozenset(row["permissions"] or ()),
        locked=holder is not None and holder not in (row["id"], row["master"]),
        received=received,
        key_hash=key_hash,
    )
    _remember(call, session, timeout - age if timeout else None, moment)
    return session


def _expire(call: Call, session_id: int, user_id: int) -> None:
    """Store that a session and its subsessions are to be renewed, whatever becomes of the call."""
    tx = call.hub.transaction()
    try:
        queries.expire_tree(tx, session_id)
        tx.notify({"type": "session", "user": user_id})
        tx.commit()
    finally:
        tx.rollback()


def _check_number(session: Session, method: str) -> None:
    received, recorded = session.received, session.callnum
    if received is None or recorded is None or received > recorded:
        return
    if received < recorded:
        raise SequenceError(f"{recorded} > {received} (session {session.id})")
    if method not in REPEATABLE_METHODS:
        raise RetryError(f"unable to retry call {received} (method {method}) for session {session.id}")


def record(call: Call, method: str) -> None:
    """Store the call number with the changes of the call, just before their commit."""
    session = call.session
    if session is None or session.received is None or _RECORDED in call.cache:
        return
    key_hash = session.key_hash if session.remembered else None
    repeatable = method in REPEATABLE_METHODS
    if queries.record_call(call.tx, session.id, session.received, repeatable, key_hash):
        recorded(call)
        return
    confirm(call, method)
    raise RetryError(f"unable to retry call {session.received} (method {method}) for session {session.id}")


def confirm(call: Call, method: str) -> None:
    """Look again whether a session that is only remembered may make this call now."""
    session = call.session
    if session is not None and session.remembered:
        _check(_load(call, session.id, session.key_hash, session.received), method)


def number_update(call: Call) -> tuple[Update, dict[str, Any]] | None:
    """What stores the number of the call, for a statement that takes it along; it checks the session, too.

    A statement and its parameters. If it changes a row, `recorded` is to be called; if not, `record` will
    see to it.
    """
    session = call.session
    if session is None or session.received is None or _RECORDED in call.cache:
        return None
    given = {"session": session.id, "number": session.received, "digest": session.key_hash}
    return queries.number_update(repeatable=False, keyed=True), given


def recorded(call: Call) -> None:
    """The number of the call is stored, once the transaction is committed."""
    call.cache[_RECORDED] = True
    if (session := call.session) is not None:
        key, number = _memory_key(call, session.id, session.key_hash), session.received
        call.tx.after_commit(
            lambda: call.hub.memory.update(key, lambda known: replace(known, callnum=number))
        )


def tell(call: Call, user_id: int) -> None:
    """Something about the sessions of a user has changed: nobody is to remember them."""
    call.tx.notify({"type": "session", "user": user_id})


@contextmanager
def failures_logged(call: Call, who: object) -> Iterator[None]:
    """A login: operators see who could not log in from where, and why."""
    try:
        yield
    except AuthError as error:
        log.warning("login of %r from %s failed: %s", who, call.remote_address, error)
        raise


def set_password(call: Call, user_id: int, password: str) -> None:
    """Store the hash of a user's password."""
    queries.set_password(call.tx, user_id, passwords.hash_password(password))


def login(call: Call, user: Any, password: Any) -> dict[str, Any]:
    """Check a password and return the user row. Raises AuthError `invalid username or password`."""
    if not isinstance(password, str) or not password or not isinstance(user, str):
        raise AuthError("invalid username or password")
    if call.session is not None:
        raise AuthError("Already logged in")
    row = queries.user_by_name(call.tx, user)
    if not call.hub.passwords.verify(password, row["password"] if row else None) or row is None:
        raise AuthError("invalid username or password")
    if not passwords.is_hashed(row["password"]):
        set_password(call, row["id"], password)
    check_allowed(row)
    return row


def check_allowed(user: Mapping[str, Any]) -> None:
    """Raise AuthError for a blocked user."""
    if user["status"] != UserStatus.NORMAL:
        raise AuthError(f"logins by {user['name']} are not allowed")


def start(
    call: Call, user_id: int, authtype: int, *, address: str | None = None, master: int | None = None
) -> dict[str, Any]:
    """A new session; the key in the answer is seen nowhere else."""
    key = _new_key(user_id)
    session_id = queries.insert_session(
        call.tx,
        user_id=user_id,
        key=passwords.key_hash(key),
        authtype=authtype,
        hostip=address or hostip(call),
        master=master,
    )
    return _answer(session_id, key)


def renew(call: Call, user_id: int, exclusive: bool) -> dict[str, Any] | None:
    """A new key for the presented session (hub-protocol.md section 2.6).

    None when the session's master is closed. Raises AuthError when the session is
    another user's and AuthLockError when somebody else holds the user.
    """
    session = call.presented
    if session is None:
        raise AuthError("Not logged in")
    if session.user_id != user_id:
        raise AuthError("Session belongs to another user")
    if session.master is not None and not queries.is_open(call.tx, session.master):
        return None
    if exclusive:
        queries.lock_user(call.tx, user_id)
        if queries.exclusive_session(call.tx, user_id) not in (None, session.id):
            raise AuthLockError("Cannot get exclusive session")
    key = _new_key(user_id)
    tell(call, user_id)
    queries.renew(call.tx, session.id, passwords.key_hash(key), True if exclusive else None)
    return _answer(session.id, key)


def subsession(call: Call) -> dict[str, Any]:
    """A session below the caller's (or below its master)."""
    session = logged_in(call)
    return start(
        call, session.user_id, session.authtype, address=session.hostip, master=session.master or session.id
    )


def make_exclusive(call: Call, force: bool) -> None:
    """Hold the user exclusively; `force` pushes the present holder out."""
    session = logged_in(call)
    if session.master is not None:
        raise GenericError("subsessions cannot become exclusive")
    if session.own_exclusive:
        raise GenericError("session is already exclusive")
    queries.lock_user(call.tx, session.user_id)
    holder = queries.exclusive_session(call.tx, session.user_id)
    if holder is not None:
        if not force:
            raise AuthLockError("Cannot get exclusive session")
        queries.close_displaced(call.tx, holder)
    queries.update_session(call.tx, session.id, exclusive=True)
    tell(call, session.user_id)
    call.session = replace(session, exclusive=True, own_exclusive=True, locked=False)


def make_shared(call: Call) -> None:
    """Drop the exclusive mark."""
    session = logged_in(call)
    queries.update_session(call.tx, session.id, exclusive=None)
    tell(call, session.user_id)


def logout(call: Call, session_id: int | None) -> None:
    """Close the caller's session, or another one of the caller's (of anybody for an admin)."""
    session = logged_in(call)
    if session_id is None or session_id == session.id:
        queries.close_tree(call.tx, session.id)
        tell(call, session.user_id)
        # the row that the call number would go to is closed: a repetition is refused by that
        call.session = None
        return
    owner = queries.session_owner(call.tx, session_id)
    if owner != session.user_id and "admin" not in session.permissions:
        raise ActionNotAllowed("only admins or owner may logout other session")
    queries.close_tree(call.tx, session_id)
    if owner is not None:
        tell(call, owner)


def logout_child(call: Call, session_id: int) -> None:
    """Close a subsession of the caller; others are silently left alone."""
    session = logged_in(call)
    queries.close_child(call.tx, session_id, session.id)
    tell(call, session.user_id)


def logged_in(call: Call) -> Session:
    """The live session. Raises AuthError `Not logged in`."""
    if call.session is None:
        raise AuthError("Not logged in")
    return call.session


def password_authtype() -> int:
    """The authtype of password logins."""
    return int(AuthType.NORMAL)


def _new_key(user_id: int) -> str:
    return f"{user_id}-" + "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(_KEY_LENGTH))


def _answer(session_id: int, key: str) -> dict[str, Any]:
    return {"session-id": session_id, "session-key": key, "header-auth": True}
