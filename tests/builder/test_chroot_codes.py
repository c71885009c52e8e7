"""Each row of the table of exit codes (spec: chroots, section 1)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from moromi_chroot.buildroot import Buildroot
from moromi_chroot.config import load
from moromi_chroot.errors import PackagesFailed
from support.chroots import PACKAGES, Root

Srpm = Callable[[str], Path]


@pytest.mark.parametrize(
    ("package", "code", "phase"),
    [
        ("hello-noarch", 0, "Finish: run"),
        ("dynbr", 0, "Finish: run"),
        ("fail-build", 1, "Finish: build phase for fail-build-1-1.src.rpm"),
        ("fail-check", 1, "Finish: build phase for fail-check-1-1.src.rpm"),
        ("fail-files", 1, "Finish: build phase for fail-files-1-1.src.rpm"),
        ("excl", 1, "Finish: build phase for excl-1-1.src.rpm"),
        ("fail-deps", 30, "Finish: build phase for fail-deps-1-1.src.rpm"),
        ("dynfail", 30, "Finish: build phase for dynfail-1-1.src.rpm"),
    ],
)
def test_rebuild(root: Root, srpm: Srpm, package: str, code: int, phase: str) -> None:
    root.init()
    assert root.rebuild(srpm(package)) == code
    assert root.log("state").splitlines()[-1].endswith(f" - {phase}")


def test_generate_buildrequires_fails(root: Root, tmp_path: Path) -> None:
    text = (PACKAGES / "bad" / "dynfail.spec").read_text().replace("echo no-such-dep", "exit 3")
    spec = tmp_path / "dynexit.spec"
    spec.write_text(text.replace("Name: dynfail", "Name: dynexit"))
    make = ["rpmbuild", "-bs", "--nodeps", "--define", f"_topdir {tmp_path}", str(spec)]
    subprocess.run(make, check=True, capture_output=True)
    root.init()
    assert root.rebuild(tmp_path / "SRPMS" / "dynexit-1-1.src.rpm") == 10


@pytest.mark.parametrize("spec", ["nosrc", "parse"])
def test_source_package_fails(root: Root, spec: str) -> None:
    root.init()
    path = PACKAGES / "bad" / f"{spec}.spec"
    args = ("--no-clean", "--buildsrpm", "--spec", path, "--sources", path.parent, "--target", "noarch")
    assert root.run(*args).returncode == 1


@pytest.mark.parametrize("kind", ["missing", "garbage", "header", "binary"])
def test_not_a_source_package(root: Root, srpm: Srpm, distribution: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "broken-1-1.src.rpm"
    good = srpm("hello-noarch").read_bytes()
    if kind == "garbage":
        path.write_bytes(b"no package at all\n" * 1000)
    elif kind == "header":
        path.write_bytes(good[:1000])
    elif kind == "binary":
        path = next(distribution.glob("Packages/bash-*.rpm"))
    assert root.rebuild(path) == 1
    assert not root.result.exists()


def test_truncated_payload(root: Root, srpm: Srpm, tmp_path: Path) -> None:
    path = tmp_path / "hello-c-0.1-1.src.rpm"
    path.write_bytes(srpm("hello-c").read_bytes()[:-300])
    root.init()
    assert root.rebuild(path) == 40


def test_unknown_package(root: Root) -> None:
    root.init()
    done = root.run("--install", "no-such-package")
    assert done.returncode == 30
    assert "no-such-package" in done.stderr


@pytest.mark.usefixtures("native")
def test_options_are_no_packages(root: Root) -> None:
    """What the header of a package requires is nothing that dnf, root over the host's files, would obey."""
    broot = Buildroot(load(root.name, root.configdir))
    with pytest.raises(PackagesFailed, match="Not the name of a package: --installroot=/"):
        broot.install(["bash", "--installroot=/"])


def test_missing_group(root: Root) -> None:
    root.configure({"chroot_setup_cmd": "install @no-such-group"})
    assert root.run("--init").returncode == 30


@pytest.mark.parametrize("members", ["", '<packagereq type="mandatory">no-such-package</packagereq>'])
def test_empty_group(root: Root, tmp_path: Path, members: str) -> None:
    """A group of nothing, or of packages that the repository does not have, makes no root."""
    comps = tmp_path / "comps.xml"
    group = f"<id>build</id><name>build</name><packagelist>{members}</packagelist>"
    comps.write_text(f'<?xml version="1.0"?>\n<comps><group>{group}</group></comps>\n')
    (tmp_path / "empty").mkdir()
    words = ["createrepo_c", "--quiet", "-g", str(comps), str(tmp_path / "empty")]
    subprocess.run(words, check=True, capture_output=True)
    root.urls = [f"file://{tmp_path}/empty"]
    root.configure({})
    done = root.run("--init")
    assert done.returncode == 30, done.stderr
    assert root.run("--chroot", "true").returncode == 30, "it is not there at the second look either"


def test_dead_repository(root: Root, tmp_path: Path) -> None:
    root.urls = [f"file://{tmp_path}/nothing"]
    root.configure({})
    assert root.run("--init").returncode == 30


def test_timeout(root: Root, srpm: Srpm) -> None:
    root.configure({"rpmbuild_timeout": 2})
    root.init()
    assert root.rebuild(srpm("slow")) == 11
    assert not root.processes()
    assert not root.mounts()


@pytest.mark.parametrize("code", [0, 7, 125])
def test_command_status(root: Root, code: int) -> None:
    root.init()
    assert root.run("--chroot", f"exit {code}").returncode == code


def test_usage(root: Root, tmp_path: Path) -> None:
    assert root.run("--no-such-option").returncode == 5
    assert root.run("--buildsrpm", "--spec", tmp_path / "no.spec", "--sources", tmp_path).returncode == 5
    root.name = "unknown"
    assert root.run("--init").returncode == 3
    root.name = "r1"


def test_clean_without_root(root: Root) -> None:
    assert root.run("--clean").returncode == 0
    assert root.run("--scrub=all").returncode == 0
