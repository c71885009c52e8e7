"""The Maven tree of a repository: links to the artifacts of the builds in a tag (builder.md section 5.4).

The first tag of the inheritance that has an artifact decides its version; more
versions only come from tags with `maven_include_all`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cmp_to_key
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from moromi.errors import GenericError
from moromi.rpm.versions import compare
from moromi_hub.call import Call
from moromi_hub.tagging import listing
from moromi_hub.tags import service as tags

Artifact = Mapping[str, Any]
Chosen = dict[tuple[str, str], dict[str, Artifact]]
"""By group and artifact, by version: an artifact with its `build` and its `location`."""


def write(call: Call, directory: Path, tag_id: int, event: int | None) -> None:
    """Make `<directory>/maven` with what the tag shows."""
    top = directory / "maven"
    top.mkdir()
    linked: set[Path] = set()
    for (group, artifact), versions in sorted(choose(call, tag_id, event).items()):
        place = (top / next(iter(versions.values()))["location"]).parent
        if linked.intersection((place, *place.parents)):
            # `a:b:c` and `a.b.c:d` cannot both be there: below a link is another build's directory
            call.hub.log.warning("no room for Maven artifact %s:%s in %s", group, artifact, top)
            continue
        place.mkdir(parents=True, exist_ok=True)
        for version, chosen in versions.items():
            target = Path(call.paths.mavenbuild(chosen["build"])) / chosen["location"]
            link = place / version
            if link.exists() or link.is_symlink():
                continue
            link.symlink_to(os.path.relpath(target, place))
            linked.add(link)
        _write_metadata(place, group, artifact, sorted(versions, key=cmp_to_key(compare)))


def choose(call: Call, tag_id: int, event: int | None) -> Chosen:
    """Which artifacts a tag shows. Three statements and those of the inheritance."""
    wanted = listing.wanted(call, tag_id, event, inherit=True, type="maven")
    builds: dict[int, Mapping[str, Any]] = {}
    for row in listing.builds(call, wanted):
        builds.setdefault(row["build_id"], row)
    generous = tags.with_all_maven_versions(call, {build["tag_id"] for build in builds.values()}, event)
    found: Chosen = {}
    for row in _usable(call, listing.archives(call, wanted, "maven", extra=False), builds):
        versions = found.setdefault((row["group_id"], row["artifact_id"]), {})
        if not versions or (row["version"] not in versions and row["build"]["tag_id"] in generous):
            versions[row["version"]] = row
    return found


def _usable(
    call: Call, archives: Iterable[Mapping[str, Any]], builds: Mapping[int, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The artifacts with their `build` and their `location`: its directory in a Maven repository."""
    for row in archives:
        if row["build_id"] not in builds:
            continue
        artifact = {key: row[f"maven_{key}"] for key in ("group_id", "artifact_id", "version")}
        try:
            if "/" in artifact["artifact_id"] + artifact["version"]:
                raise GenericError("Invalid path segment")
            location = call.paths.mavenrepo(artifact)
        except GenericError as error:
            call.hub.log.warning("archive %s is left out: %s: %s", row["id"], artifact, error)
            continue
        yield {**artifact, "build": builds[row["build_id"]], "location": location}


def _write_metadata(place: Path, group: str, artifact: str, versions: Sequence[str]) -> None:
    listed = "".join(f"      <version>{escape(version)}</version>\n" for version in versions)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<metadata>\n"
        f"  <groupId>{escape(group)}</groupId>\n"
        f"  <artifactId>{escape(artifact)}</artifactId>\n"
        "  <versioning>\n"
        f"    <latest>{escape(versions[-1])}</latest>\n"
        f"    <release>{escape(versions[-1])}</release>\n"
        f"    <versions>\n{listed}    </versions>\n"
        f"    <lastUpdated>{datetime.now(UTC):%Y%m%d%H%M%S}</lastUpdated>\n"
        "  </versioning>\n"
        "</metadata>\n"
    ).encode()
    (place / "maven-metadata.xml").write_bytes(text)
    for kind in ("md5", "sha1"):
        digest = hashlib.new(kind, text, usedforsecurity=False).hexdigest()
        (place / f"maven-metadata.xml.{kind}").write_text(digest)
