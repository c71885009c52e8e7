"""`list-history --watch`, which ends when somebody ends it: both programs tell the same while it happens."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support.cli_cases import ADMIN
from support.compared import BIN, LOCALE, Programs, Stage, Stages
from support.worker import eventually

WORDS = ("list-history", "--watch", "--tag", "demo-40", "--events", "--after-event")
CHANGES = ("block-pkg demo-40 yeast", "edit-tag demo-40 --perm tag")


@contextmanager
def watching(name: str, stage: Stage, place: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A program that watches what happens after an early event, and the file that it writes to."""
    config, output = place / f"{name}.conf", place / name
    config.write_text(f"[test]\nserver = {stage.url}/kojihub\npoll_interval = 1\n", encoding="utf-8")
    words = ["--config", str(config), "--profile", "test", "--noauth", *WORDS, "40"]
    environment = {**LOCALE, "HOME": str(place)}
    if name == "koji":
        environment["PYTHONUNBUFFERED"] = "1"
    with (
        output.open("wb") as out,
        (place / f"{name}.err").open("wb") as err,
        subprocess.Popen([BIN / name, *words], stdout=out, stderr=err, env=environment) as process,
    ):
        try:
            yield process, output
        finally:
            process.kill()


def test_both_tell_what_happens(stages: Stages, programs: Programs, tmp_path: Path) -> None:
    with stages.stage() as stage, ExitStack() as stack:
        started = [stack.enter_context(watching(name, stage, tmp_path)) for name in ("koji", "moromi")]

        def told() -> list[str]:
            """What both have told; nothing while they differ."""
            theirs, ours = (stage.settled(output.read_text(encoding="utf-8")) for _, output in started)
            return ours.splitlines() if theirs == ours else []

        eventually(told, 60)
        for change in CHANGES:
            before = len(told())
            programs.run("moromi", stage, change.split(), ADMIN, tmp_path)
            eventually(lambda: len(told()) > before, 60)  # noqa: B023
        for process, _ in started:
            process.send_signal(signal.SIGINT)
        assert [process.wait(60) for process, _ in started] == [1, 1]
