"""The sample packages: their sources, and building them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moromi.client import ClientSession
from moromi.client.push import Push
from moromi.constants import FINISHED_TASKS, BuildState, RepoState, TaskState
from samplesite.content import BUILD, DEST, TARGET
from samplesite.site import SiteError

PACKAGES = ("hello-noarch", "hello-c", "hello-git")
SPECS = Path(__file__).resolve().parent.parent / "packages"
Report = Callable[[dict[str, Any]], None]


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


def wait_for_task(session: ClientSession, task_id: int, report: Report | None = None) -> dict[str, Any]:
    """Follow a task and its children to its end; `report` hears of every task whose state changed."""
    seen: dict[int, int] = {}
    with Push(session, f"/task/{task_id}") as push:
        while True:
            tasks = session.call("getTaskDescendents", task_id)
            tasks = [task for family in tasks.values() for task in family]
            tasks.append(session.call("getTaskInfo", task_id))
            for task in sorted(tasks, key=lambda each: each["id"]):
                if report is not None and seen.get(task["id"]) != task["state"]:
                    report(task)
                seen[task["id"]] = task["state"]
            last: dict[str, Any] = tasks[-1]
            if last["state"] in FINISHED_TASKS:
                return last
            push.wait(2.0)


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
