"""The program `moromi-repod` on a hub over HTTP: which repositories go, and what the hub is told."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from moromi.constants import RepoState, TaskState
from moromi_hub.worker.jobs import JOBS
from support.builds import BUILDER, open_task
from support.hub import Client, HubUnderTest
from support.programs_of_hub import BIN, let_pass, over_http, run, write_config
from support.worker import eventually, working

REPOMD = '<repomd xmlns="http://linux.duke.edu/metadata/repo"><data><timestamp>{}</timestamp></data></repomd>'


@dataclass
class Place:
    """A hub, its tree, and the daemon's configuration."""

    hub: HubUnderTest
    admin: Client
    builder: Client
    top: Path
    options: dict[str, Any]

    @contextlib.contextmanager
    def daemon(self, *words: str, **more: Any) -> Iterator[subprocess.Popen[str]]:
        """The daemon, which must end well when it is told to."""
        config = write_config(self.top.parent / "kojira.conf", {"kojira": {**self.options, **more}})
        argv = [str(BIN / "moromi-repod"), "--config", str(config), "--fg", "--verbose", *words]
        process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            _out, log = process.communicate(timeout=60)
            self.log = log
        assert process.returncode == 0, log
        assert "[ERROR]" not in log and "Traceback" not in log, log

    def make(self, tag: str = "f40-build", opts: dict[str, bool] | None = None) -> int:
        """A READY repository."""
        repo_id, _event = self.builder("host.repoInit", tag, None, None, opts)
        self.builder("host.repoDone", repo_id, {})
        return int(repo_id)

    def make_dist(self, **opts: Any) -> int:
        """A READY dist repository."""
        task_id = self.admin("distRepo", "f40-build", [], arch=["x86_64"], **opts)
        repo_id = int(self.admin("getTaskRequest", task_id)[1])
        self.builder("host.repoDone", repo_id, {})
        return repo_id

    def change(self, tag: str = "f40-build") -> None:
        """Change a tag, so that its repositories are not current any more."""
        self.admin("packageListAdd", tag, f"package{time.monotonic_ns()}", "alice")

    def state(self, repo_id: int) -> RepoState:
        return RepoState(self.admin("repoInfo", repo_id)["state"])

    def directory(self, repo_id: int) -> Path:
        repo = self.admin("repoInfo", repo_id)
        kind = "repos-dist" if repo["dist"] else "repos"
        return Path(self.top, kind, repo["tag_name"], str(repo_id))


@pytest.fixture
def place(hub: HubUnderTest, admin: Client) -> Iterator[Place]:
    admin("grantPermission", "bob", "repo")
    admin("createTag", "dest")
    for name in ("f40-build", "loose"):
        admin("createTag", name, arches="x86_64")
    admin("createBuildTarget", "f40", "f40-build", "dest")
    top = Path(hub.hub.settings.topdir)
    with over_http(hub) as url:
        options = {"server": url, "topdir": top, "user": "bob", "password": "bob"}
        yield Place(hub, admin, hub.client(BUILDER), top, {**options, "logfile": "none", "sleeptime": 1})


def test_what_goes_and_what_stays(place: Place) -> None:
    """All rules at once: everything is two weeks old, and the tag has changed since."""
    old, latest = place.make(), place.make()
    own = place.make(opts={"src": True})
    loose = place.make("loose")
    dist_old, dist = place.make_dist(), place.make_dist()
    current = place.make("dest")
    place.change()
    place.change("loose")
    let_pass(place.hub, 8)
    young = place.make("loose")
    with place.daemon():
        eventually(lambda: place.state(loose) == RepoState.EXPIRED)
        eventually(lambda: place.state(own) == RepoState.EXPIRED)
        eventually(lambda: place.state(dist_old) == RepoState.EXPIRED)
        eventually(lambda: place.state(old) == RepoState.EXPIRED)
        stay = (latest, dist, current, young)
        assert {place.state(each) for each in stay} == {RepoState.READY}
    let_pass(place.hub, 8)
    with place.daemon():
        gone = (old, own, loose, dist_old)
        eventually(lambda: {place.state(each) for each in gone} == {RepoState.DELETED})
        eventually(lambda: not [each for each in gone if place.directory(each).exists()])
        assert all(place.directory(each).is_dir() for each in (latest, dist, current))


def test_unfinished_ones(place: Place) -> None:
    """A repository whose task has failed is a problem at once, one that takes for ever after a while."""
    task_id = open_task(place.admin, place.builder)
    failed, _ = place.builder("host.repoInit", "loose", task_id)
    young, _ = place.builder("host.repoInit", "loose")
    place.admin("cancelTask", task_id)
    with place.daemon():
        eventually(lambda: place.state(failed) == RepoState.PROBLEM)
        assert place.state(young) == RepoState.INIT
    let_pass(place.hub, 0.2)
    with place.daemon():
        eventually(lambda: place.state(young) == RepoState.PROBLEM)


def test_what_a_buildroot_uses_stays(place: Place) -> None:
    task_id = open_task(place.admin, place.builder)
    used, unused = place.make("loose"), place.make("loose")
    root = place.builder("host.newBuildRoot", used, "x86_64", task_id)
    for repo_id in (used, unused):
        place.admin("repoExpire", repo_id)
    let_pass(place.hub, 8)
    with place.daemon(reference_recheck_period=1):
        eventually(lambda: place.state(unused) == RepoState.DELETED)
        assert place.state(used) == RepoState.EXPIRED and place.directory(used).is_dir()
        place.builder("host.setBuildRootState", root, "EXPIRED", task_id)
        eventually(lambda: place.state(used) == RepoState.DELETED)


def test_strays(place: Place) -> None:
    """Directories that the hub does not know or has deleted; links and names that changed hands with care."""
    deleted, renamed, kept = place.make("loose"), place.make("loose"), place.make("loose")
    place.admin("repo.setState", deleted, int(RepoState.DELETED))
    tag = place.top / "repos" / "loose"
    (place.top / "outside" / "7777").mkdir(parents=True)
    (place.top / "repos" / "linked").symlink_to(place.top / "outside")
    (tag / "8888").mkdir()
    (tag / "9999").mkdir()
    (tag / "notes").mkdir()
    other = place.top / "repos" / "other" / str(renamed)
    other.mkdir(parents=True)
    (other / "repo.json").write_text(json.dumps({"tag_id": 999}))
    place.admin("repo.setState", renamed, int(RepoState.DELETED))
    let_pass(place.hub, 8)
    for path in (*tag.iterdir(), other):
        if path.name != "9999":
            os.utime(path, (time.time() - 8 * 86400,) * 2, follow_symlinks=False)
    with place.daemon():
        eventually(lambda: not (tag / str(deleted)).exists() and not (tag / "8888").exists())
        eventually(lambda: not (tag / str(renamed)).exists())
    assert {path.name for path in tag.iterdir()} == {"latest", str(kept), "9999", "notes"}
    assert other.is_dir() and (place.top / "outside" / "7777").is_dir()
    assert "the repository of that id is one of tag loose" in place.log


def test_another_volume(place: Place) -> None:
    volume = place.top / "vol" / "big"
    volume.mkdir(parents=True)
    place.admin("addVolume", "big")
    repo_id = place.make_dist(volume="big")
    link = place.directory(repo_id)
    target = volume / "repos-dist" / "f40-build" / str(repo_id)
    assert link.is_symlink() and target.is_dir()
    place.admin("repoExpire", repo_id)
    let_pass(place.hub, 8)
    with place.daemon():
        eventually(lambda: not target.exists())
    assert not link.is_symlink() and place.state(repo_id) == RepoState.DELETED


def test_the_hub_is_reminded(place: Place, tmp_path: Path) -> None:
    """Requests become tasks, tags that want it get repositories, external changes are told."""
    mirror = tmp_path / "mirror"
    for arch, stamp in (("x86_64", 1700000000), ("aarch64", 1700000500)):
        (mirror / arch / "repodata").mkdir(parents=True)
        (mirror / arch / "repodata" / "repomd.xml").write_text(REPOMD.format(stamp))
    external = place.admin("createExternalRepo", "mirror", f"file://{mirror}/$arch/")
    place.admin("createExternalRepo", "unused", f"file://{tmp_path}/nowhere/")
    place.admin("addExternalRepoToTag", "loose", "mirror", 10)
    place.admin("editTag2", "f40-build", extra={"repo.auto": True})
    place.make("f40-build")
    place.change()
    let_pass(place.hub, 1)

    def data() -> Any:
        return place.admin("repo.getExternalRepoData", external["id"])

    def tags() -> set[str]:
        tasks = place.admin("listTasks", {"method": "newRepo", "decode": True, "state": [TaskState.FREE]}, {})
        return {task["request"][0]["name"] for task in tasks}

    with place.daemon():
        eventually(lambda: data() == {"max_ts": 1700000500})
        eventually(lambda: "f40-build" in tags())
        (mirror / "x86_64" / "repodata" / "repomd.xml").write_text(REPOMD.format(1800000000))
        eventually(lambda: data() == {"max_ts": 1800000000})


def test_beside_a_worker(place: Place) -> None:
    """The hub's own upkeep does the same: whoever is first, nothing goes wrong."""
    expired = [place.make("loose") for _ in range(12)]
    place.change("loose")
    let_pass(place.hub, 8)
    jobs = [job for job in JOBS if job.name.startswith("repo-")]
    stop = threading.Event()

    def hurry() -> None:
        while not stop.wait(0.05):
            for job in jobs:
                with place.hub.hub.call("test") as call:
                    job.run(call)

    thread = threading.Thread(target=hurry)
    with working(place.hub.hub, jobs), place.daemon(sleeptime=0):
        thread.start()
        try:
            eventually(lambda: {place.state(each) for each in expired[:-1]} == {RepoState.EXPIRED})
            let_pass(place.hub, 8)
            gone = expired[:-1]
            eventually(lambda: {place.state(each) for each in gone} == {RepoState.DELETED})
            eventually(lambda: not [each for each in gone if place.directory(each).exists()])
        finally:
            stop.set()
            thread.join()


def is_locked(place: Place) -> bool:
    """Whether a daemon has an exclusive session; the builder has one, too."""
    query = text(
        "SELECT sessions.id FROM sessions JOIN users ON user_id = users.id WHERE exclusive AND name = :user"
    )
    with place.hub.hub.engine.connect() as connection:
        return connection.execute(query, {"user": place.options["user"]}).first() is not None


def test_one_daemon_at_a_time(place: Place) -> None:
    """A second one does not begin, unless it is told to take over; then the first one ends."""
    config = write_config(place.top.parent / "first.conf", {"kojira": place.options})
    argv: list[str | Path] = ["moromi-repod", "--config", config, "--fg"]
    first = subprocess.Popen([BIN / argv[0], *argv[1:]], stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: is_locked(place))
        assert "Unable to get lock" in run(*map(str, argv), "--skip-main").stderr
        assert first.poll() is None
        assert run(*map(str, argv), "--skip-main", "--force-lock").returncode == 0
        assert first.wait(60) == 1
    finally:
        first.kill()
        _out, log = first.communicate()
    assert "the hub ended our session" in log


def test_in_the_background(place: Place) -> None:
    """It goes on when its starter is gone, and says in its log why it ends."""
    log = place.top.parent / "repod.log"
    config = write_config(place.top.parent / "kojira.conf", {"kojira": {**place.options, "logfile": log}})
    loose = place.make("loose")
    place.change("loose")
    place.make("loose")
    let_pass(place.hub, 8)
    assert run("moromi-repod", "-c", config).returncode == 0
    try:
        eventually(lambda: place.state(loose) == RepoState.EXPIRED)
    finally:
        assert run("moromi-repod", "-c", config, "--force-lock", "--skip-main", "--fg").returncode == 0
    eventually(lambda: "the hub ended our session" in log.read_text())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[kojira]\ncolour = red\n", "unknown config option: colour"),
        ("[main]\nserver = x\n", "invalid section found in config file: main"),
        ("[kojira]\nsleeptime = soon\n", "Invalid value for sleeptime"),
        ("[kojira]\nlogfile = none\n", "The option server is required"),
        ("[kojira]\nlogfile = /nowhere/x\nserver = http://x\n", "Cannot write the log /nowhere/x"),
    ],
)
def test_configurations_that_cannot_be(text: str, message: str, tmp_path: Path) -> None:
    config = tmp_path / "kojira.conf"
    config.write_text(text)
    done = run("moromi-repod", "-c", config, "--fg")
    assert (done.returncode, message in done.stderr) == (1, True), done.stderr


def test_options_of_old(place: Place) -> None:
    """What kojira took once is taken still; secrets are not shown."""
    old = {"with_src": "no", "deleted_repo_lifetime": 42, "recheck_period": 7}
    config = write_config(place.top.parent / "old.conf", {"kojira": {**place.options, **old}})
    shown = run("moromi-repod", "-c", config, "--show-config", "--sleeptime", "9").stdout.splitlines()
    wanted = {"expired_repo_lifetime = 42", "reference_recheck_period = 7", "sleeptime = 9"}
    assert wanted <= set(shown) and "password = ********" in shown
    done = run("moromi-repod", "-c", config, "--fg", "--skip-main")
    assert done.returncode == 0 and "the option with_src has no meaning any more" in done.stderr
