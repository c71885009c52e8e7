"""Builds that cannot work: each fails with the text that says why, and with its logs (spec: builder, 3.4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from moromi.constants import BuildState, TaskState
from moromi.errors import BuildError, GenericError
from samplesite import content
from samplesite.site import ADMIN
from support.chroots import sample_distribution
from support.sites import Builds, Package

OWN = "faults"
"""A tag and a target of these tests: its package list is nothing to the build tag."""


@pytest.fixture(scope="module")
def own_target(builds: Builds) -> str:
    """A target on the shared build tag whose destination has one package blocked."""
    session = builds.session
    session.createTag(OWN)
    session.createBuildTarget(OWN, content.BUILD, OWN)
    session.packageListAdd(OWN, "blocked", owner=ADMIN)
    session.packageListBlock(OWN, "blocked")
    return OWN


def damaged(path: Path, size: int) -> Path:
    """A copy of a file that ends too early."""
    place = path.parent / "damaged"
    place.mkdir(exist_ok=True)
    copy = place / path.name
    copy.write_bytes(path.read_bytes()[:size])
    return copy


def assert_failed(builds: Builds, task_id: int, kind: type[Exception], text: str) -> None:
    """The task failed with just this fault."""
    error = builds.failure(task_id)
    assert (type(error), str(error)) == (kind, text)


def test_garbage_is_no_source_package(builds: Builds) -> None:
    path = builds.place / "garbage-1-1.src.rpm"
    path.write_bytes(b"This is no rpm.\n" * 100)
    error = builds.failure(builds.submit(path))
    assert isinstance(error, GenericError)
    assert "garbage-1-1.src.rpm is not a source package" in str(error)


def test_binary_package_is_no_source_package(builds: Builds) -> None:
    path = next((sample_distribution() / "Packages").glob("bash-*.rpm"))
    error = builds.failure(builds.submit(path))
    assert str(error).endswith(f"{path.name} is not a source package")


def test_damaged_header(builds: Builds) -> None:
    whole = Package("broken", "0.1").srpm(builds.place)
    error = builds.failure(builds.submit(damaged(whole, 600)))
    assert "broken-0.1-1.src.rpm is not a source package" in str(error)


def test_damaged_payload(builds: Builds) -> None:
    whole = Package("broken", "0.2").srpm(builds.place)
    task_id = builds.submit(damaged(whole, whole.stat().st_size - 60))
    text = "error building srpm, mock exited with status 1; see build.log or root.log for more information"
    assert_failed(builds, task_id, BuildError, text)
    log = builds.log(builds.child(task_id, "rebuildSRPM")["id"], "mock_output.log")
    assert "broken-0.2-1.src.rpm" in log


def test_missing_upload(builds: Builds) -> None:
    task_id = builds.session.build("cli-build/nothing/broken-1-1.src.rpm", content.TARGET)
    text = "Input SRPM file missing: work/cli-build/nothing/broken-1-1.src.rpm"
    assert_failed(builds, task_id, BuildError, text)


def test_failing_build(builds: Builds) -> None:
    package = Package("broken", "1", build="echo about to fail; exit 7")
    task_id = builds.submit(package)
    text = (
        "error building package (arch noarch), mock exited with status 1; "
        "see build.log or root.log for more information"
    )
    assert_failed(builds, task_id, BuildError, text)
    child = builds.child(task_id, "buildArch")
    assert child["state"] == TaskState.FAILED
    log = builds.log(child["id"], "build.log")
    assert "about to fail" in log and "Bad exit status" in log
    assert {"root.log", "state.log", "mock_output.log"} <= set(builds.session.listTaskOutput(child["id"]))
    assert builds.session.getBuild(package.nvr)["state"] == BuildState.FAILED


def test_a_failed_build_can_be_tried_again(builds: Builds) -> None:
    first = Package("broken", "2", build="exit 1")
    builds.failure(builds.submit(first))
    builds.run(Package("broken", "2"))
    assert builds.session.getBuild(first.nvr)["state"] == BuildState.COMPLETE


def test_unresolvable_build_requires(builds: Builds) -> None:
    task_id = builds.submit(Package("broken", "3", requires=["no-such-package >= 3", "gcc"]))
    text = (
        "error building package (arch noarch), mock exited with status 30; see root.log for more information"
    )
    assert_failed(builds, task_id, BuildError, text)
    assert "no-such-package" in builds.log(builds.child(task_id, "buildArch")["id"], "root.log")


def test_unpackaged_file(builds: Builds) -> None:
    task_id = builds.submit(
        Package("broken", "4", install="install -D /dev/null %{buildroot}/stray", files="")
    )
    builds.failure(task_id)
    log = builds.log(builds.child(task_id, "buildArch")["id"], "build.log")
    assert "/stray" in log and "unpackaged" in log


def test_wrong_architecture(builds: Builds) -> None:
    task_id = builds.submit(Package("broken", "5", head="ExclusiveArch: s390x", files=""))
    assert_failed(builds, task_id, BuildError, "No matching arches were found")


def test_package_that_is_not_listed(builds: Builds, own_target: str) -> None:
    task_id = builds.submit(Package("unlisted"), own_target)
    assert_failed(builds, task_id, BuildError, f"package unlisted not in list for tag {own_target}")


def test_package_that_is_blocked(builds: Builds, own_target: str) -> None:
    task_id = builds.submit(Package("blocked"), own_target)
    assert_failed(builds, task_id, BuildError, f"package blocked is blocked for tag {own_target}")


def test_build_that_exists(builds: Builds) -> None:
    package = Package("broken", "6")
    task_id = builds.run(package)
    found = builds.build_of(task_id)
    again = builds.submit(package)
    error = builds.failure(again)
    assert str(error).startswith(f"Build already exists (id={found['id']}, state=COMPLETE): {{")
    assert package.name in str(error)
    assert "buildArch" not in [each["method"] for each in builds.children(again)], "it fails before it builds"
    assert builds.build_of(task_id) == found


def test_unknown_target(builds: Builds) -> None:
    task_id = builds.submit(Package("broken", "7"), "no-such-target")
    assert_failed(builds, task_id, GenericError, "unknown build target: no-such-target")


def test_unknown_git_revision(builds: Builds) -> None:
    url = Package("broken", "8").repository(builds.place).replace("#HEAD", f"#{'0' * 40}")
    task_id = builds.session.build(url, content.TARGET)
    error = builds.failure(task_id)
    assert isinstance(error, BuildError), error
    log = builds.log(builds.child(task_id, "buildSRPMFromSCM")["id"], "checkout.log")
    assert "0" * 40 in log


def test_source_that_is_not_allowed(builds: Builds) -> None:
    task_id = builds.session.build("git+file:///etc#HEAD", content.TARGET)
    assert_failed(builds, task_id, BuildError, ":/etc is not in the list of allowed SCMs")
