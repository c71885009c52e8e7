"""Imports by content generators: SQL statements and time of `CGImport` by the number of packages.

`python util/bench imports [NUMBER …]` (20 and 200). The packages are made on the spot, one source package
with so many binary ones, and each build is imported whole: rows, files and signature headers, synced to
the disk that holds the directory for temporary files. The time that the syncs alone take stands beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench._hub import running

if TYPE_CHECKING:
    from support.hub import HubUnderTest

STATEMENTS = 40
"""At most, however many packages there are."""

SPEC = """
Name: barrels{count}
Version: 1
Release: 1
Summary: Many barrels
License: MIT
BuildArch: noarch
%description
Many barrels.
%files
{packages}
"""
PACKAGE = """
%package b{number}
Summary: Barrel {number}
%description b{number}
Barrel {number}.
%files b{number}
"""


def main() -> None:
    """Print a row for each number of packages."""
    parser = argparse.ArgumentParser(prog="util/bench imports", description="CGImport of many rpms.")
    parser.add_argument("numbers", nargs="*", type=int, default=[20, 200], help="of packages (20 200)")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
    print(f"load average {os.getloadavg()[0]:.2f}")
    print(
        f"{'packages':>8} {'statements':>10} {'syncs':>6} {'ms':>8} {'of it in syncs':>14} {'ms/package':>10}"
    )
    with tempfile.TemporaryDirectory() as place:
        for number in options.numbers:
            packages = make_packages(Path(place) / str(number), number)
            with running() as hub:
                measure(hub, packages)


def make_packages(place: Path, number: int) -> list[Path]:
    """A source package, and binary ones so that they are `number` together."""
    place.mkdir()
    spec = place / "barrels.spec"
    parts = "".join(PACKAGE.format(number=each) for each in range(number - 2))
    spec.write_text(SPEC.format(count=number, packages=parts), encoding="utf-8")
    command = ["rpmbuild", "-ba", "--nodeps", "--quiet", "--define", f"_topdir {place}", str(spec)]
    subprocess.run(command, check=True, capture_output=True)
    return sorted(place.glob("*RPMS/**/*.rpm"))


def measure(hub: HubUnderTest, packages: list[Path]) -> None:
    """Import the packages and print the row."""
    from support.builds import generated, stated
    from support.hub import count_statements

    admin = hub.client("kojiadmin")
    admin("grantCGAccess", "kojiadmin", "kiln", create=True)
    for path in packages:
        admin.upload("cg", path.name, path.read_bytes())
    metadata = generated(map(stated, packages), name=f"barrels{len(packages)}", version="1", release="1")
    with count_statements(hub.hub.engine) as statements, timed_syncs() as syncs:
        started = time.perf_counter()
        admin("CGImport", metadata, "cg")
        seconds = time.perf_counter() - started
    ok = "ok" if len(statements) <= STATEMENTS else "MISSED"
    print(
        f"{len(packages):8d} {len(statements):10d} {len(syncs):6d} {1000 * seconds:8.0f}"
        f" {1000 * sum(syncs):14.0f} {1000 * seconds / len(packages):10.2f}"
        f"  {ok} (at most {STATEMENTS} statements)",
        flush=True,
    )


@contextlib.contextmanager
def timed_syncs() -> Iterator[list[float]]:
    """Collect the seconds that each sync of a file or directory takes."""
    plain = os.fsync
    seen: list[float] = []

    def fsync(fd: Any) -> None:
        started = time.perf_counter()
        plain(fd)
        seen.append(time.perf_counter() - started)

    os.fsync = fsync
    try:
        yield seen
    finally:
        os.fsync = plain


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
