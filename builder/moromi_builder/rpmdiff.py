"""A fingerprint of what must be the same when a noarch package is built on several arches.

The hub compares the noarch packages of a build. Where the builders' fingerprints agree it needs not look
inside (spec: builder, section 2.3.2 step 6).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from moromi.rpm import CONTENT_TAGS, Header, read_header

DEPENDENCIES = ("PROVIDE", "REQUIRE", "CONFLICT", "OBSOLETE")


def fingerprint(path: Path) -> str:
    """Hash the compared data of an rpm: SHA-256 in hex."""
    header = read_header(path)
    data = {
        "tags": {name: header[name] for name in CONTENT_TAGS if name in header},
        "dependencies": {name: _dependencies(header, name) for name in DEPENDENCIES},
        "files": _files(header),
    }
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _dependencies(header: Header, kind: str) -> list[list[object]]:
    """List the dependencies of a kind, without what the package says of itself."""
    own = f"{header.version}-{header.release}"
    parts = zip(header[f"{kind}NAME"], header[f"{kind}VERSION"], header[f"{kind}FLAGS"], strict=True)
    found = []
    for name, version, flags in parts:
        itself = kind == "PROVIDE" and name == header.name and version.rpartition(":")[2] == own
        if not itself:
            found.append([name, version, flags])
    return sorted(found, key=str)


def _files(header: Header) -> list[list[object]]:
    """List the files: name, mode, owner, group, flags, link target; size, digest and time may differ."""
    return sorted(
        ([each.name, each.mode, each.user, each.group, each.flags, each.linkto] for each in header.files()),
        key=str,
    )
