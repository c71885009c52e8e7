"""A worker in the test process, and waiting for what it does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from moromi_hub.hub import Hub
from moromi_hub.worker.main import Worker
from moromi_hub.worker.model import Job


@contextmanager
def working(hub: Hub, jobs: Iterable[Job]) -> Iterator[Worker]:
    """A worker in threads of this process."""
    worker = Worker(hub, jobs)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.listener.stop()
        thread.join(60)
        assert not thread.is_alive()


def eventually(true: Callable[[], Any], seconds: float = 60.0) -> float:
    """Seconds until `true` is; fails after `seconds`."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "it never happened"
        time.sleep(0.002)
    return time.monotonic() - began
