"""The end of repositories: who expires when, and what goes from the disk."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, update

from moromi.constants import RepoState
from moromi_hub.call import Call
from moromi_hub.repos import follow, prune, upkeep
from moromi_schema import tables as t
from support.builds import BUILDER
from support.hub import Client, HubUnderTest

DAY = 86400
WEEK = 7 * DAY


@pytest.fixture
def top(hub: HubUnderTest) -> Path:
    """The top of the hub's file tree."""
    return hub.hub.settings.topdir


@pytest.fixture
def builder(hub: HubUnderTest) -> Client:
    """The session of a builder."""
    return hub.client(BUILDER)


@pytest.fixture(autouse=True)
def tags(admin: Client) -> None:
    """A build tag with a target, and one without."""
    admin("createTag", "dest")
    for name in ("f40-build", "loose"):
        admin("createTag", name, arches="x86_64")
    admin("createBuildTarget", "f40", "f40-build", "dest")


@pytest.fixture
def make(builder: Client) -> Callable[..., int]:
    """Makes a READY repository."""

    def ready(tag: str = "f40-build", opts: dict[str, bool] | None = None, event: int | None = None) -> int:
        repo_id, _event = builder("host.repoInit", tag, None, event, opts)
        builder("host.repoDone", repo_id, {})
        return int(repo_id)

    return ready


def run(hub: HubUnderTest, job: Callable[[Call], object]) -> None:
    with hub.hub.call("test") as call:
        job(call)


def tidy(hub: HubUnderTest) -> None:
    run(hub, follow.follow)
    run(hub, upkeep.run)


def age(hub: HubUnderTest, repo_id: int, seconds: float) -> None:
    """Let a repository have been made, and its state have begun, so long ago."""
    moment = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    with hub.hub.call("test") as call:
        values = {"state_time": moment, "creation_time": moment}
        call.tx.execute(update(t.repo).where(t.repo.c.id == repo_id).values(values))
        event = call.tx.scalar(
            t.repo.select().with_only_columns(t.repo.c.create_event).where(t.repo.c.id == repo_id)
        )
        call.tx.execute(update(t.events).where(t.events.c.id == event).values(time=moment))


def state(client: Client, repo_id: int) -> RepoState:
    return RepoState(client("repoInfo", repo_id)["state"])


def test_a_current_repository_stays_for_ever(
    hub: HubUnderTest, admin: Client, make: Callable[..., int]
) -> None:
    loose = make("loose")
    age(hub, loose, 100 * WEEK)
    tidy(hub)
    assert state(admin, loose) == RepoState.READY


def test_outdated_ones_expire_but_for_the_latest_of_a_target(
    hub: HubUnderTest, admin: Client, make: Callable[..., int]
) -> None:
    repos = [make(), make(), make(opts={"src": True}), make("loose")]
    for tag in ("f40-build", "loose"):
        admin("packageListAdd", tag, "ale", "alice")
    young = make("loose", {"src": True})
    for repo_id in repos:
        age(hub, repo_id, WEEK + 60)
    tidy(hub)
    expected = [RepoState.EXPIRED, RepoState.READY, RepoState.EXPIRED, RepoState.EXPIRED]
    assert [state(admin, repo_id) for repo_id in repos] == expected
    assert state(admin, young) == RepoState.READY


def test_the_expired_are_removed_with_their_files_unless_used(
    hub: HubUnderTest, admin: Client, builder: Client, make: Callable[..., int], top: Path
) -> None:
    gone, used, fresh = make(), make(), make()
    task_id = admin("makeTask", "buildArch", [], assign=BUILDER)
    builder("host.openTask", task_id)
    root = builder("host.newBuildRoot", used, "x86_64", task_id)
    for repo_id in (gone, used, fresh):
        admin("repoExpire", repo_id)
    for repo_id in (gone, used):
        age(hub, repo_id, WEEK + 60)
    directory = top / "repos" / "f40-build"
    tidy(hub)
    assert [state(admin, repo_id) for repo_id in (gone, used, fresh)] == [
        *(RepoState.DELETED, RepoState.EXPIRED, RepoState.EXPIRED)
    ]
    assert not (directory / str(gone)).exists()
    assert (directory / str(used)).exists()
    builder("host.setBuildRootState", root, "EXPIRED", task_id)
    tidy(hub)
    assert not (directory / str(used)).exists()
    assert (directory / str(fresh)).exists()


def test_nobody_finishes_the_repository_of_a_dead_task(
    hub: HubUnderTest, admin: Client, builder: Client
) -> None:
    tasks = [admin("makeTask", "newRepo", ["f40-build"]) for _ in range(2)]
    dead, at_work = (builder("host.repoInit", "f40-build", task_id)[0] for task_id in tasks)
    forgotten, young = (builder("host.repoInit", "f40-build")[0] for _ in range(2))
    admin("cancelTask", tasks[0])
    for repo_id in (at_work, forgotten):
        age(hub, repo_id, 7300)
    tidy(hub)
    assert [state(admin, repo_id) for repo_id in (dead, at_work, forgotten, young)] == [
        *(RepoState.PROBLEM, RepoState.INIT, RepoState.PROBLEM, RepoState.INIT)
    ]


def test_many_automatic_repositories_do_not_fill_the_disk(
    hub: HubUnderTest, admin: Client, builder: Client, make: Callable[..., int], top: Path
) -> None:
    event = admin("getLastEvent")["id"]
    with hub.hub.call("test") as call:
        moment = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 60)
        call.tx.execute(update(t.events).where(t.events.c.id == event).values(time=moment))
    first, second, third, custom = make(), make(), make(), make(opts={"src": True})
    for repo_id in (first, second, third, custom):
        age(hub, repo_id, 2 * 3600)
    of_old = make(event=event)
    tidy(hub)
    assert state(admin, first) == RepoState.READY  # as Koji keeps them

    hub.hub.settings = hub.hub.settings.replace(RepoAuto=True)
    chooser = admin("makeTask", "build", ["git://example.org/ale#1", "f40", {}])
    tidy(hub)
    assert [state(admin, repo_id) for repo_id in (first, second, third, custom, of_old)] == [
        *(RepoState.EXPIRED, RepoState.EXPIRED, RepoState.READY, RepoState.READY, RepoState.READY)
    ]
    for repo_id in (first, second):
        with hub.hub.call("test") as call:
            moment = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 3700)
            call.tx.execute(update(t.repo).where(t.repo.c.id == repo_id).values(state_time=moment))
    with hub.hub.call("test") as call:
        moment = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 5000)
        call.tx.execute(update(t.task).where(t.task.c.id == chooser).values(create_time=moment))
    tidy(hub)
    assert state(admin, first) == RepoState.EXPIRED, "a build of that time may still want it"
    admin("cancelTask", chooser)
    tidy(hub)
    assert [state(admin, repo_id) for repo_id in (first, second)] == [RepoState.DELETED] * 2
    assert {each.name for each in (top / "repos" / "f40-build").iterdir()} == {
        *("latest", str(third), str(custom), str(of_old))
    }


def test_kojira_may_do_it_instead(hub: HubUnderTest, admin: Client, make: Callable[..., int]) -> None:
    repo_id = make()
    admin("repoExpire", repo_id)
    age(hub, repo_id, 2 * WEEK)
    hub.hub.settings = hub.hub.settings.replace(RepoUpkeep=False)
    tidy(hub)
    assert state(admin, repo_id) == RepoState.EXPIRED


# directories without a row


def directory(top: Path, tag: str, name: str, days: float, **facts: Any) -> Path:
    made = top / "repos" / tag / name
    (made / "x86_64").mkdir(parents=True)
    (made / "repo.json").write_text(json.dumps(facts))
    moment = time.time() - days * DAY
    os.utime(made, (moment, moment))
    return made


def test_directories_that_no_row_promises_go(
    hub: HubUnderTest, admin: Client, make: Callable[..., int], top: Path
) -> None:
    kept, deleted = make(), make("loose")
    admin("repo.setState", deleted, RepoState.DELETED)
    age(hub, deleted, WEEK + 60)
    old = time.time() - 8 * DAY
    left_over = top / "repos" / "loose" / str(deleted)
    for path in (top / "repos" / "f40-build" / str(kept), left_over):
        os.utime(path, (old, old))
    (top / "repos" / "loose" / "latest").unlink()
    stray = directory(top, "f40-build", "900", 8)
    young = directory(top, "f40-build", "901", 1)
    pointed_at = directory(top, "other", "902", 8)
    (pointed_at.parent / "latest").symlink_to("902")
    renamed = directory(top, "old-name", str(deleted), 8, tag_id=admin("getTagID", "loose"))
    strange = directory(top, "unknown", str(kept), 8, tag_id=999)
    cache = directory(top, "f40-build", "cache", 8)
    run(hub, prune.run)
    assert not any(path.exists() for path in (stray, left_over, renamed))
    assert all(path.exists() for path in (young, pointed_at, strange, cache))
    assert (top / "repos" / "f40-build" / str(kept)).exists()
