"""Checksums of files that begin as one did before.

A repository after a new build has the same chunks as its predecessor up to the changed one. The state
of a checksum at each chunk's end is remembered, so that only what follows is hashed and, for the
checksum of the raw text, expanded.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from threading import Lock
from typing import Final

_MOST: Final = 256


class Hashed:
    """The SHA-256 of a file so far, with its states after the head and after each chunk."""

    def __init__(self, prefixes: Prefixes, sort: tuple[str, ...], states: list[_State]) -> None:
        self._prefixes = prefixes
        self._sort = sort
        self._states = states
        self._digest = states[-1].digest.copy()

    @property
    def chunks(self) -> int:
        """How many chunks it covers."""
        return len(self._states) - 1

    def add(self, key: str, data: bytes) -> None:
        """Add the next chunk."""
        self._digest.update(data)
        self._states.append(_State(key, self._digest.copy()))

    def finish(self, tail: bytes) -> str:
        """Return the checksum of the file with its tail, in hex; the states are remembered."""
        self._digest.update(tail)
        self._prefixes.remember(self._sort, self._states)
        return self._digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _State:
    """`key`: of the chunk that was added last, of the head its checksum."""

    key: str
    digest: hashlib._Hash


class Prefixes:
    """The states of the files that were written last, some hundred bytes for each chunk. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[tuple[str, ...], list[_State]] = OrderedDict()

    def resume(self, sort: tuple[str, ...], head: bytes, keys: Sequence[str]) -> Hashed:
        """Begin a file with this head and these chunks, from where it differs from the last of its sort."""
        digest = hashlib.sha256(head)
        states = [_State(digest.hexdigest(), digest)]
        with self._lock:
            known = self._known.get(sort, [])
        if known and known[0].key == states[0].key:
            same = takewhile(lambda pair: pair[0].key == pair[1], zip(known[1:], keys, strict=False))
            states += [state for state, _key in same]
        return Hashed(self, sort, states)

    def remember(self, sort: tuple[str, ...], states: list[_State]) -> None:
        """Keep the states of a file; those of the sort that was not written for longest go."""
        with self._lock:
            self._known[sort] = states
            self._known.move_to_end(sort)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
