"""What the operating system grants a web process, and what one request takes of it.

Options `RLIMIT_…` and `MemoryWarnThreshold` (spec: hub-protocol.md section 6.2).
"""

from __future__ import annotations

import dataclasses
import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from moromi_hub.settings import Settings

log = logging.getLogger(__name__)


def apply(settings: Settings) -> None:
    """Set the limits of this process: `soft`, or `soft hard`. One that cannot be set is logged and left."""
    for option in dataclasses.fields(settings):
        text = getattr(settings, option.name)
        if not option.name.startswith("RLIMIT_") or text is None:
            continue
        number = getattr(resource, option.name)
        try:
            soft, *hard = [int(word) for word in text.split()]
            (limit,) = hard or resource.getrlimit(number)[1:]
            resource.setrlimit(number, (soft, limit))
        except (ValueError, OSError) as error:
            log.error("%s = %s is not set: %s", option.name, text, error)


@contextmanager
def memory_watched(threshold: int, method: str | None) -> Iterator[None]:
    """Log a request in which the process's memory has grown by more than the threshold (KiB).

    It is the process that grows: with several threads the blame may be another request's. A login is not told
    of: to check a password takes 16 MiB, by intent, and the allocator keeps them for the next one.
    """
    before = _peak()
    yield
    after = _peak()
    if after - before > threshold and method != "login":
        log.warning("memory grew by %d to %d KiB in %s", after - before, after, method)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
