"""Repositories: what they contain, how they are made, and what failure leaves behind."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from moromi.constants import RepoState
from moromi.errors import CallbackError, GenericError
from moromi_hub.repos import comps
from support.builds import BUILDER, RPM, SRPM, YEAST, import_rpm
from support.hub import Client, HubUnderTest, count_statements


@pytest.fixture
def top(hub: HubUnderTest) -> Path:
    """The top of the hub's file tree."""
    return hub.hub.settings.topdir


@pytest.fixture
def builder(hub: HubUnderTest) -> Client:
    """The session of a builder."""
    return hub.client(BUILDER)


@pytest.fixture
def content(admin: Client) -> str:
    """A build tag with two builds in the tag that it inherits from; its name."""
    admin("createTag", "f40")
    admin("createTag", "f40-build", "f40", arches="x86_64 i686 aarch64")
    for name in (SRPM, RPM, "yeast-7-1.mr1.src.rpm", YEAST):
        import_rpm(admin, name)
    for package in ("fermenter", "yeast", "hops"):
        admin("packageListAdd", "f40", package, "alice")
    admin("packageListBlock", "f40-build", "hops")
    admin("groupListAdd", "f40", "build")
    admin("groupPackageListAdd", "f40", "build", "bash")
    admin("massTag", "f40", ["fermenter-1.2-3.mr1", "yeast-7-1.mr1"])
    return "f40-build"


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def tree(path: Path) -> set[str]:
    return {str(each.relative_to(path)) for each in path.rglob("*")}


# what repoInit writes


def test_the_lists_of_each_arch(builder: Client, content: str, top: Path) -> None:
    repo_id, event = builder("host.repoInit", content, None, None, {"separate_src": True})
    directory = top / "repos" / content / str(repo_id)
    assert {each.name for each in directory.iterdir()} == {
        *("repo.json", "groups", "x86_64", "i386", "aarch64", "src")
    }
    fermenter = "toplink/packages/fermenter/1.2/3.mr1"
    yeast = "toplink/packages/yeast/7/1.mr1"
    noarch = f"{yeast}/noarch/{YEAST}"
    assert set(lines(directory / "x86_64" / "pkglist")) == {f"{fermenter}/x86_64/{RPM}", noarch}
    assert lines(directory / "i386" / "pkglist") == [noarch]
    assert set(lines(directory / "src" / "pkglist")) == {
        f"{fermenter}/src/{SRPM}",
        f"{yeast}/src/yeast-7-1.mr1.src.rpm",
    }
    for name in lines(directory / "x86_64" / "pkglist"):
        assert (directory / "x86_64" / name).is_file()
    assert lines(directory / "x86_64" / "blocklist") == ["hops"]
    records = [json.loads(line) for line in lines(directory / "i386" / "rpmlist.jsonl")]
    assert [record["name"] for record in records] == ["yeast"]
    assert set(records[0]) == {
        *("name", "version", "release", "arch", "id", "epoch", "draft", "payloadhash", "size"),
        *("buildtime", "buildroot_id", "build_id", "metadata_only", "extra"),
    }
    facts = json.loads((directory / "repo.json").read_text())
    assert (facts["id"], facts["tag"], facts["event_id"]) == (repo_id, content, event)
    assert facts["custom_opts"] == {"separate_src": True}
    assert facts["with_separate_src"] is True


def test_a_repository_of_an_event_shows_the_tag_as_it_was(
    admin: Client, builder: Client, content: str, top: Path
) -> None:
    event = admin("getLastEvent")["id"]
    admin("untagBuildBypass", "f40", "yeast-7-1.mr1")
    then, now = (builder("host.repoInit", content, None, at)[0] for at in (event, None))
    lists = top / "repos" / content
    assert "yeast" in (lists / str(then) / "i386" / "pkglist").read_text()
    assert (lists / str(now) / "i386" / "pkglist").read_text() == ""
    assert admin("repoInfo", then)["end_event"] is not None
    assert admin("repoInfo", now)["end_event"] is None


def test_older_builders_may_say_it_their_way(admin: Client, builder: Client, content: str) -> None:
    repo_id, _event = builder("host.repoInit", content, None, True, False)
    assert admin("repoInfo", repo_id)["custom_opts"] == {"src": True}


def test_groups_that_are_required_are_expanded() -> None:
    def group(name: str, packages: list[str], required: list[str]) -> dict[str, Any]:
        listed = [
            {"package": each, "type": None, "basearchonly": None, "requires": None} for each in packages
        ]
        flags = {"biarchonly": False, "is_default": None, "uservisible": True, "description": "a < b"}
        required_groups = [{"name": each} for each in required]
        return {
            "name": name,
            "display_name": name.title(),
            "packagelist": listed,
            "grouplist": required_groups,
            **flags,
        }

    text = comps.render(
        [group("build", ["make", "gcc"], ["base", "gone"]), group("base", ["bash"], ["build"])]
    )
    order = [
        text.index(each) for each in ("<id>base", "<id>build", ">gcc<", ">make<", "Group: base", ">bash<")
    ]
    build = text[text.index("<id>build") :]
    assert order[0] < order[1]
    assert [build.index(each) for each in (">gcc<", ">make<", "Expanding Group: base", ">bash<")] == sorted(
        build.index(each) for each in (">gcc<", ">make<", "Expanding Group: base", ">bash<")
    )
    assert "MISSING GROUP: gone" in build
    assert "a &lt; b" in text
    assert build.count(">gcc<") == 1


def test_statements_grow_neither_with_inheritance_nor_with_packages(
    hub: HubUnderTest, admin: Client, builder: Client, content: str
) -> None:
    builder("host.repoInit", content)
    with count_statements(hub.hub.engine) as few:
        builder("host.repoInit", content)
    parent = "f40-build"
    for number in range(20):
        admin("createTag", f"deep{number}", parent, arches="x86_64")
        parent = f"deep{number}"
        for package in range(5):
            admin("createEmptyBuild", f"pkg{package}", f"1.{number}", "1", None)
            admin("packageListAdd", parent, f"pkg{package}", "alice")
            admin("massTag", parent, [f"pkg{package}-1.{number}-1"])
        admin("groupListAdd", parent, f"group{number}")
    with count_statements(hub.hub.engine) as many:
        builder("host.repoInit", parent)
    assert len(many) <= len(few)
    assert len(few) <= 25, "\n".join(few)


# repoDone


def finish(builder: Client, repo_id: int, text: bytes = b"<repomd/>") -> None:
    builder.upload(f"repo-{repo_id}", "repomd.xml", text)
    data = {"x86_64": [f"repo-{repo_id}", ["repomd.xml"]], "i686": [f"repo-{repo_id}", []]}
    builder("host.repoDone", repo_id, data)


def test_metadata_is_in_place_and_latest_points_to_it(
    admin: Client, builder: Client, content: str, top: Path
) -> None:
    repo_id, _event = builder("host.repoInit", content)
    finish(builder, repo_id)
    tag_dir = top / "repos" / content
    assert (tag_dir / "latest").readlink() == Path(str(repo_id))
    assert (tag_dir / "latest" / "x86_64" / "repodata" / "repomd.xml").read_text() == "<repomd/>"
    assert admin("repoInfo", repo_id)["state"] == RepoState.READY


def test_latest_is_the_newest_event_with_default_options(
    admin: Client, builder: Client, content: str, top: Path
) -> None:
    first, second = (builder("host.repoInit", content)[0] for _ in range(2))
    custom = builder("host.repoInit", content, None, None, {"src": True})[0]
    latest = top / "repos" / content / "latest"
    for repo_id, expected in ((second, second), (first, second), (custom, second)):
        finish(builder, repo_id)
        assert latest.readlink().name == str(expected)


def test_a_call_that_was_cut_off_can_be_repeated(
    hub: HubUnderTest, admin: Client, builder: Client, content: str, top: Path
) -> None:
    """The files have been moved, the commit never came: the next attempt finds them where they are."""
    repo_id, _event = builder("host.repoInit", content)
    builder.upload("crash", "repomd.xml", b"<repomd/>")
    data = {"x86_64": ["crash", ["repomd.xml"]]}
    target = top / "repos" / content / str(repo_id) / "x86_64" / "repodata" / "repomd.xml"

    source = top / "work" / "crash" / "repomd.xml"
    target.parent.mkdir()
    source.rename(target)
    source.symlink_to(target)

    builder("host.repoDone", repo_id, data, False, {"cloned_from_repo_id": 7})
    assert target.read_text() == "<repomd/>"
    assert json.loads((target.parents[2] / "repo.json").read_text())["cloned_from_repo_id"] == 7
    assert admin("repoInfo", repo_id)["state"] == RepoState.READY


def test_a_failing_repo_done_takes_everything_back(
    hub: HubUnderTest, admin: Client, builder: Client, content: str, top: Path
) -> None:
    repo_id, _event = builder("host.repoInit", content)
    directory = top / "repos" / content / str(repo_id)
    facts = (directory / "repo.json").read_text()
    builder.upload("half", "repomd.xml", b"<repomd/>")
    with pytest.raises(GenericError, match="uploaded file missing"):
        builder("host.repoDone", repo_id, {"x86_64": ["half", ["repomd.xml", "gone.xml"]]}, False, {"a": 1})
    assert not (directory / "x86_64" / "repodata" / "repomd.xml").exists()
    assert (top / "work" / "half" / "repomd.xml").read_bytes() == b"<repomd/>"
    assert (directory / "repo.json").read_text() == facts
    assert admin("repoInfo", repo_id)["state"] == RepoState.INIT


def test_a_failing_repo_init_leaves_no_directory(
    hub: HubUnderTest, builder: Client, content: str, top: Path
) -> None:
    def refuse(call: Any, kind: str, **_details: Any) -> None:
        raise GenericError(f"not in {kind}")

    hub.hub.callbacks.register("postRepoInit", refuse)
    with pytest.raises(CallbackError):
        builder("host.repoInit", content)
    assert tree(top / "repos") <= {content}


@pytest.mark.parametrize("name", ["../../escape", "/etc/passwd", "x/../../../y"])
def test_names_of_files_lead_nowhere_else(builder: Client, content: str, top: Path, name: str) -> None:
    repo_id, _event = builder("host.repoInit", content)
    before = tree(top)
    for data in ({"x86_64": ["up", [name]]}, {"x86_64": [name, ["f"]]}, {name: ["up", []]}):
        with pytest.raises(GenericError):
            builder("host.repoDone", repo_id, data)
    assert tree(top) == before


# Maven


def make_artifact(admin: Client, name: str, version: str, group: str = "org.example") -> str:
    """A build with one jar; its name-version-release."""
    build = {"name": name, "version": version, "release": "1", "epoch": None}
    admin("createMavenBuild", build, {"group_id": group, "artifact_id": "culture", "version": version})
    admin.upload("jars", f"culture-{version}.jar", f"jar {name} {version}".encode())
    facts = {"group_id": group, "artifact_id": "culture", "version": version}
    admin("importArchive", f"jars/culture-{version}.jar", f"{name}-{version}-1", "maven", facts)
    return f"{name}-{version}-1"


@pytest.mark.parametrize("generous", [False, True])
def test_a_maven_tree_shows_what_the_tag_shows(
    admin: Client, builder: Client, top: Path, generous: bool
) -> None:
    admin("createTag", "far", maven_support=True)
    admin("createTag", "near", "far", arches="x86_64", maven_support=True, maven_include_all=generous)
    builds = [
        make_artifact(admin, name, version) for name, version in (("a", "1.9"), ("a", "1.10"), ("b", "2"))
    ]
    for package in ("a", "b"):
        admin("packageListAdd", "far", package, "alice")
    admin("massTag", "near", [builds[1], builds[0]])
    admin("massTag", "far", [builds[2]])
    repo_id, _event = builder("host.repoInit", "near")
    assert admin("repoInfo", repo_id)["opts"]["maven"] is True
    place = top / "repos" / "near" / str(repo_id) / "maven" / "org" / "example" / "culture"
    shown = {each.name for each in place.iterdir() if each.is_dir()}
    assert shown == ({"1.9", "1.10"} if generous else {"1.9"})
    assert (place / "1.9" / "culture-1.9.jar").read_text() == "jar a 1.9"
    metadata = (place / "maven-metadata.xml").read_text()
    assert f"<latest>{'1.10' if generous else '1.9'}</latest>" in metadata
    digest = hashlib.sha1(metadata.encode(), usedforsecurity=False).hexdigest()
    assert (place / "maven-metadata.xml.sha1").read_text() == digest


def test_artifacts_that_lead_elsewhere_are_left_out(admin: Client, builder: Client, top: Path) -> None:
    """Whatever the database says, the tree of a repository stays within its directory."""
    admin("createTag", "t", arches="x86_64", maven_support=True)
    admin("packageListAdd", "t", "a", "alice")
    admin("packageListAdd", "t", "b", "alice")
    admin(
        "massTag",
        "t",
        [make_artifact(admin, "a", "1", "org"), make_artifact(admin, "b", "2", "org.culture.1")],
    )
    repo_id, _event = builder("host.repoInit", "t")
    directory = top / "repos" / "t" / str(repo_id)
    assert (directory / "maven" / "org" / "culture" / "1").is_symlink() != (
        directory / "maven" / "org" / "culture" / "1" / "culture" / "2"
    ).is_symlink()
    builds = {str(each.relative_to(top)) for each in (top / "packages").rglob("*") if each.is_dir()}
    assert not any("culture/2" in each and "/a/" in each for each in builds)
