"""The commands of kojismokydingo, unmodified, inside the unmodified `koji`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moromi.client import ClientSession
from support.builds import generated, stated
from support.commands import Command
from support.served import Served

TAG = "smoky-build"
DATA = Path(__file__).parents[1] / "conformance" / "data"
OLD, NEW, YEAST = "fermenter-1.2-3.mr1", "fermenter-1.2-4.mr1", "yeast-7-1.mr1"


@pytest.fixture(scope="module")
def session(served: Served) -> ClientSession:
    """The administrator, who sets the scene: a build tag with two parents, and its target."""
    session = served.session()
    for name in ("smoky", "dingo"):
        session.call("createTag", name, arches="x86_64")
    session.call("createTag", TAG, parent="smoky", arches="x86_64", extra={"rpm.macro.dist": ".smk"})
    links = session.call("getInheritanceData", TAG)
    dingo = {**links[0], "parent_id": session.call("getTagID", "dingo"), "priority": 7}
    session.call("setInheritanceData", TAG, [*links, dingo])
    session.call("createBuildTarget", "smoky", TAG, "smoky")
    session.call("createUser", "dora")
    session.call("grantPermission", "dora", "dingo-keeper", True, "Keeps the dingo")
    session.call("grantCGAccess", "dora", "smokehouse", True)
    return session


@pytest.fixture(scope="module")
def koji(served: Served, session: ClientSession) -> Command:
    """The command, which finds the plugin by itself."""
    return served.koji()


def words(text: str) -> list[list[str]]:
    """The words of each line."""
    return [line.split() for line in text.splitlines()]


def test_permissions(koji: Command) -> None:
    lines = words(koji("perminfo", "dingo-keeper"))
    assert lines[0][:2] == ["Permission:", "dingo-keeper"]
    assert ["dora"] in lines
    found = koji("userinfo", "dora")
    assert "Status: NORMAL (enabled)" in found
    assert ["dingo-keeper"] in words(found) and "smokehouse" in found


def test_content_generators(koji: Command) -> None:
    assert "dora" in koji("cginfo", "--name", "smokehouse")
    assert "smokehouse" in koji("list-cgs")
    assert "maven" in koji("list-btypes")


def test_targets_of_a_tag(koji: Command) -> None:
    assert koji("affected-targets", "dingo").split() == ["smoky"]


def test_rpm_macros(koji: Command, session: ClientSession) -> None:
    koji("set-rpm-macro", TAG, "vendor", "Dingo")
    assert words(koji("list-rpm-macros", TAG)) == [["dist", ".smk", TAG], ["vendor", "Dingo", TAG]]
    koji("remove-rpm-macro", TAG, "vendor")
    koji("block-rpm-macro", TAG, "dist")
    assert "rpm.macro.dist" not in session.call("getBuildConfig", TAG)["extra"]
    blocked = session.call("getTag", TAG, blocked=True)["extra"]
    assert blocked["rpm.macro.dist"] == [True, None]


def test_environment_variables(koji: Command, session: ClientSession) -> None:
    koji("set-env-var", TAG, "LANG", "C")
    assert words(koji("list-env-vars", TAG)) == [["LANG", '"C"', TAG]]
    assert "rpm.env.LANG" in koji("list-tag-extras", TAG)
    koji("remove-env-var", TAG, "LANG")
    assert "rpm.env.LANG" not in session.call("getTag", TAG)["extra"]


def test_inheritance(koji: Command, session: ClientSession) -> None:
    koji("swap-tag-inheritance", TAG, "smoky", "dingo")
    koji("renum-tag-inheritance", "--begin", "5", "--step", "5", TAG)
    links = session.call("getInheritanceData", TAG)
    assert [(link["name"], link["priority"]) for link in links] == [("dingo", 5), ("smoky", 10)]
    assert "dingo" in koji("list-tag-inheritance", TAG)


def test_tags_by_filter(koji: Command) -> None:
    assert koji("filter-tags", "--filter", "(has-parent dingo)", "dingo", TAG).split() == [TAG]
    assert koji("filter-tags", "--search", "smoky*", "--id-sort").split() == ["smoky", TAG]


def test_state_of_hosts_and_repositories(koji: Command) -> None:
    """Both end with status 1, since there is something to tell."""
    hosts = koji.run("check-hosts")
    assert hosts.returncode == 1 and "builder1.example.org" in hosts.stdout
    repo = koji.run("check-repo", TAG)
    assert (repo.returncode, repo.stdout.strip()) == (1, f"Tag {TAG} has no repo")


def test_configuration(koji: Command, served: Served) -> None:
    assert json.loads(koji("client-config", "--json"))["server"] == served.url


# builds


@pytest.fixture(scope="module")
def built(session: ClientSession) -> ClientSession:
    """After two builds of fermenter were imported, and yeast by a content generator that used the first."""
    for path in sorted(DATA.glob("fermenter-*.mr1.*.rpm"), key=lambda path: "src" not in path.name):
        if "signed" not in path.name:
            session.upload(str(path), "imports/smoky")
            session.call("importRPM", "imports/smoky", path.name)
    session.call("grantCGAccess", "kojiadmin", "kiln", create=True)
    packages = sorted(DATA.glob(f"{YEAST}.*.rpm"))
    for path in packages:
        session.upload(str(path), "imports/kiln")
    metadata = generated(map(stated, packages), name="yeast", version="7", release="1.mr1")
    names = ("name", "version", "release", "arch", "epoch")
    rpm = session.call("getRPM", f"{OLD}.x86_64", strict=True)
    used = {
        "type": "rpm",
        "sigmd5": rpm["payloadhash"],
        "signature": None,
        **{key: rpm[key] for key in names},
    }
    metadata["buildroots"][0]["components"].append(used)
    session.call("CGImport", metadata, "imports/kiln")
    return session


def test_builds_by_filter(koji: Command, built: ClientSession) -> None:
    assert koji("filter-builds", "--nvr-sort", NEW, OLD, YEAST, "none-1-1").split() == [OLD, NEW, YEAST]
    assert koji("filter-builds", "--content-generator", "kiln", OLD, YEAST).split() == [YEAST]
    assert koji("filter-builds", "--rpm", "--filter", "(name fermenter)", YEAST, OLD).split() == [OLD]


def test_components_of_a_build(koji: Command, built: ClientSession) -> None:
    assert koji("list-component-builds", YEAST).split() == [OLD]


def test_many_builds_into_tags_and_out(koji: Command, built: ClientSession) -> None:
    koji("bulk-tag-builds", "--create", "--owner", "kojiadmin", "burrow", OLD, NEW, YEAST)
    assert {build["nvr"] for build in built.call("listTagged", "burrow")} == {OLD, NEW, YEAST}
    koji("bulk-move-builds", "--create", "--owner", "kojiadmin", "burrow", "den", OLD, YEAST)
    assert [build["nvr"] for build in built.call("listTagged", "burrow")] == [NEW]
    assert koji("filter-builds", "--tag", "den", "--nvr-sort").split() == [OLD, YEAST]
    koji("bulk-untag-builds", "den", YEAST)
    assert koji("filter-builds", "--tag", "den").split() == [OLD]


def test_files_of_builds(koji: Command, built: ClientSession) -> None:
    koji("bulk-tag-builds", "--create", "--owner", "kojiadmin", "lair", OLD, NEW)
    latest = koji("latest-archives", "--urls", "--key", "0", "--unsigned", "--arch", "x86_64", "lair").split()
    assert [url.rpartition("/packages/")[2] for url in latest] == [
        f"fermenter/1.2/4.mr1/x86_64/{NEW}.x86_64.rpm"
    ]
    listed = json.loads(koji("list-build-archives", "--json", "--rpm", YEAST))
    assert {Path(file["filepath"]).name for file in listed} == {f"{YEAST}.noarch.rpm", f"{YEAST}.src.rpm"}
