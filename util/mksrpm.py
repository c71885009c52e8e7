#!/usr/bin/env python3
"""Make source packages of the sample specs in `util/packages` with the host's rpmbuild.

The directories hold packages that build on the sample distribution (`hello` wants GNU hello's tarball beside
its spec first: `apt-get source --download-only hello`); `bad` holds one spec for each way in which a build
can fail, two of which fail as early as here. A source package is made again only when its spec or a source
is newer.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PACKAGES = Path(__file__).resolve().parent / "packages"


def specs() -> Iterator[Path]:
    """Yield the sample spec files."""
    return iter(sorted(PACKAGES.glob("*/*.spec")))


def find_spec(name: str) -> Path:
    """Return the spec file of a sample package. Raises LookupError."""
    for spec in specs():
        if spec.stem == name:
            return spec
    raise LookupError(f"No sample package {name}")


def make_srpm(spec: Path, out: Path) -> Path:
    """Make the source package of a spec and the files beside it; return its path.

    Raises subprocess.CalledProcessError, with rpmbuild's output, if rpmbuild refuses.
    """
    newest = max(path.stat().st_mtime for path in [spec, *spec.parent.iterdir()])
    for path in out.glob(f"{spec.stem}-*.src.rpm"):
        # A name may be the beginning of another: hello and hello-c.
        if path.name.rsplit("-", 2)[0] == spec.stem and path.stat().st_mtime >= newest:
            return path
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mksrpm-") as top:
        macros = {"_topdir": top, "_sourcedir": str(spec.parent), "_srcrpmdir": top, "dist": "%{nil}"}
        defines = [word for key, value in macros.items() for word in ("--define", f"{key} {value}")]
        argv = ["rpmbuild", "-bs", "--nodeps", *defines, str(spec)]
        subprocess.run(argv, check=True, capture_output=True, text=True)
        (made,) = Path(top).glob("*.src.rpm")
        target = out / made.name
        target.write_bytes(made.read_bytes())
    return target


def main() -> None:
    """Make the named packages, or all that can be made."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("out", type=Path, help="directory for the source packages")
    parser.add_argument("names", nargs="*", help="sample packages (all)")
    args = parser.parse_args()
    for spec in [find_spec(name) for name in args.names] or specs():
        try:
            print(make_srpm(spec, args.out))
        except subprocess.CalledProcessError as exc:
            if args.names:
                raise SystemExit(exc.stderr) from exc
            print(f"{spec.stem}: rpmbuild -bs fails: {exc.stderr.strip().splitlines()[-1]}", file=sys.stderr)


if __name__ == "__main__":
    main()
