"""On a terminal: the tree of watched tasks, why one waits, Ctrl-C; errors that say what to try."""

from __future__ import annotations

import re
import shlex
import sys
import time
from pathlib import Path

from samplesite.site import Site
from support.commands import Command
from support.terminal import on_screen, on_terminal
from support.worker import eventually


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
            assert time.monotonic() - start < 40


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


def test_errors_say_what_to_try(moromi: Command) -> None:
    with on_terminal(moromi, "call", "getTag", "nosuch-1", "strict=True") as terminal:
        terminal.wait_for(r"^moromi: error: .*nosuch-1.* \(moromi list-tags '\*nosuch-1\*'\)\n$")
        assert terminal.finish() == 1
    with on_terminal(moromi, "biuld") as terminal:
        terminal.wait_for(r"^moromi: error: unknown command: biuld \(did you mean build\?\)\n$")
        assert terminal.finish() == 1
    with on_terminal(moromi, "build", "nosuch", "x.src.rpm") as terminal:
        terminal.wait_for("error: No such build target: nosuch\nHint: moromi list-targets lists them\n")
        assert terminal.finish() == 2


def test_unreachable_hub_is_an_error_after_the_configured_time(moromi: Command) -> None:
    config = moromi.home / "impatient.conf"
    config.write_text("[moromi]\nserver = http://127.0.0.1:1/hub\nretry_interval = 1\npatience = 2\n")
    start = time.monotonic()
    with on_terminal(moromi, "--config", config, "version") as terminal:
        terminal.wait_for(r"Trying again every 1 s for 2 s \(Ctrl-C ends it\)")
        terminal.wait_for(r"moromi: error: .*Connection refused \(is the hub running")
        assert terminal.finish() == 1
    assert 2 <= time.monotonic() - start < 60


def test_bars_of_uploads_and_downloads(moromi: Command, tmp_path: Path) -> None:
    source = next((Path(__file__).parent.parent / "data" / "rpms").glob("*.src.rpm"))
    with on_terminal(moromi, "import", source) as terminal:
        terminal.wait_for(rf"{source.name} ━+ .*\nimporting .*done\n|already imported")
        assert terminal.finish() == 0
    nvr = source.name.removesuffix(".src.rpm")
    with on_terminal(moromi, "download-build", "--arch", "src", nvr, cwd=tmp_path) as terminal:
        terminal.wait_for(rf"Downloading \[1/1\]: {source.name}\n")
        terminal.wait_for(rf"{source.name} ━+ [\d.]+/[\d.]+ [KM]iB ")
        assert terminal.finish() == 0
    assert (tmp_path / source.name).read_bytes() == source.read_bytes()


def test_interrupt_of_watched_logs(bare_site: Site, moromi: Command) -> None:
    with bare_site.session() as session:
        task_id = session.makeTask("sleep", [5], channel="default")
        with on_terminal(moromi, "watch-logs", task_id) as terminal:
            terminal.wait_for("Watching logs")
            time.sleep(1)
            terminal.press("\x03")
            terminal.wait_for(r"\[c/d/W\]")
            terminal.press("c\n")
            assert terminal.finish() == 0
        assert session.getTaskInfo(task_id)["state"] == 3


def test_tree_on_a_terminal_whose_size_changes(bare_site: Site, moromi: Command, tmp_path: Path) -> None:
    with bare_site.session() as session:
        ids = [session.makeTask("sleep", [number], channel="default") for number in range(3)]
        watch = shlex.join([*moromi.argv, "watch-task", *map(str, ids)])
        with on_screen(tmp_path, "sh", "-c", f"seq 20; {watch}") as screen:

            def times() -> list[str]:
                """How long the first task has taken, wherever it is shown; nothing if a part is missing."""
                text = screen.text()
                whole = all(text.count(f"○ {task_id} sleep") == 1 for task_id in ids[1:])
                found = re.findall(rf"○ {ids[0]} sleep \(noarch\)  free  (\S+)", text)
                return found if whole and text.count("Ctrl-C") == 1 else []

            eventually(times, 30)
            for size in ((60, 40), (34, 14), (50, 20), (120, 40), (40, 12), (120, 40)):
                (before,) = times()
                screen.resize(*size)
                eventually(lambda: len(times()) == 1 and times() != [before], 30)  # noqa: B023
        for task_id in ids:
            session.cancelTask(task_id)


BAR = """
import time
from moromi_cli.bars import Bar
with Bar("a-package-with-quite-a-long-name-1.0-1.src.rpm") as bar:
    for amount in range(1, 1000):
        bar.show(amount, 1000)
        time.sleep(0.1)
"""


def test_bar_on_a_terminal_whose_size_changes(tmp_path: Path) -> None:
    with on_screen(tmp_path, sys.executable, "-c", BAR) as screen:

        def shown(size: tuple[int, int]) -> bool:
            """Whether there is one bar, on one line."""
            lines = screen.text().split("\n")
            return len(lines) == 1 and "a-pack" in lines[0] and len(lines[0]) <= size[0]

        for size in ((120, 40), (70, 40), (44, 20), (90, 30)):
            screen.resize(*size)
            eventually(lambda: shown(size), 30)  # noqa: B023
