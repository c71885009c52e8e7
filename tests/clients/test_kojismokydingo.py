"""The tag and permission commands of kojismokydingo, unmodified, inside the unmodified `koji`."""

from __future__ import annotations

import json

import pytest

from moromi.client import ClientSession
from support.commands import Command
from support.served import Served

TAG = "smoky-build"


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
