"""What a build can see and do, and what is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from samplesite.services import wait_for
from support.chroots import Root

Srpm = Callable[[str], Path]

# A daemon that a build leaves behind, in a session of its own, deaf to polite signals.
ORPHAN = "import os, signal, time\nsignal.signal(15, 1)\nos.setsid()\ntime.sleep(60)\n"


def test_no_network(root: Root, srpm: Srpm) -> None:
    root.init()
    assert root.rebuild(srpm("netcheck")) == 0
    log = root.log("build")
    devices = [line.split(":")[0].strip() for line in log.splitlines() if ": " in line and " 0 " in line]
    assert devices == ["lo"]
    assert "uid=1000(mockbuild) gid=135(mock) groups=135(mock)" in log
    assert "127.0.0.1 localhost" in log


def test_network_on_request(root: Root) -> None:
    root.configure({"rpmbuild_networking": True, "use_host_resolv": True})
    root.init()
    here = Path("/proc/net/dev").read_text().count(":")
    assert root.shell("cat /proc/net/dev").count(":") == here
    assert root.shell("cat /etc/resolv.conf") == Path("/etc/resolv.conf").read_text()


def test_own_processes_only(root: Root) -> None:
    root.init()
    # The keeper's init, the shell and what it runs.
    pids = root.shell("echo /proc/[0-9]*").split()
    assert len(pids) <= 4


def test_host_files_are_out_of_reach(root: Root, tmp_path: Path) -> None:
    """Even a root process that opens a directory handle of the outside cannot get there."""
    secret = tmp_path / "secret"
    secret.write_text("host")
    root.init()
    escape = f"cat {secret} || cat /proc/1/root{secret} || ls -d /proc/1/cwd/{secret}"
    assert root.run("--chroot", escape).returncode != 0


def test_descriptors_are_not_inherited(root: Root, tmp_path: Path) -> None:
    root.init()
    with open(tmp_path / "open-in-builder", "w") as opened:
        os.set_inheritable(opened.fileno(), True)
        done = subprocess.run(
            root.command("--chroot", "ls -l /proc/self/fd"),
            capture_output=True,
            text=True,
            close_fds=False,
            check=True,
        )
    assert "open-in-builder" not in done.stdout


def test_unprivileged_command(root: Root) -> None:
    root.init()
    done = root.run("--unpriv", "--cwd", "/builddir", "--chroot", "id -u; pwd; touch /etc/x")
    assert done.stdout.split()[:2] == ["1000", "/builddir"]
    assert done.returncode == 1
    assert root.shell("id -u").strip() == "0"


def test_links_do_not_lead_to_the_host(root: Root, srpm: Srpm, tmp_path: Path) -> None:
    """What a build leaves is copied as it is, never what a link of its points to."""
    secret = tmp_path / "secret.rpm"
    secret.write_text("host")
    root.init()
    plant = f"cd /builddir/build && rm -rf RPMS && mkdir RPMS && ln -s {secret} RPMS/a.rpm"
    assert root.run("--unpriv", "--chroot", plant).returncode == 0
    # The build directory is made anew for each build: what was planted is gone.
    assert root.rebuild(srpm("hello-noarch")) == 0
    assert not (root.result / "a.rpm").exists()


def test_planted_build_directory(root: Root, srpm: Srpm, tmp_path: Path) -> None:
    root.init()
    (tmp_path / "SOURCES").mkdir()
    assert (
        root.run(
            "--unpriv", "--chroot", f"rm -rf /builddir/build; ln -s {tmp_path} /builddir/build"
        ).returncode
        == 0
    )
    assert root.rebuild(srpm("hello-noarch")) in (0, 70)
    assert not list((tmp_path / "SOURCES").iterdir())


def test_bind_mounts(root: Root, tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "token").write_text("t")
    root.configure({"internal_dev_setup": True})
    config = root.configdir / f"{root.name}.cfg"
    pair = (f"{tmp_path}/credentials", "/credentials")
    bind = f"config_opts['plugin_conf']['bind_mount_opts']['dirs'].append({pair!r})\n"
    config.write_text(config.read_text() + bind)
    root.init()
    assert root.shell("cat /credentials/token") == "t"
    assert not root.mounts()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_killed_while_building(root: Root, srpm: Srpm, number: signal.Signals, code: int) -> None:
    if not root.engine.native and number != signal.SIGTERM:
        pytest.skip("mock leaves rpmbuild running")
    root.init()
    process = root.start("--no-clean", "--rebuild", srpm("slow"))
    while "+ sleep 60" not in root.log("build"):
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, number)
    assert process.wait(timeout=60) == code
    if number == signal.SIGKILL:
        # The kernel ends the others on its own time.
        assert wait_for(lambda: not root.processes(), 60), root.processes()
    assert not root.processes()
    assert not root.mounts()
    assert root.run("--clean").returncode == 0


@pytest.mark.parametrize("moment", [0.15, 0.3, 0.5, 0.8, 1.2])
def test_killed_while_making_a_base(root: Root, tmp_path: Path, moment: float) -> None:
    """Whenever the first init is killed, the second one works and nothing half-made is used."""
    if not root.engine.native:
        pytest.skip("a property of our own engine")
    root.cache = tmp_path / "cache"
    root.configure({})
    process = root.start("--init")
    time.sleep(moment)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert wait_for(lambda: not root.processes(), 60), root.processes()
    root.init()
    assert "bash" in root.shell("rpm -q bash")
    assert not list(root.cache.rglob("*.new"))


def test_orphans_are_ended(root: Root) -> None:
    root.init()
    assert root.run("--install", "python3").returncode == 0
    (root.root / "chroot_tmpdir").mkdir()
    (root.root / "chroot_tmpdir" / "orphan.py").write_text(ORPHAN)
    start = time.monotonic()
    root.shell("python3 /chroot_tmpdir/orphan.py > /dev/null 2>&1 & sleep 0.3")
    assert time.monotonic() - start < 50, "it was waited for"
    assert not root.processes()
