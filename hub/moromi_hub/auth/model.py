"""Sessions and identities as the rest of the hub sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Session:
    """A session row joined with what every call needs to know of its user."""

    id: int
    user_id: int
    user_name: str
    user_status: int
    user_type: int
    authtype: int
    callnum: int | None
    master: int | None
    exclusive: bool
    """True for an exclusive session and for the subsessions of one."""
    own_exclusive: bool | None
    """The row's own mark: True or None."""
    expired: bool
    hostip: str
    start_time: datetime
    update_time: datetime
    renew_time: datetime | None
    host_id: int | None
    """The host of this user, if it is one."""
    permissions: frozenset[str]
    """Effective permissions: own and those of the user's groups."""
    locked: bool = False
    """Another session of the user is exclusive."""
    received: int | None = None
    """The call number that came with the request."""
    key_hash: str = field(default="", repr=False)
    """What is stored of its key."""
    remembered: bool = False
    """It was not read for this request: whatever writes has to look again."""


@dataclass(frozen=True)
class Identity:
    """Who the transport's own authentication says is calling; never taken from a client's header."""

    name: str
    dn: str
    """What ProxyPrincipals or ProxyDNs name."""
    authtype: int


@dataclass(frozen=True)
class Caller:
    """Who sends a request, as the transport knows."""

    address: str
    """Of the client, not of a proxy in between."""
    identity: Identity | None = None
    failure: str = "could not verify client: None"
    """Why there is no identity: the text of `sslLogin`'s fault."""
    headers: tuple[tuple[str, str], ...] = ()
    """For the answer: the hub's half of a mutual authentication."""


@dataclass(frozen=True)
class Credentials:
    """What a request presents of a session."""

    session_id: int
    key: str
    callnum: int | None
