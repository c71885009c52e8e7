"""A chain of builds begins with what was tagged just before, also where repositories come on request only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moromi.constants import TaskState
from samplesite import content
from samplesite.site import ADMIN, Site
from support.commands import command_of, created_task
from support.sites import Package, builds_on, running_site

LIBRARY = Package("lees")
PROGRAM = Package("strainer", requires=[LIBRARY.name], build=f"test -d /usr/share/{LIBRARY.name}")


@pytest.fixture
def quiet_site(can_build: None) -> Iterator[Site]:
    """A site where a repository is made when somebody asks for one; its last is good for an hour."""
    with running_site([LIBRARY.name, PROGRAM.name], {"RepoAuto": "no"}) as site:
        yield site


def test_the_first_level_sees_what_was_just_tagged(quiet_site: Site, tmp_path: Path) -> None:
    moromi = command_of(quiet_site, "moromi", tmp_path / "moromi")
    moromi("request-repo", "--wait", "--current", content.BUILD)
    with builds_on(quiet_site) as builds:
        moromi("import", "--create-build", LIBRARY.binary(builds.place))
        session = builds.session
        session.tagBuildBypass(content.DEST, LIBRARY.nvr, notify=False)
        tagged = session.tagLastChangeEvent(content.BUILD)
        words = (content.TARGET, PROGRAM.repository(builds.place), ":", LIBRARY.nvr)

        old = created_task(moromi.run("chain-build", "--wait", "--no-wait-repo", *words).stdout)
        assert builds.state(old) == TaskState.FAILED, "the repository has the library already"
        assert session.repo.get(content.BUILD)["create_event"] < tagged

        done = moromi.run("chain-build", "--wait", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert session.repo.get(content.BUILD)["create_event"] >= tagged
        assert PROGRAM.nvr in {build["nvr"] for build in session.listTagged(content.DEST, owner=ADMIN)}
