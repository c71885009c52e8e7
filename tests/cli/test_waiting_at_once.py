"""Both programs say the same of tasks that are done at once: cases/waiting_at_once.txt."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli_cases import Scenario, scenarios
from support.compared import Programs, Stages, compare_changes


@pytest.mark.parametrize("scenario", scenarios("waiting_at_once"), ids=lambda scenario: scenario.title)
def test_same_while_waiting(stages: Stages, programs: Programs, tmp_path: Path, scenario: Scenario) -> None:
    with stages.stage("at once") as theirs, stages.stage("at once") as ours:
        problems = compare_changes(programs, (theirs, ours), tmp_path, scenario)
    assert not problems, "\n\n".join(problems)
