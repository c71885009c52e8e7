"""One site for all tests that only build on it; those that break things make their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import hypothesis
import pytest

from moromi.client import ClientSession
from samplesite import samples
from samplesite.site import Site
from support.sites import Builds, builds_on, running_site

PACKAGES = (
    *samples.PACKAGES,
    "probe-moromi",
    "probe-koji",
    "chain-moromi-a",
    "chain-moromi-b",
    "chain-koji-a",
    "chain-koji-b",
    "broken",
    "differ",
)
"""What the tests on the shared site build. A new entry of the list changes the tag, so all come first."""


def pytest_configure() -> None:
    """Hypothesis is told that the machine has other work, too: what is slow here is no fault of a test.

    It draws the same examples in every run, so that what fails is what has changed
    (HYPOTHESIS_PROFILE=new asks for others).

    A shell that runs us in the background has Ctrl-C ignored, but tests send it to programs. A proxy of this
    machine is nothing to tests, which talk to it alone.
    """
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = "localhost,127.0.0.1,127.0.0.2"
    slow = [hypothesis.HealthCheck.too_slow]
    for profile, same in (("same", True), ("new", False)):
        hypothesis.settings.register_profile(
            profile, deadline=None, derandomize=same, suppress_health_check=slow
        )
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def can_build() -> None:
    """Chroots need root."""
    if os.geteuid():
        pytest.skip("chroots need root")


@pytest.fixture(scope="session")
def site(can_build: None) -> Iterator[Site]:
    """A hub and a builder, shared: leave it as it was found, up to builds."""
    with running_site(PACKAGES) as made:
        yield made


@pytest.fixture(scope="session")
def builds(site: Site) -> Iterator[Builds]:
    """Builds on the shared site."""
    with builds_on(site) as made:
        yield made


@pytest.fixture(scope="session")
def session(builds: Builds) -> ClientSession:
    """The administrator's session on the shared site."""
    return builds.session
