"""Both programs print the same: cases/reading_builds.txt, on one hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli_cases import Scenario, scenarios
from support.compared import Programs, Stage, compare_reads


@pytest.mark.parametrize("scenario", scenarios("reading_builds"), ids=lambda scenario: scenario.title)
def test_same_output(reading_stage: Stage, programs: Programs, tmp_path: Path, scenario: Scenario) -> None:
    problems = compare_reads(programs, reading_stage, tmp_path, scenario)
    assert not problems, "\n\n".join(problems)
