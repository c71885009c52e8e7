"""Real process trees: found, ended, and gone with their parents."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from moromi_builder import commands, process
from moromi_builder.context import TaskKilled


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.02)


def identify(pid: int) -> process.ProcessId:
    info = process.inspect(pid)
    assert info is not None
    return info.id


def read_pid(path: Path) -> process.ProcessId:
    wait_for(lambda: path.exists() and path.read_text().strip() != "")
    return identify(int(path.read_text()))


def test_a_tree_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    endless = "while :; do sleep 0.05; done"
    script = f"trap '' TERM; (echo $BASHPID > {inner}; {endless}) & {endless}"
    outer = subprocess.Popen(["bash", "-c", script])
    root, child = identify(outer.pid), read_pid(inner)
    assert child in process.descendants([root])
    assert process.end_now([root], patience=0.3)
    assert not process.alive(child)
    assert outer.wait() == -signal.SIGKILL


def test_a_tree_that_listens_gets_its_moment(tmp_path: Path) -> None:
    note = tmp_path / "note"
    ready = tmp_path / "ready"
    script = f"trap 'echo clean > {note}; exit 0' TERM; touch {ready}; while :; do sleep 0.05; done"
    child = subprocess.Popen(["bash", "-c", script])
    wait_for(ready.exists)
    assert process.end_now([identify(child.pid)])
    assert child.wait() == 0
    assert note.read_text() == "clean\n"


def test_a_reused_pid_is_not_signalled() -> None:
    child = subprocess.Popen(["sleep", "60"])
    other = process.ProcessId(child.pid, identify(child.pid).start - 1)
    assert not process.alive(other)
    assert process.end_now([other])
    assert child.poll() is None
    child.kill()
    child.wait()


def test_marked_processes_are_found(tmp_path: Path) -> None:
    env = commands.environment(str(tmp_path))
    child = subprocess.Popen(["setsid", "sleep", "60"], env=env)
    wait_for(lambda: identify(child.pid) in process.marked_processes(str(tmp_path)))
    assert process.end_now(process.marked_processes(str(tmp_path)))
    child.wait()
    assert process.marked_processes(str(tmp_path)) == []


def test_processes_in_a_directory_are_found(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "60"], cwd=tmp_path)
    wait_for(lambda: identify(child.pid) in process.processes_below(str(tmp_path)))
    child.kill()
    child.wait()


def test_commands_end_with_a_killed_parent(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = f"""
import os, sys
from moromi_builder import commands
env = commands.environment({str(tmp_path)!r})
commands.run(["bash", "-c", "echo $$ > {pid_file}; exec sleep 60"], env=env)
"""
    parent = subprocess.Popen([sys.executable, "-c", program])
    command = read_pid(pid_file)
    parent.kill()
    parent.wait()
    wait_for(lambda: not process.alive(command))


def test_run_appends_to_the_log_and_ticks(tmp_path: Path) -> None:
    log, enough = tmp_path / "out.log", tmp_path / "enough"
    log.write_text("before\n")
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(log.stat().st_size)
        if len(ticks) == 3:
            enough.touch()

    status = commands.run(
        ["bash", "-c", f"echo out; echo err >&2; until [ -e {enough} ]; do sleep 0.1; done; exit 3"],
        env=commands.environment(str(tmp_path)),
        log=log,
        show=True,
        tick=tick,
        interval=0.1,
    )
    assert status == commands.Status(3)
    assert not status
    assert status.describe("mock") == "mock exited with status 3"
    assert log.read_text().startswith("before\n$ bash -c ")
    assert log.read_text().endswith("out\nerr\n")
    assert len(ticks) >= 3


def test_a_signalled_command_says_so(tmp_path: Path) -> None:
    status = commands.run(["bash", "-c", "kill -9 $$"], env=commands.environment(str(tmp_path)))
    assert status.describe("mock") == "mock was killed by signal 9"


def test_leaving_by_an_exception_ends_the_command(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    def tick() -> None:
        if pid_file.exists() and pid_file.read_text():
            raise TaskKilled

    with pytest.raises(TaskKilled):
        commands.run(
            ["bash", "-c", f"sleep 60 & echo $! > {pid_file}; wait"],
            env=commands.environment(str(tmp_path)),
            tick=tick,
            interval=0.05,
        )
    child = process.inspect(int(pid_file.read_text()))
    assert child is None or child.zombie


def test_capture_tells_why_it_failed(tmp_path: Path) -> None:
    env = commands.environment(str(tmp_path))
    assert commands.capture(["echo", "hello"], env=env) == "hello\n"
    with pytest.raises(commands.CommandFailed, match="exited with status 2: no such thing"):
        commands.capture(["bash", "-c", "echo no such thing >&2; exit 2"], env=env)


def test_orphans_are_adopted(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = f"""
import os, subprocess, time
from moromi.process import adopt_orphans
adopt_orphans()
subprocess.run(["bash", "-c", "setsid sleep 60 & echo $! > {pid_file}"])
time.sleep(60)
"""
    keeper = subprocess.Popen([sys.executable, "-c", program])
    orphan = read_pid(pid_file)
    wait_for(lambda: orphan in process.descendants([identify(keeper.pid)]))
    info = process.inspect(orphan.pid)
    assert info is not None
    wait_for(lambda: (process.inspect(orphan.pid) or info).parent == keeper.pid)
    assert process.end_now([identify(keeper.pid)])
    keeper.wait()
    assert not process.alive(orphan)
    assert os.getpid() != keeper.pid
