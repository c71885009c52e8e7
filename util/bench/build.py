"""What a build waits for besides its chroots: `python util/bench build`, as root.

A whole site on this machine builds a trivial noarch package several times. Printed
are the medians, in seconds, of what the hub's own clock says of each step, and the
same chroot commands run by hand in the same run for comparison.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from samplesite import content
from samplesite.site import Site
from support.chroots import Root, engines
from support.sites import Builds, Package, running_site

RUNS = 5
NAME = "bench"
Times = dict[str, list[float]]


def main() -> None:
    """Print one row a step."""
    times: Times = defaultdict(list)
    with running_site([NAME]) as site, site.session() as session, tempfile.TemporaryDirectory() as place:
        builds = Builds(site, session, Path(place))
        # the first build fills the caches of chroots and repositories, as those of a busy builder are
        builds.run(Package(NAME, version="0"))
        for number in range(RUNS):
            measure_build(builds, Package(NAME, version=str(number + 1)), times)
        measure_by_hand(site, builds, times)
        session.call("editTag2", content.BUILD, extra={"rebuild_srpm": False})
        builds.wait_for_repo(session.call("tagLastChangeEvent", content.BUILD))
        for number in range(RUNS):
            measure_direct(builds, Package(NAME, version=f"1.{number}"), times)
    report(times)


def measure_build(builds: Builds, package: Package, times: Times) -> None:
    """One build from its submission to the repository that has it."""
    task_id = builds.run(package)
    build = builds.build_of(task_id)
    task = builds.session.call("getTaskInfo", task_id)
    children = {each["method"]: each for each in builds.children(task_id)}
    tagged = tagging(builds, build)
    times["submitted to first subtask open"].append(children["rebuildSRPM"]["start_ts"] - task["create_ts"])
    times["last buildArch closed to tagged"].append(
        tagged["create_ts"] - children["buildArch"]["completion_ts"]
    )
    times["submitted to closed"].append(task["completion_ts"] - task["create_ts"])
    repo = builds.wait_for_repo(tagged["create_event"])
    times["tagged to READY repository"].append(repo["state_ts"] - tagged["create_ts"])
    times["closed to READY repository"].append(repo["state_ts"] - task["completion_ts"])


def measure_direct(builds: Builds, package: Package, times: Times) -> None:
    """How soon the arch build of a source package that is not rebuilt is open.

    A scratch build, because the release of the package lacks the tag's `dist`.
    """
    task_id = builds.run(package, scratch=True)
    task = builds.session.call("getTaskInfo", task_id)
    arch = builds.child(task_id, "buildArch")
    times["submitted to buildArch open (rebuild_srpm off)"].append(arch["start_ts"] - task["create_ts"])


def tagging(builds: Builds, build: dict[str, Any]) -> dict[str, Any]:
    """The row of history that says when a build was tagged."""
    history = builds.session.call("queryHistory", tables=["tag_listing"], build=build["nvr"])
    return dict(history["tag_listing"][0])


def measure_by_hand(site: Site, builds: Builds, times: Times) -> None:
    """The chroot commands of such a build, on the same repository, with nothing around them."""
    srpm = Package(NAME, version="9").srpm(builds.place)
    repo = f"{site.url}/kojifiles/repos/{content.BUILD}/latest/x86_64"
    # engines() has moromi-chroot first, which is also what the site's builder ran
    engine = engines()[0]
    for number in range(RUNS + 1):
        place = builds.place / f"hand{number}"
        sources, arch = (Root(engine, place, builds.place / "cache", [repo], name) for name in ("s", "a"))
        started = time.perf_counter()
        sources.init()
        inside = sources.root / "chroot_tmpdir"
        inside.mkdir(exist_ok=True)
        shutil.copy(srpm, inside)
        topdir = "--define '_topdir /chroot_tmpdir'"
        sources.shell(f"rpm {topdir} -i /chroot_tmpdir/{srpm.name}")
        sources.shell(f"rpmbuild {topdir} -bs --nodeps /chroot_tmpdir/SPECS/{NAME}.spec")
        (rebuilt,) = (inside / "SRPMS").glob("*.src.rpm")
        arch.init()
        if arch.rebuild(rebuilt) != 0:
            raise SystemExit(arch.log("build"))
        if number:
            times["the same chroot commands by hand"].append(time.perf_counter() - started)


def report(times: Times) -> None:
    """Print medians and ranges, and what the system adds."""
    print(f"{'step':48} {'median':>7} {'least':>7} {'most':>7}   seconds, {RUNS} runs")
    for step, found in times.items():
        print(f"{step:48} {statistics.median(found):7.2f} {min(found):7.2f} {max(found):7.2f}")
    added = statistics.median(times["submitted to closed"]) - statistics.median(
        times["the same chroot commands by hand"]
    )
    print(f"{'the system adds to a build':48} {added:7.2f}")


if __name__ == "__main__":
    main()
