"""Replays the recorded conversations with a reference hub, one test a scenario.

A scenario that needs calls which are not there yet is listed in `pending.txt` and
expected to fail; one that passes must leave the list.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from wsgiref.simple_server import make_server

import pytest

from harness import Harness, QuietHandler, ThreadingServer
from support import database
from support.hub import state_template

HERE = Path(__file__).parent
SCENARIOS = sorted((HERE / "scenarios").glob("*.json"))
PENDING = set((HERE / "pending.txt").read_text().split())


def _load_program() -> ModuleType:
    """The corpus's own replay program."""
    spec = importlib.util.spec_from_file_location("conformance_replay", HERE / "conformance.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REPLAY = _load_program()


@pytest.fixture(scope="session")
def harness() -> Iterator[Harness]:
    """One database server and state template for all scenarios."""
    with (
        database.running_server() as postgres,
        database.template(postgres) as plain,
        state_template(postgres, plain) as state,
    ):
        made = Harness(postgres, state)
        yield made
        made.close()


@pytest.fixture(scope="session")
def url(harness: Harness) -> Iterator[str]:
    """The address of the harness."""
    server = make_server("127.0.0.1", 0, harness, ThreadingServer, QuietHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/kojihub"
    server.shutdown()
    thread.join()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(request: pytest.FixtureRequest, harness: Harness, url: str, scenario: Path) -> None:
    if scenario.stem in PENDING:
        request.applymarker(pytest.mark.xfail(reason="needs calls that are not there yet", strict=True))
    harness.reset()
    checked, failures = REPLAY.replay(scenario, url)
    lines = [
        f"{number}. {step.get('as')}: {REPLAY.step_name(step)}({step.get('args', [])!r:.100}): {problem:.300}"
        for number, step, problems in failures
        for problem in problems
    ]
    assert checked and not lines, "\n".join(lines)


def test_every_pending_scenario_exists() -> None:
    assert {path.stem for path in SCENARIOS} >= PENDING
