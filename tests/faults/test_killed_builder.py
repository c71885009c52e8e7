"""Ends that nobody planned: a cancelled task, a killed builder. Nothing stays behind, nothing is lost."""

from __future__ import annotations

import os
import signal
from typing import Any

from moromi.constants import BuildState, TaskState
from samplesite import content
from samplesite.services import wait_for
from samplesite.site import BUILDER
from support.sites import PAUSE, Builds, Package, work_of

_SLOW = f"echo it has begun; {PAUSE}; echo it has slept"


def begin(builds: Builds, package: Package) -> tuple[int, dict[str, Any]]:
    """A build in the midst of its %build: its task and that of its buildArch."""
    task_id = builds.submit(package)
    child = builds.wait_for_child(task_id, "buildArch")
    builds.wait_for_log(child["id"], "build.log", "it has begun")
    assert wait_for(lambda: "sleep" in (work := "\n".join(work_of(builds.site))) and "chroot" in work, 60)
    return task_id, child


def test_cancel_in_mid_build(fragile: Builds) -> None:
    package = Package("fragile0", build=_SLOW)
    task_id, child = begin(fragile, package)
    fragile.session.cancelTask(task_id)
    assert fragile.wait(task_id) == TaskState.CANCELED
    assert wait_for(lambda: not work_of(fragile.site), 60), "\n".join(work_of(fragile.site))
    assert fragile.state(child["id"]) == TaskState.CANCELED
    assert fragile.session.getBuild(package.nvr)["state"] == BuildState.CANCELED
    assert "it has begun" in fragile.log(child["id"], "build.log")


def test_cancel_of_one_subtask_fails_the_build(fragile: Builds) -> None:
    task_id, child = begin(fragile, Package("fragile1", build=_SLOW))
    fragile.session.cancelTask(child["id"])
    error = fragile.failure(task_id)
    assert f"Task {child['id']} is canceled" in str(error)
    assert wait_for(lambda: not work_of(fragile.site), 60), "\n".join(work_of(fragile.site))


def test_builder_killed_and_away(fragile: Builds) -> None:
    package = Package("fragile2", build=_SLOW)
    task_id, child = begin(fragile, package)
    builder = fragile.site.builder()
    builder.kill()
    gone = wait_for(lambda: not [each for each in work_of(fragile.site) if not each.startswith("chroot")], 60)
    assert gone, "\n".join(work_of(fragile.site))

    def is_free() -> bool:
        return (fragile.state(task_id), fragile.state(child["id"])) == (TaskState.FREE, TaskState.FREE)

    fragile.miss_the_builders()
    assert wait_for(is_free, 60), fragile.describe(task_id)
    assert fragile.session.getBuild(package.nvr)["state"] == BuildState.BUILDING

    builder.start()
    assert fragile.finish(task_id) == TaskState.CLOSED, fragile.describe(task_id)
    build = fragile.build_of(task_id)
    assert build["state"] == BuildState.COMPLETE
    # The subtasks were taken up again, not made again.
    assert [each["method"] for each in fragile.children(task_id)].count("buildArch") == 1
    log = fragile.log(child["id"], "build.log")
    assert log.count("it has begun") >= 1 and "it has slept" in log
    assert wait_for(lambda: not work_of(fragile.site), 60), "\n".join(work_of(fragile.site))


def test_builder_killed_and_back_at_once(fragile: Builds) -> None:
    package = Package("fragile3", build=_SLOW)
    task_id, child = begin(fragile, package)
    builder = fragile.site.builder()
    builder.kill()
    builder.start()
    assert fragile.finish(task_id) == TaskState.CLOSED, fragile.describe(task_id)
    assert fragile.build_of(task_id)["state"] == BuildState.COMPLETE
    assert fragile.state(child["id"]) == TaskState.CLOSED
    assert wait_for(lambda: not work_of(fragile.site), 60), "\n".join(work_of(fragile.site))


def test_builder_killed_between_import_and_tagging(fragile: Builds) -> None:
    package = Package("fragile6")
    task_id = fragile.submit(package)
    fragile.wait_for_child(task_id, "buildArch")
    # It goes on with what it has, and gets no task to tag the build.
    fragile.session.disableHost(BUILDER)

    def is_imported() -> bool:
        build = fragile.session.getBuild(package.nvr)
        return bool(build and build["state"] == BuildState.COMPLETE)

    assert wait_for(is_imported, 120, 0.002), fragile.describe(task_id)
    builder = fragile.site.builder()
    builder.kill()
    assert fragile.state(task_id) == TaskState.OPEN, "it was over already"
    assert fragile.session.listTagged(content.DEST, package=package.name) == []
    fragile.session.enableHost(BUILDER)
    builder.start()
    assert fragile.wait(task_id) == TaskState.CLOSED, fragile.describe(task_id)
    tagged = fragile.session.listTagged(content.DEST, package=package.name)
    assert [each["nvr"] for each in tagged] == [package.nvr]


def test_builder_stopped_in_mid_build_gives_its_tasks_back(fragile: Builds) -> None:
    task_id, child = begin(fragile, Package("fragile4", build=_SLOW))
    builder = fragile.site.builder()
    assert builder.stop()
    assert not work_of(fragile.site), "\n".join(work_of(fragile.site))
    states = (fragile.state(task_id), fragile.state(child["id"]))
    assert states == (TaskState.FREE, TaskState.FREE), "without waiting for the lease"
    builder.start()
    assert fragile.finish(task_id) == TaskState.CLOSED, fragile.describe(task_id)


def test_task_process_killed(fragile: Builds) -> None:
    """A task whose process dies alone (out of memory) is not forgotten by its living builder."""
    task_id, child = begin(fragile, Package("fragile5", build=_SLOW))
    record = fragile.site.builder_place() / "work" / "running" / str(child["id"])
    pid = int(record.read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    assert fragile.finish(task_id) == TaskState.CLOSED, fragile.describe(task_id)
    assert fragile.build_of(task_id)["state"] == BuildState.COMPLETE
