"""Sites that a module of tests may break."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from samplesite.site import Site
from support.sites import Builds, builds_on, running_site

PACKAGES = tuple(f"fragile{number}" for number in range(10))
HUB = {"HostTimeout": 100, "ReadyTimeout": 100, "RepoAuto": "no"}
"""Longer than any machine is busy with other things; `Builds.miss_the_builders` does not wait for it."""
BUILDER: dict[str, Any] = {"checkin_interval": 2, "retry_interval": 1, "sleeptime": 2}


@pytest.fixture(scope="module")
def fragile(can_build: None) -> Iterator[Builds]:
    """A site of the module's own, whose builder may be killed."""
    with running_site(PACKAGES, HUB, BUILDER) as site, builds_on(site) as builds:
        yield builds


@pytest.fixture
def fragile_site(fragile: Builds) -> Site:
    """The site of `fragile`."""
    return fragile.site
