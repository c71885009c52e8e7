"""A builder that works while somebody watches: the same at every run, so that what two programs print is.

`Attended` stands before a hub. Each task that a request makes is done there, in one of two paces. At once:
before the request is answered, so that whoever watches sees the end only. In steps: a task takes its next
step when a watcher has asked for the state that it is in, so that each state is seen, in every run.

What is done follows from the task alone: a `build` has a `buildArch` with a log below it; a task with the
word `broken` in its request fails, the `buildArch` of such a build too; a `newRepo` makes a repository. A new
side tag has one, as if somebody watched over tags.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from moromi.constants import TaskState
from moromi.paths import task_relpath
from moromi.wire import xmlrpc
from support.cli_state import BUILDER
from support.hub import HubUnderTest

Step = tuple[str, int | None]
"""What is asked for: a call, and the id that it is asked about."""
FAILURE = (
    "error building package (arch x86_64), mock exited with status 1; see build.log for more information"
)


class Attended:
    """A WSGI application: the hub, and the builder that sees who asks what."""

    def __init__(self, hub: HubUnderTest, *, in_steps: bool) -> None:
        self._application = hub.application
        self._admin = hub.client("kojiadmin")
        self._builder = hub.client(BUILDER)
        self._in_steps = in_steps
        self._lock = threading.Lock()
        self._last = max((int(task["id"]) for task in self._free()), default=0)
        self._waiting: list[tuple[Step, Iterator[Step]]] = []
        """Work under way, and what must be asked before it goes on."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        answer = b"".join(self._application(environ, start_response))
        if environ["CONTENT_TYPE"] == "text/xml":
            with self._lock:
                self._attend(set(asked(body)), answer)
        return [answer]

    def _attend(self, calls: set[Step], answer: bytes) -> None:
        """After a request: begin what is new, go on with what was waiting to be asked about."""
        for task in self._free():
            if task["id"] > self._last:
                self._last = task["id"]
                self._begin(self._do(task["id"], task["method"]))
        if ("repo.request", None) in calls:
            request = xmlrpc.decode_response(answer)["request"]
            if request is not None:
                self._begin(self._fulfil(request["id"]))
        if ("createSideTag", None) in calls:
            self._make_repo(xmlrpc.decode_response(answer)["name"])
        waiting, self._waiting = self._waiting, []
        for step, work in waiting:
            if step in calls:
                self._begin(work)
            else:
                self._waiting.append((step, work))

    def _begin(self, work: Iterator[Step]) -> None:
        """Do all of it, or go on to where it has to be seen."""
        for step in work:
            if self._in_steps:
                self._waiting.append((step, work))
                return

    def _free(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._admin("listTasks", {"state": [TaskState.FREE]}, {"order": "id"})
        return found

    def _do(self, task_id: int, method: str) -> Iterator[Step]:
        """A task, from where it is free to its end."""
        seen = ("getTaskInfo", task_id)
        yield seen
        broken = "broken" in self._builder("host.openTask", task_id)["request"]
        yield seen
        if method == "build":
            yield from self._build(task_id, broken)
        elif method == "newRepo":
            self._make_repo(*self._of_task(task_id))
        elif method == "runroot":
            self._log(task_id, "runroot.log", b"hello from the chroot\n")
        self._end(task_id, broken)

    def _build(self, task_id: int, broken: bool) -> Iterator[Step]:
        """The subtask of a build."""
        arguments = ["work/x.src.rpm", 4, "x86_64", True, {"repo_id": 2}]
        names = {"label": "x86_64", "arch": "x86_64"}
        child = int(self._builder("host.subtask", "buildArch", arguments, task_id, **names))
        self._last = child
        yield ("getTaskInfo", child)
        self._builder("host.openTask", child)
        yield ("getTaskInfo", child)
        self._log(child, "build.log", b"error: no\n" if broken else b"done\n")
        self._end(child, broken)
        yield ("getTaskInfo", child)

    def _fulfil(self, request_id: int) -> Iterator[Step]:
        """A request for a repository: the queue makes its task."""
        seen = ("repo.checkRequest", request_id)
        yield seen
        self._admin("repo.checkQueue")
        task_id = self._admin("repo.checkRequest", request_id)["request"]["task_id"]
        self._last = max(self._last, task_id)
        yield seen
        self._builder("host.openTask", task_id)
        self._make_repo(*self._of_task(task_id))
        self._end(task_id, broken=False)

    def _of_task(self, task_id: int) -> tuple[Any, int]:
        """The tag of a `newRepo`, and the task."""
        return self._admin("getTaskRequest", task_id)[0], task_id

    def _make_repo(self, tag: Any, task_id: int | None = None) -> None:
        repo_id, _ = self._builder("host.repoInit", tag, task_id)
        self._builder("host.repoDone", repo_id, {})

    def _log(self, task_id: int, name: str, data: bytes) -> None:
        self._builder.upload(task_relpath(task_id), name, data)

    def _end(self, task_id: int, broken: bool) -> None:
        if broken:
            self._builder("host.failTask", task_id, xmlrpc.encode_fault(1005, FAILURE).decode())
        else:
            self._builder("host.closeTask", task_id, xmlrpc.encode_response({}).decode())


def asked(body: bytes) -> Iterator[Step]:
    """The calls of a request, with the id that each is about, None for other things."""
    method, params = xmlrpc.decode_request(body)
    calls = [(method, params)]
    if method == "multiCall":
        calls = [(call["methodName"], call["params"]) for call in params[0]]
    for name, arguments in calls:
        first = arguments[0] if arguments else None
        yield str(name), first if isinstance(first, int) and name != "repo.request" else None
