"""What a chroot is made of: its installed packages, each with the repository it came from (spec: builder,
3.5).

The hub records this list for every build. A package of ours is told by its n-v-r.a in the repository's
`rpmlist.jsonl` (payload hash compared), one of an external repository by the `origin` metadata that merging
left.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.client import ClientSession
from moromi.errors import BuildError, BuildrootError
from moromi_builder import commands
from moromi_builder.hubfiles import HubFiles
from moromi_builder.repos.source import REPO_XML
from moromi_chroot import rpmdb
from moromi_chroot.errors import SandboxError

logger = logging.getLogger(__name__)

IGNORED = frozenset({"buildsys-build", rpmdb.SIGNATURE_KEY})
FORMAT = (
    r"%{NAME}\t%{VERSION}\t%{RELEASE}\t%{EPOCH}\t%{ARCH}\t%{SIZE}\t%{LONGSIZE}\t%{BUILDTIME}\t%{SIGMD5}\n"
)
NONE = "(none)"


@dataclass(frozen=True)
class RepoPlace:
    """A ready repository: where it is below the hub's tree, and at which event it was made."""

    repo_id: int
    tag_name: str
    event: int
    arch: str

    @property
    def path(self) -> str:
        """Give its directory, relative to the hub's tree."""
        return f"repos/{self.tag_name}/{self.repo_id}/{self.arch}"


def installed(root: Path, workdir: str) -> list[dict[str, Any]]:
    """List the packages of a chroot from its rpm database. Raises BuildrootError if there is none."""
    try:
        database = rpmdb.database(root)
    except SandboxError as error:
        raise BuildrootError(str(error)) from None
    for lock in database.glob("__db*"):
        if lock.is_symlink():
            lock.unlink()
    words = ["rpm", "--dbpath", str(database), "-qa", "--qf", FORMAT]
    return list(parse_query(commands.capture(words, env=commands.environment(workdir))))


def parse_query(text: str) -> Iterator[dict[str, Any]]:
    """Read the lines of an `rpm -qa` with FORMAT."""
    for line in text.splitlines():
        name, version, release, epoch, arch, size, longsize, buildtime, payload = line.split("\t")
        if name in IGNORED:
            continue
        yield {
            "name": name,
            "version": version,
            "release": release,
            "epoch": None if epoch == NONE else int(epoch),
            "arch": arch,
            "size": int(longsize if size == NONE else size),
            "buildtime": int(buildtime),
            "payloadhash": payload,
        }


def nvra(rpm: dict[str, Any]) -> str:
    """Name a package as repositories do, without its epoch."""
    return f"{rpm['name']}-{rpm['version']}-{rpm['release']}.{rpm['arch']}"


def mark_origins(
    rpms: Iterable[dict[str, Any]],
    place: RepoPlace,
    external_repos: list[dict[str, Any]],
    origins: dict[str, str],
) -> None:
    """Add `external_repo` and `location` to the packages that come from an external repository.

    `origins` maps n-v-r.a to the URL that merging noted. Raises BuildError for a package of no known origin.
    """
    by_url = {repo["url"].replace("$arch", place.arch).rstrip("/"): repo for repo in reversed(external_repos)}
    local = f"/repo_{place.repo_id}_premerge/"
    for rpm in rpms:
        name = nvra(rpm)
        origin = origins.get(name)
        if origin is None:
            raise BuildError(f"No origin for {name}")
        repo = by_url.get(origin.rstrip("/"))
        if repo is not None:
            rpm["external_repo"] = repo
            rpm["location"] = repo["external_repo_id"]
        elif not (origin.startswith("file://") and origin.rstrip("/").endswith(local.rstrip("/"))):
            raise BuildError(f"Unknown origin for {name}: {origin}")


def parse_origins(text: str) -> dict[str, str]:
    """Read `pkgorigins`: lines of `[epoch:]n-v-r.a<tab>url`, the first of a name counts."""
    origins: dict[str, str] = {}
    for line in text.splitlines():
        name, tab, url = line.partition("\t")
        if tab:
            epoch, colon, rest = name.partition(":")
            origins.setdefault(rest if colon and epoch.isdigit() else name, url)
    return origins


def read_origins(files: HubFiles, place: RepoPlace) -> dict[str, str]:
    """Fetch the origins of a merged repository; empty if it has none."""
    repomd = files.read(f"{place.path}/repodata/repomd.xml")
    if repomd is None:
        raise BuildrootError(f"Repository {place.repo_id} has no metadata for {place.arch}")
    for data in ElementTree.fromstring(repomd).iter(f"{REPO_XML}data"):
        location = data.find(f"{REPO_XML}location")
        if data.get("type") == "origin" and location is not None:
            found = files.read(f"{place.path}/{location.get('href')}")
            if found is not None:
                return parse_origins(gzip.decompress(found).decode())
    return {}


def match_internal(rpms: Iterable[dict[str, Any]], known: dict[str, dict[str, Any]], source: str) -> None:
    """Add the hub's `id` to packages that it knows. BuildrootError if one has other contents than it
    should.
    """
    for rpm in rpms:
        if "location" in rpm:
            continue
        name = nvra(rpm)
        entry = known.get(name)
        if entry is None:
            logger.warning("package %s of the chroot is not listed in %s", name, source)
            continue
        if entry["payloadhash"] != rpm["payloadhash"]:
            raise BuildrootError(
                f"RPM: {name}: payloadhash: {rpm['payloadhash']} mismatch expected {entry['payloadhash']} "
                f"in {source}"
            )
        rpm["id"] = entry["id"]


def read_rpmlist(data: bytes) -> dict[str, dict[str, Any]]:
    """Read `rpmlist.jsonl`: records by n-v-r.a."""
    records = (json.loads(line) for line in data.decode().splitlines() if line)
    return {nvra(record): record for record in records}


class PackageLists:
    """Makes the package lists of one chroot; what it reads about the repository, it reads once."""

    def __init__(
        self, session: ClientSession, files: HubFiles, place: RepoPlace, tag_id: int, workdir: str
    ) -> None:
        self._session = session
        self._files = files
        self._place = place
        self._tag_id = tag_id
        self._workdir = workdir
        self._known: dict[str, dict[str, Any]] | None = None
        self._external: list[dict[str, Any]] | None = None
        self._origins: dict[str, str] = {}

    def read(self, root: str | os.PathLike[str]) -> list[dict[str, Any]]:
        """List what is installed in a chroot, in the form that `host.setBuildRootList` takes."""
        rpms = installed(Path(root), self._workdir)
        self._load()
        if self._external:
            mark_origins(rpms, self._place, self._external, self._origins)
        assert self._known is not None, "loaded above"
        match_internal(rpms, self._known, "rpmlist.jsonl")
        return rpms

    def _load(self) -> None:
        if self._known is not None:
            return
        place = self._place
        self._external = self._session.getExternalRepoList(self._tag_id, event=place.event)
        if self._external:
            self._origins = read_origins(self._files, place)
        data = self._files.read(f"{place.path}/rpmlist.jsonl")
        self._known = read_rpmlist(data) if data is not None else self._ask_hub()

    def _ask_hub(self) -> dict[str, dict[str, Any]]:
        """Repositories of old hubs have no list: take the tag's content at that event."""
        rpms, _builds = self._session.listTaggedRPMS(
            self._tag_id, event=self._place.event, latest=True, draft=True
        )
        return {nvra(rpm): rpm for rpm in rpms}
