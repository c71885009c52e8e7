"""What callers may do: the checks of hub-protocol.md section 2.9."""

from __future__ import annotations

from dataclasses import dataclass

from moromi.constants import TaskState
from moromi.errors import ActionNotAllowed, AuthError, GenericError
from moromi_hub.auth import queries
from moromi_hub.call import Call


def has_perm(call: Call, permission: str) -> bool:
    """Literal membership: admin does not imply the others here."""
    return call.session is not None and permission in call.session.permissions


def is_admin(call: Call) -> bool:
    """Whether the caller has the permission `admin`."""
    return has_perm(call, "admin")


def assert_login(call: Call) -> None:
    """Raise ActionNotAllowed for an anonymous caller."""
    if call.session is None:
        raise ActionNotAllowed("you must be logged in for this operation")


def assert_perm(call: Call, permission: str) -> None:
    """Raise ActionNotAllowed unless the caller has `permission` or `admin`."""
    if has_perm(call, permission) or is_admin(call):
        return
    who = f"logged in as {call.session.user_name}" if call.session else "user not logged in"
    raise ActionNotAllowed(f"{permission} permission required ({who})")


def is_user(call: Call, user_id: int) -> bool:
    """Whether the caller is that user, a member of that group, or an admin."""
    session = call.session
    if session is None:
        return False
    if session.user_id == user_id or is_admin(call):
        return True
    return queries.is_member(call.tx, session.user_id, user_id)


@dataclass(frozen=True)
class CallingHost:
    """The builder that calls."""

    id: int
    user_id: int
    name: str


def calling_host(call: Call) -> CallingHost:
    """The caller's host entry. Raises AuthError when there is none."""
    session = call.session
    if session is None:
        raise AuthError("Not logged-in")
    if session.host_id is None:
        raise AuthError(f"User {session.user_id} is not a host")
    return CallingHost(session.host_id, session.user_id, session.user_name)


def assert_host(call: Call) -> CallingHost:
    """The calling host, which must hold an exclusive session (its own or its master's)."""
    host = calling_host(call)
    if call.session is None or not call.session.exclusive:
        raise AuthError("This method requires an exclusive session")
    return host


def assert_host_owns_task(call: Call, task_id: int) -> CallingHost:
    """The calling host, which must be running the open task `task_id`.

    Raises GenericError `No such task: …` or ActionNotAllowed `host … does not own task …`.
    """
    host = assert_host(call)
    row = queries.task_holder(call.tx, task_id)
    if row is None:
        raise GenericError(f"No such task: {task_id}")
    if row["state"] != TaskState.OPEN or row["host_id"] != host.id:
        raise ActionNotAllowed(f"host {host.id} does not own task {task_id}")
    return host


def assert_priority(call: Call, priority: int, what: str = "tasks") -> None:
    """Only admins may ask for a negative priority."""
    if priority < 0 and not is_admin(call):
        raise ActionNotAllowed(f"only admins may create high-priority {what}")
