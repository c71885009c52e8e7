"""Side tags, commands in buildroots and failed trees: all three sides, by `moromi` and by `koji`."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from moromi.constants import TaskState
from samplesite import content
from samplesite.services import wait_for
from samplesite.site import BUILDER, Site, build_arch
from support.commands import COMMANDS, Command, command_of
from support.sites import Builds, Package, builds_on, running_site, work_of

ARCH = build_arch()
HUB_PLUGINS = "runroot_hub save_failed_tree sidetag_hub"
BUILDER_PLUGINS = "runroot save_failed_tree"
BROKEN = "mkdir -p sub; echo kept > sub/evidence; echo secret > token; false"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of the host that runroot may mount."""
    directory = tmp_path_factory.mktemp("shared")
    (directory / "inner").mkdir()
    (directory / "inner" / "greeting").write_text("from the host\n")
    return directory


@pytest.fixture(scope="module")
def site(can_build: None, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A hub and a builder with plugins."""
    config = tmp_path_factory.mktemp("plugin-config")
    (config / "runroot.conf").write_text(
        "[paths]\n"
        "default_mounts = /mnt/fixed\n"
        "safe_roots = /mnt/share,/mnt/old\n"
        "path_subs =\n"
        "    /mnt/old,/mnt/share/inner\n"
        f"[path0]\nmountpoint = /mnt/fixed\npath = {shared}/inner\nfstype = none\noptions = bind,ro\n"
        f"[path1]\nmountpoint = /mnt/share\npath = {shared}\nfstype = none\noptions = bind,ro\n"
    )
    (config / "save_failed_tree.conf").write_text("[filters]\npaths = */token, /etc/passwd\n")
    hub = {"Plugins": HUB_PLUGINS, "PluginConfigDir": config}
    builder = {"plugins": BUILDER_PLUGINS, "plugin_config_dir": config}
    packages = [f"failing-{name}" for name in COMMANDS]
    with running_site(packages, hub, builder) as made:
        with made.session() as session:
            session.call("addHostToChannel", BUILDER, "runroot", create=True)
        yield made


@pytest.fixture(scope="module")
def builds(site: Site) -> Iterator[Builds]:
    """Builds on the site with plugins."""
    with builds_on(site) as made:
        yield made


@pytest.fixture(scope="module", params=COMMANDS)
def command(site: Site, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Command:
    """Each command line in turn."""
    return command_of(site, request.param, tmp_path_factory.mktemp(request.param))


def test_runroot(command: Command, builds: Builds, site: Site) -> None:
    words = ["sh", "-c", "echo it runs as $(id -u) in $PWD; echo and 'complains' >&2"]
    assert command("runroot", content.BUILD, ARCH, *words) == "it runs as 0 in /\nand complains\n"
    task = max(builds.session.listTasks({"method": "runroot"}, {}), key=lambda task: int(task["id"]))
    assert builds.session.getTaskResult(task["id"]) == "sh completed successfully"
    assert task["weight"] == 2.0
    (root,) = builds.session.listBuildroots(taskID=task["id"])
    assert root["tag_name"] == content.BUILD and builds.session.listRPMs(componentBuildrootID=root["id"])
    logs = builds.session.listTaskOutput(task["id"])
    assert {"runroot.log", "root.log", "mock_config.log", "do_mounts.log"} <= set(logs)
    assert wait_for(lambda: not builds.chroots(task["id"]), 60), "it goes once the task has been reported"
    assert not [line for line in work_of(site) if "mounts" in line]


def test_runroot_fails(command: Command, builds: Builds) -> None:
    words = ["runroot", "--use-shell", "--task-id", content.BUILD, ARCH, "LANG=C cat /no/file; exit 3"]
    done = command.run(*words)
    assert done.returncode == 1
    task_id, log = done.stdout.split("\n", 1)
    assert "No such file or directory" in log
    assert str(builds.failure(int(task_id))) == "cat exited with status 3"


def test_runroot_mounts(command: Command, builds: Builds, shared: Path) -> None:
    share, old = "/mnt/share/inner", "/mnt/old"
    name = command.name
    script = (
        "cat /mnt/fixed/greeting; touch /mnt/fixed/never; "
        f"echo {name} > {share}/{name}; cat {old}/{name}; touch {old}/old-{name}"
    )
    done = command.run("runroot", "--use-shell", "-m", share, "-m", old, content.BUILD, ARCH, script)
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("from the host", command.name), done.stdout
    assert "Read-only file system" in lines[1]
    assert done.returncode == 0
    inner = shared / "inner"
    assert (inner / command.name).read_text() == f"{command.name}\n"
    assert (inner / f"old-{command.name}").exists() and not (inner / "never").exists()
    for unsafe in ("/mnt/fixed", "/mnt/share/../fixed", "/", "/mnt/shared", "mnt/share"):
        task_id = builds.session.runroot(content.BUILD, ARCH, "true", mounts=[unsafe])
        assert str(builds.failure(task_id)) == f"read-write mount point is not safe: {unsafe}"
    task_id = builds.session.runroot(content.BUILD, ARCH, "true", mounts=["/mnt/share/nowhere"])
    assert "No such directory to mount" in str(builds.failure(task_id))


def test_runroot_options(builds: Builds) -> None:
    session = builds.session
    repo = builds.wait_for_repo(session.tagLastChangeEvent(content.BUILD))
    script = "echo data > /builddir/data.txt; ln -s /etc/passwd /builddir/link; type gcc"
    task_id = session.runroot(
        content.BUILD,
        "noarch",
        script,
        packages=["gcc"],
        repo_id=repo["id"],
        weight=0.1,
        skip_setarch=True,
        new_chroot=False,
        upload_logs=["/builddir/data.txt", "/builddir/link", "/nowhere", "../../etc/shadow"],
    )
    assert builds.wait(task_id) == TaskState.CLOSED, builds.describe(task_id)
    assert session.getTaskInfo(task_id)["weight"] == 0.5
    assert builds.log(task_id, "data.txt") == "data\n"
    assert not {"link", "shadow"} & set(session.listTaskOutput(task_id))
    assert "gcc is /usr/bin/gcc" in builds.log(task_id, "runroot.log")
    (root,) = session.listBuildroots(taskID=task_id)
    assert "gcc" in {rpm["name"] for rpm in session.listRPMs(componentBuildrootID=root["id"])}
    other = session.runroot(content.DEST, ARCH, "true", repo_id=repo["id"])
    text = f"build tag ({content.DEST}) does not match repo tag ({content.BUILD})"
    assert str(builds.failure(other)) == text
    bad = session.runroot(content.BUILD, ARCH, "true", packages=["--scrub=all"])
    assert str(builds.failure(bad)) == "Invalid package: --scrub=all"


def test_runroot_interrupted(builds: Builds, site: Site) -> None:
    task_id = builds.session.runroot(content.BUILD, ARCH, "echo begun; sleep 300", mounts=["/mnt/share"])
    builds.wait_for_log(task_id, "mock_output.log", "begun")
    builds.session.cancelTask(task_id)
    assert builds.wait(task_id) == TaskState.CANCELED
    again = builds.session.runroot(content.BUILD, ARCH, "true")
    assert builds.wait(again) == TaskState.CLOSED
    assert wait_for(lambda: not builds.chroots(task_id), 60)
    assert not [line for line in work_of(site) if "sleep" in line]


@pytest.mark.parametrize("full", [False, True])
def test_failed_tree(command: Command, builds: Builds, site: Site, full: bool) -> None:
    package = Package(f"failing-{command.name}", build=BROKEN)
    task_id = builds.submit(package, scratch=True)
    assert builds.wait(task_id) == TaskState.FAILED
    child = builds.child(task_id, "buildArch")["id"]
    (root,) = builds.session.listBuildroots(taskID=child)
    output = command("save-failed-tree", *(["--full"] if full else []), child)
    found = re.search(r"^Created task (\d+) for buildroot (\d+)$", output, re.MULTILINE)
    assert found is not None and int(found[2]) == root["id"], output
    saved = int(found[1])
    name = f"broot-{root['id']}.tar.gz"
    assert name in builds.session.listTaskOutput(saved), builds.describe(saved)
    path = site.tree / "work" / f"tasks/{saved % 10000}/{saved}" / name
    with tarfile.open(path) as tarball:
        names = set(tarball.getnames())
        (evidence,) = [each for each in names if each.endswith("/sub/evidence")]
        content_of = tarball.extractfile(evidence)
        assert content_of is not None and content_of.read() == b"kept\n"
    assert evidence.startswith("./builddir/build/")
    assert not [each for each in names if each.endswith("/token") or each == "./etc/passwd"]
    assert ("./usr/bin/bash" in names, "./etc/group" in names) == (full, full)


def test_side_tags(command: Command, builds: Builds) -> None:
    name = command("add-sidetag", content.BUILD).strip()
    tag = builds.session.getTag(name)
    assert tag["extra"]["sidetag"] is True
    assert builds.session.getBuildTarget(name)["build_tag"] == tag["id"]
    assert name in command("list-sidetags", "--mine").splitlines()
    assert command("list-sidetags", "--basetag", content.DEST) == ""
    builds.session.editTag2(
        content.BUILD, extra={"sidetag_debuginfo_allowed": True, "sidetag_rpm_macros_allowed": "kura*"}
    )
    assert command("edit-sidetag", "--debuginfo", "--rpm-macro", "kura=a=b", name) == ""
    extra = builds.session.getTag(name)["extra"]
    assert (extra["with_debuginfo"], extra["rpm.macro.kura"]) == (True, "a=b")
    command("edit-sidetag", "--no-debuginfo", "--remove-rpm-macro", "kura", name)
    extra = builds.session.getTag(name)["extra"]
    assert extra["with_debuginfo"] is False and "rpm.macro.kura" not in extra
    assert command.run("edit-sidetag", name).returncode == 2
    assert command.run("edit-sidetag", "--rpm-macro", "dist=1", name).returncode == 1
    assert command.run("list-sidetags", "--mine", "--user", "admin").returncode == 2
    assert command("remove-sidetag", name) == ""
    assert builds.session.getTag(name) is None


def test_build_in_a_side_tag(builds: Builds, site: Site, tmp_path: Path) -> None:
    command = command_of(site, "moromi", tmp_path)
    output = command("add-sidetag", "--wait", content.BUILD)
    name, *rest = output.splitlines()
    assert rest[-1].startswith("Repo info: ")
    package = Package("failing-moromi", version="2")
    task_id = builds.run(package, target=name)
    assert [build["nvr"] for build in builds.session.listTagged(name)] == [builds.build_of(task_id)["nvr"]]
    command("remove-sidetag", name)
