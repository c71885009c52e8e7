"""Whole build systems for tests: hub, worker, push service, builder, on the sample distribution.

They are the sites that `util/quickstart` runs, in a directory of their own, and everything in them is
real: programs, database, chroots. `Package` makes sources to build on one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, func, update

from mksrpm import make_srpm
from moromi.client import ClientSession
from moromi.constants import FINISHED_TASKS, TaskState
from moromi.errors import Fault, GenericError
from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_schema import tables as t
from samplesite import content, samples
from samplesite.services import wait_for
from samplesite.site import Site
from support.chroots import sample_distribution
from support.database import server_directory

PAUSE = "sleep 100000 || :"
"""A command of a build that goes on when the test says so (`Builds.go_on`), however fast the machine is."""


@contextlib.contextmanager
def running_site(
    packages: Sequence[str] = (),
    hub_options: Mapping[str, Any] | None = None,
    builder_options: Mapping[str, Any] | None = None,
    *,
    builder: bool = True,
) -> Iterator[Site]:
    """A site with target, tags and package list; ended and removed afterwards."""
    with server_directory() as place:
        # Whatever else this machine does, the builder is to take its tasks.
        builds = {"max_load": 1000, **(builder_options or {})}
        site = Site(place / "site", hub_options or {}, builds, preferred_port=0)
        site.state.mkdir(mode=0o711)
        site.configure()
        try:
            site.start_hub()
            content.add_accounts(site)
            if builder:
                site.builder().start()
            with site.session() as session:
                content.add_content(session, packages, sample_distribution())
            yield site
        finally:
            site.stop()


@dataclass(frozen=True)
class Package:
    """The source of a package; `build` and the like are what follows `%build` and so on in its spec."""

    name: str
    version: str = "1"
    build: str = "true"
    install: str = "install -d %{buildroot}/usr/share/%{name}"
    files: str = "/usr/share/%{name}"
    requires: Sequence[str] = ()
    """BuildRequires."""
    head: str = "BuildArch: noarch"

    @property
    def nvr(self) -> str:
        """What a build of it is called: the sample distribution has a `dist` macro."""
        return f"{self.name}-{self.version}-1.mini1"

    @property
    def spec(self) -> str:
        """The spec file."""
        requires = "\n".join(f"BuildRequires: {name}" for name in self.requires)
        return f"""\
Name: {self.name}
Version: {self.version}
Release: 1%{{?dist}}
Summary: A package of the tests
License: MIT
{self.head}
{requires}
%description
Nothing much.
%build
{self.build}
%install
{self.install}
%files
{self.files}
"""

    def srpm(self, place: Path) -> Path:
        """Its source package, made in `place`."""
        source = place / f"{self.name}-{self.version}"
        source.mkdir(exist_ok=True)
        spec = source / f"{self.name}.spec"
        spec.write_text(self.spec, encoding="utf-8")
        return make_srpm(spec, source)

    def binary(self, place: Path) -> Path:
        """Its binary package, made in `place` by the machine's rpmbuild."""
        spec = place / f"{self.name}-{self.version}.spec"
        spec.write_text(self.spec, encoding="utf-8")
        top = place / f"{self.name}-{self.version}.rpmbuild"
        defines = ["--define", f"_topdir {top}", "--define", "dist .mini1"]
        command = ["rpmbuild", "-bb", "--quiet", "--nodeps", *defines, str(spec)]
        subprocess.run(command, check=True, capture_output=True)
        (made,) = top.glob("RPMS/*/*.rpm")
        return made

    def repository(self, place: Path) -> str:
        """The URL of a git repository with it, in `place`."""
        source = place / f"{self.name}-{self.version}.git"
        source.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", str(source)], check=True)
        url = f"git+file://{source}#HEAD"
        self.commit(url)
        return url

    def commit(self, url: str) -> None:
        """Put it into a git repository as it is now."""
        source = Path(url.removeprefix("git+file://").partition("#")[0])
        (source / f"{self.name}.spec").write_text(self.spec, encoding="utf-8")
        author = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
        for words in (["add", "."], [*author, "commit", "-q", "-m", "As it is now"]):
            subprocess.run(["git", "-C", str(source), *words], check=True)


@dataclass
class Builds:
    """Builds on a site, as an administrator asks for them."""

    site: Site
    session: ClientSession
    place: Path
    seen: dict[int, list[tuple[str, TaskState, float]]] = field(default_factory=dict)

    def submit(self, source: Package | Path, target: str | None = content.TARGET, **options: Any) -> int:
        """Upload and start a build; the task."""
        path = source.srpm(self.place) if isinstance(source, Package) else source
        return samples.submit_srpm(self.session, path, target, **options)  # type: ignore[arg-type]

    def wait(self, task_id: int, seconds: float = 400) -> TaskState:
        """The state in which a task ends."""
        deadline = time.monotonic() + seconds
        while (state := self.state(task_id)) not in FINISHED_TASKS:
            assert time.monotonic() < deadline, f"task {task_id} is {state.name}:\n{self.describe(task_id)}"
            time.sleep(0.1)
        return state

    def state(self, task_id: int) -> TaskState:
        """The state of a task."""
        return TaskState(self.session.call("getTaskInfo", task_id)["state"])

    def go_on(self) -> None:
        """End the PAUSE that a build has come to, or comes to soon."""
        go_on(self.site)

    def finish(self, task_id: int) -> TaskState:
        """The state in which a task ends, whose builds do not pause any more, however often they begin."""

        def is_over() -> bool:
            end_pauses(self.site)
            return self.state(task_id) in FINISHED_TASKS

        assert wait_for(is_over, 400, 0.1), self.describe(task_id)
        return self.state(task_id)

    def miss_the_builders(self) -> None:
        """As if the hub had not heard of any builder for a day: it takes their tasks away."""
        with database_of(self.site) as connection:
            long_ago = t.host.c.update_time - func.make_interval(0, 0, 0, 1)
            connection.execute(update(t.host).values(update_time=long_ago))
            connection.commit()
        self.session.call("scheduler.doRun", True)

    def run(self, source: Package | Path, target: str = content.TARGET, **options: Any) -> int:
        """A build that must work; the task."""
        task_id = self.submit(source, target, **options)
        state = self.wait(task_id)
        assert state == TaskState.CLOSED, self.describe(task_id)
        return task_id

    def build_of(self, task_id: int) -> dict[str, Any]:
        """The build that a task has made."""
        (found,) = self.session.call("listBuilds", taskID=task_id)
        return dict(self.session.call("getBuild", found["build_id"]))

    def child(self, task_id: int, method: str) -> dict[str, Any]:
        """The only child of a task with a method."""
        (found,) = [each for each in self.children(task_id) if each["method"] == method]
        return found

    def children(self, task_id: int) -> list[dict[str, Any]]:
        """The children of a task, oldest first."""
        found = self.session.call("getTaskChildren", task_id)
        return sorted((dict(each) for each in found), key=lambda each: int(each["id"]))

    def wait_for_child(self, task_id: int, method: str, seconds: float = 120) -> dict[str, Any]:
        """The child of a task with a method, as soon as it is open."""

        def is_open() -> bool:
            states = [each["state"] for each in self.children(task_id) if each["method"] == method]
            return TaskState.OPEN in states

        assert wait_for(is_open, seconds), self.describe(task_id)
        return self.child(task_id, method)

    def failure(self, task_id: int) -> Exception:
        """The fault that a FAILED task tells its caller."""
        assert self.wait(task_id) == TaskState.FAILED, self.describe(task_id)
        try:
            self.session.call("getTaskResult", task_id)
        except (GenericError, Fault) as error:
            return error
        raise AssertionError(f"task {task_id} has no fault")

    def log(self, task_id: int, name: str) -> str:
        """A log of a task, empty if there is none."""
        if name not in self.session.call("listTaskOutput", task_id):
            return ""
        data = self.session.downloadTaskOutput(task_id, name)
        assert isinstance(data, bytes)
        return data.decode("utf-8", "replace")

    def wait_for_log(self, task_id: int, name: str, text: str, seconds: float = 120) -> None:
        """Wait until a log of a task holds a text."""
        found = wait_for(lambda: text in self.log(task_id, name), seconds)
        assert found, f"{text!r} is not in {name}:\n{self.log(task_id, name)[-3000:]}"

    def wait_for_repo(self, event: int, tag: str = content.BUILD, seconds: float = 120) -> dict[str, Any]:
        """The READY repository of a tag, as soon as there is one of an event or later."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            repo = self.session.call("getRepo", tag)
            if repo is not None and repo["create_event"] >= event:
                found.append(repo)
            return bool(found)

        assert wait_for(is_there, seconds), f"no repository of {tag} as of event {event}"
        return found[0]

    def chroots(self, task_id: int, builder: str = "builder") -> list[Path]:
        """The chroots of a task that are still on the machine."""
        place = self.site.builder_place(builder) / "roots"
        names = [
            f"{each['tag_name']}-{each['id']}-{each['repo_id']}"
            for each in self.session.listBuildroots(taskID=task_id)
        ]
        assert names, f"task {task_id} had no chroot"
        return [place / name for name in names if (place / name).exists()]

    def describe(self, task_id: int) -> str:
        """Task tree, results and last lines of the logs, for a test that fails."""
        lines = []
        for task in (self.session.call("getTaskInfo", task_id), *self.children(task_id)):
            state = TaskState(task["state"])
            lines.append(f"task {task['id']} {task['method']}: {state.name}")
            if state in FINISHED_TASKS:
                try:
                    self.session.call("getTaskResult", task["id"])
                except (GenericError, Fault) as error:
                    lines.append(f"  {type(error).__name__}: {error}")
        for log in sorted((self.site.state / "log").glob("*.log")):
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
            lines += [f"--- {log.name}", *tail]
        return "\n".join(lines)


@contextlib.contextmanager
def builds_on(site: Site) -> Iterator[Builds]:
    """Builds on a site, by its administrator."""
    place = site.state / "sources"
    place.mkdir(exist_ok=True)
    with site.session() as session:
        yield Builds(site, session, place)


def go_on(site: Site) -> None:
    """End the PAUSE that a build has come to, or comes to soon."""
    assert wait_for(lambda: end_pauses(site), 100), "no build pauses"


def end_pauses(site: Site) -> bool:
    """End every PAUSE that builds have come to; whether there were some."""
    words = PAUSE.split(" ||")[0].encode().split()
    found = [pid for pid in processes_of(site) if _words(pid) == words]
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    return bool(found)


@contextlib.contextmanager
def database_of(site: Site) -> Iterator[Connection]:
    """A connection to the database of a running hub; what is not committed is undone in the end."""
    engine = create_engine(EmbeddedPostgres(Path(site.facts["database"])).dsn, poolclass=NullPool)
    with engine.connect() as connection:
        try:
            yield connection
        finally:
            connection.invalidate()  # there may be no server any more that could undo anything


def database_pid(site: Site) -> int | None:
    """The database server, as it has written down itself; None while there is none."""
    try:
        (pidfile,) = Path(site.facts["database"]).rglob("postmaster.pid")
        return int(pidfile.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def work_of(site: Site, name: str = "builder") -> list[str]:
    """What a builder's tasks have on the machine: processes, mounts and chroots, in words."""
    roots = site.builder_place(name) / "roots"
    found = [f"chroot {each.name}" for each in roots.iterdir()] if roots.exists() else []
    found += [
        f"mount {line}" for line in _read(Path("/proc/self/mountinfo")).splitlines() if str(roots) in line
    ]
    for pid in processes_of(site, name):
        words = b" ".join(_words(pid)).decode(errors="replace")
        found.append(f"process {pid}: {words}")
    return found


def processes_of(site: Site, name: str = "builder") -> list[int]:
    """The processes of a builder's tasks."""
    daemon = site.builder(name).pid()
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in numbers if pid != daemon and _works(Path(f"/proc/{pid}"), site, name)]


def _works(entry: Path, site: Site, name: str) -> bool:
    """Whether a process belongs to a builder: by its command line, its environment, or the root it is in."""
    place = str(site.builder_place(name))
    words = _read(entry / "cmdline")
    ours = place in words or str(site.state / f"{name}.conf") in words
    return (
        ours or f"{place}/work" in _read(entry / "environ") or f"{place}/roots" in _read(entry / "mountinfo")
    )


def _words(pid: int) -> list[bytes]:
    return _read(Path(f"/proc/{pid}/cmdline")).encode().rstrip(b"\0").split(b"\0")


def _read(path: Path) -> str:
    """A file of /proc; empty if its process has ended."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
