"""A hub for benchmarks that make calls to it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.hub import HubUnderTest


@contextlib.contextmanager
def running(**options: Any) -> Iterator[HubUnderTest]:
    """A hub in this process with the database and users of the tests, and some options of its own."""
    from support.hub import running_hub, state_database

    with (
        state_database() as dsn,
        tempfile.TemporaryDirectory() as top,
        running_hub(dsn, Path(top), **options) as hub,
    ):
        yield hub
