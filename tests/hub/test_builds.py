"""The life of build entries, and what listings say of them."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from moromi.constants import BuildState, TaskState
from moromi.errors import ActionNotAllowed, GenericError
from moromi_schema import tables as t
from support.builds import BUILDER, RPM, SRPM, TaskBuild, import_rpm, open_task
from support.hub import Client, HTTPError, HubUnderTest, count_statements


@pytest.fixture
def builder(hub: HubUnderTest) -> Client:
    return hub.client(BUILDER)


def test_a_build_is_one_statement(hub: HubUnderTest, admin: Client) -> None:
    build_id = admin("createEmptyBuild", "ale", "1", "1", None)
    anonymous = hub.client()
    for info in (build_id, "ale-1-1", {"name": "ale", "version": "1", "release": "1"}):
        with count_statements(hub.hub.engine) as seen:
            assert anonymous("getBuild", info)["build_id"] == build_id
        assert len(seen) == 1


def test_a_restarted_task_gets_its_build_again(admin: Client, builder: Client) -> None:
    under_way = TaskBuild(admin, builder)
    entry = {"name": "fermenter", "version": "1.2", "release": "3.mr1", "epoch": 0}
    again = builder("host.initBuild", entry | {"task_id": under_way.task_id})
    assert again == under_way.build_id
    other = open_task(admin, builder)
    with pytest.raises(GenericError, match=f"already in progress \\(task {under_way.task_id}\\)"):
        builder("host.initBuild", entry | {"task_id": other})


def test_a_failed_entry_is_used_again_and_its_strays_go(
    admin: Client, builder: Client, tmp_path: Path
) -> None:
    under_way = TaskBuild(admin, builder)
    builder("host.failBuild", under_way.task_id, under_way.build_id)
    stray = tmp_path / "packages/fermenter/1.2/3.mr1/x86_64/half.rpm"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"?")
    again = TaskBuild(admin, builder)
    assert again.build_id == under_way.build_id
    assert not stray.exists()
    assert again.complete()["state"] == BuildState.COMPLETE
    with pytest.raises(GenericError, match=r"Build already exists \(id=\d+, state=COMPLETE\)"):
        TaskBuild(admin, builder)


def test_two_tasks_never_get_one_entry(hub: HubUnderTest, admin: Client, builder: Client) -> None:
    other = hub.client("builder2.example.org")
    tasks = [open_task(admin, builder), open_task(admin, other, "builder2.example.org")]
    entry = {"name": "race", "version": "1", "release": "1", "epoch": None}
    outcome: list[Any] = []

    def start(client: Client, task_id: int) -> None:
        try:
            outcome.append(client("host.initBuild", entry | {"task_id": task_id}))
        except GenericError as error:
            outcome.append(str(error))

    threads = [
        threading.Thread(target=start, args=pair) for pair in zip((builder, other), tasks, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [found for found in outcome if isinstance(found, int)]
    texts = [found for found in outcome if isinstance(found, str)]
    assert len(ids) == 1
    assert texts and "already in progress" in texts[0]


def test_cancelling_a_build_cancels_its_task_and_the_other_way_round(admin: Client, builder: Client) -> None:
    first = TaskBuild(admin, builder)
    assert admin("cancelBuild", first.build_id) is True
    assert admin("getTaskInfo", first.task_id)["state"] == 3
    second = TaskBuild(admin, builder)
    admin("cancelTask", second.task_id)
    assert admin("getBuild", second.build_id)["state"] == BuildState.CANCELED
    assert admin("cancelBuild", second.build_id) is False


def test_only_the_owner_cancels(hub: HubUnderTest, admin: Client, builder: Client) -> None:
    under_way = TaskBuild(admin, builder)
    with pytest.raises(ActionNotAllowed, match="Cannot cancel build, not owner"):
        hub.client("alice")("cancelBuild", under_way.build_id)


def test_deleted_builds_keep_their_rows_and_lose_their_files(admin: Client, tmp_path: Path) -> None:
    import_rpm(admin, SRPM)
    import_rpm(admin, RPM)
    directory = tmp_path / "packages/fermenter/1.2/3.mr1"
    admin("createTag", "keep")
    admin("massTag", "keep", ["fermenter-1.2-3.mr1"])
    with pytest.raises(GenericError, match="Cannot delete build, tagged"):
        admin("deleteBuild", "fermenter-1.2-3.mr1")
    assert directory.is_dir()
    admin("untagBuildBypass", "keep", "fermenter-1.2-3.mr1")
    assert admin("deleteBuild", "fermenter-1.2-3.mr1") is True
    assert not directory.exists()
    assert len(admin("listBuildRPMs", "fermenter-1.2-3.mr1")) == 2
    assert admin("queryRPMSigs") == []
    assert admin("deleteBuild", "fermenter-1.2-3.mr1") is None


def test_a_build_in_use_is_not_deleted(hub: HubUnderTest, admin: Client, builder: Client) -> None:
    import_rpm(admin, SRPM)
    used = import_rpm(admin, RPM)
    admin("createTag", "f40-build", arches="x86_64")
    repo_id, _event = builder("host.repoInit", "f40-build")
    task_id = open_task(admin, builder)
    root = builder("host.newBuildRoot", repo_id, "x86_64", task_id)
    builder("host.setBuildRootList", root, [{"id": used["id"]}], task_id)
    with pytest.raises(GenericError, match="used in recent buildroot"):
        admin("deleteBuild", used["build_id"])
    with hub.hub.engine.begin() as connection:
        other = admin("createEmptyBuild", "yeast", "7", "1.mr1", None)
        row = connection.execute(select(t.rpminfo).where(t.rpminfo.c.id == used["id"])).mappings().one()
        copy = {key: row[key] for key in row if key != "id"}
        copy |= {"name": "yeast", "build_id": other, "buildroot_id": root}
        connection.execute(t.rpminfo.insert().values(**copy))
    with pytest.raises(GenericError, match=r"used in buildroots: .*'name': 'yeast'"):
        admin("deleteBuild", used["build_id"], min_ref_age=0)
    assert set(admin("buildReferences", used["build_id"], lazy=True)) == {"tags", "rpms"}


def test_a_reset_build_can_be_imported_again(admin: Client, tmp_path: Path) -> None:
    import_rpm(admin, SRPM)
    first = import_rpm(admin, RPM)
    admin("createTag", "keep")
    admin("massTag", "keep", ["fermenter-1.2-3.mr1"])
    admin("resetBuild", "fermenter-1.2-3.mr1")
    assert admin("getBuild", first["build_id"])["state"] == BuildState.CANCELED
    assert not (tmp_path / "packages/fermenter/1.2/3.mr1").exists()
    assert admin("listRPMs") == []
    assert admin("createEmptyBuild", "fermenter", "1.2", "3.mr1", 0) == first["build_id"]
    assert import_rpm(admin, SRPM, "imports/again")["build_id"] == first["build_id"]


def test_a_draft_becomes_the_build(hub: HubUnderTest, admin: Client, builder: Client, tmp_path: Path) -> None:
    task_id = open_task(admin, builder)
    entry = {"name": "fermenter", "version": "1.2", "release": "3.mr1", "epoch": 0, "draft": True}
    build_id = builder("host.initBuild", entry | {"task_id": task_id})
    directory = f"tasks/{task_id % 10000}/{task_id}"
    for name in (SRPM, RPM):
        builder.upload(directory, name, (Path(__file__).parents[1] / "data/rpms" / name).read_bytes())
    draft = builder("host.completeBuild", task_id, build_id, f"{directory}/{SRPM}", [f"{directory}/{RPM}"])
    assert draft["release"] == f"3.mr1,draft_{build_id}"
    top = tmp_path / "packages/fermenter/1.2"
    assert (top / draft["release"] / "x86_64" / RPM).is_file()
    with pytest.raises(ActionNotAllowed, match="draft_promotion"):
        hub.client("alice")("promoteBuild", build_id)
    promoted = admin("promoteBuild", build_id)
    assert (promoted["nvr"], promoted["draft"]) == ("fermenter-1.2-3.mr1", False)
    assert (top / "3.mr1" / "x86_64" / RPM).is_file()
    assert (top / draft["release"]).is_symlink()
    assert (top / draft["release"] / "x86_64" / RPM).is_file()
    assert admin("getRPM", RPM)["draft"] is False
    with pytest.raises(GenericError, match="Not a draft build"):
        admin("promoteBuild", build_id)


def test_a_promotion_that_fails_leaves_the_draft_alone(
    hub: HubUnderTest, admin: Client, tmp_path: Path
) -> None:
    build_id = admin("createEmptyBuild", "fermenter", "1.2", "3.mr1", 0, draft=True)
    draft = admin("getBuild", build_id)
    logs = tmp_path / "packages/fermenter/1.2" / draft["release"] / "data/logs"
    logs.mkdir(parents=True)
    (logs / "build.log").write_text("x")

    def refuse(*_arguments: Any, **_details: Any) -> None:
        raise RuntimeError("not today")

    hub.hub.callbacks.register("preCommit", refuse)
    with pytest.raises(HTTPError, match="500"):
        admin("promoteBuild", build_id)
    assert (logs / "build.log").read_text() == "x"
    assert not (tmp_path / "packages/fermenter/1.2/3.mr1").exists()


def test_lists_narrow_down(admin: Client) -> None:
    for name, owner in (("ale", "alice"), ("ale_dark", "bob"), ("Stout", "bob")):
        admin("createEmptyBuild", name, "1", "1", None, owner)
    assert [build["name"] for build in admin("listBuilds", userID="bob", queryOpts={"order": "nvr"})] == [
        "Stout",
        "ale_dark",
    ]
    assert [build["name"] for build in admin("listBuilds", prefix="ale_")] == ["ale_dark"]
    assert [build["name"] for build in admin("listBuilds", pattern="st?ut-*")] == ["Stout"]
    assert admin("listBuilds", queryOpts={"countOnly": True}) == 3
    assert admin("listBuilds", packageID="nothing") == []
    assert len(admin("untaggedBuilds")) == 3


def test_cancelling_locks_tasks_before_builds(hub: HubUnderTest, admin: Client, builder: Client) -> None:
    """As cancelling the task does: who waits for the task must not hold the build."""
    under_way = TaskBuild(admin, builder)
    outcome: list[bool] = []
    with hub.hub.engine.connect() as other, hub.hub.engine.connect() as look:
        other.execute(select(t.task.c.id).where(t.task.c.id == under_way.task_id).with_for_update())
        caller = hub.client("kojiadmin")
        thread = threading.Thread(target=lambda: outcome.append(caller("cancelBuild", under_way.build_id)))
        thread.start()
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        deadline = time.monotonic() + 20
        while not look.scalar(waiting) and time.monotonic() < deadline:
            look.rollback()
            time.sleep(0.01)
        build = select(t.build.c.state).where(t.build.c.id == under_way.build_id)
        assert look.scalar(build.with_for_update(nowait=True)) == BuildState.BUILDING
        look.rollback()
        other.rollback()
        thread.join(20)
    assert outcome == [True]
    assert admin("getBuild", under_way.build_id)["state"] == BuildState.CANCELED
    assert admin("getTaskInfo", under_way.task_id)["state"] == TaskState.CANCELED
