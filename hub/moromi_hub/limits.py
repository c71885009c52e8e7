"""What the operating system grants a web process, and what one request takes of it.

Options `RLIMIT_…` and `MemoryWarnThreshold` (spec: hub-protocol.md section 6.2).
"""

from __future__ import annotations

import dataclasses
import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    """Log a request that has left the process larger than ever before, by more than the threshold (KiB).

    It is the process that grows: with several threads the blame may be another request's. What a request
    gives back is not counted: the check of a password takes 16 MiB for some milliseconds.
    """
    before = _peak()
    yield
    if _peak() - before > threshold:
        after = _resident()
        if after - before > threshold:
            log.warning("memory grew by %d to %d KiB in %s", after - before, after, method)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024
