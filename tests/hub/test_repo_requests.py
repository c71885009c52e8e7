"""From the change of a tag to the task that makes its repository, without a poll."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event, update

from moromi.constants import RepoState
from moromi.wire import xmlrpc
from moromi_hub.worker.jobs import JOBS
from moromi_schema import tables as t
from support.builds import BUILDER
from support.hub import Client, HubUnderTest
from support.worker import eventually, working

REPO_JOBS = [job for job in JOBS if job.name in ("repo-requests", "repo-follow")]


@pytest.fixture
def auto(hub: HubUnderTest) -> HubUnderTest:
    """A hub that follows its build tags."""
    hub.hub.settings = hub.hub.settings.replace(RepoAuto=True)
    return hub


@pytest.fixture
def builder(hub: HubUnderTest) -> Client:
    """The session of a builder."""
    return hub.client(BUILDER)


@pytest.fixture
def worker(hub: HubUnderTest) -> Iterator[None]:
    """The worker's jobs for repositories, awake."""
    with working(hub.hub, REPO_JOBS):
        yield


@pytest.fixture
def tags(admin: Client) -> None:
    """`f40-build`, which inherits from `f40`, is the build tag of target `f40`."""
    admin("createTag", "f40")
    admin("createTag", "f40-build", "f40", arches="x86_64")
    admin("createBuildTarget", "f40", "f40-build", "f40")
    admin("packageListAdd", "f40", "ale", "alice")


def new_repos(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client("listTasks", {"method": "newRepo", "decode": True}, {"order": "id"})
    return found


def close(builder: Client, task_id: int, result: Any) -> None:
    builder("host.closeTask", task_id, xmlrpc.encode_response(result).decode())


def more_than(client: Client, count: int) -> Callable[[], bool]:
    """Whether there are more newRepo tasks than that."""
    return lambda: len(new_repos(client)) > count


def has_task(client: Client, request_id: int) -> Callable[[], bool]:
    return lambda: "task" in client("repo.checkRequest", request_id)


def finish_all(admin: Client, builder: Client) -> None:
    """Do the newRepo tasks that are free, as a builder would."""
    for task in new_repos(admin):
        if task["state"] == 0:
            admin("assignTask", task["id"], BUILDER)
            builder("host.openTask", task["id"])
            repo_id, event = builder("host.repoInit", "f40-build", task["id"])
            builder("host.repoDone", repo_id, {})
            close(builder, task["id"], [repo_id, event])


def current(admin: Client) -> bool:
    """Whether the newest repository shows the tag as it is."""
    repo = admin("repo.get", "f40-build")
    return repo is not None and repo["create_event"] >= admin("tagLastChangeEvent", "f40-build")


def test_a_request_has_its_task_within_milliseconds(admin: Client, tags: None, worker: None) -> None:
    took = []
    for opts in ({}, {"src": True}, {"debuginfo": True}, {"separate_src": True}):
        request_id = admin("repo.request", "f40-build", opts=opts)["request"]["id"]
        took.append(eventually(has_task(admin, request_id)))
    assert min(took) < 2.0, took
    assert new_repos(admin)[0]["request"][0]["name"] == "f40-build"


def test_a_failed_task_is_followed_by_another(
    admin: Client, builder: Client, tags: None, worker: None
) -> None:
    admin("repo.request", "f40-build")
    eventually(lambda: new_repos(admin))
    first = new_repos(admin)[0]["id"]
    admin("assignTask", first, BUILDER)
    builder("host.openTask", first)
    builder("host.failTask", first, xmlrpc.encode_fault(1000, "no space").decode())
    eventually(lambda: len(new_repos(admin)) == 2)
    finish_all(admin, builder)
    (request,) = admin("repo.queryQueue", [], "**")
    assert (request["active"], request["tries"]) == (False, 2)
    assert request["repo_id"] is not None


CHANGES: list[tuple[str, Callable[[Client], Any]]] = [
    ("a package", lambda admin: admin("packageListAdd", "f40", "stout", "bob")),
    ("a tagged build", lambda admin: admin("tagBuildBypass", "f40", "ale-1-1")),
    ("an untagged build", lambda admin: admin("untagBuildBypass", "f40", "ale-0-1")),
    ("a group", lambda admin: admin("groupListAdd", "f40-build", "build")),
    ("a setting", lambda admin: admin("editTag2", "f40-build", extra={"mock.x": 1})),
    ("a parent", lambda admin: admin("setInheritanceData", "f40", [_link(admin("getTagID", "base"))])),
    ("a parent that goes", lambda admin: admin("deleteTag", "parent")),
    ("an external repository", lambda admin: admin("addExternalRepoToTag", "f40", "ext", 5)),
    ("what it points to", lambda admin: admin("editExternalRepo", "used", url="http://new.example.org/")),
    ("what it holds", lambda admin: admin("repo.setExternalRepoData", "used", {"max_ts": 5})),
    ("a block", lambda admin: admin("packageListBlock", "f40-build", "ale")),
]


def _link(parent_id: int) -> dict[str, Any]:
    plain = {"maxdepth": None, "intransitive": False, "noconfig": False, "pkg_filter": ""}
    return {"parent_id": parent_id, "priority": 5, **plain}


@pytest.fixture
def surroundings(admin: Client, tags: None) -> None:
    """What the changes of `CHANGES` need to be there."""
    admin("createTag", "base")
    admin("createTag", "parent")
    admin("setInheritanceData", "f40", [{**_link(admin("getTagID", "parent")), "priority": 9}])
    for release in ("0", "1"):
        admin("createEmptyBuild", "ale", release, "1", None)
    admin("tagBuildBypass", "f40", "ale-0-1")
    admin("createExternalRepo", "ext", "http://ext.example.org/")
    admin("createExternalRepo", "used", "http://used.example.org/")
    admin("addExternalRepoToTag", "f40", "used", 1)


def test_every_change_of_a_tag_brings_a_repository(
    auto: HubUnderTest, admin: Client, builder: Client, surroundings: None
) -> None:
    with working(auto.hub, REPO_JOBS):
        eventually(lambda: new_repos(admin))
        finish_all(admin, builder)
        assert current(admin)
        for what, change in CHANGES:
            before = len(new_repos(admin))
            change(admin)
            assert not current(admin), what
            took = eventually(more_than(admin, before))
            assert took < 20.0, f"{what}: the worker looks every minute"
            finish_all(admin, builder)
            assert current(admin), what
        assert len(new_repos(admin)) == len(CHANGES) + 1
    (owner,) = {task["owner"] for task in new_repos(admin)}
    assert admin("getUser", owner)["name"] == "kojiadmin"


def test_changes_while_a_repository_is_made_cost_one_more(
    auto: HubUnderTest, admin: Client, builder: Client, tags: None
) -> None:
    with working(auto.hub, REPO_JOBS):
        eventually(lambda: new_repos(admin))
        task = new_repos(admin)[0]["id"]
        admin("assignTask", task, BUILDER)
        builder("host.openTask", task)
        repo_id, event = builder("host.repoInit", "f40-build", task)
        for number in range(10):
            admin("packageListAdd", "f40", f"package{number}", "bob")
        eventually(lambda: admin("repo.queryQueue", [["active", "=", True]]))
        builder("host.repoDone", repo_id, {})
        close(builder, task, [repo_id, event])
        eventually(lambda: len(new_repos(admin)) == 2)
        eventually(lambda: admin("repoInfo", repo_id)["end_event"])
        finish_all(admin, builder)
        assert current(admin)
        assert admin("repo.queryQueue", [["active", "=", True]]) == []


def test_a_request_that_ends_while_it_is_found_is_not_shared(
    hub: HubUnderTest, admin: Client, tags: None
) -> None:
    """Whoever waits is to be told of one that goes on, or of the repository that it brought."""
    first = admin("repo.request", "f40-build")["request"]
    ended: list[str] = []

    def end(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not ended and statement.startswith("SELECT") and "FROM repo_queue" in statement:
            ended.append(statement)
            with hub.hub.engine.begin() as other:
                other.execute(update(t.repo_queue).values(active=False))

    event.listen(hub.hub.engine, "after_cursor_execute", end)
    try:
        second = admin("repo.request", "f40-build")
    finally:
        event.remove(hub.hub.engine, "after_cursor_execute", end)
    assert ended
    assert second["request"]["active"] and not second["duplicate"]
    assert second["request"]["id"] > first["id"]


def test_requests_share_a_task_that_has_not_begun(admin: Client, tags: None, worker: None) -> None:
    for number in range(3):
        admin("packageListAdd", "f40", f"package{number}", "bob")
        admin("repo.request", "f40-build", min_event="last")
    eventually(lambda: new_repos(admin))
    admin("repo.checkQueue")
    assert len(admin("repo.queryQueue", [["active", "=", True]])) == 3
    assert len(new_repos(admin)) == 1


def test_a_tag_that_no_target_builds_in_is_left_alone(
    auto: HubUnderTest, admin: Client, builder: Client, tags: None
) -> None:
    admin("createTag", "other", arches="x86_64")
    with working(auto.hub, REPO_JOBS):
        eventually(lambda: new_repos(admin))
        finish_all(admin, builder)
        admin("packageListAdd", "other", "ale", "alice")
        admin("packageListAdd", "f40", "stout", "alice")
        eventually(lambda: len(new_repos(admin)) == 2)
    assert {task["request"][0]["name"] for task in new_repos(admin)} == {"f40-build"}


def test_a_tag_that_fails_is_not_tried_for_ever(auto: HubUnderTest, admin: Client, tags: None) -> None:
    with working(auto.hub, REPO_JOBS):
        for tries in range(auto.hub.settings.RepoRetries + 1):
            eventually(more_than(admin, tries))
            admin("cancelTask", new_repos(admin)[-1]["id"])
        eventually(lambda: not admin("repo.queryQueue", [["active", "=", True]]))
    with working(auto.hub, REPO_JOBS):
        admin("createTag", "elsewhere", arches="x86_64")
        admin("createBuildTarget", "elsewhere", "elsewhere", "elsewhere")
        eventually(lambda: new_repos(admin)[-1]["request"][0]["name"] == "elsewhere")
    assert len(new_repos(admin)) == auto.hub.settings.RepoRetries + 2


def test_a_tag_that_is_deleted_is_not_tried_again(admin: Client, tags: None, worker: None) -> None:
    for name in ("f40-build", "f40"):
        admin("repo.request", name)
    eventually(more_than(admin, 1))
    admin("deleteTag", "f40-build")
    for task in new_repos(admin):
        admin("cancelTask", task["id"])
    eventually(more_than(admin, 2))
    eventually(lambda: len(admin("repo.queryQueue", [["active", "=", True]])) == 1)
    assert [task["request"][0]["name"] for task in new_repos(admin)] == ["f40-build", "f40", "f40"]


def test_nothing_is_made_unasked_without_the_option(
    admin: Client, builder: Client, tags: None, worker: None
) -> None:
    repo_id, _event = builder("host.repoInit", "f40-build")
    builder("host.repoDone", repo_id, {})
    admin("packageListAdd", "f40", "stout", "alice")
    eventually(lambda: admin("repoInfo", repo_id)["end_event"])
    assert admin("repoInfo", repo_id)["state"] == RepoState.READY
    assert admin("repo.queryQueue") == []
