"""Chroots on this machine: found again, kept, removed; real mounts below them."""

import ctypes
import os
import subprocess
import time
from pathlib import Path

import pytest

from moromi_builder import leftovers, mounts, roots
from moromi_builder.process import alive, inspect
from moromi_builder.settings import Settings

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "cfg").mkdir()
    return Settings(
        server="x",
        topurl="x",
        workdir=str(tmp_path / "work"),
        mockdir=str(tmp_path / "mock"),
        mock_config_dir=str(tmp_path / "cfg"),
        minspace=0,
        failed_buildroot_lifetime=100,
    )


def make_root(settings: Settings, number: int, task_id: int, workdir: str | None = None) -> Path:
    name = f"tag-{number}-1"
    directory = Path(settings.mockdir) / name
    (directory / "root" / "etc").mkdir(parents=True)
    (directory / "root" / "etc" / "link").symlink_to("/etc/passwd")
    (directory / "result").mkdir()
    head = roots.header(number, name, 1, "tag", task_id, workdir or settings.workdir)
    (config_dir(settings) / f"{name}.cfg").write_text(head + "config_opts['root'] = 'x'\n")
    return directory


def config_dir(settings: Settings) -> Path:
    return roots.config_dir(settings, real_mock=True)


def test_only_our_own_are_found(settings: Settings) -> None:
    make_root(settings, 1, 10)
    make_root(settings, 2, 11, workdir="/somewhere/else")
    (config_dir(settings) / "default.cfg").write_text("config_opts['root'] = 'y'\n")
    found = roots.find(settings, config_dir(settings))
    assert [(root.buildroot_id, root.task_id, root.failed) for root in found] == [(1, 10, False)]


def test_end_of_a_task(settings: Settings) -> None:
    good, bad, other = (make_root(settings, n, 10 + n) for n in (1, 2, 3))
    leftovers.dispose(settings, config_dir(settings), 11, failed=False)
    leftovers.dispose(settings, config_dir(settings), 12, failed=True)
    assert not good.exists()
    assert bad.exists()
    assert other.exists()
    assert [root.failed for root in roots.find(settings, config_dir(settings))] == [True, False]
    roots.maintain(settings, config_dir(settings), running=[13])
    assert bad.exists()
    assert other.exists()
    old = time.time() - 200
    os.utime(config_dir(settings) / "tag-2-1.cfg", (old, old))
    roots.maintain(settings, config_dir(settings), running=[13])
    assert not bad.exists()
    assert other.exists()


def test_configured_delays(settings: Settings) -> None:
    import dataclasses

    settings = dataclasses.replace(
        settings, buildroot_basic_cleanup_delay=50, buildroot_final_cleanup_delay=100
    )
    directory = make_root(settings, 1, 10)
    leftovers.dispose(settings, config_dir(settings), 10, failed=False)
    config = config_dir(settings) / "tag-1-1.cfg"
    for age, root_there, tree_there in ((10, True, True), (60, False, True), (110, False, False)):
        then = time.time() - age
        os.utime(config, (then, then))
        roots.maintain(settings, config_dir(settings), running=[])
        assert (directory / "root" / "etc").exists() == root_there
        assert directory.exists() == tree_there
    assert not config.exists()


@needs_root
def test_mounts_and_processes_go_before_the_files(settings: Settings, tmp_path: Path) -> None:
    directory = make_root(settings, 1, 10)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep me")
    target = directory / "root" / "a b"
    target.mkdir()
    subprocess.run(["mount", "--bind", str(precious), str(target)], check=True)
    sleeper = subprocess.Popen(["sleep", "60"], cwd=target)
    info = inspect(sleeper.pid)
    assert info is not None
    assert mounts.mounted_below(str(directory)) == [str(target)]
    leftovers.remove_task(settings, config_dir(settings), 10)
    assert not directory.exists()
    assert mounts.mounted_below(str(directory)) == []
    assert (precious / "file").read_text() == "keep me"
    assert not alive(info.id)
    sleeper.wait()


@needs_root
def test_removal_never_enters_another_file_system(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "mounted").mkdir(parents=True)
    libc = ctypes.CDLL(None, use_errno=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(tree / "mounted")], check=True)
    (tree / "mounted" / "file").touch()
    try:
        with pytest.raises(OSError, match="on another file system"):
            mounts.remove_tree(str(tree))
        assert (tree / "mounted" / "file").exists()
    finally:
        assert libc.umount2(os.fsencode(tree / "mounted"), 0) == 0
    mounts.remove_tree(str(tree))
    assert not tree.exists()


def test_a_crashed_daemon_leaves_nothing(settings: Settings) -> None:
    killed, failed = make_root(settings, 1, 10), make_root(settings, 2, 11)
    leftovers.dispose(settings, config_dir(settings), 11, failed=True)
    scratch = Path(settings.workdir) / "tasks" / "10" / "10"
    scratch.mkdir(parents=True)
    (scratch / "mock_output.log").touch()
    from moromi_builder import commands

    recorded = subprocess.Popen(["sleep", "60"])
    marked = subprocess.Popen(["setsid", "sleep", "60"], env=commands.environment(settings.workdir))
    info = inspect(recorded.pid)
    assert info is not None
    records = Path(settings.workdir) / "running"
    records.mkdir()
    (records / "10").write_text(f"{info.id.pid} {info.id.start}\n")
    leftovers.end_previous(settings, config_dir(settings))
    assert recorded.wait() != 0
    assert marked.wait() != 0
    assert not killed.exists()
    assert failed.exists()
    assert not scratch.exists()
    assert list(records.iterdir()) == []
