"""How long the chroot engine takes, and how much of that is not rpmbuild's own time.

`python util/bench/chroot.py [DISTRIBUTION]` makes roots in a temporary directory and prints, in seconds:
making a root without and with a cached base; rebuilding the sample packages as a builder does; and the same
rpmbuild commands run by hand in the same root. Needs root. The figures are medians.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from support.chroots import Root, engines, sample_distribution, source_package

RUNS = 5

# What the engine does for a rebuild, with nothing around it: unpack, -bs for the dist tag, -bb.
BY_HAND = """\
set -e
mount --make-rprivate /
mount -t overlay overlay -o lowerdir={lowers},upperdir={root},workdir={work} {root}
mount -t proc proc {root}/proc
mount --bind /dev {root}/dev
cp {srpm} {root}/builddir/build/originals/
exec env -i HOME=/builddir PATH=/usr/bin:/usr/sbin chroot --userspec=1000:135 {root} /bin/bash -e -c '
cd
rpm -Uvh --nodeps build/originals/*.src.rpm
rpmbuild -bs --nodeps --target {target} build/SPECS/*.spec
rpmbuild -bb --nodeps --target {target} build/SPECS/*.spec'
"""


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def must(code: int) -> None:
    """Stop if a build has failed: its time says nothing."""
    if code:
        raise SystemExit(f"a command ended with {code}")


def build(root: Root, srpm: Path, target: str) -> None:
    """Rebuild a source package with the engine."""
    must(root.rebuild(srpm, target))


def by_hand(root: Root, srpm: Path, target: str) -> None:
    """Run the rpmbuild commands of a rebuild in a root whose BuildRequires are installed."""
    lowers = ":".join(json.loads((root.top / "root.json").read_text())["lowers"])
    script = BY_HAND.format(lowers=lowers, root=root.root, work=root.top / "work", srpm=srpm, target=target)
    command = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", script]
    must(subprocess.run(command, capture_output=True, check=False).returncode)


def row(what: str, seconds: list[float], note: str = "") -> None:
    """Print one figure."""
    print(f"{what:<44}{statistics.median(seconds):8.2f}  {note}", flush=True)


def package_rows(make: Callable[[], Root], name: str, target: str, srpm: Path) -> None:
    """Print the figures of one sample package."""
    first = make()
    first.init()
    row(f"--rebuild {name}, first", [timed(partial(build, first, srpm, target))])
    engine, hand = [], []
    for _ in range(RUNS):
        root = make()
        root.init()
        engine.append(timed(partial(build, root, srpm, target)))
        root.shell("rm -rf /builddir/build/*/* && chown -R 1000:135 /builddir")
        hand.append(timed(partial(by_hand, root, srpm, target)))
    row(f"--rebuild {name}, again", engine)
    row("  the same rpmbuild by hand", hand)
    added = statistics.median(engine) - statistics.median(hand)
    row("  added by the engine", [added])


def main() -> None:
    """Print the table."""
    if os.geteuid():
        raise SystemExit("chroots need root")
    distribution = Path(sys.argv[1]) if sys.argv[1:] else sample_distribution()
    with tempfile.TemporaryDirectory(prefix="bench-chroot-") as name:
        top = Path(name)
        roots: list[Root] = []

        def make(cache: str = "cache") -> Root:
            root = Root(engines()[0], top, top / cache, [f"file://{distribution}"], f"r{len(roots)}")
            roots.append(root)
            return root

        row("--init, nothing cached", [timed(make(f"cold{n}").init) for n in range(3)])
        make().init()
        row("--init, cached base", [timed(make().init) for _ in range(RUNS)])
        row("--chroot true", [timed(lambda: roots[-1].shell("true")) for _ in range(RUNS)])
        for package, target in (("hello-noarch", "noarch"), ("hello-c", "x86_64")):
            package_rows(make, package, target, source_package(package, top / "srpms"))


if __name__ == "__main__":
    main()
