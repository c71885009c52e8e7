"""The sample packages, from source to the repository they are used from."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import createrepo_c
import pytest
import requests

from moromi.constants import BuildState, TaskState
from moromi.rpm import read_header
from samplesite import content, samples
from samplesite.services import wait_for
from samplesite.site import Site, build_arch
from support.repodata import contents, documents
from support.sites import Builds

ARCH = build_arch()
RPMS = {
    "hello-noarch": {"hello-noarch-1.0-1.mini1.src", "hello-noarch-1.0-1.mini1.noarch"},
    "hello-git": {"hello-git-1.0-1.mini1.src", "hello-git-1.0-1.mini1.noarch"},
    "hello-c": {
        "hello-c-0.1-1.mini1.src",
        *(f"hello-c{part}-0.1-1.mini1.{ARCH}" for part in ("", "-libs", "-devel")),
    },
}

pytestmark = pytest.mark.usefixtures("built")


@pytest.fixture(scope="module")
def built(builds: Builds) -> dict[str, dict[str, Any]]:
    """The builds of the samples, made at the same time."""
    tasks = {
        name: builds.submit(samples.make_srpm(name, builds.place)) for name in ("hello-noarch", "hello-c")
    }
    source = samples.make_git_source(builds.place)
    tasks["hello-git"] = int(builds.session.call("build", source, content.TARGET))
    for task_id in tasks.values():
        assert builds.wait(task_id) == TaskState.CLOSED, builds.describe(task_id)
    return {name: builds.build_of(task_id) for name, task_id in tasks.items()}


@pytest.fixture(scope="module")
def repo(builds: Builds, built: dict[str, dict[str, Any]]) -> str:
    """The URL of a repository of the build tag that has all of them, made without being asked for."""
    events = [
        row["create_event"]
        for build in built.values()
        for row in builds.session.queryHistory(build=build["nvr"])["tag_listing"]
    ]
    found = builds.wait_for_repo(max(events))
    return f"{builds.site.url}/kojifiles/repos/{content.BUILD}/{found['id']}/{ARCH}"


@pytest.mark.parametrize("name", RPMS)
def test_complete_with_its_rpms(name: str, builds: Builds, built: dict[str, dict[str, Any]]) -> None:
    build = built[name]
    assert build["state"] == BuildState.COMPLETE
    rpms = builds.session.listRPMs(buildID=build["id"])
    debug = {f"{each['nvr']}.{each['arch']}" for each in rpms if "-debug" in each["name"]}
    assert {f"{each['nvr']}.{each['arch']}" for each in rpms} - debug == RPMS[name]
    assert build["source"] is not None
    if name == "hello-git":
        assert build["source"].startswith("git+file://") and not build["source"].endswith("#HEAD")


@pytest.mark.parametrize("name", RPMS)
def test_rpms_are_served(name: str, builds: Builds, built: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    build = built[name]
    for rpm in builds.session.listRPMs(buildID=build["id"]):
        file = f"{rpm['nvr']}.{rpm['arch']}.rpm"
        where = f"packages/{build['name']}/{build['version']}/{build['release']}/{rpm['arch']}/{file}"
        answer = requests.get(f"{builds.site.url}/kojifiles/{where}", timeout=60)
        assert answer.status_code == 200
        assert len(answer.content) == rpm["size"]
        (tmp_path / file).write_bytes(answer.content)
        header = read_header(tmp_path / file)
        assert header.name == rpm["name"]
        assert header["SIGMD5"].hex() == rpm["payloadhash"]
        assert header["VENDOR"] == "Koji"


@pytest.mark.parametrize("name", RPMS)
def test_tagged(name: str, builds: Builds, built: dict[str, dict[str, Any]]) -> None:
    for tag, inherit in ((content.DEST, False), (content.BUILD, True)):
        tagged = builds.session.listTagged(tag, package=name, inherit=inherit)
        assert [each["nvr"] for each in tagged] == [built[name]["nvr"]]


@pytest.mark.parametrize("name", RPMS)
def test_logs_are_served(name: str, builds: Builds, built: dict[str, dict[str, Any]]) -> None:
    logs = builds.session.getBuildLogs(built[name]["id"])
    assert {"build.log", "root.log", "state.log", "mock_output.log"} <= {each["name"] for each in logs}
    texts = {}
    for log in logs:
        answer = requests.get(f"{builds.site.url}/kojifiles/{log['path']}", timeout=60)
        assert answer.status_code == 200
        texts[log["name"]] = answer.text
    assert "rpmbuild" in texts["build.log"] and "%install" in texts["build.log"]


def test_buildroot_contents(builds: Builds, built: dict[str, dict[str, Any]]) -> None:
    task = builds.child(built["hello-c"]["task_id"], "buildArch")
    (root,) = builds.session.listBuildroots(taskID=task["id"])
    assert (root["tag_name"], root["arch"], root["host_name"]) == (content.BUILD, ARCH, "builder.localhost")
    rpms = {each["name"]: each for each in builds.session.listRPMs(componentBuildrootID=root["id"])}
    assert {"bash", "rpm", "gcc", "make"} <= set(rpms)
    assert {each["external_repo_name"] for each in rpms.values()} == {"sample-distribution"}
    updates = {name for name, each in rpms.items() if each["is_update"]}
    assert "gcc" in updates, "a BuildRequires, not of the build group"
    assert "bash" not in updates
    made = {each["name"] for each in builds.session.listRPMs(buildrootID=root["id"])}
    assert {"hello-c", "hello-c-libs", "hello-c-devel"} <= made


def test_source_rpm_has_a_buildroot_too(builds: Builds, built: dict[str, dict[str, Any]]) -> None:
    task = builds.child(built["hello-git"]["task_id"], "buildSRPMFromSCM")
    (root,) = builds.session.listBuildroots(taskID=task["id"])
    assert {"bash", "rpm"} <= {
        each["name"] for each in builds.session.listRPMs(componentBuildrootID=root["id"])
    }
    assert "git" in builds.log(task["id"], "checkout.log")


def test_repository_has_them(repo: str, built: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    repomd = requests.get(f"{repo}/repodata/repomd.xml", timeout=60)
    assert repomd.status_code == 200
    (tmp_path / "repomd.xml").write_bytes(repomd.content)
    records = createrepo_c.Repomd(str(tmp_path / "repomd.xml"))
    (primary,) = [each for each in records.records if each.type == "primary"]
    data = requests.get(f"{repo}/{primary.location_href}", timeout=60)
    path = tmp_path / Path(primary.location_href).name
    path.write_bytes(data.content)
    packages: dict[str, Any] = {}
    createrepo_c.xml_parse_primary(
        str(path), pkgcb=lambda package: packages.update({package.name: package}), do_files=False
    )
    for name in ("hello-noarch", "hello-git", "hello-c", "hello-c-libs", "hello-c-devel"):
        package = packages[name]
        answer = requests.head(f"{package.location_base or repo}/{package.location_href}", timeout=60)
        assert answer.status_code == 200, package.location_href
        assert int(answer.headers["Content-Length"]) == package.size_package
    assert "bash" in packages, "the external repository is merged in"


def test_latest_link(repo: str, builds: Builds) -> None:
    latest = builds.site.tree / "repos" / content.BUILD / "latest"
    assert wait_for(lambda: int(latest.resolve().name) >= int(repo.split("/")[-2]), 60)
    url = f"{builds.site.url}/kojifiles/repos/{content.BUILD}/latest/{ARCH}/repodata/repomd.xml"
    assert requests.get(url, timeout=60).status_code == 200


def test_the_hub_has_made_it_itself_and_soon(repo: str, builds: Builds) -> None:
    found = samples.repository(builds.session)
    assert found is not None
    made, seconds = found
    assert builds.session.call("repoInfo", made["id"])["task_id"] is None
    assert seconds < 20, "a twentieth of that with nothing else to do"


def test_a_builder_makes_the_same_repository(repo: str, builds: Builds) -> None:
    """When a task is asked for: its builder joins what the hub keeps, too."""
    task_id = int(builds.session.call("newRepo", content.BUILD))
    assert builds.wait(task_id) == TaskState.CLOSED, builds.describe(task_id)
    (repo_id, _event) = builds.session.call("getTaskResult", task_id)
    tree = builds.site.tree / "repos" / content.BUILD
    ours, theirs = tree / str(repo_id) / ARCH, tree / repo.split("/")[-2] / ARCH
    assert contents(ours) == contents(theirs)
    documents(ours)
    made = builds.session.listTaskOutput(builds.child(task_id, "createrepo")["id"])
    assert "createrepo.log" not in made, "no package has been opened"


def test_nothing_of_the_chroots_stays(builds: Builds, built: dict[str, dict[str, Any]]) -> None:
    task_id = builds.child(built["hello-c"]["task_id"], "buildArch")["id"]
    assert wait_for(lambda: not builds.chroots(task_id), 60), builds.chroots(task_id)


def test_dnf_installs_what_was_built(repo: str, site: Site, tmp_path: Path) -> None:
    root = tmp_path / "root"
    # A root of its own for the cache too: dnf keeps what it knows of a repository by its URL.
    command = [
        "dnf",
        "--assumeyes",
        "--quiet",
        "--nogpgcheck",
        f"--repofrompath=made,{repo}",
        "--repo=made",
        f"--installroot={root}",
        "--releasever=1",
        "--setopt=reposdir=/nonexistent",
        f"--setopt=cachedir={tmp_path / 'cache'}",
        f"--setopt=logdir={tmp_path}",
        "--setopt=install_weak_deps=0",
        "install",
        "hello-c",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    query = ["rpm", f"--root={root}", "-q", "hello-c", "hello-c-libs"]
    found = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()
    assert found == [f"hello-c-0.1-1.mini1.{ARCH}", f"hello-c-libs-0.1-1.mini1.{ARCH}"]
    ran = subprocess.run(["chroot", str(root), "hello-c"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "hello" in ran.stdout.lower()
