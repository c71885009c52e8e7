"""Names that callers give to what they import lead nowhere but into the build, whatever they are."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moromi.errors import GenericError
from support.builds import generated, stated
from support.hub import Client, HTTPError, HubUnderTest

SECRET = b"not for everybody"
NUMBERS = itertools.count(1)
"""Releases: each import makes a build of its own."""

ODD = [
    "..",
    ".",
    "",
    "../x",
    "../../../../x",
    "/etc/passwd",
    "a/../../b",
    "x\0y",
    "-rf",
    ".user",
    "a//b",
    "a/./b",
]
ODD += [
    "../../secret",
    "/secret.log",
    "link",
    "link/secret.log",
    "a" * 300,
    "b" * 5000,
    "é" * 200,
    "é" * 127,
    "\udc80",
    "/".join(["d" * 200] * 14),
    "x\ny",
]
NAMES = st.one_of(
    st.sampled_from(ODD), st.text(max_size=30), st.lists(st.sampled_from(ODD), max_size=4).map("/".join)
)
Attempt = Callable[[Client, str, str, Path], Any]


def _told(place: Path, **changes: Any) -> dict[str, Any]:
    """A log as an output."""
    return {**stated(place / "root.log", type="log"), **changes}


def _generate(
    client: Client, release: str, output: dict[str, Any], directory: str = "up", **build: Any
) -> Any:
    entry = {"name": "fuzz", "version": "1", "release": release, **build}
    return client("CGImport", json.dumps(generated([output], **entry)), directory)


def _archive(client: Client, release: str, path: str, relpath: str = "") -> Any:
    build = {"name": "fuzz", "version": "1", "release": release, "epoch": None}
    client("createWinBuild", build, {"platform": "any"})
    info = {"relpath": relpath, "platforms": "any"}
    return client("importArchive", path, f"fuzz-1-{release}", "win", info)


ATTEMPTS: dict[str, Attempt] = {
    "file of an output": lambda c, n, r, top: _generate(c, r, _told(top, filename=n)),
    "directory of an output": lambda c, n, r, top: _generate(c, r, _told(top, relpath=n)),
    "directory of a log": lambda c, n, r, top: _generate(c, r, _told(top, subdir=n)),
    "upload directory": lambda c, n, r, top: _generate(c, r, _told(top), n),
    "metadata": lambda c, n, r, top: c("CGImport", f"{n}.json", "up"),
    "name of a build": lambda c, n, r, top: _generate(c, r, _told(top), name=n),
    "version of a build": lambda c, n, r, top: _generate(c, r, _told(top), version=n),
    "release of a build": lambda c, n, r, top: _generate(c, n, _told(top)),
    "archive": lambda c, n, r, top: _archive(c, r, n),
    "directory of an archive": lambda c, n, r, top: _archive(c, r, "up/tool.zip", n),
    "directory of an rpm": lambda c, n, r, top: c("importRPM", n, "root.log"),
    "file of an rpm": lambda c, n, r, top: c("importRPM", "up", n),
}


def outside(top: Path) -> dict[str, bytes]:
    """What is in the tree besides uploads and builds, links not followed, and beside the tree."""
    found = {str(path): b"" for path in top.parent.iterdir()}
    for directory, below, names in os.walk(top):
        if Path(directory) == top:
            below[:] = [name for name in below if name not in ("work", "packages")]
        found |= {os.path.join(directory, name): Path(directory, name).read_bytes() for name in names}
    return found


def misplaced(top: Path) -> list[str]:
    """Files of builds that are not where a build keeps such files, and every link among them."""
    builds = top / "packages"
    files = [Path(directory, name) for directory, _below, names in os.walk(builds) for name in names]
    return [str(path) for path in files if path.is_symlink() or not _fits(path.relative_to(builds).parts)]


def _fits(parts: tuple[str, ...]) -> bool:
    inside = parts[3:]
    return inside == ("metadata.json",) or inside[:2] == ("data", "logs") or inside[:1] == ("win",)


@pytest.mark.parametrize("what", ATTEMPTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES)
def test_no_name_leads_out_of_the_build(
    hub: HubUnderTest, admin: Client, tmp_path: Path, what: str, name: str
) -> None:
    if not (tmp_path / "secret.log").exists():
        (tmp_path / "secret.log").write_bytes(SECRET)
        admin("grantCGAccess", "kojiadmin", "kiln", create=True)
        (tmp_path / "root.log").write_bytes(b"all went well\n")
    for file in ("root.log", "tool.zip"):
        (tmp_path / "work" / "up" / file).unlink(missing_ok=True)
        admin.upload("up", file, b"all went well\n")
    before = outside(tmp_path)
    refused = (GenericError, HTTPError, UnicodeEncodeError)  # the last by the client: XML does not take it
    with contextlib.suppress(*refused):
        ATTEMPTS[what](admin, name, f"r{next(NUMBERS)}", tmp_path)
    assert outside(tmp_path) == before
    assert misplaced(tmp_path) == []


@pytest.mark.parametrize(
    "names", [("a/1", "2", "x86_64"), ("a", "1/2", "x86_64"), ("a", "1", "2/x86_64"), ("a", "..", "2")]
)
def test_no_build_is_inside_another(admin: Client, names: tuple[str, str, str]) -> None:
    """Whoever may reserve a build could else have the files of `a-1-2` removed with what is left of it."""
    with pytest.raises(GenericError, match=r"The \"/\" character not allowed in|Invalid path segment"):
        admin("createEmptyBuild", *names, None)
