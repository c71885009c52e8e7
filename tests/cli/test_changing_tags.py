"""Both programs leave the same behind: cases/changing_tags.txt, each on a hub of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli_cases import Scenario, scenarios
from support.compared import Programs, Stages, compare_changes


@pytest.mark.parametrize("scenario", scenarios("changing_tags"), ids=lambda scenario: scenario.title)
def test_same_changes(stages: Stages, programs: Programs, tmp_path: Path, scenario: Scenario) -> None:
    with stages.stage() as theirs, stages.stage() as ours:
        problems = compare_changes(programs, (theirs, ours), tmp_path, scenario)
    assert not problems, "\n\n".join(problems)
