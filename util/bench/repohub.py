"""Repositories on a hub: `python util/bench repohub [--scale 1] [--keep DIR] [--only lists|ready]`.

`lists`: what `host.repoInit` writes for a tag of a large made-up database (`_bigdb`; at scale 1, 480,000 rpm
rows, five arches): the first time, again without a change, and with a change in one arch.

`ready`: a hub that makes repositories itself. Tags of 12,000 and 60,000 made-up rpms (`_repotree`) get one
build, and the time runs from the call that tags it to READY, with the worker in this process.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, text

from bench._bigdb import big_database
from bench._hub import running
from bench._repotree import RPMS_OF_BUILD, Tree, make_tree
from moromi.constants import BuildState
from moromi.repodata import Entry
from moromi_schema import tables as t

if TYPE_CHECKING:
    from support.hub import HubUnderTest

RUNS = 5
SMALL, LARGE = 600, 3000
"""Builds of a tag, with twenty rpms each; there is a figure to be reached for the small one."""
JOBS = ("repo-requests", "repo-follow", "repo-make")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="util/bench repohub", description="Repositories on a hub.")
    parser.add_argument("--scale", type=float, default=1.0, help="of the large database (default: 1)")
    parser.add_argument("--keep", type=Path, help="directory for what is made up, for the next run")
    parser.add_argument("--only", choices=("lists", "ready"))
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
    print(f"load average {os.getloadavg()[0]:.2f}")
    if options.only != "ready":
        lists(options.scale, options.keep)
    if options.only != "lists":
        with tempfile.TemporaryDirectory() as scratch:
            for builds in (SMALL, LARGE):
                ready(options.keep or Path(scratch), builds)
    print(f"load average {os.getloadavg()[0]:.2f}")


# package lists


def lists(scale: float, keep: Path | None) -> None:
    """Statements, seconds and megabytes of package lists."""
    from support.hub import running_hub

    print(f"{'package lists':40} {'statements':>10} {'seconds':>8} {'of our CPU':>10} {'MB':>6}")
    with (
        big_database(scale, keep) as dsn,
        tempfile.TemporaryDirectory() as top,
        running_hub(dsn, Path(top), Plugins="") as hub,
    ):
        # all of it in transactions that are rolled back
        for case in ("first", "nothing has changed", "one arch has changed"):
            init(hub, Path(top), case)


def init(hub: HubUnderTest, top: Path, case: str) -> None:
    """Begin a repository of the made-up tag and print the row; `latest` then points to a copy of it."""
    from moromi_hub.repos import service
    from support.hub import count_statements

    tree = top / "repos" / "f43-build"
    with hub.hub.call("bench") as call:
        if case.startswith("one arch"):
            with (tree / "latest" / "x86_64" / "pkglist").open("r+b") as file:
                file.write(b"another")
        started, busy = time.perf_counter(), time.process_time()
        # COPY goes past the engine, and is one more
        with count_statements(hub.hub.engine) as statements:
            repo_id, _event = service.repo_init(call, "f43-build", None, None, {})
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
        directory = tree / str(repo_id)
        written = sum(
            path.stat().st_size
            for path in directory.glob("*/*")
            if path.is_file() and path.stat().st_nlink == 1
        )
        ok = "ok" if len(statements) + 1 <= 10 and seconds <= 1.5 else "MISSED"
        print(
            f"{case:40} {len(statements) + 1:10d} {seconds:8.2f} {busy:10.2f} {written / 1e6:6.0f}"
            f"  {ok} (at most 10 statements, 1.5 s)",
            flush=True,
        )
        shutil.rmtree(tree / "latest", ignore_errors=True)
        shutil.copytree(directory, tree / "latest", symlinks=True)
        call.tx.rollback()


# from a tag to a repository


def ready(place: Path, builds: int) -> None:
    """Print the row of a tag with so many builds."""
    from moromi_hub.worker.jobs import JOBS as ALL
    from support.worker import working

    changes = [builds * (2 * run + 1) // (2 * RUNS) for run in range(RUNS)]
    tree = make_tree(place / f"tree-{builds}", builds, changes, keep_rpms=False)
    with running(Plugins="") as hub:
        spare = fill(hub, tree, changes)
        admin = hub.client("kojiadmin")
        hub.hub.settings = hub.hub.settings.replace(RepoAuto=True, RepoOnHub=True)
        with working(hub.hub, [job for job in ALL if job.name in JOBS]):
            admin("createBuildTarget", "made-up", "made-up", "made-up")
            first = wait_for_repo(admin, 1)
            times = [tagged(admin, build) for build in spare]
        reached = "ok" if median(times) < 1 else "MISSED"
        print(
            f"{builds * RPMS_OF_BUILD:,} rpms: READY {median(times):.2f} s after the tag"
            f" (from {min(times):.2f} to {max(times):.2f}; the first one {first:.2f} s)"
            f"{f'  {reached} (under 1 s)' if builds == SMALL else ''}",
            flush=True,
        )


def fill(hub: HubUnderTest, tree: Tree, changes: Sequence[int]) -> list[int]:
    """Bring a tree in: all builds tagged, and the ids of those that are to be tagged one after another."""
    admin = hub.client("kojiadmin")
    tag_id = admin("createTag", "made-up", arches="x86_64")
    lines = tree.lines()
    found = [lines[start : start + RPMS_OF_BUILD] for start in range(0, len(lines), RPMS_OF_BUILD)]
    with hub.hub.call("fill") as call:
        for build_id, number in enumerate(range(len(found)), 1):
            bring_in(call, tree, tag_id, build_id, found[number], tagged=True)
        spare = []
        for build_id, number in enumerate(changes, len(found) + 1):
            start = number * RPMS_OF_BUILD
            bring_in(call, tree, tag_id, build_id, tree.lines([number])[start : start + RPMS_OF_BUILD])
            spare.append(build_id)
    with hub.hub.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return spare


def bring_in(
    call: Any, tree: Tree, tag_id: int, build_id: int, lines: Sequence[bytes], tagged: bool = False
) -> None:
    """The rows of a build, and its pack."""
    entries = [Entry.parse(line) for line in lines]
    name, version, release = entries[0].sourcerpm.removesuffix(".src.rpm").rsplit("-", 2)
    maker = {"create_event": 1, "creator_id": 1}
    package_id = call.tx.scalar(select(t.package.c.id).where(t.package.c.name == name))
    if package_id is None:
        package_id = call.tx.scalar(insert(t.package).values(name=name).returning(t.package.c.id))
        call.tx.execute(insert(t.tag_packages).values(package_id=package_id, tag_id=tag_id, **maker))
        owner = {"package_id": package_id, "tag_id": tag_id, "owner": 1}
        call.tx.execute(insert(t.tag_package_owners).values(**owner, **maker))
    build = {"id": build_id, "volume_id": 0, "pkg_id": package_id, "version": version, "release": release}
    done = {"state": BuildState.COMPLETE, "completion_time": datetime.now(UTC)}
    call.tx.execute(insert(t.build).values(**build, **done, create_event=1, owner=1))
    ids = range((build_id - 1) * RPMS_OF_BUILD + 1, build_id * RPMS_OF_BUILD + 1)
    call.tx.execute(insert(t.rpminfo), [rpm_row(*each, build_id) for each in zip(ids, entries, strict=True)])
    rows = [metadata_row(*each) for each in zip(ids, entries, strict=True)]
    call.tx.execute(insert(t.moromi_rpm_metadata), rows)
    if tagged:
        call.tx.execute(insert(t.tag_listing).values(build_id=build_id, tag_id=tag_id, **maker))
    directory = Path(call.paths.build({"name": name, "version": version, "release": release}))
    packs = directory / "data" / "repodata"
    packs.mkdir(parents=True)
    for pack in {entry.pack for entry in entries}:
        shutil.copy(tree.directory / "packs" / pack, packs)


def rpm_row(rpm_id: int, entry: Entry, build_id: int) -> Mapping[str, Any]:
    """An rpm."""
    names = {key: getattr(entry, key) for key in ("name", "version", "release", "arch")}
    sizes = {"size": int(entry.size), "buildtime": int(entry.time), "payloadhash": entry.pkgid[:32]}
    return {"id": rpm_id, "build_id": build_id, "draft": False, "external_repo_id": 0, **names, **sizes}


def metadata_row(rpm_id: int, entry: Entry) -> Mapping[str, Any]:
    """What is kept of it."""
    return {
        "rpm_id": rpm_id,
        "sigkey": "",
        "sourcerpm": entry.sourcerpm,
        "fragment": bytes.fromhex(entry.fragment),
        "pack": entry.pack,
        "pkgid": bytes.fromhex(entry.pkgid),
        "file_time": int(entry.time),
        "size": int(entry.size),
        "header_start": int(entry.header_start),
        "header_end": int(entry.header_end),
    }


def tagged(admin: Any, build_id: int) -> float:
    """Seconds from the tagging of a build to the repository that has it."""
    event = admin("getLastEvent")["id"]
    admin("tagBuildBypass", "made-up", build_id)
    return wait_for_repo(admin, event + 1)


def wait_for_repo(admin: Any, event: int) -> float:
    """Seconds until there is a repository of an event or a later one."""
    began = time.perf_counter()
    while not admin("repo.get", "made-up", event):
        time.sleep(0.02)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
