"""What a call runs with: its session, its transaction, and the hub around it.

There is no thread-local context: whoever needs something of the request takes a
`Call`. One `Call` serves a request; the elements of a multicall share it (with
the `method` of the element at work).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moromi.errors import ActionNotAllowed
from moromi.paths import PathInfo
from moromi_hub.db.transaction import Transaction

if TYPE_CHECKING:
    from moromi_hub.auth.model import Identity, Session
    from moromi_hub.hub import Hub
    from moromi_hub.settings import Settings


@dataclass
class Call:
    """One request on its way through the hub."""

    hub: Hub
    tx: Transaction
    method: str = ""
    session: Session | None = None
    """The live session, or None for an anonymous call."""
    presented: Session | None = None
    """The session that the request named; differs from `session` only where an expired one renews itself."""
    identity: Identity | None = None
    """Who the transport says is calling (TLS, GSSAPI); only `sslLogin` looks at it."""
    identity_failure: str = "could not verify client: None"
    """Why there is no identity."""
    remote_address: str = "-"
    environ: Mapping[str, Any] = field(default_factory=dict)
    cache: dict[Any, Any] = field(default_factory=dict)
    """What services remember for the rest of the request, by their own keys; their writes empty it."""

    plugin_data: dict[str, Any] = field(default_factory=dict)
    """What plugins keep for the rest of the request, by names of their own."""

    @property
    def settings(self) -> Settings:
        """The hub's options."""
        return self.hub.settings

    @property
    def paths(self) -> PathInfo:
        """Where files are."""
        return self.hub.paths

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds since the epoch."""
        return time.time

    @property
    def user_id(self) -> int:
        """The acting user. Raises ActionNotAllowed for an anonymous call."""
        if self.session is None:
            raise ActionNotAllowed("you must be logged in for this operation")
        return self.session.user_id

    def run_callbacks(self, kind: str, /, **arguments: Any) -> None:
        """Run the plugin callbacks of `kind` (spec: hub-protocol.md section 7.3)."""
        self.hub.callbacks.run(kind, self, **arguments)
