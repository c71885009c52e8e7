"""A builder whose tasks are done by hand: what it says to a hub, at moments that a test chooses."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from moromi.client import ClientSession
from moromi.paths import task_relpath
from moromi.wire import xmlrpc
from moromi_builder.logs import send_piece


class HandBuilder:
    """`session` is the builder's exclusive one; `admin` makes the tasks."""

    def __init__(self, session: ClientSession, admin: ClientSession) -> None:
        self.session = session
        self.admin = admin
        self.name = str(session.host.getHost()["name"])
        self._sizes: dict[tuple[int, str], int] = defaultdict(int)

    def open(self, method: str, *arguments: Any) -> int:
        """A new task, under way."""
        task_id = int(self.admin.makeTask(method, list(arguments), assign=self.name))
        assert self.session.host.openTask(task_id)["id"] == task_id
        return task_id

    def open_child(self, parent: int, method: str, *arguments: Any) -> int:
        """A subtask, under way."""
        task_id = int(self.session.host.subtask(method, list(arguments), parent, assign=self.name))
        assert self.session.host.openTask(task_id)["id"] == task_id
        return task_id

    def log(self, task_id: int, name: str, data: bytes) -> None:
        """A log grows, as our builder sends it."""
        send_piece(self.session, data, task_relpath(task_id), name, self._sizes[task_id, name])
        self._sizes[task_id, name] += len(data)

    def close(self, task_id: int, result: Any = None) -> None:
        """A task ends well."""
        self.session.host.closeTask(task_id, xmlrpc.encode_response(result).decode())

    def fail(self, task_id: int, text: str) -> None:
        """A task fails with a build error."""
        self.session.host.failTask(task_id, xmlrpc.encode_fault(1005, text).decode())
