"""Look-ups and long listings in a large database: `python util/bench listings [--scale 0.1 1] [--keep DIR]`.

For each call: its statements, its time, and a floor measured in the same run. The floor of a
listing is its own SQL through a bare cursor plus `json.dumps` of the rows as maps (what an answer has to
carry at least); of a look-up, its own SQL alone; of a deep page, the first page. Each time is the median of
rounds in which call and floor take turns, since the machine's load changes while they run. Calls go through
the WSGI application in this process, without a session, and their answers are encoded but not parsed.
With two scales, the growth of each call's time is printed beside that of its answer and of the database.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg2
from sqlalchemy import event
from sqlalchemy.engine import make_url

from bench._bigdb import PACKAGES, big_database
from moromi.wire import xmlrpc
from moromi.wire.named import join_named

if TYPE_CHECKING:
    from support.hub import Client, HubUnderTest

Statement = tuple[str, Any]


@dataclass(frozen=True)
class Case:
    """A row of the table."""

    title: str
    call: tuple[Any, ...]
    """Method, arguments and a map of named ones."""
    limit: float
    """How many times the floor the call may take."""
    statements: int
    floor: str = "sql"
    """`sql`, `json` (SQL and json.dumps of the rows), or `call` (that other call)."""
    other: tuple[Any, ...] = ()
    rounds: int = 5


def cases(scale: float) -> list[Case]:
    """What is measured at a scale."""
    packages = round(PACKAGES * scale)
    count, depth = packages * 24 // 25, round(100_000 * scale)
    latest = {"inherit": True, "latest": True}
    some = f"pkg{packages // 2}"
    build, rpm = f"{some}-1.5-1.fc43", f"{some}-1.5-1.fc43.src"
    page, deep = ({"order": "-build_id", "limit": 50, "offset": at} for at in (0, depth))
    tasks, old = ({"order": "-id", "limit": 50, "offset": at} for at in (0, depth))
    return [
        Case(f"listTagged, {count} builds, 3 tags", ("listTagged", "f43-build", latest), 2, 3, "json"),
        Case(f"listTagged, {count} builds, 21 tags", ("listTagged", "deep0", latest), 2, 3, "json"),
        Case(
            "listTagged, 1 package, 21 tags",
            ("listTagged", "deep0", {**latest, "package": some}),
            3,
            3,
            rounds=40,
        ),
        Case(
            f"listTaggedRPMS, {count * 3} rpms",
            ("listTaggedRPMS", "f43-build", {**latest, "arch": "x86_64"}),
            2,
            4,
            "json",
            rounds=3,
        ),
        Case("getBuild by name", ("getBuild", build, {}), 3, 2, rounds=300),
        Case("getRPM by name", ("getRPM", rpm, {}), 3, 2, rounds=300),
        Case(
            f"listBuilds, 50 at {depth}",
            ("listBuilds", {"queryOpts": deep}),
            3,
            2,
            "call",
            ("listBuilds", {"queryOpts": page}),
            10,
        ),
        Case(
            f"listTasks, 50 at {depth}",
            ("listTasks", {}, old, {}),
            3,
            2,
            "call",
            ("listTasks", {}, tasks, {}),
            10,
        ),
    ]


def main() -> None:
    """Measure, or be the process whose memory is measured."""
    parser = argparse.ArgumentParser(prog="util/bench listings", description="Listings of a large database.")
    parser.add_argument(
        "--scale", type=float, nargs="+", default=[0.1], help="1: 3 million rpms (default: 0.1)"
    )
    parser.add_argument("--keep", type=Path, help="directory in which the database stays for the next run")
    parser.add_argument("--memory", metavar="DSN", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print(json.dumps(memory_growth(options.memory)))
        return
    found = [measure_all(scale, options.keep) for scale in options.scale]
    for scale, later in zip(options.scale[1:], found[1:], strict=True):
        print_growth(scale / options.scale[0], found[0], later)


@dataclass(frozen=True)
class Result:
    """What a case cost."""

    title: str
    seconds: float
    size: int
    """Bytes of the answer."""


def measure_all(scale: float, keep: Path | None) -> list[Result]:
    """Print the table of a database of some scale."""
    with big_database(scale, keep) as dsn:
        print(f"scale {scale:g}, load average {load()}")
        print(f"{'call':36} {'statements':>10} {'ms':>9} {'floor ms':>9} {'ratio':>6} {'MB':>7}  verdict")
        with hub_on(dsn) as hub:
            found = [measure(hub, case, dsn) for case in cases(scale)]
        command = [sys.executable, str(Path(__file__).with_name("__main__.py")), "listings", "--memory", dsn]
        grown = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        print(
            f"listTaggedRPMS in a process of its own: answer of {grown['answer'] / 1e6:.0f} MB, "
            f"memory grew by {grown['peak'] / 1e6:.0f} MB at most, {grown['after'] / 1e6:.0f} MB after it "
            f"({verdict(grown['peak'] < 50e6)})"
        )
        print(f"load average {load()}")
    return found


def print_growth(factor: float, small: list[Result], large: list[Result]) -> None:
    """Print how much slower calls got in a database that is `factor` times as large."""
    print(f"{f'in a database {factor:g} times as large':36} {'time x':>10} {'answer x':>9}")
    for before, after in zip(small, large, strict=True):
        slower, longer = after.seconds / before.seconds, after.size / before.size
        print(f"{after.title:36} {slower:10.2f} {longer:9.2f}")


def load() -> str:
    """The load averages of the machine."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


@contextlib.contextmanager
def hub_on(dsn: str) -> Iterator[HubUnderTest]:
    """A hub in this process."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
    from support.hub import running_hub

    with tempfile.TemporaryDirectory() as top, running_hub(dsn, Path(top), Plugins="") as hub:
        yield hub


def verdict(good: bool) -> str:
    """A word for the table."""
    return "ok" if good else "MISSED"


def measure(hub: HubUnderTest, case: Case, dsn: str) -> Result:
    """Print the row of a case."""
    client = hub.client()
    run = request(client, case.call)
    with record(hub) as statements:
        size = run()
    with contextlib.closing(psycopg2.connect(**libpq(dsn))) as connection:
        if case.floor == "call":
            floor = request(client, case.other)
        else:
            floor = sql_floor(connection, statements, dump=case.floor == "json")
        floor()
        run()
        ours, theirs = [], []
        for _ in range(case.rounds):
            ours.append(timed(run))
            theirs.append(timed(floor))
    mine, least = median(ours), median(theirs)
    good = len(statements) <= case.statements and mine <= case.limit * least
    print(
        f"{case.title:36} {len(statements):10d} {1000 * mine:9.2f} {1000 * least:9.2f} {mine / least:6.2f}"
        f" {size / 1e6:7.2f}  {verdict(good)} (at most {case.statements}, {case.limit:g}x)",
        flush=True,
    )
    return Result(case.title, mine, size)


def request(client: Client, call: tuple[Any, ...]) -> Callable[[], int]:
    """The call as something to run; it returns the length of the answer."""
    method, *args, named = call
    body = xmlrpc.encode_request(method, join_named(args, named))

    def run() -> int:
        return sum(map(len, stream(client, body)))

    head = next(iter(stream(client, body)))
    if b"<fault>" in head[:200]:
        raise RuntimeError(f"{method} failed: {head[:600].decode()}")
    return run


def stream(client: Client, body: bytes) -> Iterator[bytes]:
    """The parts of an answer as a server would send them."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/kojihub",
        "QUERY_STRING": "",
        "CONTENT_TYPE": "text/xml",
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(body),
    }
    parts = client.application(environ, lambda line, headers: None)
    try:
        yield from parts
    finally:
        if hasattr(parts, "close"):
            parts.close()


@contextlib.contextmanager
def record(hub: HubUnderTest) -> Iterator[list[Statement]]:
    """Collect what is executed inside the block, with its parameters."""
    seen: list[Statement] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        seen.append((statement, parameters))

    event.listen(hub.hub.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(hub.hub.engine, "before_cursor_execute", note)


def sql_floor(connection: Any, statements: list[Statement], dump: bool) -> Callable[[], int]:
    """The same statements through a bare cursor, in one transaction as in the hub."""

    def run() -> int:
        size = 0
        with connection.cursor() as cursor:
            for statement, parameters in statements:
                cursor.execute(statement, parameters)
                rows = cursor.fetchall()
                if dump:
                    names = [column.name for column in cursor.description]
                    size += len(json.dumps([dict(zip(names, row, strict=True)) for row in rows], default=str))
        connection.rollback()
        return size

    return run


def libpq(dsn: str) -> dict[str, Any]:
    """What a bare connection needs, with the hub's own settings of a session."""
    url = make_url(dsn)
    return {
        "user": url.username,
        "password": url.password,
        "dbname": url.database,
        "host": url.query["host"],
        "port": url.query["port"],
        "options": "-c timezone=UTC",
    }


def timed(action: Callable[[], Any]) -> float:
    """Seconds that an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def memory_growth(dsn: str) -> dict[str, int]:
    """Bytes: by how much this process grows in the largest listing (peak, afterwards), the answer's size."""
    with hub_on(dsn) as hub:
        client = hub.client()
        request(client, ("listTagged", "deep0", {"package": "pkg1", "inherit": True}))()
        call = ("listTaggedRPMS", "f43-build", {"inherit": True, "latest": True, "arch": "x86_64"})
        body = xmlrpc.encode_request(call[0], join_named([call[1]], call[2]))
        # so that the highest mark starts from here
        Path("/proc/self/clear_refs").write_text("5")
        before = memory("VmRSS")
        size = sum(map(len, stream(client, body)))
        return {"peak": memory("VmHWM") - before, "after": memory("VmRSS") - before, "answer": size}


def memory(key: str) -> int:
    """Bytes of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    raise RuntimeError(f"no {key} in /proc/self/status")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
