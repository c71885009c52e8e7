"""The sample distribution: the same input gives the same bytes, wherever and whenever it is made.

Builders know the packages of a chroot by their digests. A distribution that came out otherwise a second time
would make the builds of every site that knew the first one fail.
"""

from __future__ import annotations

import hashlib
import subprocess
import time
from pathlib import Path

import pytest

import mkdistro
from distrotables import EPOCH
from moromi.rpm import read_header

PKGCONFIG = "lib/x86_64-linux-gnu/pkgconfig"
FIELDS = {"Version": "1.0-2", "Architecture": "amd64", "Description": "A tool", "Provides": "other-tool"}


def make_deb(place: Path) -> Path:
    """A package with everything that has a time or an owner."""
    tree = place / "tool"
    for directory in ("DEBIAN", "usr/bin", "usr/share/doc/tool", "etc/tool.d", PKGCONFIG):
        (tree / directory).mkdir(parents=True)
    (tree / "usr/bin/tool").write_text("#!/bin/sh\necho tool\n")
    (tree / "usr/bin/tool").chmod(0o755)
    (tree / "usr/bin/tool-1").hardlink_to(tree / "usr/bin/tool")
    (tree / "usr/bin/also").symlink_to("tool")
    (tree / "etc/tool.d/tool.conf").write_text("colour = red\n")
    (tree / "usr/share/doc/tool/copyright").write_text("MIT\n")
    (tree / PKGCONFIG / "tool.pc").write_text("Version: 1.0\n")
    lines = {"Package": "tool", "Maintainer": "Nobody <nobody@example.org>", **FIELDS}
    control = "".join(f"{key}: {value}\n" for key, value in lines.items())
    (tree / "DEBIAN/control").write_text(control)
    deb = place / "tool.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, deb], check=True, capture_output=True)
    return deb


def make(deb: Path, out: Path) -> dict[str, str]:
    """A repository of the package and of those that are made from nothing: the digests of its files."""
    packages = out / "Packages"
    packages.mkdir(parents=True)
    mkdistro.convert("tool", FIELDS, ["filesystem"], deb, packages)
    mkdistro.make_own(packages, "mini1", "1")
    mkdistro.write_comps(out / "comps.xml")
    mkdistro.write_metadata(out)
    files = [path for path in out.rglob("*") if path.is_file()]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deb = make_deb(tmp_path)
    first = make(deb, tmp_path / "first" / "repository")
    names = [Path(name).name for name in first]
    assert {"tool-1.0-2.x86_64.rpm", "filesystem-1-1.mini1.noarch.rpm", "repomd.xml"} <= set(names)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("HOSTNAME", "other.example.org")
    time.sleep(1.1)
    assert make(deb, tmp_path / "second" / "repository") == first
    header = read_header(tmp_path / "first" / "repository" / "Packages" / "tool-1.0-2.x86_64.rpm")
    assert (header["BUILDHOST"], header["BUILDTIME"]) == ("mini.localhost", EPOCH)
    assert max(each.mtime for each in header.files()) <= EPOCH
