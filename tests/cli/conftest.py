"""The filled hub and the two programs, made once for all comparisons of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import compared


@pytest.fixture(scope="session")
def stages() -> Iterator[compared.Stages]:
    """The filled hub, of which copies are made."""
    with compared.filled() as made:
        yield made


@pytest.fixture(scope="session")
def programs() -> Iterator[compared.Programs]:
    """Both commands."""
    with compared.programs() as started:
        yield started


@pytest.fixture(scope="session")
def reading_stage(stages: compared.Stages) -> Iterator[compared.Stage]:
    """The hub for what changes nothing."""
    with stages.stage() as stage:
        yield stage
