"""Builds as a person at a terminal sees them, and what `why`, `status` and `diff-builds` say of real ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from moromi.constants import TaskState
from samplesite import content
from samplesite.site import BUILDER, Site
from support.commands import Command, command_of
from support.sites import PAUSE, Builds, Package
from support.terminal import on_terminal


@pytest.fixture(scope="module")
def moromi(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Our command, as administrator."""
    return command_of(site, "moromi", tmp_path_factory.mktemp("moromi"))


def test_a_build_is_a_tree_that_grows(moromi: Command, builds: Builds) -> None:
    srpm = Package("seen", build=PAUSE).srpm(builds.place)
    with on_terminal(moromi, "build", "--scratch", content.TARGET, srpm) as terminal:
        terminal.wait_for(r"seen-1-1.src.rpm ━+ .*\d KiB")
        task = terminal.wait_for(r"Created task: (\d+)")[1]
        terminal.wait_for(rf"● {task} build \({content.TARGET}, seen-1-1.src.rpm\)  open on {BUILDER}  \d+s")
        terminal.wait_for(r"└── ● \d+ buildArch \(seen-1-1.mini1.src.rpm, noarch\)  open", 90)
        builds.go_on()
        terminal.wait_for(rf"✔ {task} build .* closed  \d+s", 90)
        assert terminal.finish() == 0
    assert "3 closed" in terminal.text


def test_what_failed_is_shown_with_the_end_of_its_log(moromi: Command, builds: Builds) -> None:
    srpm = Package("unwell", build="echo the yeast is dead; exit 3").srpm(builds.place)
    with on_terminal(moromi, "build", "--scratch", content.TARGET, srpm) as terminal:
        task = int(terminal.wait_for(r"Created task: (\d+)")[1])
        child = terminal.wait_for(r"✘ (\d+) buildArch .* failed", 90)[1]
        terminal.wait_for(rf"╭─ the end of build.log of task {child} ─")
        terminal.wait_for("Bad exit status from .*%build")
        terminal.wait_for(rf"/kojifiles/work/tasks/{int(child) % 10000}/{child}/build.log ─")
        assert terminal.finish() == 1
    text = moromi("why", task)
    assert f"{task} build ({content.TARGET}, unwell-1-1.src.rpm): it is over: failed\n" in text
    assert f"  task {child}: BuildError: error building package" in text
    assert "    the yeast is dead\n" in text
    (answer,) = json.loads(moromi("why", "--json", task))
    assert answer["failed"]["task_id"] == int(child)


def test_interrupt_cancels_a_running_build(moromi: Command, builds: Builds) -> None:
    srpm = Package("sleepy", build="sleep 600").srpm(builds.place)
    with on_terminal(moromi, "build", "--scratch", content.TARGET, srpm) as terminal:
        task = int(terminal.wait_for(r"Created task: (\d+)")[1])
        terminal.wait_for("buildArch .* open", 90)
        status = moromi("status")
        terminal.press("\x03")
        terminal.wait_for(r"\[c/d/W\]")
        terminal.press("c\n")
        terminal.wait_for(rf"✖ {task} build .* canceled")
        assert terminal.finish() == 1
    assert builds.state(task) == TaskState.CANCELED
    assert re.search(r"^Builders: \d enabled, 1 ready, load ", status, re.M)
    assert f"buildArch (sleepy-1-1.mini1.src.rpm, noarch) on {BUILDER} for " in status


def test_builds_are_compared(moromi: Command, builds: Builds, tmp_path: Path) -> None:
    install = "install -d %{{buildroot}}/usr/share/differ; echo {0} >%{{buildroot}}/usr/share/differ/{1}"
    first = Package("differ", install=install.format("one", "old"))
    head = "BuildArch: noarch\nProvides: differ(two) = 2\nRequires: bash >= 4"
    second = Package("differ", version="2", install=install.format("two", "new"), head=head)
    for package in (first, second):
        builds.run(package)
    text = moromi("diff-builds", first.nvr, second.nvr)
    assert text.startswith(
        f"{first.nvr} -> {second.nvr}\nPackages:\n  ~ differ.noarch: version 1-1.mini1 -> 2-1.mini1"
    )
    for line in (
        "    + /usr/share/differ/new",
        "    - /usr/share/differ/old",
        "    + provides differ(two) = 2",
        "    + requires bash >= 4",
    ):
        assert f"{line}\n" in text
    assert "Buildroot: the same\n" in text
    assert "differ = @" not in text
    only = json.loads(
        moromi("diff-builds", "--only", "files", "--arch", "noarch", "--json", first.nvr, second.nvr)
    )
    assert only.keys() == {"old", "new", "files"}
    assert only["files"]["differ.noarch"]["added"] == ["/usr/share/differ/new"]
