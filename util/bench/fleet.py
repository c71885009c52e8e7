"""The hub under a fleet of builders: `python util/bench fleet [MODE …]`.

    assign   800 free tasks to 200 hosts in one run of the scheduler: statements, seconds
    poll     one turn of a builder that polls: statements
    growth   a run of the scheduler and the first page of listTasks, before and after a million finished tasks
    idle     1,000 builders with the push service and nothing to do: requests a second, processor time
    latency  tasks that are opened and closed at 50 a second: time from free to open, requests, processor time

The first three run a hub in this process, where statements can be counted. The others start
`moromi-hub serve` and talk to it over HTTP and the push service; the builders have no chroots
(`simulation.builder`). What the simulation itself uses of the processors is on top of what is printed,
and slows the hub on a small machine.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sqlalchemy import func, select

from bench._hub import running
from moromi.constants import TaskState
from moromi_hub.db.columns import seconds
from moromi_schema import tables as t
from simulation import rows
from simulation.builder import Builder
from simulation.http import Caller
from simulation.served import Served, served_hub

ROUNDS = 20
PEOPLE = 8
"""Who submit tasks side by side: a session makes one call at a time."""


def main() -> None:
    """Run the modes that are named, or all."""
    parser = argparse.ArgumentParser(prog="util/bench fleet", description="The hub under a fleet.")
    parser.add_argument("modes", nargs="*", metavar="MODE", help=f"of {', '.join(MODES)} (default: all)")
    parser.add_argument("--builders", type=int, help="in idle (1000) and latency (100)")
    parser.add_argument("--seconds", type=float, default=20.0, help="to measure in idle and latency")
    parser.add_argument("--rate", type=float, default=50.0, help="tasks a second in latency")
    parser.add_argument("--finished", type=int, default=1_000_000, help="tasks in growth")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
    for name in options.modes or list(MODES):
        if name not in MODES:
            parser.error(f"no such mode: {name}")
        print(f"== {name}", flush=True)
        MODES[name](options)


# in this process


def assign(options: argparse.Namespace) -> None:
    """One run of the scheduler for many tasks."""
    from moromi_hub.scheduler import run as scheduler

    with running() as hub:
        from support.hub import count_statements

        with hub.hub.engine.begin() as connection:
            rows.add_hosts(connection, 200)
            rows.add_free_tasks(connection, 800)
        with count_statements(hub.hub.engine) as seen:
            began = time.perf_counter()
            with hub.hub.call("bench") as call:
                scheduler.run(call, force=True)
            took = time.perf_counter() - began
        with hub.hub.engine.connect() as connection:
            query = select(t.task.c.id).where(t.task.c.state == TaskState.ASSIGNED)
            assigned = len(connection.scalars(query).all())
        report("tasks assigned to 200 hosts", assigned)
        report("statements (reach: 20)", len(seen))
        report("seconds", took, 3)


def poll(options: argparse.Namespace) -> None:
    """What one turn of a polling builder costs, asked in one request and as kojid asks."""
    with running() as hub:
        from support.hub import count_statements

        hub.hub.memory.start()
        builder = hub.client("builder1.example.org")
        data = {"methods": ["sleep"], "maxjobs": 15}
        hub.client("kojiadmin")("scheduler.doRun", True)
        calls: list[tuple[Any, ...]] = [
            ("listBuildroots", 1, None, [0, 1, 2]),
            ("host.getHostTasks",),
            ("host.getHost",),
            ("host.updateHost", 0.0, True, data),
            ("host.getTasks",),
        ]
        batch = [{"methodName": name, "params": list(args)} for name, *args in calls[1:]]

        def one_request() -> None:
            builder("multiCall", batch)

        def kojid() -> None:
            for name, *args in calls:
                builder(name, *args)

        for label, loop in (("one multicall", one_request), ("kojid: five calls", kojid)):
            loop()
            with count_statements(hub.hub.engine) as seen:
                loop()
            report(f"statements, {label} (reach: 3)", len(seen))


def growth(options: argparse.Namespace) -> None:
    """The same work on an empty and on a large table."""
    from moromi_hub.scheduler import run as scheduler

    with running() as hub:
        with hub.hub.engine.begin() as connection:
            rows.add_hosts(connection, 200)
            rows.add_free_tasks(connection, 200, arch="riscv64")  # none of the hosts will do

        def run() -> None:
            with hub.hub.call("bench") as call:
                scheduler.run(call, force=True)

        client = hub.client("kojiadmin")
        page = {"limit": 50, "offset": 0, "order": "-id"}
        measured: dict[str, Callable[[], Any]] = {
            "scheduler run, 200 tasks wait": run,
            "listTasks, first page": lambda: client("listTasks", {}, page),
            "listTasks, unfinished, first page": lambda: client("listTasks", {"state": [0, 1, 4]}, page),
            "listTasks, top tasks, first page": lambda: client("listTasks", {"parent": None}, page),
        }
        before = {name: timed(work) for name, work in measured.items()}
        with hub.hub.engine.begin() as connection:
            rows.add_finished_tasks(connection, options.finished)
        for name, work in measured.items():
            report(f"ms, {name}, empty table", 1000 * before[name], 2)
            report(f"ms, {name}, {options.finished} finished", 1000 * timed(work), 2)


def timed(work: Callable[[], Any]) -> float:
    """The median time in seconds, after a first time that warms up."""
    times = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return median(times[1:])


# over HTTP


def idle(options: argparse.Namespace) -> None:
    """Builders that only wait."""
    with served_hub() as hub:
        asyncio.run(_idle(hub, options.builders or 1000, options.seconds))


async def _idle(hub: Served, count: int, duration: float) -> None:
    _, builders, tasks = await _start(hub, count, 0.0)
    usage = Usage(hub, [builder.caller for builder in builders])
    await asyncio.sleep(duration)
    usage.report()
    # Check-ins are rare: a short look sees none of them, so the rate is reckoned, too.
    owed = sum(1 / builder.interval for builder in builders)
    report(f"requests/s that {count} builders owe (reach: 2)", owed, 2)
    with hub.engine.connect() as connection:
        hosts = [builder.account.host_id for builder in builders]
        silent = seconds(func.now()) - seconds(func.min(t.host.c.update_time))
        query = select(silent).where(t.host.c.id.in_(hosts), t.host.c.ready)
        report("seconds since the hub heard of the most silent", float(connection.scalar(query) or 0), 1)
    await _stop(tasks)


def latency(options: argparse.Namespace) -> None:
    """A steady stream of short tasks."""
    with served_hub() as hub:
        asyncio.run(_latency(hub, options.builders or 100, options.rate, options.seconds))


async def _latency(hub: Served, count: int, rate: float, duration: float) -> None:
    people, builders, tasks = await _start(hub, count, 1.0)
    usage = Usage(hub, [*(builder.caller for builder in builders), *people])
    began = time.monotonic()
    making: list[asyncio.Task[int]] = []
    while (now := time.monotonic() - began) < duration:
        person = people[len(making) % PEOPLE]
        making.append(asyncio.create_task(person.call("makeTask", "sleep", [1])))
        await asyncio.sleep(max(0.0, (len(making) / rate) - now))
    done = sum(builder.finished for builder in builders)
    usage.report()
    report(f"completions/s (asked for: {rate:g})", done / duration, 1)
    made = await asyncio.gather(*making)
    await asyncio.sleep(3.0)
    with hub.engine.connect() as connection:
        waited = seconds(t.task.c.start_time) - seconds(t.task.c.create_time)
        query = select(waited).where(t.task.c.id.in_(made), t.task.c.start_time.is_not(None))
        times = sorted(1000 * float(value) for value in connection.scalars(query))
    report("tasks made", len(made))
    report("tasks opened", len(times))
    report("ms from free to open, median (reach: 200)", median(times), 1)
    report("ms from free to open, 90th percentile", quantiles(times, n=10)[-1], 1)
    report("ms from free to open, longest", times[-1], 1)
    await _stop(tasks)


async def _start(
    hub: Served, count: int, duration: float
) -> tuple[list[Caller], list[Builder], list[asyncio.Task[None]]]:
    """People who submit, builders that have checked in, and what runs these."""
    with hub.engine.begin() as connection:
        people = [rows.add_administrator(connection, f"simulated{number}") for number in range(PEOPLE)]
        accounts = rows.add_hosts(connection, count)
    builders = [Builder(hub.url, hub.push_url, account, duration) for account in accounts]
    tasks = []
    for builder in builders:
        tasks.append(asyncio.create_task(builder.run()))
        await asyncio.sleep(0.005)
    await asyncio.wait_for(asyncio.gather(*(builder.checked_in.wait() for builder in builders)), 60.0)
    await asyncio.sleep(1.0)
    return [Caller(hub.url, account) for account in people], builders, tasks


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class Usage:
    """What a hub is asked and uses from now on."""

    def __init__(self, hub: Served, callers: list[Caller]) -> None:
        self._hub = hub
        self._callers = callers
        self._began = time.monotonic()
        self._requests = self._asked()
        self._transactions = hub.transactions()
        self._cpu = hub.cpu()
        self._own = time.process_time()

    def _asked(self) -> int:
        return sum(caller.requests for caller in self._callers)

    def report(self) -> None:
        """Print it by the second."""
        took = time.monotonic() - self._began
        report("requests/s", (self._asked() - self._requests) / took, 2)
        report("database transactions/s", (self._hub.transactions() - self._transactions) / took, 1)
        cpu = self._hub.cpu()
        for part in ("hub", "database"):
            used = cpu.get(part, 0.0) - self._cpu.get(part, 0.0)
            report(f"processors used by the {part}", used / took, 3)
        report("processors used by the simulation", (time.process_time() - self._own) / took, 3)


def report(what: str, value: float, digits: int = 0) -> None:
    """One line."""
    print(f"{what:58} {value:12.{digits}f}", flush=True)


MODES: dict[str, Callable[[argparse.Namespace], None]] = {
    "assign": assign,
    "poll": poll,
    "growth": growth,
    "idle": idle,
    "latency": latency,
}

if __name__ == "__main__":
    main()
