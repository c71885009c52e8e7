"""The sample packages: their sources, and building them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from moromi.client import ClientSession
from moromi.client.push import Push
from moromi.constants import FINISHED_TASKS, BuildState, RepoState, TaskState
from moromi.errors import GenericError
from samplesite.content import BUILD, DEST, TARGET
from samplesite.site import SiteError

PACKAGES = ("hello-noarch", "hello-c", "hello-git")
SPECS = Path(__file__).resolve().parent.parent / "packages"


def make_srpm(package: str, out: Path) -> Path:
    """The source rpm of a sample package, made once with the machine's own rpmbuild."""
    source = SPECS / package
    out.mkdir(parents=True, exist_ok=True)
    found = sorted(out.glob(f"{package}-*.src.rpm"))
    if found:
        return found[0]
    spec = source / f"{package}.spec"
    command = ["rpmbuild", "-bs", "--nodeps"]
    for name, value in {
        "_sourcedir": source,
        "_srcrpmdir": out,
        "_topdir": out / "top",
        "dist": "%{nil}",
    }.items():
        command += ["--define", f"{name} {value}"]
    done = subprocess.run([*command, str(spec)], capture_output=True, text=True, check=False)
    shutil.rmtree(out / "top", ignore_errors=True)
    found = sorted(out.glob(f"{package}-*.src.rpm"))
    if done.returncode or not found:
        raise SiteError(f"rpmbuild -bs {spec} failed:\n{done.stderr}")
    return found[0]


def make_git_source(place: Path) -> str:
    """A local git repository with a package in it; the URL that `build` takes."""
    repository = place / "hello-git"
    if not (repository / ".git").is_dir():
        repository.mkdir(parents=True)
        for name in ("hello-noarch.spec", "greet.sh"):
            text = (SPECS / "hello-noarch" / name).read_text()
            target = name.replace("hello-noarch", "hello-git")
            text = text.replace("hello-noarch", "hello-git").replace("/greet", "/greet-git")
            (repository / target).write_text(text)
        _git(repository, "init", "-q")
        _git(repository, "add", ".")
        _git(repository, "commit", "-q", "-m", "Add hello-git")
    revision = _git(repository, "rev-parse", "HEAD").strip()
    return f"git+file://{repository}#{revision}"


def _git(repository: Path, *arguments: str) -> str:
    author = {"NAME": "Moromi", "EMAIL": "moromi@localhost"}
    names = {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in author.items()}
    command = ["git", "-C", str(repository), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **names})
    if done.returncode:
        raise SiteError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout


def submit_srpm(session: ClientSession, srpm: Path, target: str = TARGET, **options: Any) -> int:
    """Upload a source rpm and start a build; the task's id."""
    directory = f"cli-build/{time.time():.6f}.{os.urandom(3).hex()}"
    session.upload(str(srpm), directory)
    return int(session.call("build", f"{directory}/{srpm.name}", target, options))


def follow(session: ClientSession, builds: Mapping[str, int], say: Callable[[str], None]) -> list[str]:
    """Tell of each task that ends, and what others wait for, until all builds have ended.

    Returns the names of the builds that failed.
    """
    left, told, failed = dict(builds), set[int](), list[str]()
    spoken, patience = time.monotonic(), 10.0
    while left:
        for name, task_id in list(left.items()):
            family = _family(session, task_id)
            for task in family:
                if task["state"] in FINISHED_TASKS and task["id"] not in told:
                    told.add(task["id"])
                    say(f"  {name}: {_ended(task)}")
                    spoken, patience = time.monotonic(), 10.0
            if family[-1]["state"] in FINISHED_TASKS:
                del left[name]
                if family[-1]["state"] != TaskState.CLOSED:
                    failed.append(name)
                    say(f"    {_error(session, task_id)}")
        if time.monotonic() > spoken + patience:
            for name, task_id in left.items():
                say(f"  {name}: {_what_now(session, _family(session, task_id))}")
            spoken, patience = time.monotonic(), 2 * patience
        time.sleep(0.3 if left else 0)
    return failed


def _family(session: ClientSession, task_id: int) -> list[dict[str, Any]]:
    """A task's descendants in their order, and itself last."""
    tasks = [task for each in session.call("getTaskDescendents", task_id).values() for task in each]
    return [*sorted(tasks, key=lambda task: int(task["id"])), session.call("getTaskInfo", task_id)]


def _ended(task: dict[str, Any]) -> str:
    word = "done" if task["state"] == TaskState.CLOSED else TaskState(task["state"]).name
    seconds = task["completion_ts"] - task["create_ts"]
    return f"{task['method']} {task['arch']} (task {task['id']}) {word} after {seconds:.1f} s"


def _error(session: ClientSession, task_id: int) -> str:
    """What a task that did not end well says of it."""
    try:
        return str(session.call("getTaskResult", task_id))
    except GenericError as error:
        return str(error)


def _what_now(session: ClientSession, family: Sequence[dict[str, Any]]) -> str:
    """What is to be said of a build in which nothing has ended for a while."""
    for task in family:
        if task["state"] in (TaskState.FREE, TaskState.ASSIGNED):
            return f"task {task['id']} ({task['method']}) waits: " + str(
                session.call("scheduler.explain", task["id"])["summary"]
            )
    running = next(task for task in family if task["state"] not in FINISHED_TASKS)
    return f"task {running['id']} ({running['method']}) is running"


def unfinished_build(session: ClientSession, package: str) -> int | None:
    """The task of an interrupted run that builds a sample package: the builder takes it up again."""
    states = [int(TaskState.FREE), int(TaskState.OPEN), int(TaskState.ASSIGNED)]
    options = {"method": "build", "state": states, "decode": True}
    for task in session.call("listTasks", options, {"order": "id"}):
        source, *rest = task["request"]
        scratch = len(rest) > 1 and (rest[1] or {}).get("scratch")
        if f"/{package}" in source and not scratch:
            return int(task["id"])
    return None


def repository(session: ClientSession, patience: float = 60.0) -> tuple[dict[str, Any], float] | None:
    """The repository that has everything that was tagged, and the seconds from the last tagging to READY.

    None if there is nothing, or no repository within `patience` seconds.
    """
    tagged = session.call("queryHistory", tag=DEST, tables=["tag_listing"])["tag_listing"]
    if not tagged:
        return None
    last = max(tagged, key=lambda row: int(row["create_event"]))
    deadline = time.monotonic() + patience
    clauses = [["tag_name", "=", BUILD], ["create_event", ">=", last["create_event"]]]
    clauses.append(["state", "=", int(RepoState.READY)])
    fields = ["id", "create_event", "state_ts"]
    with Push(session, f"/tag/{BUILD}") as push:
        while time.monotonic() < deadline:
            found = session.call("repo.query", clauses, fields, {"order": "create_event", "limit": 1})
            if found:
                return found[0], found[0]["state_ts"] - last["create_ts"]
            push.wait(1.0)
    return None


def finished_build(session: ClientSession, package: str) -> dict[str, Any] | None:
    """The latest complete build of a package."""
    row = session.call("getPackageID", package)
    if row is None:
        return None
    options = {"order": "-build_id", "limit": 1}
    builds = session.call("listBuilds", packageID=row, state=int(BuildState.COMPLETE), queryOpts=options)
    return builds[0] if builds else None
