"""A builder whose network is cut: it tries again, and what it does then is right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from moromi.constants import FINISHED_TASKS, BuildState, TaskState
from samplesite import content
from samplesite.services import wait_for
from samplesite.site import BUILDER
from support.proxy import Proxy, proxy_to
from support.sites import PAUSE, Builds, Package, builds_on, end_pauses, running_site, work_of

_LINES = 8
_TALKING = f"for n in $(seq {_LINES}); do echo line $n; sleep 1; done"
_SHARE = "%{buildroot}/usr/share/%{name}"
_HEAVY = f"install -d {_SHARE}; head -c 8000000 /dev/urandom > {_SHARE}/x"


@dataclass
class Remote:
    """A site whose builder reaches hub, files and push service through proxies only."""

    builds: Builds
    hub: Proxy
    push: Proxy

    def down(self) -> None:
        """Cut every connection of the builder."""
        for proxy in (self.hub, self.push):
            proxy.down()

    def up(self) -> None:
        """Give the network back."""
        for proxy in (self.hub, self.push):
            proxy.up()


@pytest.fixture(scope="module")
def remote(can_build: None) -> Iterator[Remote]:
    """The site and its proxies."""
    with proxy_to(0) as push:
        hub_options = {
            # Longer than any cut; `Builds.miss_the_builders` does not wait for it.
            "HostTimeout": 100,
            "ReadyTimeout": 100,
            "RepoAuto": "no",
            "PushURL": f"http://127.0.0.1:{push.port}/events",
        }
        packages = [f"remote{number}" for number in range(7)]
        with running_site(packages, hub_options, builder=False) as site:
            push.target = int(site.facts["push_port"])
            with proxy_to(int(site.facts["port"])) as hub, builds_on(site) as builds:
                url = f"http://127.0.0.1:{hub.port}"
                options = {
                    "user": BUILDER,
                    "password": site.facts["builder_password"],
                    "server": f"{url}/kojihub",
                    "topurl": f"{url}/kojifiles",
                    "retry_interval": 1,
                    "checkin_interval": 2,
                    "sleeptime": 2,
                }
                site.configure_builder("builder", options)
                site.builder().start()
                yield Remote(builds, hub, push)


def begin(remote: Remote, package: Package) -> tuple[int, int]:
    """A build in the midst of its %build: its task and that of its buildArch."""
    task_id = remote.builds.submit(package)
    child = int(remote.builds.wait_for_child(task_id, "buildArch")["id"])
    return task_id, child


def finish(remote: Remote, task_id: int, package: Package) -> None:
    """The build must come to a good end."""
    assert remote.builds.finish(task_id) == TaskState.CLOSED, remote.builds.describe(task_id)
    assert remote.builds.session.getBuild(package.nvr)["state"] == BuildState.COMPLETE


def test_cut_in_mid_build(remote: Remote) -> None:
    package = Package("remote0", build=_TALKING)
    task_id, child = begin(remote, package)
    remote.builds.wait_for_log(child, "build.log", "line 2")
    before = remote.hub.refused
    remote.down()
    assert wait_for(lambda: remote.hub.refused > before + 1, 60), "the builder has not tried in vain"
    remote.up()
    finish(remote, task_id, package)
    found = [line for line in remote.builds.log(child, "build.log").splitlines() if line.startswith("line ")]
    assert found == [f"line {number}" for number in range(1, _LINES + 1)], "the log is whole, once"
    (root,) = remote.builds.session.listBuildroots(taskID=child)
    assert root["task_id"] == child, "it was not built again"


def test_cut_during_the_upload_of_results(remote: Remote) -> None:
    package = Package("remote1", install=_HEAVY)
    task_id, _ = begin(remote, package)
    remote.hub.cut_after(3_000_000)
    assert wait_for(lambda: not remote.hub.is_up, 120), remote.builds.describe(task_id)
    remote.push.down()
    before = remote.hub.refused
    assert wait_for(lambda: remote.hub.refused > before, 60), "the builder has not tried again"
    remote.up()
    finish(remote, task_id, package)
    (rpm,) = remote.builds.session.listRPMs(buildID=remote.builds.build_of(task_id)["id"], arches="noarch")
    place = remote.builds.site.tree / "packages" / package.name / "1" / "1.mini1" / "noarch"
    assert (place / f"{package.nvr}.noarch.rpm").stat().st_size == rpm["size"] > 8_000_000


def test_cut_again_and_again(remote: Remote) -> None:
    package = Package("remote2", build=_TALKING)
    task_id, _ = begin(remote, package)
    for _ in range(5):
        remote.down()
        time.sleep(0.3)
        remote.up()
        time.sleep(1)
    finish(remote, task_id, package)


def test_answers_are_lost(remote: Remote) -> None:
    """The hub does what it is asked, and the builder is not told so."""
    package = Package("remote4", build=PAUSE)
    daemon = remote.builds.site.builder().pid()
    task_id = remote.builds.submit(package)
    deadline = time.monotonic() + 200
    while remote.builds.state(task_id) not in FINISHED_TASKS and time.monotonic() < deadline:
        before = remote.hub.swallowed
        remote.hub.deafen()
        wait_for(lambda before=before: remote.hub.swallowed > before, 2, 0.001)  # type: ignore[misc]
        remote.hub.hear()
        time.sleep(1.5)
        if remote.hub.swallowed > 5:
            end_pauses(remote.builds.site)
    assert remote.hub.swallowed > 5
    finish(remote, task_id, package)
    tagged = remote.builds.session.listTagged(content.DEST, package=package.name)
    assert [each["nvr"] for each in tagged] == [package.nvr]
    assert remote.builds.site.builder().pid() == daemon, "the daemon has lived through it"


def test_the_answers_to_a_tagging_are_lost(remote: Remote) -> None:
    """It has been done, so the task is not begun again."""
    package = Package("remote5")
    before = remote.hub.swallowed
    remote.hub.lose_answers_to(b"<methodName>host.tagBuild<", b"<methodName>host.tagNotification<")
    task_id = remote.builds.submit(package)
    finish(remote, task_id, package)
    assert remote.hub.swallowed == before + 2
    tagged = remote.builds.session.listTagged(content.DEST, package=package.name)
    assert [each["nvr"] for each in tagged] == [package.nvr]


def test_builder_killed_when_it_has_tagged(remote: Remote) -> None:
    """The task is begun again, and finds its own work done."""
    package = Package("remote6")
    before = remote.hub.swallowed
    remote.hub.lose_answers_to(b"<methodName>host.tagBuild<")
    task_id = remote.builds.submit(package)
    assert wait_for(lambda: remote.hub.swallowed > before, 120, 0.001), remote.builds.describe(task_id)
    remote.down()
    builder = remote.builds.site.builder()
    builder.kill()
    remote.up()
    builder.start()
    finish(remote, task_id, package)
    (tagging,) = [
        each for each in remote.builds.session.getTaskChildren(task_id) if each["method"] == "tagBuild"
    ]
    assert tagging["state"] == TaskState.CLOSED


def test_cut_for_longer_than_the_lease(remote: Remote) -> None:
    """The task is taken away meanwhile: the builder must end what it runs and may not report it."""
    package = Package("remote3", build=f"echo it has begun; {PAUSE}")
    task_id, child = begin(remote, package)
    remote.builds.wait_for_log(child, "build.log", "it has begun")
    (first,) = remote.builds.session.listBuildroots(taskID=child)
    remote.down()
    remote.builds.miss_the_builders()
    freed = wait_for(lambda: remote.builds.state(child) == TaskState.FREE, 60)
    assert freed, remote.builds.describe(task_id)
    remote.up()
    assert wait_for(lambda: len(remote.builds.session.listBuildroots(taskID=child)) == 2, 120)
    finish(remote, task_id, package)
    roots = remote.builds.session.listBuildroots(taskID=child)
    assert len(roots) == 2, "it was built again"
    built = remote.builds.session.listRPMs(buildID=remote.builds.build_of(task_id)["id"], arches="noarch")
    assert built[0]["buildroot_id"] == max(each["id"] for each in roots) != first["id"]
    assert wait_for(lambda: not work_of(remote.builds.site), 60), "\n".join(work_of(remote.builds.site))
