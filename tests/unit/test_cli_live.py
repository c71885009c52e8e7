"""The tree of a watch: what is drawn of many tasks, and the ends of logs."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from moromi.client import ClientSession
from moromi.client.config import read_profile
from moromi.constants import TaskState
from moromi_cli.live import Tree
from moromi_cli.logs import LogEnd, tail
from moromi_cli.session import Cli
from moromi_cli.watch import Watcher

NOWHERE = Path("/nonexistent")


def drawn(
    states: list[TaskState],
    height: int,
    *,
    width: int = 100,
    whole: bool = False,
    reasons: dict[int, tuple[str, str]] | None = None,
    tails: dict[int, LogEnd] | None = None,
) -> str:
    """A task with children in these states, on a screen of so many lines."""
    console = Console(file=io.StringIO(), width=width, height=height)
    tree = Tree(Cli(read_profile("moromi", required=False, root=NOWHERE, home=NOWHERE)), console)
    tree.watcher = Watcher(ClientSession("http://127.0.0.1:1/hub"), None, tree)
    tree.watcher.add(1)
    for number in range(len(states)):
        tree.watcher.add(number + 2, tree.watcher.tasks[1])
    for task, state in zip(tree.watcher.tasks.values(), [TaskState.OPEN, *states], strict=True):
        task.info = {"id": task.id, "state": state, "method": "sleep", "arch": "noarch", "request": [1]}
    tree.whole = whole
    tree.reasons = reasons or {}
    tree.tails = tails or {}
    with console.capture() as capture:
        console.print(tree.render())
    return capture.get()


def test_all_tasks_are_drawn_where_there_is_room() -> None:
    text = drawn([TaskState.CLOSED, TaskState.FREE], 40)
    assert text.splitlines()[:3] == [
        "● 1 sleep (noarch)  open  ",
        "├── ✔ 2 sleep (noarch)  closed  ",
        "└── ○ 3 sleep (noarch)  free  ",
    ]
    assert "1 free  1 open  1 closed   (Ctrl-C: cancel or detach)" in text


def test_what_ended_well_gives_way_to_what_did_not() -> None:
    states = [TaskState.CLOSED] * 30 + [TaskState.OPEN, TaskState.FAILED]
    lines = drawn(states, 20).splitlines()
    assert len(lines) == 4
    assert "32 sleep (noarch)  open" in lines[1]
    assert "33 sleep (noarch)  failed" in lines[2]
    assert lines[3].startswith("2 open  30 closed  1 failed  (30 closed not shown)")
    assert len(drawn(states, 20, whole=True).splitlines()) == 34


def test_a_reason_stands_once_and_leaves_room_for_the_last_line() -> None:
    reasons = {number: ("no host has room", f", number {number - 1} in the queue") for number in range(2, 32)}
    text = drawn([TaskState.FREE] * 30, 12, width=60, reasons=reasons)
    assert text.count("no host has room") == 1
    assert "├── ○ 3 sleep (noarch)  free  , number 2 in the queue" in text
    last = "30 free 1 open (23 free not shown) (Ctrl-C: cancel or detach)"
    assert " ".join(text.split()).endswith(last)
    assert len(text.splitlines()) < 12
    assert drawn([TaskState.FREE] * 30, 12, whole=True, reasons=reasons).count("number") == 30


def test_the_end_of_a_log_waits_for_room_and_its_address_stays_whole() -> None:
    end = LogEnd("build.log", "http://hub.example.org/kojifiles/work/tasks/3/3/build.log", ["line"] * 12)
    states = [TaskState.FAILED, TaskState.OPEN]
    assert "the end of build.log" not in drawn(states, 14, tails={2: end})
    for width in (40, 80, 200):
        text = drawn(states, 24, width=width, tails={2: end})
        assert "the end of build.log of task 2" in text
        assert end.url in text.replace("\n", "")
        assert max(map(len, text.splitlines())) <= width


def test_the_end_of_a_log_is_plain_text() -> None:
    assert tail(b"one\n\n\x1b[31mtwo\x07\tthree\r\n\xff\n", 2) == ["two    three", "\ufffd"]
    assert tail(b"DEBUG util.py:462:  Error: no\nDEBUG util.py:1:  \n" + b"x" * 999) == [
        "Error: no",
        "x" * 199 + "…",
    ]
