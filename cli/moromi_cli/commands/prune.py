"""`prune-signed-copies`: remove signed copies that nobody needs, on a machine with the file tree.

A build is kept while it is the latest of its package in some tag, or was within the last days; tags can be
ignored, and tags can protect what is in them. Signatures stay, so that a copy can be written again.
"""

import os
import stat
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import click

from moromi.constants import BuildState
from moromi.names import nvr
from moromi_cli.lazy import command
from moromi_cli.output import Failure, say
from moromi_cli.session import Cli

DAY = 24 * 3600
PAGE = 50000


@command("prune-signed-copies", "[options]")
@click.option("-n", "--test", is_flag=True, help="print only")
@click.option("-v", "--verbose", is_flag=True, help="print each action")
@click.option("--days", type=int, default=5, help="keep what was latest in the last so many days (5)")
@click.option("-p", "--package", "--pkg", "package", help="only this package")
@click.option("-b", "--build", help="only this build")
@click.option("-i", "--ignore-tag", multiple=True, metavar="GLOB", help="tags that do not count")
@click.option("--ignore-tag-file", metavar="FILE", help="more of them, one a line")
@click.option("-r", "--protect-tag", multiple=True, metavar="GLOB", help="tags that protect their builds")
@click.option("--protect-tag-file", metavar="FILE", help="more of them, one a line")
@click.option("--trashcan-tag", default="trashcan", metavar="TAG", help="the tag of what is to be deleted")
@click.option("--debug", is_flag=True, hidden=True)
@click.argument("ignored", nargs=-1, metavar="")
def prune_signed_copies(cli: Cli, ignored: tuple[str, ...], debug: bool, **given: Any) -> None:
    """Remove signed copies of builds that are the latest nowhere any more."""
    pruner = Pruner(cli, given)
    for build in pruner.builds(given["package"], given["build"]):
        if pruner.is_needed(build):
            continue
        pruner.prune(build)
    say("--- Grand Totals ---")
    say(f"Files: {pruner.files}")
    say(f"Bytes: {pruner.bytes}")


def patterns(given: tuple[str, ...], path: str | None) -> list[str]:
    """Globs from options and from a file, whose lines may be comments."""
    found = list(given)
    if path:
        with open(path, encoding="utf-8") as source:
            found += [line.strip() for line in source if line.strip() and not line.startswith("#")]
    return found


def matches(name: str, globs: list[str]) -> bool:
    """Whether one of the globs fits."""
    return any(fnmatchcase(name, glob) for glob in globs)


class Pruner:
    """Decides about builds, removes their signed copies, and counts."""

    def __init__(self, cli: Cli, given: dict[str, Any]) -> None:
        self.cli = cli
        self.test: bool = given["test"]
        self.verbose: bool = given["verbose"]
        self.cutoff = time.time() - given["days"] * DAY
        self.trashcan: str = given["trashcan_tag"]
        self.ignore = patterns(given["ignore_tag"], given["ignore_tag_file"])
        self.protect = patterns(given["protect_tag"], given["protect_tag_file"])
        self.histories: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.files = self.bytes = 0

    def builds(self, package: str | None, build: str | None) -> Iterator[dict[str, Any]]:
        """The complete builds to look at."""
        session = self.cli.session
        if build is not None:
            found = session.getBuild(build)
            if not found:
                raise self.cli.usage_error(f"No such build: {build}")
            yield found
            return
        if self.verbose:
            say("Getting builds...")
        query: dict[str, Any] = {"state": int(BuildState.COMPLETE)}
        if package is not None:
            info = session.getPackage(package)
            if not info:
                raise Failure(f"No such package: {package}")
            query["packageID"] = info["id"]
        builds: list[dict[str, Any]] = []
        while True:
            opts = {"order": "build_id", "offset": len(builds), "limit": PAGE}
            page = session.listBuilds(**query, queryOpts=opts)
            builds += page
            if len(page) < PAGE:
                break
        if self.verbose:
            say(f"...got {len(builds)} builds")
        yield from sorted(builds, key=lambda found: (nvr(found), found["build_id"]))

    def is_needed(self, build: dict[str, Any]) -> bool:
        """Whether the build is protected, or is or lately was the latest somewhere."""
        history = self.cli.session.queryHistory(build=build["build_id"], tables=["tag_listing"])
        for entry in history["tag_listing"]:
            tag = entry["tag.name"]
            if tag == self.trashcan or (entry["revoke_ts"] or time.time()) < self.cutoff:
                continue
            if entry["active"] and matches(tag, self.protect):
                return True
            if not matches(tag, self.ignore) and self.was_latest(tag, entry):
                return True
        return False

    def was_latest(self, tag: str, entry: dict[str, Any]) -> bool:
        """Whether no other build of the package was tagged after this one, all the time since the cutoff."""
        key = (tag, entry["name"])
        if key not in self.histories:
            query = {"tag": tag, "package": entry["name"], "tables": ["tag_listing"]}
            self.histories[key] = self.cli.session.queryHistory(**query)["tag_listing"]
        later = [
            other
            for other in self.histories[key]
            if other["create_event"] > entry["create_event"]
            and other["create_ts"] <= self.cutoff
            and (other["revoke_ts"] or time.time()) >= (entry["revoke_ts"] or time.time())
        ]
        return not later

    def prune(self, build: dict[str, Any]) -> None:
        """Remove the signed copies of a build."""
        session, disk = self.cli.session, self.cli.disk
        rpms = session.listRPMs(buildID=build["build_id"])
        with session.multicall(strict=True) as calls:
            signatures = [calls.queryRPMSigs(rpm_id=rpm["id"]) for rpm in rpms]
        home = disk.build(build)
        files, size = self.files, self.bytes
        gone: set[str] = set()
        for rpm, answer in zip(rpms, signatures, strict=True):
            for signature in answer.result:
                self.remove(f"{home}/{disk.signed(rpm, signature['sigkey'])}", home, gone)
        if self.files > files:
            count, total = self.files - files, self.bytes - size
            say(
                f"Build: {nvr(build)}, Removed {count} signed copies ({total} bytes)."
                f" Total: {self.files}/{self.bytes}"
            )

    def remove(self, path: str, home: str, gone: set[str]) -> None:
        """Remove one copy, and the directories that it leaves empty."""
        try:
            facts = os.lstat(path)
        except FileNotFoundError:
            return
        if not stat.S_ISREG(facts.st_mode):
            say(f"Skipping {path}. Not a regular file")
            return
        if facts.st_mtime > self.cutoff:
            say(f"Skipping {path}. File newer than cutoff")
            return
        say(f"{'Would have unlinked' if self.test else 'Unlinking'}: {path}")
        if not self.test:
            os.unlink(path)
        gone.add(path)
        self.files += 1
        self.bytes += facts.st_size
        place = os.path.dirname(path)
        while place != f"{home}/data/signed" and self.is_empty(place, gone):
            say(f"{'Would have removed' if self.test else 'Removing'} dir: {place}")
            if not self.test:
                os.rmdir(place)
            gone.add(place)
            place = os.path.dirname(place)

    @staticmethod
    def is_empty(place: str, gone: set[str]) -> bool:
        """Whether a directory holds nothing but what is gone, or would be."""
        return all(f"{place}/{name}" in gone for name in os.listdir(place))
