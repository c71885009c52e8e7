"""Two builders at one hub: each task is run by one of them, once."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from moromi.constants import TaskState
from samplesite import content
from samplesite.services import wait_for
from samplesite.site import BUILDER, Site
from support.sites import Builds, Package, builds_on, running_site

SECOND = "second.localhost"
TASKS = 60
PACKAGES = ("pair0", "pair1", "pair2")


@pytest.fixture(scope="module")
def pair(can_build: None) -> Iterator[Builds]:
    """A site with two builders, the second of which does not listen to the push service."""
    with running_site(PACKAGES, {"RepoAuto": "no"}, {"sleeptime": 1}) as site:
        content.add_builder(site, SECOND, "password")
        site.configure_builder("second", {"user": SECOND, "password": "password", "push": "no"})
        service = site.builder("second")
        service.start()
        try:
            with builds_on(site) as builds:
                assert wait_for(lambda: len(ready(builds)) == 2, 60)
                yield builds
        finally:
            service.stop()


def ready(builds: Builds) -> list[str]:
    """The builders that take tasks."""
    return [host["name"] for host in builds.session.listHosts(ready=True)]


def opened(site: Site, name: str) -> list[int]:
    """The tasks that a builder says it has opened."""
    text = (site.state / "log" / f"{name}.log").read_text(encoding="utf-8")
    return [int(found) for found in re.findall(r"task (\d+) \(\w+\) opened", text)]


def test_no_task_is_run_twice(pair: Builds) -> None:
    session = pair.session
    with session.multicall(strict=True) as calls:
        made = [calls.makeTask("sleep", [0]) for _ in range(TASKS)]
    sleeps = [int(each.result) for each in made]
    tasks = [pair.submit(Package(name)) for name in PACKAGES]
    for task_id in (*tasks, *sleeps):
        assert pair.wait(task_id) == TaskState.CLOSED, pair.describe(task_id)
    first, second = opened(pair.site, "builder"), opened(pair.site, "second")
    assert len(first) == len(set(first)) and len(second) == len(set(second))
    assert not set(first) & set(second)
    assert set(sleeps) <= set(first) | set(second)
    assert len(set(first) & set(sleeps)) > 5 and len(set(second) & set(sleeps)) > 5, "both work"
    names = {host["id"]: host["name"] for host in session.listHosts()}
    for name, ids in ((BUILDER, first), (SECOND, second)):
        assert {names[session.getTaskInfo(task_id)["host_id"]] for task_id in ids} == {name}


def test_one_goes_and_the_other_takes_over(pair: Builds) -> None:
    second = pair.site.builder("second")
    assert second.stop()
    assert wait_for(lambda: ready(pair) == [BUILDER], 60)
    task_id = pair.session.makeTask("sleep", [0])
    assert pair.wait(task_id) == TaskState.CLOSED
    assert task_id in opened(pair.site, "builder")
    second.start()
    assert wait_for(lambda: len(ready(pair)) == 2, 60)
