"""Who asks, who owns, and the tokens that clients show (copr.md, section 2.2)."""

from __future__ import annotations

import hashlib
import secrets
import string
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from moromi.constants import UserStatus, UserType
from moromi.errors import AuthError
from moromi_hub.plugin_api import Call, act_as, membership, sessions, users, web_login

from . import names, people_queries
from .errors import NotFound, Unauthorized
from .model import Owner
from .settings import CONFIG

SERVICE_ACCOUNT = "copr-service"
"""Who works for no user: tags what was built, publishes, clears up."""
PERMISSION = "copr"
"""Needed to tag anything into the tags of projects, so nobody does by hand."""
_LETTERS = string.ascii_lowercase


@dataclass(frozen=True)
class Person:
    """A user who asks for something."""

    id: int
    name: str
    is_admin: bool
    """Of the hub."""
    groups: frozenset[int]
    """Ids of the groups that the user is in now."""


@dataclass(frozen=True)
class Token:
    """A new pair; nobody sees it again."""

    login: str
    token: str
    expires: date


def person(call: Call, user_id: int) -> Person:
    """The user of an id. Raises GenericError for an unknown one."""
    user = users.require_user(call, user_id)
    admin = "admin" in users.effective_permissions(call, user_id)
    groups = frozenset(group["id"] for group in users.user_groups(call, user_id))
    return Person(user_id, user["name"], admin, groups)


def find_user(call: Call, name: str) -> int | None:
    """The id of a user; groups and hosts are none."""
    return people_queries.find(call.tx, name, UserType.NORMAL)


def find_owner(call: Call, name: str) -> Owner | None:
    """The user or `@group` of a name. Raises NotFound `Group … does not exist.` for an unknown group."""
    if name.startswith("@"):
        found = people_queries.find(call.tx, name[1:], UserType.GROUP)
        if found is None:
            raise NotFound(f"Group {name[1:]} does not exist.")
        return Owner(found, name, is_group=True)
    found = find_user(call, name) if names.OWNER_NAME.fullmatch(name) else None
    return None if found is None else Owner(found, name, is_group=False)


def owns(who: Person, owner: Owner) -> bool:
    """Whether somebody is that owner, or in that group now."""
    return owner.id in who.groups if owner.is_group else owner.id == who.id


def owner_ids(call: Call, owner: Owner) -> set[int]:
    """The ids of everybody who `owns`."""
    if not owner.is_group:
        return {owner.id}
    return {member["id"] for member in membership.members(call, owner.id)}


def log_in(call: Call, login: str, token: str) -> Person:
    """Who has this pair; goes on as that user. Raises Unauthorized for a wrong or an expired one."""
    row = people_queries.token_of(call.tx, login)
    right = secrets.compare_digest(row["token_hash"] if row else "", _digest(token))
    if not right or row is None or row["expires"] < _today() or row["status"] != UserStatus.NORMAL:
        raise refusal(call)
    return begin_as(call, row["user_id"])


def by_password(call: Call, name: str, password: str) -> Person:
    """Who has this password on the hub; goes on as that user. Raises AuthError."""
    return begin_as(call, int(sessions.login(call, name, password)["id"]))


def by_cookie(call: Call, cookie: str) -> Person:
    """Who has logged in with a ticket; goes on as that user. Raises Unauthorized."""
    try:
        return person(call, web_login.go_on(call, cookie))
    except AuthError as error:
        raise refusal(call) from error


def begin_as(call: Call, user_id: int) -> Person:
    """Go on as a user."""
    act_as(call, user_id)
    return person(call, user_id)


def refusal(call: Call) -> Unauthorized:
    """What whoever shows no valid pair is told."""
    url = CONFIG.of(call).url
    return Unauthorized(f"Login invalid/expired. Please visit {url}/api to get or renew your API token.")


def renew_token(call: Call, user_id: int) -> Token:
    """A new pair for a user; the old one is void."""
    login, token = (_random(30), _random(40))
    expires = _today() + timedelta(days=CONFIG.of(call).token_days)
    people_queries.put_token(call.tx, user_id, login, _digest(token), expires)
    return Token(login, token, expires)


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _digest(token: str) -> str:
    """The token is random and long, so a plain digest is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def _today() -> date:
    return datetime.now(UTC).date()


def ensure_service_account(call: Call) -> None:
    """Make the service account with its permission, where there is none yet; the caller is an admin."""
    found = find_user(call, SERVICE_ACCOUNT)
    if found is None:
        found = users.create_user(call, SERVICE_ACCOUNT, status=int(UserStatus.BLOCKED))
    if PERMISSION not in users.effective_permissions(call, found):
        users.grant_permission(call, found, PERMISSION, True, None)


def act_as_service(call: Call) -> None:
    """Go on as the service account."""
    found = find_user(call, SERVICE_ACCOUNT)
    if found is None:
        raise NotFound("There is no chroot yet, and so no service account.")
    act_as(call, found)
