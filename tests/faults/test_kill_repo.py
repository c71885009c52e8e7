"""SIGKILL of the hub before every step of making a repository (see support.crash).

Whatever is READY is whole, and the next process makes what was asked for.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from moromi.constants import RepoState
from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_hub.repodata import serving
from support import database
from support.builds import RPM, SRPM, import_rpm
from support.crash import die_in
from support.hub import HubUnderTest, running_hub, state_template
from support.repodata import contents

TAG = "f40-build"


@dataclass(frozen=True)
class Start:
    """A hub where a repository is asked for; `request` is the id of that."""

    server: EmbeddedPostgres
    database: str
    tree: Path
    request: int


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    top = tmp_path_factory.mktemp("start") / "top"
    with (
        database.running_server() as server,
        database.template(server) as plain,
        state_template(server, plain) as state,
        database.clone(server, state) as dsn,
    ):
        with running_hub(dsn, top) as hub:
            admin = hub.client("kojiadmin")
            admin("createTag", TAG, arches="x86_64")
            admin("packageListAdd", TAG, "fermenter", "alice")
            for name in (SRPM, RPM):
                import_rpm(admin, name)
            admin("repo.request", TAG)
            serve(hub)
            admin("tagBuildBypass", TAG, "fermenter-1.2-3.mr1")
            request = admin("repo.request", TAG, "last")["request"]["id"]
        yield Start(server, str(make_url(dsn).database), top, request)


def serve(hub: HubUnderTest) -> None:
    hub.hub.settings = hub.hub.settings.replace(RepoOnHub=True)
    with hub.hub.call("repo-make") as call:
        serving.serve(call)


def whole(hub: HubUnderTest) -> dict[int, int]:
    """The numbers of packages in the READY repositories, all of whose files are as they say."""
    found = {}
    for repo in hub.client()("repo.query", [["state", "=", RepoState.READY]], ["id"]):
        directory = Path(hub.hub.paths.repo(repo["id"], TAG))
        found[repo["id"]] = len(contents(directory / "x86_64"))
    return found


def test_a_killed_hub_promises_no_half_repository_and_goes_on(start: Start, tmp_path: Path) -> None:
    steps: list[str] = []
    for number in range(1, 1000):
        top = tmp_path / "top"
        with database.clone(start.server, start.database) as dsn:
            shutil.copytree(start.tree, top, symlinks=True)
            step = die_in(serve, number, dsn, top)
            if step is None:
                break
            steps.append(step)
            with running_hub(dsn, top) as hub:
                left = whole(hub)
                assert set(left.values()) <= {0, 1}, steps
                serve(hub)
                repo = hub.client()("repo.checkRequest", start.request)["repo"]
                assert whole(hub)[repo["id"]] == 1, steps
                latest = Path(hub.hub.paths.repo(repo["id"], TAG)).parent / "latest"
                assert latest.readlink() == Path(str(repo["id"])), steps
            shutil.rmtree(top)
    assert "commit" in steps and steps[-1] == "answer"
    print(len(steps), "steps")
