"""The catalogue kept by the unmodified `koji`: people, tags, packages, groups, repositories, targets, hosts.

Each test is one kind of thing: made, listed, changed, removed; asserted on what the
command prints and on what the hub then says.
"""

from __future__ import annotations

import pytest

from moromi.client import ClientSession
from support.commands import Command
from support.served import Served


@pytest.fixture(scope="module")
def koji(served: Served) -> Command:
    """The command, as administrator."""
    return served.koji()


@pytest.fixture(scope="module")
def session(served: Served) -> ClientSession:
    """What the hub says."""
    return served.session()


@pytest.fixture(scope="module")
def lager(session: ClientSession) -> str:
    """A tag to hang things on."""
    session.call("createTag", "lager", arches="x86_64")
    return "lager"


def rows(text: str) -> list[list[str]]:
    """The words of each line of a table without its head."""
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if set(line) <= {"-", " "} and "-" in line]
    return [line.split() for line in lines[heads[-1] + 1 if heads else 0 :]]


def refused(koji: Command, *words: str) -> str:
    """What a command that must fail says of it."""
    done = koji.run(*words)
    assert done.returncode != 0, done.stdout
    return done.stderr + done.stdout


def test_users(koji: Command, session: ClientSession) -> None:
    assert koji("add-user", "otto", "--principal", "otto@EXAMPLE.ORG").startswith("Added user otto (")
    koji("edit-user", "otto", "--rename", "otis", "--add-krb", "otis@EXAMPLE.ORG")
    user = session.call("getUser", "otis")
    assert sorted(user["krb_principals"]) == ["otis@EXAMPLE.ORG", "otto@EXAMPLE.ORG"]
    assert "otis" in koji("list-users").split()
    koji("disable-user", "otis")
    assert session.call("getUser", "otis")["status"] == 1
    koji("enable-user", "otis")
    assert session.call("getUser", "otis")["status"] == 0
    assert "user already exists: otis" in refused(koji, "add-user", "otis")


def test_permissions(koji: Command, session: ClientSession) -> None:
    koji("grant-permission", "--new", "--description", "Opens casks", "tapster", "bob", "carol")
    assert rows(koji("list-permissions", "--user", "bob")) == [["tapster"]]
    koji("edit-permission", "tapster", "Opens casks well")
    assert ["tapster", "Opens", "casks", "well"] in rows(koji("list-permissions"))
    koji("revoke-permission", "tapster", "bob")
    assert session.call("getUserPerms", "bob") == []
    assert session.call("getUserPerms", "carol") == ["tapster"]


def test_an_ordinary_user_is_told_why_not(served: Served) -> None:
    alice = served.koji("alice")
    assert "This action requires tag or admin privileges" in refused(alice, "add-tag", "mine")
    said = refused(alice, "call", "createTag", "mine")
    assert "ActionNotAllowed: tag permission required (logged in as alice)" in said
    assert "you must be logged in" in refused(served.koji(None), "call", "packageListAdd", "mine", "x", "y")


def test_tags(koji: Command, session: ClientSession) -> None:
    koji("add-tag", "bock", "--arches", "x86_64 aarch64", "-x", "mock.package_manager=dnf")
    koji("edit-tag", "bock", "--perm", "admin", "-x", "jobs=3", "--rename", "doppelbock")
    koji("lock-tag", "doppelbock", "--perm", "tag")
    tag = session.call("getTag", "doppelbock")
    assert (tag["arches"], tag["perm"], tag["locked"]) == ("x86_64 aarch64", "tag", False)
    assert tag["extra"] == {"mock.package_manager": "dnf", "jobs": 3}
    koji("unlock-tag", "doppelbock")
    info = koji("taginfo", "doppelbock")
    assert info.startswith("Tag: doppelbock [")
    assert "  mock.package_manager : 'dnf'" in info and "Required permission" not in info
    assert koji("list-tags", "doppel*").split() == ["doppelbock"]
    koji("remove-tag", "doppelbock")
    assert session.call("getTag", "doppelbock") is None
    assert "No such tag" in refused(koji, "taginfo", "doppelbock")


def test_inheritance(koji: Command, session: ClientSession, lager: str) -> None:
    koji("add-tag", "lager-tools")
    koji("add-tag", "lager-build", "--parent", lager, "--arches", "x86_64")
    koji("add-tag-inheritance", "lager-build", "lager-tools", "--priority", "20", "--maxdepth", "2")
    koji("edit-tag-inheritance", "lager-build", "lager-tools", "--priority", "5", "--noconfig")
    link = session.call("getInheritanceData", "lager-build")[1]
    assert (link["name"], link["priority"], link["maxdepth"]) == ("lager-tools", 5, 2)
    assert link["noconfig"]
    tree = koji("list-tag-inheritance", "lager-build").splitlines()
    assert [line.split()[-2].strip("├└─") for line in tree] == ["lager-build", lager, "lager-tools"]
    koji("remove-tag-inheritance", "lager-build", "lager-tools")
    assert [each["name"] for each in session.call("getInheritanceData", "lager-build")] == [lager]
    history = koji("list-history", "--tag", "lager-tools")
    assert "inheritance line lager-build->lager-tools removed by kojiadmin" in history


def test_packages(koji: Command, session: ClientSession, lager: str) -> None:
    assert koji("add-pkg", "--owner", "alice", lager, "malty", "hoppy").startswith("Adding 2 packages")
    koji("set-pkg-owner", "bob", lager, "malty")
    koji("set-pkg-arches", "i686", lager, "malty")
    assert sorted(rows(koji("list-pkgs", "--tag", lager))) == [
        ["hoppy", lager, "alice"],
        ["malty", lager, "i686", "bob"],
    ]
    koji("block-pkg", lager, "malty")
    assert rows(koji("list-pkgs", "--tag", lager)) == [["hoppy", lager, "alice"]]
    assert "[BLOCKED]" in koji("list-pkgs", "--tag", lager, "--show-blocked", "--quiet")
    koji("unblock-pkg", lager, "malty")
    assert session.call("checkTagPackage", lager, "malty") is True
    koji("remove-pkg", lager, "hoppy")
    assert [each["package_name"] for each in session.call("listPackages", lager)] == ["malty"]
    assert "No such user: nobody" in refused(koji, "add-pkg", "--owner", "nobody", lager, "x")


def test_groups(koji: Command, session: ClientSession, lager: str) -> None:
    for group in ("build", "srpm-build"):
        koji("add-group", lager, group)
    koji("add-group-pkg", lager, "build", "bash", "make")
    koji("add-group-req", lager, "build", "srpm-build")
    listed = koji("list-groups", lager).splitlines()
    assert listed[:2] == [f"build  [{lager}]", f"  @srpm-build  [{lager}]"]
    assert f"  bash: None, mandatory  [{lager}]" in listed
    koji("block-group-pkg", lager, "build", "make")
    koji("remove-group-req", lager, "build", "srpm-build")
    build = next(group for group in session.call("getTagGroups", lager) if group["name"] == "build")
    assert [each["package"] for each in build["packagelist"]] == ["bash"]
    assert build["grouplist"] == []
    koji("remove-group-pkg", lager, "build", "bash")
    koji("block-group", lager, "build")
    koji("remove-group", lager, "srpm-build")
    assert session.call("getTagGroups", lager) == []


def test_external_repositories(koji: Command, session: ClientSession, lager: str) -> None:
    url = "http://repos.example.org/barley/"
    made = koji("add-external-repo", "barley", url, "-t", f"{lager}::3", "-m", "bare", "-a", "x86_64")
    assert f"Added external repo barley to tag {lager} (priority 3)" in made
    koji("edit-external-repo", "barley", "--url", url + "2/", "--name", "rye")
    koji("edit-external-repo", "rye", "-t", lager, "-p", "9")
    assert rows(koji("list-external-repos"))[-1] == ["rye", url + "2/"]
    assert rows(koji("list-external-repos", "--tag", lager)) == [["9", "rye", "bare", url + "2/"]]
    koji("remove-external-repo", "rye", lager)
    assert session.call("getTagExternalRepos", lager) == []
    koji("remove-external-repo", "rye")
    assert session.call("getExternalRepo", "rye") is None


def test_targets(koji: Command, session: ClientSession, lager: str) -> None:
    koji("add-target", "lager", lager, lager)
    koji("add-tag", "stout")
    koji("edit-target", "lager", "--rename", "stout", "--dest-tag", "stout")
    assert ["stout", lager, "stout"] in rows(koji("list-targets"))
    koji("remove-target", "stout")
    assert session.call("getBuildTarget", "stout") is None
    assert "Build tag has no arches: stout" in refused(koji, "add-target", "dry", "stout")


def test_hosts_and_channels(koji: Command, session: ClientSession) -> None:
    host = "kiln.example.org"
    assert koji("add-host", host, "x86_64", "i686").startswith(f"{host} added: id ")
    koji("edit-host", host, "--capacity", "3", "--comment", "Hot")
    koji("add-channel", "smoke", "--description", "Smoked")
    koji("add-host-to-channel", host, "smoke")
    koji("edit-channel", "smoke", "--name", "smokehouse", "--comment", "Open")
    assert rows(koji("list-hosts", "--channel", "smokehouse")) == [
        [host, "Y", "N", "0.0/3.0", "x86_64,i686", "-"]
    ]
    assert "Channels: default smokehouse" in koji("hostinfo", host).splitlines()
    assert ["smokehouse", "1", "0", "0", "0", "3", "0%"] in rows(koji("list-channels"))
    koji("disable-channel", "smokehouse")
    assert session.call("getChannel", "smokehouse")["enabled"] is False
    koji("remove-host-from-channel", host, "smokehouse")
    koji("disable-host", host, "--comment", "Cold")
    assert [row[0] for row in rows(koji("list-hosts", "--disabled"))] == [host]
    koji("enable-host", host)
    found = session.call("getHost", host)
    assert (found["enabled"], found["comment"], found["capacity"]) == (True, "Cold", 3.0)


def test_notifications(koji: Command, session: ClientSession, lager: str) -> None:
    session.call("packageListAdd", lager, "amber", "bob")
    koji("add-notification", "--package", "amber", "--tag", lager)
    (made,) = session.call("getBuildNotifications")
    koji("edit-notification", str(made["id"]), "--success-only", "--tag", "*")
    koji("block-notification", "--package", "amber")
    listed = koji("list-notifications", "--mine").splitlines()
    assert listed[3].split()[:3] == [str(made["id"]), "*", "amber"] and listed[3].split()[-1] == "yes"
    (block,) = session.call("getBuildNotificationBlocks")
    assert koji("unblock-notification", str(block["id"])).endswith("successfully removed.\n")
    koji("remove-notification", str(made["id"]))
    assert koji("list-notifications", "--mine").split() == [
        "No",
        "notifications",
        "No",
        "notification",
        "blocks",
    ]


def test_a_tag_is_cloned(koji: Command, session: ClientSession) -> None:
    session.call("createTag", "porter", arches="x86_64", extra={"jobs": 3})
    session.call("packageListAdd", "porter", "amber", "bob")
    session.call("groupListAdd", "porter", "build")
    koji("clone-tag", "porter", "porter-2", "--all")
    assert session.call("getTag", "porter-2")["extra"] == {"jobs": 3}
    assert [each["package_name"] for each in session.call("listPackages", "porter-2")] == ["amber"]
    assert [group["name"] for group in session.call("getTagGroups", "porter-2")] == ["build"]
