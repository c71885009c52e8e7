"""Sites that a module of tests may break."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from samplesite.site import Site
from support.sites import Builds, builds_on, running_site

PACKAGES = tuple(f"fragile{number}" for number in range(10))
LEASE = 8
"""Seconds of silence after which the sites here take a builder's tasks away."""
HUB = {"HostTimeout": LEASE, "ReadyTimeout": LEASE - 2, "RepoAuto": "no"}
BUILDER: dict[str, Any] = {"checkin_interval": 2, "retry_interval": 1, "sleeptime": 2}


@pytest.fixture(scope="module")
def fragile(can_build: None) -> Iterator[Builds]:
    """A site of the module's own, whose builder may be killed: its lease is short."""
    with running_site(PACKAGES, HUB, BUILDER) as site, builds_on(site) as builds:
        yield builds


@pytest.fixture
def fragile_site(fragile: Builds) -> Site:
    """The site of `fragile`."""
    return fragile.site
