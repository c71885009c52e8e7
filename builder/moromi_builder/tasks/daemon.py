"""Tasks about the daemon itself: stop, restart, and the proof of a restart (spec: builder, sections 1.14,
2.8).

They run in the foreground, that is in the supervisor, and must not take long.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from moromi.constants import TaskState
from moromi.errors import GenericError
from moromi_builder.context import Daemon, ServerRestart
from moromi_builder.tasks.base import Handler, P
from moromi_builder.tasks.registry import task

DAY = 86400


class Foreground(Handler[P]):
    """A handler that may reach into the daemon."""

    @property
    def daemon(self) -> Daemon:
        """The daemon that runs us."""
        assert self.context.daemon is not None, "foreground tasks run in the supervisor"
        return self.context.daemon


@dataclass
class NoParams:
    """Nothing."""


@task("shutdown", NoParams, weight=0.0, foreground=True)
class Shutdown(Foreground[NoParams]):
    """Stops the daemon."""

    def run(self) -> None:
        """Stop after this task."""
        self.daemon.request_stop()


@dataclass
class RestartParams:
    """`restart(host)`: the host's record."""

    host: dict[str, Any]


@task("restart", RestartParams, weight=0.1, foreground=True)
class Restart(Foreground[RestartParams]):
    """Restarts the daemon when its tasks have ended."""

    def run(self) -> str:
        """Note the wish."""
        _check_host(self.context.host, self.params.host)
        self.daemon.request_restart()
        return "graceful restart initiated"


@dataclass
class RestartVerifyParams:
    """`restartVerify(task_id, host)`: the restart task to verify."""

    task_id: int
    host: dict[str, Any]


@task("restartVerify", RestartVerifyParams, weight=0.1, foreground=True)
class RestartVerify(Foreground[RestartVerifyParams]):
    """Shows that the daemon has restarted since."""

    def run(self) -> None:
        """Compare the times."""
        _check_host(self.context.host, self.params.host)
        info = self.session.getTaskInfo(self.params.task_id)
        state = TaskState(info["state"])
        if state is not TaskState.CLOSED:
            raise GenericError(f"Stage one restart task is {state.name}")
        if self.daemon.start_time < info["completion_ts"]:
            raise GenericError(
                f"Restart failed - start time is {time.asctime(time.localtime(self.daemon.start_time))}"
            )


def _check_host(ours: dict[str, Any], wanted: dict[str, Any]) -> None:
    if ours["id"] != wanted["id"]:
        raise GenericError("Host mismatch")


@dataclass
class RestartHostsParams:
    """`restartHosts(options=None)`: channel, arches, timeout (s)."""

    options: dict[str, Any] | None = None


@task("restartHosts", RestartHostsParams, weight=0.1)
class RestartHosts(Handler[RestartHostsParams]):
    """Restarts the daemons of a channel or of some arches, this one among them."""

    def run(self) -> None:
        """Give every host its two tasks, and wait; our own restart ends this task, which is then resumed."""
        options = self.params.options or {}
        query: dict[str, Any] = {"enabled": True}
        if "channel" in options:
            query["channelID"] = self.session.getChannel(options["channel"], strict=True)["id"]
        if "arches" in options:
            query["arches"] = options["arches"]
        hosts = self.session.listHosts(**query)
        if not hosts:
            raise GenericError("No matching hosts")
        own: tuple[int, int] | None = None
        waited = []
        for host in hosts:
            label = f"restart {host['id']}"
            first = self.subtask("restart", [host], label=label, assign=host["id"])
            label = f"sleep {host['id']}"
            second = self.subtask("restartVerify", [first, host], label=label, assign=host["id"])
            waited += [first, second]
            if host["id"] == self.context.host["id"]:
                own = (first, second)
        if own is not None:
            self.wait([own[0]], all=True)
            if TaskState(self.session.getTaskInfo(own[1])["state"]) is not TaskState.CLOSED:
                raise ServerRestart
        self.wait(waited, all=True, timeout=float(options.get("timeout", DAY)))
