"""What a builder reads: packages, logs and their forms, the root on disk (spec: chroots, section 1)."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from moromi_builder import packages
from moromi_chroot.config import BUILD_GID, BUILD_UID
from support.chroots import PACKAGES, Root

Srpm = Callable[[str], Path]


def test_logs_after_init(root: Root) -> None:
    root.init()
    assert {path.name for path in root.result.iterdir()} >= {
        "build.log",
        "root.log",
        "state.log",
        "hw_info.log",
    } - {"build.log"}
    lines = root.log("state").splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - Mock Version: 6\.7.*", lines[0])
    assert "Start: run" not in root.log("state")
    assert all(line.startswith("DEBUG util.py:462:  ") for line in root.log("root").splitlines())


def test_noarch_package(root: Root, srpm: Srpm) -> None:
    root.init()
    assert root.rebuild(srpm("hello-noarch")) == 0
    assert {path.name for path in root.result.glob("*.rpm")} == {
        "hello-noarch-1.0-1.mini1.noarch.rpm",
        "hello-noarch-1.0-1.mini1.src.rpm",
    }
    build_log = root.log("build")
    assert re.search(
        r"^Executing command: \[.*rpmbuild -bb.*\] with env \{.*\} and shell False$", build_log, re.M
    )
    assert build_log.endswith("Child return code was: 0\n")
    listed = root.log("installed_pkgs").splitlines()
    assert all(re.fullmatch(r"\S+-\S+-\S+\.\w+ \d+ \d+ installed", line) for line in listed)
    assert any(line.startswith("bash-") for line in listed)
    vendor = subprocess.check_output(
        ["rpm", "-qp", "--qf", "%{vendor}", root.result / "hello-noarch-1.0-1.mini1.noarch.rpm"], text=True
    )
    assert vendor == "Moromi"


def test_c_package(root: Root, srpm: Srpm) -> None:
    root.init()
    assert root.rebuild(srpm("hello-c"), "x86_64") == 0
    names = {path.name.removesuffix("-0.1-1.mini1.x86_64.rpm") for path in root.result.glob("*.x86_64.rpm")}
    assert names == {
        *("hello-c", "hello-c-libs", "hello-c-devel", "hello-c-debugsource"),
        *("hello-c-debuginfo", "hello-c-libs-debuginfo"),
    }


def test_phases(root: Root, srpm: Srpm) -> None:
    root.init()
    assert root.rebuild(srpm("hello-noarch")) == 0
    phases = [line.split(" - ", 1)[1] for line in root.log("state").splitlines() if " - Start: " in line]
    name = "hello-noarch-1.0-1.src.rpm"
    wanted = [
        *(f"Start: build phase for {name}", f"Start: build setup for {name}", f"Start: rpmbuild {name}"),
        "Start: Outputting list of installed packages",
    ]
    assert phases[-4:] == wanted


def test_source_package_from_checkout_in_root(root: Root) -> None:
    """The builder's way: a checkout below the root, prepared by an unprivileged command in the root."""
    root.init()
    checkout = root.root / "chroot_tmpdir" / "scmroot" / "hello"
    checkout.mkdir(parents=True)
    for source in (PACKAGES / "hello-noarch").iterdir():
        (checkout / source.name).write_bytes(source.read_bytes())
    script = checkout / "greet.sh"
    (checkout / "Makefile").write_text("sources:\n\tmv kept greet.sh; id -un > who\n")
    script.rename(checkout / "kept")
    for path in (checkout, *checkout.iterdir()):
        os.chown(path, BUILD_UID, BUILD_GID)
    inside = "/chroot_tmpdir/scmroot/hello"
    assert root.run("--install", "make").returncode == 0
    done = root.run("--no-clean", "--unpriv", "--cwd", inside, "--chroot", "make", "sources")
    assert done.returncode == 0, done.stdout
    assert (checkout / "who").read_text() == "mockbuild\n"
    spec = checkout / "hello-noarch.spec"
    args = ("--no-clean", "--buildsrpm", "--spec", spec, "--sources", checkout, "--target", "noarch")
    assert root.run(*args).returncode == 0
    assert [path.name for path in root.result.glob("*.src.rpm")] == ["hello-noarch-1.0-1.mini1.src.rpm"]
    assert "rpmbuild -bs" in root.log("state")


def test_source_package_rebuilt_by_hand(root: Root, srpm: Srpm) -> None:
    """The commands of a rebuildSRPM task."""
    root.init()
    work = root.root / "chroot_tmpdir" / "srpm"
    work.mkdir(parents=True)
    package = srpm("hello-noarch")
    (work / package.name).write_bytes(package.read_bytes())
    topdir = "/chroot_tmpdir/srpm_unpacked"
    head = ("--no-clean", "--target", "noarch", "--chroot", "--")
    define = ("--define", f"_topdir {topdir}")
    assert root.run(*head, "rpm", *define, "-iv", f"/chroot_tmpdir/srpm/{package.name}").returncode == 0
    spec = f"{topdir}/SPECS/hello-noarch.spec"
    assert root.run(*head, "rpmbuild", *define, "-bs", "--nodeps", spec).returncode == 0
    assert (root.root / f"{topdir}/SRPMS/hello-noarch-1.0-1.mini1.src.rpm".lstrip("/")).is_file()


def test_package_list(root: Root, tmp_path: Path) -> None:
    root.init()
    before = {package["name"] for package in packages.installed(root.root, str(tmp_path))}
    assert root.run("--install", "make").returncode == 0
    after = {package["name"]: package for package in packages.installed(root.root, str(tmp_path))}
    assert "make" not in before and "bash" in before
    assert set(after) > before
    assert len(after["make"]["payloadhash"]) == 32 and after["make"]["size"] > 0
    assert set(root.shell("rpm -qa --qf '%{name}\\n'").split()) == set(after)


def test_logs_grow_and_are_kept(root: Root, srpm: Srpm) -> None:
    root.init()
    size = len(root.log("root"))
    process = root.start("--no-clean", "--rebuild", srpm("slow"))
    while "+ sleep 60" not in root.log("build"):
        assert process.poll() is None, "the log is written while the build runs"
        time.sleep(0.1)
    process.terminate()
    process.wait(timeout=60)
    assert len(root.log("root")) > size
    assert root.run("--clean").returncode == 0
    assert not root.root.exists()
    assert "+ sleep 60" in root.log("build"), "--clean keeps the results"


def test_locked(root: Root, srpm: Srpm) -> None:
    root.init()
    process = root.start("--no-clean", "--rebuild", srpm("slow"))
    while "+ sleep 60" not in root.log("build"):
        assert process.poll() is None
        time.sleep(0.1)
    assert root.run("--init").returncode == 60
    assert root.run("--clean").returncode == 60
    process.terminate()
    assert process.wait(timeout=60) == 143
