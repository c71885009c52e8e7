"""`kill -9` of the hub's web workers, or of its database, while files come in.

Whatever is interrupted, no row may promise a file that is not there, and what was under way goes on or can be
done again.
"""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from moromi.client import ClientSession
from moromi.constants import BuildState, RepoState, TaskState
from moromi.rpm import read_header
from samplesite import content
from samplesite.services import wait_for
from samplesite.site import ADMIN, Site
from support.sites import PAUSE, Builds, Package, builds_on, database_of, database_pid, running_site

MIB = 1024 * 1024
PARTS = 24
PACKAGES = tuple(f"{what}{number}" for what in ("web", "database") for number in range(4))
Killer = Callable[[Site], None]


def kill_web_workers(site: Site) -> None:
    """End every process that answers calls; the server starts new ones."""
    found = [(pid, parent) for pid, parent, words in _processes() if _is_web(site, words)]
    servers = {pid for pid, _ in found}
    workers = [pid for pid, parent in found if parent in servers]
    assert workers, "there are no web workers"
    for pid in workers:
        os.kill(pid, signal.SIGKILL)


def kill_database(site: Site) -> None:
    """End the database server as a power cut would; `moromi-hub serve` starts it again."""
    pid = database_pid(site)
    assert pid is not None, "there is no database"
    os.kill(pid, signal.SIGKILL)
    # Those that it had forked answer for a moment more.
    assert wait_for(lambda: database_pid(site) not in (None, pid), 60), "it has not been started again"


def _is_web(site: Site, words: str) -> bool:
    return " web " in words and str(site.hub_conf) in words


def _processes() -> Iterator[tuple[int, int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_text().replace("\0", " ")
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            yield int(entry.name), int(fields[1]), words


@pytest.fixture(scope="module")
def shaken(can_build: None) -> Iterator[Builds]:
    """A site of the module's own."""
    builder = {"retry_interval": 1, "offline_retry_interval": 1, "checkin_interval": 2, "sleeptime": 2}
    with running_site(PACKAGES, {"RepoAuto": "no"}, builder) as site, builds_on(site) as builds:
        yield builds


@pytest.fixture(params=[kill_web_workers, kill_database], ids=["web", "database"])
def kill(request: pytest.FixtureRequest, shaken: Builds) -> Iterator[Killer]:
    """Each way to go; afterwards the hub must be whole again."""
    killer: Killer = request.param
    yield killer
    assert wait_for(shaken.site.answers, 60)


def name_of(kill: Killer) -> str:
    """The beginning of the names of the packages that a test may build."""
    return "web" if kill is kill_web_workers else "database"


def patient(site: Site) -> ClientSession:
    """A session that tries again for as long as a restart takes."""
    options = {"retry_interval": 1, "offline_retry": True, "timeout": 60}
    session = ClientSession(f"{site.url}/kojihub", options)
    session.login(ADMIN, site.facts["admin_password"])
    return session


def test_during_an_upload(kill: Killer, shaken: Builds, tmp_path: Path) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(b"".join(hashlib.sha512(str(n).encode()).digest() for n in range(MIB)))
    uploading = threading.Event()
    kills: list[float] = []

    def interrupt() -> None:
        uploading.wait()
        for _ in range(3):
            time.sleep(0.4)
            kills.append(time.monotonic())
            kill(shaken.site)
            assert wait_for(shaken.site.answers, 60)

    other = threading.Thread(target=interrupt)
    other.start()
    with patient(shaken.site) as session:
        finished = 0
        while finished < 2 or other.is_alive():
            uploading.set()
            session.upload(str(file), f"faults/{name_of(kill)}", f"copy{finished}")
            finished += 1
    other.join()
    assert len(kills) == 3
    wanted = hashlib.sha256(file.read_bytes()).hexdigest()
    for number in range(finished):
        stored = shaken.site.tree / "work" / "faults" / name_of(kill) / f"copy{number}"
        assert hashlib.sha256(stored.read_bytes()).hexdigest() == wanted


def heavy(name: str) -> Package:
    """A package of many parts, whose import takes a while."""
    parts = "\n".join(
        f"%package part{n}\nSummary: A part\n%description part{n}\nA part.\n" for n in range(PARTS)
    )
    files = "\n".join(f"%files part{n}\n/usr/share/%{{name}}/part{n}" for n in range(PARTS))
    install = (
        f"install -d %{{buildroot}}/usr/share/%{{name}}; for n in $(seq 0 {PARTS - 1}); do "
        "head -c 400000 /dev/urandom > %{buildroot}/usr/share/%{name}/part$n; done"
    )
    return Package(name, install=install, build=f"true\n{parts}", files=f"\n{files}")


@pytest.mark.parametrize("moment", ["files", "rows"])
def test_during_an_import(kill: Killer, moment: str, shaken: Builds) -> None:
    number = ["files", "rows"].index(moment)
    package = heavy(f"{name_of(kill)}{number}")
    task_id = shaken.submit(package)
    shaken.wait_for_child(task_id, "buildArch")
    if moment == "files":
        with database_of(shaken.site) as other:
            # The import waits for this lock when the packages are in place.
            other.execute(text("LOCK TABLE rpmsigs IN SHARE MODE"))
            place = shaken.site.tree / "packages" / package.name
            assert wait_for(lambda: any(place.rglob("*.rpm")), 120), shaken.describe(task_id)
            assert shaken.session.getBuild(package.nvr)["state"] == BuildState.BUILDING, "the import is over"
            kill(shaken.site)
    else:
        child = shaken.child(task_id, "buildArch")["id"]
        closed = wait_for(lambda: shaken.state(child) == TaskState.CLOSED, 120)
        assert closed, shaken.describe(task_id)
        time.sleep(0.25)
        kill(shaken.site)
    assert wait_for(shaken.site.answers, 60)
    state = settle(shaken, task_id)
    assert promised_files(shaken) > 0
    if state != TaskState.CLOSED:
        again = settle(shaken, patient_submit(shaken, package))
        assert again == TaskState.CLOSED
    with patient(shaken.site) as session:
        build = session.call("getBuild", package.nvr)
        assert build["state"] == BuildState.COMPLETE
        assert len(session.call("listRPMs", buildID=build["id"])) == PARTS + 2, "source, main package, parts"
    assert promised_files(shaken) > PARTS


def patient_submit(builds: Builds, package: Package) -> int:
    """Submit a build in a session of its own."""
    with patient(builds.site) as session:
        return Builds(builds.site, session, builds.place).submit(package)


def settle(builds: Builds, task_id: int) -> TaskState:
    """How a task ends, seen through outages."""
    with patient(builds.site) as session:
        return Builds(builds.site, session, builds.place).wait(task_id)


def promised_files(builds: Builds) -> int:
    """How many files the rows of all builds and repositories promise; each of them must be there, whole."""
    count = 0
    with patient(builds.site) as session:
        tree = builds.site.tree
        for build in session.call("listBuilds"):
            if build["state"] != BuildState.COMPLETE:
                continue
            place = tree / "packages" / build["name"] / build["version"] / build["release"]
            for rpm in session.call("listRPMs", buildID=build["build_id"]):
                count += check_rpm(place / rpm["arch"] / f"{rpm['nvr']}.{rpm['arch']}.rpm", rpm)
            for log in session.call("getBuildLogs", build["build_id"]):
                assert (tree / log["path"]).is_file(), log
                count += 1
        repo = session.call("getRepo", content.BUILD)
        if repo is not None:
            assert repo["state"] == RepoState.READY
            assert (tree / "repos" / content.BUILD / str(repo["id"]) / "repo.json").is_file()
            count += 1
    return count


def check_rpm(path: Path, rpm: dict[str, Any]) -> int:
    """The file of an rpm is the one that its row describes."""
    assert path.stat().st_size == rpm["size"], path
    assert read_header(path)["SIGMD5"].hex() == rpm["payloadhash"], path
    return 1


def test_database_killed_between_two_builds(shaken: Builds) -> None:
    """Builder, worker and push service find their way back by themselves, and soon."""
    kill_database(shaken.site)
    assert wait_for(shaken.site.answers, 60)
    started = time.monotonic()
    task_id = patient_submit(shaken, Package("database3"))
    assert settle(shaken, task_id) == TaskState.CLOSED
    assert time.monotonic() - started < 150


def test_all_of_the_hub_killed_in_mid_build(shaken: Builds) -> None:
    package = Package("web3", build=f"echo it has begun; {PAUSE}; echo it has slept")
    task_id = patient_submit(shaken, package)
    with patient(shaken.site) as session:
        builds = Builds(shaken.site, session, shaken.place)
        child = builds.wait_for_child(task_id, "buildArch")["id"]
        builds.wait_for_log(child, "build.log", "it has begun")
    hub = shaken.site.hub()
    hub.kill()
    assert wait_for(lambda: not any(_is_web(shaken.site, words) for *_, words in _processes()), 60)
    assert not shaken.site.answers()
    shaken.go_on()
    shaken.site.start_hub()
    assert settle(shaken, task_id) == TaskState.CLOSED
    assert promised_files(shaken) > 0
    with patient(shaken.site) as session:
        assert len(session.call("listBuildroots", taskID=child)) == 1, "it was not built again"
