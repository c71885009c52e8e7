"""The mail about a build that has ended: what was built where, and what went wrong (spec: builder, 9.3).

What it tells is collected first (`read_report`), then written as text (`Report.body`), so that the text can
be read here from top to bottom.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from moromi.client import ClientSession
from moromi.constants import BuildState, TaskState
from moromi.errors import Fault, GenericError
from moromi.paths import PathInfo
from moromi.tasks import task_label

CHANGELOG_ENTRIES = 3
STATES = (TaskState.FAILED, TaskState.CANCELED, TaskState.CLOSED)


@dataclass(frozen=True)
class TaskOutput:
    """A task of the build, the host it ran on, and its files: (name, volume)."""

    task: Mapping[str, Any]
    host: str | None
    files: Sequence[tuple[str, str]]

    @property
    def state(self) -> TaskState:
        """How it ended."""
        return TaskState(self.task["state"])


@dataclass(frozen=True)
class Report:
    """All that is told about a build. `fault` is why its task failed, `canceled_by` who ended it."""

    build: Mapping[str, Any]
    tag: str | None
    weburl: str
    topurl: str
    tasks: Sequence[TaskOutput]
    changelog: Sequence[Mapping[str, Any]]
    fault: str | None
    canceled_by: str | None

    @property
    def status(self) -> str:
        """The state of the build in one word."""
        return BuildState(self.build["state"]).name.lower()

    @property
    def subject(self) -> str:
        """The subject of the mail."""
        owner, tag = self.build["owner_name"], self.tag or "(none)"
        return f"Package: {self.build['nvr']} Tag: {tag} Status: {self.status} Built by: {owner}"

    def headers(self) -> Iterator[tuple[str, str]]:
        """Give the headers that mail filters look at."""
        if self.tag is not None:
            yield "X-Koji-Tag", self.tag
        yield "X-Koji-Package", self.build["package_name"]
        yield "X-Koji-Builder", self.build["owner_name"]
        yield "X-Koji-Status", self.status
        yield "X-Koji-Draft", str(bool(self.build.get("draft")))

    def body(self) -> str:
        """Write the text."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        build = self.build
        yield f"Package: {build['nvr']}"
        yield f"Tag: {self.tag or '(none)'}"
        yield f"Status: {self.status}"
        yield f"Built by: {build['owner_name']}"
        yield f"ID: {build['id']}"
        yield f"Started: {_moment(build.get('start_ts') or build.get('creation_ts'))}"
        yield f"Finished: {_moment(build.get('completion_ts'))}"
        if self.canceled_by is not None:
            yield f"Canceled by: {self.canceled_by}"
        yield from self._changelog()
        yield from self._failure()
        sources = sorted({name for task in self.tasks for name, _ in task.files if name.endswith(".src.rpm")})
        if sources:
            yield from ("", "SRPMS:", *(f"  {name}" for name in sources))
        for state in STATES:
            yield from self._tasks_in(state)
        yield from ("", f"Task Info: {self.weburl}/taskinfo?taskID={build['task_id']}")
        yield f"Build Info: {self.weburl}/buildinfo?buildID={build['id']}"

    def _changelog(self) -> Iterator[str]:
        if not self.changelog:
            return
        yield from ("", "Changelog:")
        for entry in self.changelog:
            day = time.strftime("%a %b %d %Y", time.gmtime(entry["date_ts"]))
            yield from (f"* {day} {entry['author']}", entry["text"], "")

    def _failure(self) -> Iterator[str]:
        if self.fault is None:
            return
        failed = [task for task in self.tasks if task.state is TaskState.FAILED]
        parents = {task.task["parent"] for task in failed}
        # A parent only repeats what its subtask says.
        causes = [task for task in failed if task.task["id"] not in parents]
        places = ", ".join(f"{task.host} ({task.task['arch']})" for task in causes if task.host)
        where = f" on {places}" if places else ""
        yield from ("", f"{self.build['nvr']} ({self.build['id']}) failed{where}:")
        yield from (f"  {line}" for line in self.fault.splitlines())

    def _tasks_in(self, state: TaskState) -> Iterator[str]:
        tasks = [task for task in self.tasks if task.state is state]
        if not tasks:
            return
        title = f"{state.name.capitalize()} tasks:"
        yield from ("", title, "-" * len(title))
        for task in tasks:
            yield from ("", f"Task {task.task['id']}" + (f" on {task.host}" if task.host else ""))
            yield f"Task Type: {task_label(task.task)}"
            for kind, urls in self._links(task).items():
                if urls:
                    yield from (f"{kind}:", *(f"  {url}" for url in urls))

    def _links(self, task: TaskOutput) -> dict[str, list[str]]:
        """Sort a task's files and say where each can be read."""
        found: dict[str, list[str]] = {"logs": [], "rpms": [], "misc": []}
        for name, volume in task.files:
            if name.endswith(".src.rpm"):
                continue
            kind = "rpms" if name.endswith(".rpm") else "logs" if name.endswith(".log") else "misc"
            found[kind].append(self._url(task, kind, name, volume))
        return found

    def _url(self, task: TaskOutput, kind: str, name: str, volume: str) -> str:
        """Give where a file stays: files of tasks go one day, those of a build do not."""
        imported = self.build["state"] == BuildState.COMPLETE and task.state is TaskState.CLOSED
        if imported and kind == "rpms":
            arch = name.removesuffix(".rpm").rpartition(".")[2]
            return f"{self._build_url}/{quote(arch)}/{quote(name)}"
        if imported and kind == "logs" and task.task["method"] == "buildArch":
            return f"{self._build_url}/data/logs/{quote(str(task.task['label'] or ''))}/{quote(name)}"
        query = urlencode({"taskID": task.task["id"], "name": name, "volume": volume})
        return f"{self.weburl}/getfile?{query}"

    @property
    def _build_url(self) -> str:
        return f"{self.topurl}/{quote(PathInfo('').build(self.build))}"


def _moment(seconds: float | None) -> str:
    """Write a time as in `Sat, 07 Sep 2002 00:00:01 GMT`, in the zone of this machine."""
    if seconds is None:
        return ""
    return time.strftime("%a, %d %b %Y %H:%M:%S %Z", time.localtime(seconds))


def read_report(
    session: ClientSession,
    build: Mapping[str, Any],
    target: Mapping[str, Any] | None,
    weburl: str,
    topurl: str,
    owner_id: int | None,
) -> Report:
    """Collect what is told about a build. `owner_id` is the user who caused the mail."""
    tasks = _read_tasks(session, int(build["task_id"]))
    state = BuildState(build["state"])
    canceler = session.getUser(owner_id) if state is BuildState.CANCELED and owner_id else None
    return Report(
        build=build,
        tag=target["dest_tag_name"] if target else None,
        weburl=weburl,
        topurl=topurl,
        tasks=tasks,
        changelog=session.getChangelogEntries(build["id"], queryOpts={"limit": CHANGELOG_ENTRIES}),
        fault=_fault(session, int(build["task_id"])) if state is BuildState.FAILED else None,
        canceled_by=canceler["name"] if canceler else None,
    )


def _read_tasks(session: ClientSession, task_id: int) -> list[TaskOutput]:
    """Read the task of a build and all below it, in the order of their ids."""
    families = session.getTaskDescendents(task_id, request=True)
    found = {int(task["id"]): task for family in families.values() for task in family}
    found[task_id] = session.getTaskInfo(task_id, request=True)
    with session.multicall(strict=True) as calls:
        files = {each: calls.listTaskOutput(each, all_volumes=True) for each in sorted(found)}
        hosts = {host: calls.getHost(host) for host in {task["host_id"] for task in found.values()} if host}
    return [
        TaskOutput(
            found[each],
            hosts[found[each]["host_id"]].result["name"] if found[each]["host_id"] else None,
            sorted((name, volume) for name, volumes in listed.result.items() for volume in volumes),
        )
        for each, listed in files.items()
    ]


def _fault(session: ClientSession, task_id: int) -> str | None:
    """Ask why a task failed."""
    try:
        session.getTaskResult(task_id)
    except Fault as fault:
        return str(fault.faultString)
    except GenericError as error:
        return str(error)
    return None
