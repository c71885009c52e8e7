"""Ask dnf what it would install, without installing it.

Run by the host's own interpreter, the one of the `dnf` program, since the dnf module is a distribution
package and in no virtual environment; so this file imports nothing of Moromi. Its argument is a JSON
object; it writes the answer to the file named there:

    {"conf": path, "installroot": path, "cachedir": path, "releasever": str, "forcearch": str,
     "specs": ["@group", "name", "dependency >= 1"], "output": path}
    -> [["name-epoch:version-release.arch", "repo id", "checksum", "file name"], ...]

Exits with 1 and writes nothing when dnf cannot do it; dnf itself then says why.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any


def resolve(order: dict[str, Any]) -> list[list[str]]:
    """Return the packages of the transaction."""
    dnf = importlib.import_module("dnf")
    selector = importlib.import_module("dnf.selector")
    base = dnf.Base()
    base.conf.read(order["conf"])
    base.conf.installroot = order["installroot"]
    base.conf.cachedir = order["cachedir"]
    base.conf.reposdir = []
    if order["releasever"]:
        base.conf.substitutions["releasever"] = order["releasever"]
    if order["forcearch"]:
        base.forcearch = order["forcearch"]
    base.read_all_repos()
    base.fill_sack()
    groups = [spec[1:] for spec in order["specs"] if spec.startswith("@")]
    if groups:
        base.read_comps(arch_filter=True)
        base.env_group_install(groups, tuple(base.conf.group_package_types))
    for spec in order["specs"]:
        if not spec.startswith("@"):
            wanted = selector.Selector(base.sack)
            wanted.set(**{"file" if spec.startswith("/") else "provides": spec})
            base.goal.install(select=wanted)
    base.resolve()
    return sorted(
        [str(package), package.reponame, package.chksum[1].hex(), str(package.location).rsplit("/", 1)[-1]]
        for package in base.transaction.install_set
    )


def main() -> None:
    """Answer the order on the command line."""
    order = json.loads(sys.argv[1])
    errors = importlib.import_module("dnf.exceptions")
    try:
        found = resolve(order)
    except errors.Error as exc:
        sys.exit(str(exc))
    with open(order["output"], "w", encoding="utf-8") as writer:
        json.dump(found, writer)


if __name__ == "__main__":
    main()
