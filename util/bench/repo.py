"""What a repository costs: `python util/bench repo [DIRECTORY]`.

Made-up rpms (12,000 and 60,000, of 60 files each) are rendered once. Then repositories of them are put
together beside createrepo_c on the same files in the same run. Every case of ours is a process of its
own, whose peak of memory is printed. The directory keeps what was made up for the next run; without one
it is a temporary one.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench._repotree import RPMS_OF_BUILD, Tree, make_tree
from moromi.repodata import ChunkCache, write_repository

SMALL, LARGE = 600, 3000
RUNS = 5
DOCUMENTS = ("primary", "filelists", "other")
DEBIAN = "/usr/bin/createrepo_c"
#: Of the Python package: the one that knows zstd.
CURRENT = str(Path(sys.executable).with_name("createrepo_c"))


@dataclass(frozen=True)
class Cost:
    """Seconds (the median of several runs), peak of memory in MB, bytes of the documents."""

    seconds: float
    memory: float
    size: int


def main() -> int:
    """Print the table; 1 if a figure is not reached."""
    with tempfile.TemporaryDirectory(prefix="bench-repo-") as scratch:
        top = Path(sys.argv[1] if len(sys.argv) > 1 else scratch)
        small = made(top / "small", SMALL)
        large = made(top / "large", LARGE)
        theirs = createrepo(small)
        sizes = {name: createrepo_size(small, name) for name in ("zstd", "gzip")}
        ours = {name: apart(uncached, small, name) for name in ("zstd", "gzip")}
        one, many = apart(changed, small, "zstd"), apart(changed, large, "zstd")
        one_gzip = apart(changed, small, "gzip")
    print(f"load average {os.getloadavg()[0]:.1f}")
    rpms = f"{SMALL * RPMS_OF_BUILD:,} rpms"
    print(f"{rpms}, createrepo_c -d --update --skip-stat: {theirs:.2f} s")
    print(f"\n{'case':48} {'seconds':>8} {'memory':>8} {'figure':>8}  {'reach':>8}")
    good = [
        row(f"{rpms}, only fragments cached, zstd", ours["zstd"], theirs / ours["zstd"].seconds, 25),
        row(f"{rpms}, one build changed, zstd", one, theirs / one.seconds, 100),
        row(f"{LARGE * RPMS_OF_BUILD:,} rpms, one build changed, zstd", many, many.seconds / one.seconds, -3),
        many.memory < 300,
        *(size_row(name, ours[name].size, sizes[name]) for name in sizes),
    ]
    row(f"{rpms}, only fragments cached, gzip", ours["gzip"], theirs / ours["gzip"].seconds)
    row(f"{rpms}, one build changed, gzip", one_gzip, theirs / one_gzip.seconds)
    return 0 if all(good) else 1


def row(title: str, cost: Cost, times: float, reach: int = 0) -> bool:
    """Print a case; `reach`: so many times at least, or (negative) less than so many times."""
    wanted = f"{'<' if reach < 0 else '>='} {abs(reach)}x" if reach else ""
    print(f"{title:48} {cost.seconds:8.3f} {cost.memory:5.0f} MB {times:7.1f}x  {wanted:>8}")
    return times < -reach if reach < 0 else times >= reach


def size_row(name: str, ours: int, theirs: int) -> bool:
    """Print a size in MB and how much larger it is than createrepo_c's."""
    more = 100 * (ours / theirs - 1)
    title = f"size, {name} (createrepo_c: {theirs / 1e6:.2f} MB)"
    print(f"{title:48} {ours / 1e6:5.2f} MB {more:17.1f} %    <= 15 %")
    return more <= 15


def made(directory: Path, builds: int) -> Tree:
    """The made-up rpms; the files are kept where createrepo_c reads them."""
    started = time.perf_counter()
    tree = make_tree(directory, builds, changes(builds), keep_rpms=builds == SMALL)
    print(
        f"{builds * RPMS_OF_BUILD:,} rpms made and rendered in {time.perf_counter() - started:.0f} s",
        flush=True,
    )
    return tree


def changes(builds: int) -> list[int]:
    """Which builds change, one in each run. Their names, and so their places in a repository, are random."""
    return [builds * (2 * run + 1) // (2 * RUNS) for run in range(RUNS)]


def createrepo(tree: Tree) -> float:
    """Seconds of what a Koji builder runs with the previous metadata at hand."""
    command = [DEBIAN, "-q", "-d", "-o", str(emptied(tree.directory / "theirs")), "-i", pkglist(tree)]
    subprocess.run([*command, str(tree.directory)], check=True)
    started = time.perf_counter()
    subprocess.run([*command, "--update", "--skip-stat", str(tree.directory)], check=True)
    return time.perf_counter() - started


def createrepo_size(tree: Tree, compression: str) -> int:
    """Bytes of the documents that createrepo_c writes with a compression."""
    program = {"gzip": DEBIAN, "zstd": CURRENT}[compression]
    output = emptied(tree.directory / f"theirs-{compression}")
    words = [program, "-q", "--no-database", "-o", str(output), "-i", pkglist(tree), str(tree.directory)]
    subprocess.run(words, check=True)
    return documents_size(output)


def pkglist(tree: Tree) -> str:
    """A file that lists the rpms."""
    path = tree.directory / "pkglist"
    path.write_text("".join(f"rpms/{name.name}\n" for name in sorted(tree.rpms.iterdir())))
    return str(path)


def uncached(tree: Tree, compression: str) -> Cost:
    """All chunks are new."""
    output = tree.directory / "ours"

    def run(_run: int) -> None:
        cache = ChunkCache(emptied(tree.directory / "chunks"))
        write_repository(tree.lines(), tree.store(), cache, emptied(output) / "repodata", compression)

    return measured(run, range(3), output)


def changed(tree: Tree, compression: str) -> Cost:
    """One build after the other comes in place of an older one, with a repository after each."""
    output = tree.directory / "ours"
    cache = ChunkCache(tree.directory / "chunks")
    write_repository(tree.lines(), tree.store(), cache, emptied(output) / "repodata", compression)

    def run(count: int) -> None:
        emptied(output)
        lines = tree.lines(changes(tree.builds)[:count])
        write_repository(lines, tree.store(), cache, output / "repodata", compression)

    return measured(run, range(1, RUNS + 1), output)


def measured(run: Callable[[int], None], numbers: Iterable[int], output: Path) -> Cost:
    """Run several times."""
    times = []
    for number in numbers:
        started = time.perf_counter()
        run(number)
        times.append(time.perf_counter() - started)
    return Cost(statistics.median(times), peak_memory(), documents_size(output))


def documents_size(repository: Path) -> int:
    """Bytes of primary, filelists and other."""
    repodata = repository / "repodata"
    return sum(path.stat().st_size for name in DOCUMENTS for path in repodata.glob(f"*-{name}.xml.*"))


def peak_memory() -> float:
    """MB that this process had at most."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def emptied(directory: Path) -> Path:
    """A directory without what was in it."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def apart(case: Callable[[Tree, str], Cost], tree: Tree, compression: str) -> Cost:
    """Run a case in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(case, tree, compression).result()


if __name__ == "__main__":
    sys.exit(main())
