"""Watching on a terminal: the tree, why a task waits, Ctrl-C."""

from __future__ import annotations

import time

from samplesite.site import Site
from support.commands import Command
from support.terminal import on_terminal


def test_tree_says_why_a_task_waits_and_ends_by_push(bare_site: Site, moromi: Command) -> None:
    with bare_site.session() as session:
        task_id = session.makeTask("sleep", [5], channel="default")
        with on_terminal(moromi, "watch-task", task_id) as terminal:
            terminal.wait_for(rf"{task_id} sleep \(noarch\)  free")
            reason = session.scheduler.explain(task_id)["summary"]
            terminal.wait_for(reason[:40])
            time.sleep(1)  # the stream is up, its greeting has been answered
            start = time.monotonic()
            session.cancelTask(task_id)
            terminal.wait_for(rf"{task_id} sleep \(noarch\)  canceled")
            assert terminal.finish() == 1
            assert time.monotonic() - start < 6


def test_interrupt_cancels_when_told_to(bare_site: Site, moromi: Command) -> None:
    with bare_site.session() as session:
        task_id = session.makeTask("sleep", [5], channel="default")
        with on_terminal(moromi, "watch-task", task_id) as terminal:
            terminal.wait_for("Ctrl-C: cancel or detach")
            terminal.press("\x03")
            terminal.wait_for(r"\[c/d/W\]")
            terminal.press("c\n")
            terminal.wait_for("canceled")
            assert terminal.finish() == 1
        assert session.getTaskInfo(task_id)["state"] == 3


def test_interrupt_detaches_or_goes_on(bare_site: Site, moromi: Command) -> None:
    with bare_site.session() as session:
        task_id = session.makeTask("sleep", [5], channel="default")
        with on_terminal(moromi, "watch-task", task_id) as terminal:
            terminal.wait_for("Ctrl-C: cancel or detach")
            terminal.press("\x03")
            terminal.wait_for(r"\[c/d/W\]")
            terminal.press("\n")
            terminal.wait_for("free")
            terminal.press("\x03")
            terminal.wait_for(r"\[c/d/W\]")
            terminal.press("d\n")
            terminal.wait_for(rf"You can continue to watch with the 'moromi watch-task {task_id}' command")
            assert terminal.finish() == 1
        assert session.getTaskInfo(task_id)["state"] == 0
        session.cancelTask(task_id)
