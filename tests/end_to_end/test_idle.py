"""A builder without work leaves the hub alone, and still takes a task at once."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from samplesite.services import wait_for
from samplesite.site import BUILDER, Site
from support.proxy import Proxy, proxy_to
from support.sites import builds_on, running_site

SECONDS = 65


@pytest.fixture
def watched(can_build: None) -> Iterator[tuple[Site, Proxy]]:
    """A site whose builder reaches the hub through a proxy that counts; the push service directly."""
    with running_site(builder=False) as site, proxy_to(int(site.facts["port"])) as proxy:
        hub = {"user": "builder.localhost", "password": site.facts["builder_password"]}
        site.configure_builder("builder", {**hub, "server": f"http://127.0.0.1:{proxy.port}/kojihub"})
        site.builder().start()
        yield site, proxy


def wait_for_silence(proxy: Proxy) -> None:
    """Wait until the builder asks nothing for a while: it reports once more when a task has ended."""
    seen, since = -1, time.monotonic()

    def is_silent() -> bool:
        nonlocal seen, since
        if len(proxy.requests()) != seen:
            seen, since = len(proxy.requests()), time.monotonic()
        return time.monotonic() - since > 4

    assert wait_for(is_silent, 60)


def test_an_idle_builder_asks_at_most_twice_a_minute(watched: tuple[Site, Proxy]) -> None:
    site, proxy = watched
    with builds_on(site) as builds:
        event = builds.session.tagLastChangeEvent("sample-build")
        builds.wait_for_repo(event)
        assert wait_for(lambda: not builds.session.listTasks(opts={"state": [0, 1, 4]}), 60)
        wait_for_silence(proxy)
        before = len(proxy.requests())
        assert before > 0, "the builder does not talk through the proxy"
        host = builds.session.getHost(BUILDER)["id"]
        seen = builds.session.getLastHostUpdate(host, ts=True)
        time.sleep(SECONDS)
        asked = proxy.requests()[before:]
        assert len(asked) <= 2 * SECONDS / 60, asked
        assert builds.session.getLastHostUpdate(host, ts=True) > seen, "it is taken for dead"

        wait_for_silence(proxy)
        submitted = time.monotonic()
        task_id = builds.session.makeTask("sleep", [0])
        builds.wait(task_id)
        assert time.monotonic() - submitted < 15, "only a push can have been so fast"
