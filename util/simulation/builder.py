"""A builder that runs nothing: it takes its tasks, holds them for a while, and reports success.

It talks as the builder daemon does with the push service up: it opens a task when it is told of it, checks
in (one multicall) shortly after every change, and otherwise as seldom as the hub asks for.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from moromi.constants import TaskState
from moromi.wire import xmlrpc
from simulation.http import Caller, follow
from simulation.rows import Account

SETTLE = 0.2
INTERVAL = 60.0
DATA = {"methods": ["sleep"], "maxjobs": 15}
RESULT = xmlrpc.encode_response([0]).decode()


class Builder:
    """One simulated builder; `run` until it is cancelled."""

    def __init__(self, url: str, push_url: str, account: Account, duration: float) -> None:
        self.caller = Caller(url, account)
        self.checked_in = asyncio.Event()
        self.finished = 0
        self.account = account
        self._stream = f"{push_url}/host/{account.name}"
        self._duration = duration
        self.interval = INTERVAL
        self._changed = asyncio.Event()
        self._held: set[int] = set()
        self._jobs: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._check_in())

    async def _listen(self) -> None:
        while True:
            async for name, event in follow(self._stream, self.account):
                if name == "hello":
                    self.interval = float(event.get("checkin", INTERVAL))
                if name in ("hello", "host"):
                    self._changed.set()
                elif name == "task" and event["state"] == TaskState.ASSIGNED:
                    self._offer(event["id"])

    async def _check_in(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):  # no change for so long: the usual check-in
                await asyncio.wait_for(self._changed.wait(), self.interval)
                await asyncio.sleep(SETTLE)
            self._changed.clear()
            answers = await self.caller.many(
                ("host.getHost",),
                ("host.getHostTasks",),
                ("host.updateHost", float(len(self._held)), True, DATA),
                ("host.getTasks",),
            )
            self.checked_in.set()
            for task in answers[3]:
                self._offer(task["id"])

    def _offer(self, task_id: int) -> None:
        if task_id not in self._held:
            self._held.add(task_id)
            job = asyncio.create_task(self._work(task_id))
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)

    async def _work(self, task_id: int) -> None:
        opened: Any = await self.caller.call("host.openTask", task_id)
        if opened is not None:
            await asyncio.sleep(self._duration)
            await self.caller.call("host.closeTask", task_id, RESULT)
            self.finished += 1
        self._held.discard(task_id)
        self._changed.set()
