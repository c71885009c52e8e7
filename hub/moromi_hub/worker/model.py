"""A kind of work for the background process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moromi_hub.settings import Settings

Message = Mapping[str, Any]

_QUICK = 0.003


@dataclass(frozen=True)
class Job:
    """A kind of work."""

    name: str
    """Names the advisory lock, the log lines and the call."""
    run: Callable[..., object]
    wakes: Callable[[Message], bool]
    """Whether a push message is a reason to run."""
    every: Callable[[Settings], float]
    """Seconds after which it runs unasked."""
    gather: float = _QUICK
    """Seconds to wait after a message, so that one run serves many."""
    patience: float = 0.0
    """While messages keep coming, wait again, for so many seconds at most."""
    subject: Callable[[Message], int] | None = None
    """What a message is about; with it `run` also gets the set of those ids, or None for everything."""
