"""What every task handler can do: subtasks, uploads, commands, files of the hub.

A handler is one method's work: `run` with the bound parameters in `self.params` and everything else from
`self.context`. What it returns is the task's result; what it raises, its failure.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from moromi.arches import canonical
from moromi.errors import BuildError
from moromi_builder import commands
from moromi_builder.context import Context
from moromi_builder.hubfiles import HubFiles
from moromi_builder.logs import LogUploader
from moromi_builder.waiting import wait_for_subtasks

P = TypeVar("P")


class Handler(Generic[P]):
    """Base of all handlers. `checks_host`: before opening, compare our arches with those of `build_tag()`."""

    checks_host: ClassVar[bool] = False

    def __init__(self, context: Context, params: P) -> None:
        self.context = context
        self.params = params
        self.session = context.session
        self.settings = context.settings
        self.task_id = context.task_id

    def run(self) -> Any:
        """Do the task; the value becomes its result. Every handler has its own."""
        raise TypeError(f"{type(self).__name__} has no run method")

    def build_tag(self) -> Any:
        """Name the tag whose arches this host must share (for `checks_host`)."""
        raise TypeError(f"{type(self).__name__} names no build tag")

    def check_host(self) -> bool:
        """Say whether this host can run the task at all; false makes the hub try another."""
        if not self.checks_host:
            return True
        config = self.session.getBuildConfig(self.build_tag())
        wanted = {canonical(arch) for arch in (config["arches"] or "").split()}
        ours = set((self.context.host["arches"] or "").split())
        # A tag without arches is an error for the task itself to report.
        return not wanted or bool(wanted & ({canonical(arch) for arch in ours} | ours))

    # -- subtasks

    def subtask(self, method: str, arguments: Sequence[Any], **options: Any) -> int:
        """Create a subtask; one with the same `label` that exists already is used again (a resumed
        parent).
        """
        return int(self.session.host.subtask(method, list(arguments), self.task_id, **options))

    def wait(
        self,
        subtasks: Sequence[int] | None = None,
        *,
        all: bool = False,
        failany: bool = False,
        canfail: Collection[int] = (),
        timeout: float | None = None,
    ) -> dict[int, Any]:
        """Wait for subtasks; see `moromi_builder.waiting`."""
        return wait_for_subtasks(
            self.context, subtasks, all=all, failany=failany, canfail=canfail, timeout=timeout
        )

    # -- files

    @cached_property
    def files(self) -> HubFiles:
        """The hub's file tree."""
        return self.context.files()

    def upload(self, path: Path, name: str | None = None, subdir: str = "") -> str:
        """Upload a file to the task's directory; gives its path below the hub's work directory."""
        directory = f"{self.context.upload_path}/{subdir}" if subdir else self.context.upload_path
        self.session.upload(str(path), directory, name or path.name)
        return f"{directory}/{name or path.name}"

    @cached_property
    def logs(self) -> LogUploader:
        """The task's uploaded logs."""
        stamps = self.settings.log_timestamps
        return LogUploader.for_session(self.session, self.context.upload_path, timestamps=stamps)

    def log_paths(self) -> list[str]:
        """Give the uploaded logs, relative to the hub's work directory."""
        return [f"{self.context.upload_path}/{name}" for name in self.logs.names]

    # -- commands

    def command(
        self,
        words: Sequence[str],
        log: str,
        *,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> commands.Status:
        """Run a program outside any chroot; its output becomes the task's log `log`."""
        path = self.context.workdir / log
        self.logs.follow(path.parent, path.name)
        status = commands.run(
            words,
            env=commands.environment(self.settings.workdir, env),
            log=path,
            show=True,
            cwd=cwd,
            tick=self.logs.poll,
            interval=self.settings.log_interval,
        )
        self.logs.finish()
        return status

    # -- choices

    def find_arch(self, arch: str, tag: dict[str, Any], preferred: str | None = None) -> str:
        """Pick the arch of a buildroot: `arch`, or for noarch one that host and tag share (BuildError if
        none).
        """
        if arch != "noarch":
            return arch
        host = self.context.host
        if not host["arches"]:
            raise BuildError(f"No arch list for this host: {host['name']}")
        if not tag["arches"]:
            raise BuildError(f"No arch list for tag: {tag['name']}")
        ours = {canonical(item) for item in host["arches"].split()}
        theirs = {canonical(item) for item in tag["arches"].split()}
        shared = sorted(ours & theirs)
        if not shared:
            raise BuildError(
                f"host {host['name']} ({host['arches']}) does not support any arches of tag "
                f"{tag['name']} ({tag['arches']})"
            )
        if preferred is not None and canonical(preferred) in shared:
            return canonical(preferred)
        return random.choice(shared)
