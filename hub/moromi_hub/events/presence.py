"""Builders whose stream is open are there: the push service says so for them.

A thousand builders that check in once a minute with nothing to say are a load of their own. A builder that
opens its stream with the session that it is logged in with is told in `hello` for how long the stream
speaks for it; until then the hub keeps the time of its last check-in fresh, for all with one statement.

Nobody is said to be there who is not. An open connection proves little by itself, as a machine that loses
its power closes none; so the kernel is told to give a connection up when what is sent, a comment every few
seconds at least, is not received for `_UNHEARD_SECONDS`. What is stored is the last moment for which that
was proven. A proxy in between would receive for the builder: with `PushURL` no stream speaks for anybody.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from moromi_hub.auth import password
from moromi_hub.events import queries
from moromi_hub.settings import Settings

log = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 15.0
TURN_SECONDS = 30.0
"""How often it is stored who is there."""
SPEAKS_SECONDS = 600
"""Between the check-ins of a builder whose stream is open."""
_UNHEARD_SECONDS = 20.0
_PROVEN_SECONDS = KEEP_ALIVE_SECONDS + _UNHEARD_SECONDS
_LATE_SECONDS = 120.0
"""A builder that is so late with the check-in that it owes is not spoken for any more."""


class Presence:
    """The builders that are there, by their sessions."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        # with shorter times than these the hub would take a builder for silent that is there
        patient = min(settings.ReadyTimeout, settings.HostTimeout) > 2 * (_PROVEN_SECONDS + TURN_SECONDS)
        self._offered = patient and not settings.PushURL
        self._port = int((settings.PushListen or "0").rpartition(":")[2])
        self._prepared = False
        self._sessions: Counter[int] = Counter()

    def prepare(self) -> None:
        """Let the kernel give up connections that are not heard; to be called when one is open."""
        if not self._offered or self._prepared:
            return
        self._prepared = _give_up_dead_connections(self._port)
        if not self._prepared:
            log.warning("the socket of PushListen is not found: builders check in every minute")
            self._offered = False

    def session_of(self, host_id: int, headers: Mapping[str, str], address: str) -> int | None:
        """The session for which a stream is to speak: the exclusive one of that host, if it presents it."""
        number, key = headers.get("koji-session-id", ""), headers.get("koji-session-key", "")
        if not self._offered or not number.isdigit() or len(number) > 9 or not key:
            return None
        found = queries.is_session_of(
            self._engine, host_id, int(number), password.key_hash(key), ("-", address)
        )
        return int(number) if found else None

    def enter(self, session_id: int) -> None:
        """A stream of this session is open."""
        self._sessions[session_id] += 1

    def leave(self, session_id: int) -> None:
        """It has ended."""
        self._sessions[session_id] -= 1
        if not self._sessions[session_id]:
            del self._sessions[session_id]

    def store(self) -> None:
        """Note in the database who is there; to be called every `TURN_SECONDS`."""
        present = list(self._sessions)
        if not present:
            return
        try:
            queries.are_there(self._engine, present, _PROVEN_SECONDS, SPEAKS_SECONDS + _LATE_SECONDS)
        except SQLAlchemyError as error:
            log.warning("cannot store which %d builders are there: %s", len(present), error)


def _give_up_dead_connections(port: int) -> bool:
    """Set the option on the sockets at a port of ours, whose future connections inherit it.

    Whether one of them listens: a server may make its socket as late as it begins to serve.
    """
    listens = False
    for name in os.listdir("/proc/self/fd"):
        # an OSError: no socket, or closed meanwhile
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as candidate:
            if candidate.family in (socket.AF_INET, socket.AF_INET6) and candidate.getsockname()[1] == port:
                limit = int(_UNHEARD_SECONDS * 1000)
                candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit)
                listens |= bool(candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    return listens
