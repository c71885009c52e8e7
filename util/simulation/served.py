"""A real hub for the fleet: `moromi-hub serve` with its own database, in a place of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

from moromi_hub import settings
from moromi_hub.db.engine import make_engine
from samplesite.site import Site

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Served:
    """A running hub: where it is, its database, and its main process."""

    url: str
    push_url: str
    engine: Engine
    pid: int

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time used so far by `hub` and `database`."""
        return cpu_of(self.pid)

    def transactions(self) -> int:
        """Transactions of the database so far, as its statistics have them."""
        query = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        with self.engine.connect() as connection:
            return int(connection.scalar(text(query)) or 0)


@contextmanager
def served_hub() -> Iterator[Served]:
    """Start a hub with web server, worker and push service; all of it is gone afterwards."""
    place = Path(tempfile.mkdtemp(prefix="moromi-fleet-"))
    place.chmod(0o711)
    site = Site(place, {"RepoAuto": "no", "CheckClientIP": "no"}, preferred_port=0)
    try:
        site.configure()
        site.start_hub()
        configuration = settings.load(site.hub_conf)
        engine = make_engine(configuration.dsn, pool_size=2, application="fleet")
        yield Served(
            f"{site.url}/kojihub", str(configuration.push_url), engine, site.hub().pid() or os.getpid()
        )
        engine.dispose()
    finally:
        site.hub().stop()
        shutil.rmtree(place)


def cpu_of(root: int) -> dict[str, float]:
    """Processor seconds of a process and everything below it: `database` for PostgreSQL's, else `hub`."""
    parents, names, used = {}, {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            head, _, tail = (entry / "stat").read_text().rpartition(")")
        except OSError:
            continue  # it has ended meanwhile
        fields, pid = tail.split(), int(entry.name)
        parents[pid], names[pid] = int(fields[1]), head.partition("(")[2]
        used[pid] = (int(fields[11]) + int(fields[12])) / TICKS
    total: dict[str, float] = defaultdict(float)
    for pid in used:
        if pid == root or root in _ancestors(pid, parents):
            total["database" if names[pid].startswith("postgres") else "hub"] += used[pid]
    return total


def _ancestors(pid: int, parents: dict[int, int]) -> Iterator[int]:
    while (pid := parents.get(pid, 0)) > 0:
        yield pid
