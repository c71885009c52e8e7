"""Acting for the operator: what `moromi-hub admin` does is done through the hub's own calls.

Versioned rows name their maker, so a command acts as a real user: the one given,
else the first one with permission `admin`. The first administrator of an empty
hub acts for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from moromi.constants import AuthType, UserStatus, UserType
from moromi_hub.auth import sessions
from moromi_hub.auth.model import Session
from moromi_hub.call import Call
from moromi_hub.hub import Hub
from moromi_hub.users import service as users


class Operator:
    """Calls with administrator's rights, in one transaction."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def __getattr__(self, name: str) -> Any:
        export = self.call.hub.registry.find(name)
        return lambda *args, **kwargs: export(self.call, list(args), kwargs)

    def add_user(self, name: str, password: str | None = None, admin: bool = False) -> int:
        """Create a user; the id is returned."""
        user_id = int(self.createUser(name))
        if password is not None:
            self.set_password(name, password)
        if admin:
            self.grant(name, "admin")
        return user_id

    def set_password(self, name: str, password: str) -> None:
        """Store the hash of a password. Raises GenericError for an unknown user."""
        user = self.getUser(name, strict=True)
        sessions.set_password(self.call, user["id"], password)

    def grant(self, name: str, permission: str) -> None:
        """Grant a permission, acting as that user where there is no administrator yet."""
        if self.call.session is not None and self.call.session.user_id == 0:
            self.call.session = session_for(self.getUser(name, strict=True)["id"], name)
        self.grantPermission(name, permission)

    def add_host(self, name: str, arches: str, password: str | None = None) -> int:
        """Add a builder with its user; the host's id is returned."""
        host_id = int(self.addHost(name, arches.split()))
        if password is not None:
            self.set_password(name, password)
        return host_id


@contextmanager
def operate(hub: Hub) -> Iterator[Operator]:
    """An operator on `hub`; commits when the block ends, rolls back when it raises."""
    with hub.call("admin") as call:
        user_id, name = _administrator(call)
        call.session = session_for(user_id, name)
        yield Operator(call)


def act_as(call: Call, user_id: int) -> None:
    """Go on as a user, with what that user may do. Raises GenericError `No such user: …`."""
    user = users.require_user(call, user_id)
    permissions = frozenset(users.effective_permissions(call, user_id))
    call.session = session_for(user_id, user["name"], permissions)


def session_for(user_id: int, name: str, permissions: frozenset[str] = frozenset({"admin"})) -> Session:
    """A session that exists only for the time of a command."""
    now = datetime.now(UTC)
    return Session(
        id=0,
        user_id=user_id,
        user_name=name,
        user_status=UserStatus.NORMAL,
        user_type=UserType.NORMAL,
        authtype=AuthType.NORMAL,
        callnum=None,
        master=None,
        exclusive=False,
        own_exclusive=None,
        expired=False,
        hostip="-",
        start_time=now,
        update_time=now,
        renew_time=None,
        host_id=None,
        permissions=permissions,
    )


def _administrator(call: Call) -> tuple[int, str]:
    found = users.first_administrator(call)
    return (found["id"], found["name"]) if found else (0, "operator")
