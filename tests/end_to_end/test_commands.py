"""What a person does with a build system, by `moromi` and by the unmodified `koji`: the same, alike.

Each test runs with both; the texts are those of the published client's manual (spec: cli).
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from moromi.constants import TaskState
from moromi.rpm import read_header
from samplesite import content
from samplesite.services import wait_for
from samplesite.site import ADMIN, BUILDER, Site
from support.commands import COMMANDS, Command, command_of, created_task
from support.sites import PAUSE, Builds, Package


@dataclass(frozen=True)
class Built:
    """A build made by a command: what it printed, and what came of it."""

    output: str
    task_id: int
    build: dict[str, Any]

    @property
    def nvr(self) -> str:
        """Its name, version and release."""
        return str(self.build["nvr"])


@pytest.fixture(scope="module", params=COMMANDS)
def command(site: Site, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Command:
    """Each command line in turn."""
    return command_of(site, request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def built(command: Command, builds: Builds) -> Built:
    """A build from a source package, watched to its end."""
    srpm = Package(f"probe-{command.name}", build="echo the probe is built").srpm(builds.place)
    done = command.run("build", "--wait", content.TARGET, srpm)
    assert done.returncode == 0, done.stdout + done.stderr
    task_id = created_task(done.stdout)
    return Built(done.stdout, task_id, builds.build_of(task_id))


def test_build_is_watched_to_its_end(built: Built, command: Command, site: Site) -> None:
    lines = built.output.splitlines()
    label = f"build ({content.TARGET}, probe-{command.name}-1-1.src.rpm)"
    assert f"Task info: {site.url}/taskinfo?taskID={built.task_id}" in lines
    assert any(line.startswith(f"{built.task_id} {label}") for line in lines), built.output
    assert any(f"buildArch ({built.nvr}.src.rpm, noarch)" in line for line in lines), built.output
    assert re.search(r"^  0 free  0 open  \d+ done  0 failed$", built.output, re.MULTILINE), built.output
    assert lines[-1] == f"{built.task_id} {label} completed successfully"


def test_list_tagged(built: Built, command: Command) -> None:
    text = command("list-tagged", content.DEST)
    assert f"{built.nvr:<40}  {content.DEST:<20}  {ADMIN}" in text.splitlines()
    rpms = command("list-tagged", "--rpms", "--inherit", content.BUILD, built.build["name"]).split()
    assert {f"{built.nvr}.noarch", f"{built.nvr}.src"} <= set(rpms)
    assert (
        command("list-tagged", "--quiet", "--latest", content.DEST, built.build["name"]).split()[0]
        == built.nvr
    )


def test_buildinfo(built: Built, command: Command, site: Site) -> None:
    lines = command("buildinfo", built.nvr).splitlines()
    top = site.tree / "packages" / built.build["name"] / "1" / "1.mini1"
    assert f"BUILD: {built.nvr} [{built.build['id']}]" in lines
    assert {"State: COMPLETE", f"Built by: {ADMIN}", f"Tags: {content.DEST}"} <= set(lines)
    assert any(line.startswith(f"Task: {built.task_id} build (") for line in lines)
    assert {f"{top}/src/{built.nvr}.src.rpm", f"{top}/noarch/{built.nvr}.noarch.rpm"} <= set(lines)


def test_buildinfo_of_what_is_not_there(command: Command) -> None:
    done = command.run("buildinfo", "nothing-1-1")
    assert done.returncode == 1
    assert "No such build: nothing-1-1" in done.stderr


def test_rpminfo(built: Built, command: Command, builds: Builds) -> None:
    lines = command("rpminfo", "--buildroots", f"{built.nvr}.noarch").splitlines()
    assert lines[0].startswith(f"RPM: {built.nvr}.noarch [")
    assert f"Build: {built.nvr} [{built.build['id']}]" in lines
    assert "License: MIT" in lines
    assert "Build Host: builder.localhost" in lines
    rpm = builds.session.getRPM(f"{built.nvr}.noarch")
    assert {f"SIGMD5: {rpm['payloadhash']}", f"Size: {rpm['size']}"} <= set(lines)


def test_taskinfo(built: Built, command: Command, site: Site) -> None:
    text = command("taskinfo", "--recurse", "--verbose", built.task_id)
    for line in (
        f"Task: {built.task_id}",
        "Type: build",
        f"Build: {built.nvr} ({built.build['id']})",
        "State: closed",
        "Host: builder.localhost",
        "  Type: buildArch",
        "  Type: tagBuild",
        "  Type: rebuildSRPM",
    ):
        assert line in text.splitlines(), text
    assert f"/{built.nvr}.noarch.rpm" in text


def test_watch_task_of_what_is_done(built: Built, command: Command) -> None:
    lines = command("watch-task", built.task_id).splitlines()
    assert lines[-1].endswith("completed successfully")


def test_download_build(built: Built, command: Command, tmp_path: Path) -> None:
    command("download-build", "--noprogress", built.nvr, cwd=tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {f"{built.nvr}.src.rpm", f"{built.nvr}.noarch.rpm"}
    assert read_header(tmp_path / f"{built.nvr}.noarch.rpm").name == built.build["name"]


def test_download_build_of_one_arch(built: Built, command: Command, tmp_path: Path) -> None:
    command("download-build", "--quiet", "--arch=noarch", built.nvr, cwd=tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [f"{built.nvr}.noarch.rpm"]
    done = command.run("download-build", "--arch=s390x", built.nvr, cwd=tmp_path)
    assert done.returncode == 1
    assert f"No s390x packages available for {built.nvr}" in done.stderr


def test_download_logs(built: Built, command: Command, builds: Builds, tmp_path: Path) -> None:
    child = builds.child(built.task_id, "buildArch")
    command("download-logs", "--dir", tmp_path / "logs", child["id"])
    log = tmp_path / "logs" / f"noarch-{child['id']}" / "build.log"
    assert "the probe is built" in log.read_text(encoding="utf-8")


def test_watch_logs_of_what_is_done(built: Built, command: Command, builds: Builds) -> None:
    text = command("watch-logs", "--log", "build.log", builds.child(built.task_id, "buildArch")["id"])
    assert "the probe is built" in text


def test_tag_and_untag(built: Built, command: Command, builds: Builds) -> None:
    tag = f"extra-{command.name}"
    builds.session.createTag(tag)
    builds.session.packageListAdd(tag, built.build["name"], owner=ADMIN)
    command("tag-build", "--wait", tag, built.nvr)
    assert [each["nvr"] for each in builds.session.listTagged(tag)] == [built.nvr]
    again = command.run("tag-build", "--wait", tag, built.nvr)
    assert again.returncode == 1
    assert f"build {built.nvr} already tagged" in again.stdout + again.stderr
    command("untag-build", tag, built.nvr)
    assert builds.session.listTagged(tag) == []
    assert command.run("untag-build", tag, built.nvr).returncode == 1


def test_repositories(built: Built, command: Command, site: Site) -> None:
    text = command("wait-repo", "--request", f"--build={built.nvr}", content.BUILD)
    assert "Got repo " in text
    for words in (["regen-repo", "--wait"], ["request-repo", "--wait"], ["wait-repo", "--no-request"]):
        lines = command(*words, content.BUILD).splitlines()
        repo = int(lines[-2].removeprefix("Got repo "))
        assert lines[-1] == f"Repo info: {site.url}/repoinfo?repoID={repo}"
        assert (site.tree / "repos" / content.BUILD / str(repo)).is_dir()


def test_regen_repo_by_a_task(command: Command, builds: Builds) -> None:
    task_id = command.task("regen-repo", "--make-task", "--wait", content.BUILD)
    assert builds.state(task_id) == TaskState.CLOSED
    repo_id, _ = builds.session.call("getTaskResult", task_id)
    assert command("wait-repo", "--no-request", content.BUILD).startswith("Got repo ")
    assert (builds.site.tree / "repos" / content.BUILD / str(repo_id)).is_dir()


def test_wait_repo_for_what_is_not_tagged(command: Command) -> None:
    done = command.run("wait-repo", "--no-request", "--timeout=0", "--build=hello-noarch-99-1", content.BUILD)
    assert done.returncode == 1
    assert "Failed to get repo" in done.stderr


def test_scratch_build_later_watched(command: Command, builds: Builds, site: Site) -> None:
    srpm = Package(f"probe-{command.name}", "2").srpm(builds.place)
    task_id = command.task("build", "--scratch", "--nowait", content.TARGET, srpm)
    lines = command("watch-task", task_id).splitlines()
    assert lines[-1] == (
        f"{task_id} build ({content.TARGET}, probe-{command.name}-2-1.src.rpm) completed successfully"
    )
    name = f"probe-{command.name}-2-1.mini1.noarch.rpm"
    assert (site.tree / "scratch" / ADMIN / f"task_{task_id}" / name).is_file()
    assert builds.session.getBuild(f"probe-{command.name}-2-1.mini1") is None


def test_logs_are_watched_while_it_builds(command: Command, builds: Builds) -> None:
    talk = f"echo line 1; {PAUSE}; for n in 2 3 4 5 6; do echo line $n; sleep 0.3; done"
    srpm = Package(f"probe-{command.name}", "3", build=talk).srpm(builds.place)
    task_id = command.task("build", "--scratch", "--nowait", content.TARGET, srpm)
    child = builds.wait_for_child(task_id, "buildArch")["id"]
    builds.wait_for_log(child, "build.log", "line 1")
    assert builds.state(child) == TaskState.OPEN, "the log must arrive while the task runs"
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(command, "watch-logs", "--log=build.log", child)
        builds.go_on()
        text = watching.result()
    assert [line for line in text.splitlines() if line.startswith("line ")] == [
        f"line {number}" for number in range(1, 7)
    ]
    assert builds.wait(task_id) == TaskState.CLOSED


def test_chain_build(command: Command, builds: Builds) -> None:
    first = Package(f"chain-{command.name}-a")
    # Its chroot comes from a repository that has the first one.
    second = Package(
        f"chain-{command.name}-b", requires=[first.name], build=f"test -d /usr/share/{first.name}"
    )
    urls = [each.repository(builds.place) for each in (first, second)]
    done = command.run("chain-build", "--wait", content.TARGET, urls[0], ":", urls[1])
    assert done.returncode == 0, done.stdout + done.stderr
    task_id = created_task(done.stdout)
    methods = [each["method"] for each in builds.children(task_id)]
    assert methods == ["build", "waitrepo", "build"]
    tagged = {each["nvr"] for each in builds.session.listTagged(content.DEST)}
    assert {first.nvr, second.nvr} <= tagged


def test_cancel(command: Command, builds: Builds) -> None:
    srpm = Package(f"probe-{command.name}", "4", build="sleep 60").srpm(builds.place)
    task_id = command.task("build", "--scratch", "--nowait", content.TARGET, srpm)
    child = builds.wait_for_child(task_id, "buildArch")["id"]
    assert command("cancel", task_id) == ""
    done = command.run("watch-task", task_id)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].endswith("was canceled")
    assert (builds.state(task_id), builds.state(child)) == (TaskState.CANCELED, TaskState.CANCELED)
    assert wait_for(lambda: not builds.chroots(child), 60), builds.chroots(child)


def test_cancel_a_build(command: Command, builds: Builds) -> None:
    package = Package(f"probe-{command.name}", "5", build="sleep 60")
    task_id = command.task("build", "--nowait", content.TARGET, package.srpm(builds.place))
    builds.wait_for_child(task_id, "buildArch")
    command("cancel", package.nvr)
    assert builds.wait(task_id) == TaskState.CANCELED
    assert "State: CANCELED" in command("buildinfo", package.nvr).splitlines()


def test_cancel_what_is_not_there(command: Command) -> None:
    done = command.run("cancel", "nothing-1-1")
    assert done.returncode == 1
    assert "No such build" in done.stderr


def test_a_failed_build_has_exit_code_1(command: Command, builds: Builds) -> None:
    srpm = Package(f"probe-{command.name}", "6", build="echo as I was told; exit 3").srpm(builds.place)
    done = command.run("build", "--scratch", "--wait", content.TARGET, srpm)
    assert done.returncode == 1
    text = (
        "FAILED: BuildError: error building package (arch noarch), mock exited with status 1; "
        "see build.log or root.log for more information"
    )
    assert text in done.stdout, done.stdout
    assert "Relevant logs:" in done.stdout
    assert done.stdout.splitlines()[-1].endswith(" failed")


def test_resubmit(command: Command, builds: Builds) -> None:
    """A build that failed is begun again by the same parameters, and its source is better by now."""
    package = Package(f"again-{command.name}", build="false")
    url = package.repository(builds.place)
    task_id = command.task("build", "--scratch", "--nowait", content.TARGET, url)
    assert builds.wait(task_id) == TaskState.FAILED
    replace(package, build="true").commit(url)
    done = command.run("resubmit", "--wait", task_id)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"Resubmitting the following task:\nTask: {task_id}\nType: build\n")
    found = re.search(rf"^Resubmitted task {task_id} as new task (\d+)$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    assert builds.session.getTaskRequest(int(found[1])) == builds.session.getTaskRequest(task_id)
    done = command.run("resubmit", builds.child(task_id, "buildArch")["id"])
    assert (done.returncode, "only top-level tasks may be resubmitted" in done.stderr) == (1, True)


def test_hosts(command: Command, builds: Builds) -> None:
    host = builds.session.getHost(BUILDER)
    lines = command("list-hosts", "--show-channels", "--channel", "createrepo", "--ready").splitlines()
    assert re.fullmatch(rf"{BUILDER} Y   Y    [\d.]+/2.0  x86_64,i686 .* createrepo,default", lines[2])
    assert command("list-hosts", "--not-enabled", "--quiet") == ""
    lines = command("hostinfo", BUILDER).splitlines()
    assert lines[:4] == [f"Name: {BUILDER}", f"ID: {host['id']}", "Arches: x86_64 i686", "Capacity: 2.0"]
    assert {"Enabled: yes", "Ready: yes", "Channels: default createrepo"} <= set(lines)
    assert command.run("hostinfo", "nobody").returncode == 1


def test_scheduler(built: Built, builds: Builds, site: Site, tmp_path: Path) -> None:
    """Which host had a task, since when, and what the scheduler says of it."""
    koji = command_of(site, "koji", tmp_path)
    line = koji("scheduler-info", "--task", built.task_id).splitlines()[2]
    moment = r"\d\d-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(rf"{built.task_id} +{BUILDER} +CLOSED +{moment} {moment} {moment}", line), line
    host = koji("scheduler-info", "--host", BUILDER, "--state", "CLOSED")
    assert line in host.splitlines() and f"Host data for {BUILDER}:" in host
    assert "buildArch" in host, "the host says what it can do"
    assert koji("scheduler-info", "--host", BUILDER, "--state", "ASSIGNED").count("\n") < host.count("\n")
    logs = koji("scheduler-logs", "--task", built.task_id, "--host", BUILDER).splitlines()
    assert re.fullmatch(rf"{built.task_id} +{BUILDER} .* Assigning task *", logs[2]), logs
    assert koji("scheduler-logs", "--task", 999999).count("\n") == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("build", "no-such-target", "git://localhost/x#1"), "No such build target: no-such-target"),
        (("build", "--scratch", "--draft", content.TARGET, "git://localhost/x#1"), "draft"),
        (("build", content.TARGET), ""),
        (("chain-build", content.TARGET, "git://localhost/x#1"), ""),
        (("taskinfo",), ""),
    ],
)
def test_usage_errors_have_exit_code_2(command: Command, words: tuple[str, ...], message: str) -> None:
    done = command.run(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr


def test_unknown_tag_and_task(command: Command) -> None:
    done = command.run("list-tagged", "no-such-tag")
    assert (done.returncode, "No such tag: no-such-tag" in done.stderr) == (2, True)
    done = command.run("watch-task", "999999")
    assert (done.returncode, "No such task id: 999999" in done.stdout + done.stderr) == (1, True)
