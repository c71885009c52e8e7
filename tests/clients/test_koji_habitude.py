"""koji-habitude, unmodified, makes a hub what a file declares, and finds nothing to do the second time.

Hosts and channels it can change but not make: it asks for `createHost` and `createChannel`, which no
Koji hub has. So they are there before.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from moromi.client import ClientSession
from support.commands import Command
from support.served import Served

BREWERY = Path(__file__).parents[1] / "data" / "clients" / "brewery.yaml"


@pytest.fixture(scope="module")
def session(served: Served) -> ClientSession:
    """What the hub then says."""
    return served.session()


@pytest.fixture(scope="module")
def habitude(served: Served, session: ClientSession) -> Command:
    """The program, after it has applied the file."""
    session.call("addChannel", "slow")
    session.call("addHost", "kettle.example.org", ["x86_64"])
    program = served.habitude()
    program("apply", BREWERY)
    return program


def test_people(habitude: Command, session: ClientSession) -> None:
    assert session.call("getUserPerms", "ilse") == ["brewmaster"]
    assert session.call("getUserPerms", "jan") == ["brewmaster"]
    assert [member["name"] for member in session.call("getGroupMembers", "cellar")] == ["jan"]
    described = {each["name"]: each["description"] for each in session.call("getAllPerms")}
    assert described["brewmaster"] == "May change the recipes"
    assert session.call("listCGs")["stillery"]["users"] == ["ilse"]


def test_hosts_and_channels(habitude: Command, session: ClientSession) -> None:
    host = session.call("getHost", "kettle.example.org")
    assert (host["arches"], host["capacity"]) == ("x86_64 i686", 6.0)
    assert host["description"] == "The old copper kettle"
    channels = session.call("listChannels", "kettle.example.org")
    assert {channel["name"] for channel in channels} == {"default", "slow"}
    assert session.call("getChannel", "slow")["description"] == "For long boils"


def test_types(habitude: Command, session: ClientSession) -> None:
    assert "cask" in [btype["name"] for btype in session.call("listBTypes")]
    assert sorted(session.call("getArchiveType", type_name="keg")["extensions"].split()) == ["keg", "mini"]


def test_tags(habitude: Command, session: ClientSession) -> None:
    tag = session.call("getBuildConfig", "ale-1-build")
    assert (tag["arches"], tag["perm"]) == ("x86_64 i686", "brewmaster")
    extra = tag["extra"]
    assert (extra["mock.package_manager"], extra["rpm.macro.dist"], extra["jobs"]) == ("dnf", ".ale1", 4)
    parents = session.call("getInheritanceData", "ale-1-build")
    assert [(each["name"], each["priority"]) for each in parents] == [("ale-1", 0), ("common-tools", 10)]
    tools = parents[1]
    assert (tools["maxdepth"], tools["pkg_filter"]) == (2, "^b")
    assert tools["noconfig"] and tools["intransitive"]
    repos = session.call("getTagExternalRepos", "ale-1-build")
    assert [(each["external_repo_name"], each["priority"]) for each in repos] == [("malt", 5), ("hops", 10)]
    assert (repos[1]["merge_mode"], repos[1]["arches"]) == ("bare", "x86_64")
    target = session.call("getBuildTarget", "ale-1")
    assert (target["build_tag_name"], target["dest_tag_name"]) == ("ale-1-build", "ale-1")


def test_packages_and_groups(habitude: Command, session: ClientSession) -> None:
    packages = {each["package_name"]: each for each in session.call("listPackages", "ale-1")}
    assert {name: each["owner_name"] for name, each in packages.items() if not each["blocked"]} == {
        "pale": "ilse",
        "stout": "jan",
    }
    assert packages["stout"]["extra_arches"] == "i686"
    assert packages["cider"]["blocked"]
    groups = {
        group["name"]: {each["package"]: each["blocked"] for each in group["packagelist"]}
        for group in session.call("getTagGroups", "common-tools", incl_blocked=True)
    }
    assert groups["build"] == {"bash": False, "make": False, "srpm-build": False}
    assert groups["srpm-build"] == {"git": False, "curl": True}


def test_a_second_run_changes_nothing(habitude: Command, session: ClientSession) -> None:
    """By its own account, and by the hub's: a change of the catalogue makes an event."""
    before = session.call("getLastEvent")
    assert "Objects with changes" not in habitude("compare", BREWERY)
    habitude("apply", BREWERY)
    assert session.call("getLastEvent") == before


def test_a_change_of_the_file_is_a_change_of_the_hub(
    habitude: Command, session: ClientSession, tmp_path: Path
) -> None:
    """One document altered: one object changed, and back again."""
    changed = tmp_path / "changed.yaml"
    text = BREWERY.read_text(encoding="utf-8").replace("dest-tag: ale-1", "dest-tag: common-tools")
    changed.write_text(text, encoding="utf-8")
    assert "Summary: 1 changes across 1 objects" in habitude("compare", changed)
    habitude("apply", changed)
    assert session.call("getBuildTarget", "ale-1")["dest_tag_name"] == "common-tools"
    habitude("apply", BREWERY)
    assert session.call("getBuildTarget", "ale-1")["dest_tag_name"] == "ale-1"
