"""Logs are shown while they grow: by push where there is a push service, else by looking."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moromi.client import ClientSession, Push
from moromi_hub.events.output import LOOK_SECONDS
from samplesite.site import BUILDER, Site
from support.byhand import HandBuilder
from support.commands import Command, command_of
from support.served import Served
from support.worker import eventually

HOST = "builder1.example.org"


class Reader:
    """A running command, of which one reads what has come so far."""

    def __init__(self, command: Command, *words: object) -> None:
        self.process = command.start(*words)
        assert self.process.stdout is not None
        self._out = self.process.stdout.fileno()
        self.text = ""

    def wait_for(self, text: str, seconds: float = 90.0) -> float:
        """Seconds until a text has come."""
        began = time.monotonic()
        while text not in self.text:
            left = began + seconds - time.monotonic()
            assert left > 0, f"no {text!r} in {self.text!r}"
            if select.select([self._out], [], [], left)[0]:
                data = os.read(self._out, 65536)
                assert data, f"ended without {text!r}: {self.text!r}"
                self.text += data.decode()
        return time.monotonic() - began

    def finish(self) -> int:
        """The rest, and the exit code."""
        rest, _ = self.process.communicate(timeout=90)
        self.text += rest
        return self.process.returncode


@contextmanager
def reading(command: Command, *words: object) -> Iterator[Reader]:
    """A command that is ended with the block."""
    reader = Reader(command, *words)
    try:
        yield reader
    finally:
        reader.process.kill()
        reader.process.communicate()


@pytest.fixture
def builder(bare_site: Site) -> Iterator[HandBuilder]:
    """The site's builder."""
    with ClientSession(f"{bare_site.url}/kojihub") as session, bare_site.session() as admin:
        session.login(BUILDER, bare_site.facts["builder_password"])
        session.exclusiveSession(force=True)
        yield HandBuilder(session, admin)


@pytest.fixture
def patient(bare_site: Site, tmp_path: Path) -> Command:
    """Our command, which looks only every ten minutes by itself."""
    return command_of(bare_site, "moromi", tmp_path / "patient", {"poll_interval": 600})


def test_growth_comes_by_push(patient: Command, builder: HandBuilder) -> None:
    task_id = builder.open("sleep", 60)
    builder.log(task_id, "build.log", b"one\n")
    with reading(patient, "watch-logs", task_id) as reader:
        reader.wait_for(f"==> {task_id}:DEFAULT:build.log: <==\none\n")
        for word in ("two", "three"):
            builder.log(task_id, "build.log", f"{word}\n".encode())
            assert reader.wait_for(f"{word}\n") < 40
        builder.log(task_id, "root.log", b"other\n")
        builder.log(task_id, "build.log", b"last\n")
        builder.close(task_id)
        assert reader.finish() == 0
    lines = reader.text.splitlines()
    assert lines[:5] == [
        "Watching logs (this may be safely interrupted)...",
        f"==> {task_id}:DEFAULT:build.log: <==",
        "one",
        "two",
        "three",
    ]
    assert sorted(lines[5:]) == sorted(["last", "", f"==> {task_id}:DEFAULT:root.log: <==", "other"])


def test_children_are_followed(patient: Command, builder: HandBuilder) -> None:
    parent = builder.open("build", "git://x/y#1", None, {})
    with reading(patient, "watch-logs", "--follow", "--log", "build.log", parent) as reader:
        reader.wait_for("Watching logs")
        child = builder.open_child(parent, "buildArch", "x.src.rpm", 1, "noarch", True, {})
        builder.log(child, "root.log", b"not asked for\n")
        builder.log(child, "build.log", b"first\n")
        reader.wait_for(f"==> {child}:DEFAULT:build.log: <==\nfirst\n")
        grandchild = builder.open_child(child, "sleep", 1)
        builder.log(grandchild, "build.log", b"below\n")
        reader.wait_for(f"==> {grandchild}:DEFAULT:build.log: <==\nbelow\n")
        for task_id in (grandchild, child, parent):
            builder.close(task_id)
        assert reader.finish() == 0
    assert "not asked for" not in reader.text


def test_only_followers_of_a_task_hear_of_its_output(bare_site: Site, builder: HandBuilder) -> None:
    one, other = builder.open("sleep", 1), builder.open("sleep", 2)
    builder.log(one, "build.log", b"12345")
    with Push(builder.session, f"/task/{one}/output") as push, Push(builder.session, f"/task/{one}") as plain:
        eventually(lambda: push.up and plain.up)
        told: list[dict[str, Any]] = []

        def sizes() -> list[int]:
            told.extend(event for name, event in push.drain() if name == "output")
            return [event["files"]["build.log"]["DEFAULT"] for event in told]

        eventually(lambda: sizes() == [5])
        builder.log(other, "build.log", b"not for this stream")
        began = time.monotonic()
        for _ in range(20):
            builder.log(one, "build.log", b"67890")
        eventually(lambda: sizes()[-1:] == [105])
        assert {event["id"] for event in told} == {one}
        looks = (time.monotonic() - began) / LOOK_SECONDS
        assert len(told) <= 3 + looks, "twenty pieces are not twenty events"
        for task_id in (one, other):
            builder.close(task_id)
        names: set[str] = set()

        def heard() -> set[str]:
            names.update(name for name, _ in plain.drain())
            return names

        eventually(lambda: "task" in heard())
        assert names == {"hello", "task"}
    for path in ("x", f"{one}/x", f"{one}/output/x", "999999/output"):
        with Push(builder.session, f"/task/{path}") as push:
            time.sleep(0.3)
            assert not push.up


def test_without_push_both_commands_look_for_themselves(served: Served, tmp_path: Path) -> None:
    at_once = {"PYTHONUNBUFFERED": "1"}
    commands = [replace(command, environment=at_once) for command in (served.koji(), served.moromi())]
    with served.session(HOST) as session, served.session() as admin:
        session.exclusiveSession(force=True)
        by_hand = HandBuilder(session, admin)
        task_id = by_hand.open("sleep", 60)
        by_hand.log(task_id, "build.log", b"one\n")
        with (
            reading(commands[0], "watch-logs", task_id) as koji,
            reading(commands[1], "watch-logs", task_id) as ours,
        ):
            for reader in (koji, ours):
                reader.wait_for("one\n")
            by_hand.log(task_id, "build.log", b"two\n")
            for reader in (koji, ours):
                reader.wait_for("two\n")
            by_hand.log(task_id, "build.log", b"three\n")
            by_hand.close(task_id)
            assert [reader.finish() for reader in (koji, ours)] == [0, 0]
    assert koji.text == ours.text
