"""What a web process may remember between requests, because it hears of every change.

Builders that poll ask the same few things every few seconds, and mostly nothing has changed.
A web process listens to the push messages of the database, its own and those of all other
processes, and forgets what a message concerns: its own changes before their call is answered,
those of others a moment after their commit. While it does not hear, it remembers nothing.

What is remembered serves answers about the caller itself; a change of anything is checked in
the database (`auth.sessions.record`). Entries also age, for changes that nobody tells of.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine

from moromi_hub.push import Listener

log = logging.getLogger(__name__)

Topic = tuple[str, int]

_LIMIT = 20_000
"""Entries; with more, all are forgotten."""


@dataclass(frozen=True)
class _Entry:
    value: Any
    topics: frozenset[Topic]
    until: float


class Memory:
    """Entries by key. Shared by the threads of a process; empty until `start` has been called."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._listener: Listener | None = None
        self._lock = threading.Lock()
        self._entries: dict[Hashable, _Entry] = {}
        self._by_topic: dict[Topic, set[Hashable]] = defaultdict(set)
        self._hears = False
        self._heard = 0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen in a daemon thread."""
        self._listener = Listener(self._engine, "moromi-web", self.hear, self._listening, self._deaf)
        self._thread = threading.Thread(target=self._listener.run, name="memory", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Listen no more, and remember nothing."""
        if self._listener is not None and self._thread is not None:
            self._listener.stop()
            self._thread.join()

    @property
    def moment(self) -> int | None:
        """To be taken before what is to be remembered is read; None while nothing can be."""
        return self._heard if self._hears else None

    def get(self, key: Hashable) -> Any:
        """What is remembered, or None."""
        entry = self._entries.get(key)
        return None if entry is None or time.monotonic() > entry.until else entry.value

    def put(
        self, key: Hashable, value: Any, topics: Iterable[Topic], seconds: float, moment: int | None
    ) -> None:
        """Remember `value` for so long, or until something is heard of one of the topics.

        Nothing is, when anything was heard since `moment`: it may have been about this.
        """
        with self._lock:
            if moment is None or moment != self._heard or not self._hears:
                return
            if len(self._entries) >= _LIMIT:
                self._clear()
            self._drop(key)
            entry = _Entry(value, frozenset(topics), time.monotonic() + seconds)
            self._entries[key] = entry
            for topic in entry.topics:
                self._by_topic[topic].add(key)

    def update(self, key: Hashable, change: Callable[[Any], Any]) -> None:
        """Replace what is remembered by what `change` makes of it, if it still is."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries[key] = replace(entry, value=change(entry.value))

    def hear(self, message: Mapping[str, Any]) -> None:
        """Forget what a push message concerns."""
        topics = _topics(message)
        if not topics:
            return
        with self._lock:
            self._heard += 1
            for topic in topics:
                for key in list(self._by_topic.get(topic, ())):
                    self._drop(key)

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        for topic in entry.topics if entry else ():
            keys = self._by_topic[topic]
            keys.discard(key)
            if not keys:
                del self._by_topic[topic]

    def _clear(self) -> None:
        self._entries.clear()
        self._by_topic.clear()

    def _listening(self) -> None:
        with self._lock:
            self._heard += 1
            self._clear()
            self._hears = True

    def _deaf(self) -> None:
        with self._lock:
            self._hears = False
            self._clear()


def _topics(message: Mapping[str, Any]) -> set[Topic]:
    """A task concerns its host, and by its end also the parent that waits for it."""
    kind = message["type"]
    if kind == "task":
        found = (("task", message["id"]), ("task", message["parent"]), ("host", message["host"]))
        return {(name, number) for name, number in found if number is not None}
    if kind in ("host", "checkin", "held"):
        return {("host", message["id"])}
    if kind == "session":
        return {("user", message["user"])}
    return set()
