"""The programs `moromi-gc` and `moromi-sidetag-cleanup` on a hub over HTTP: what goes, and what must not."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from moromi.constants import BuildState
from moromi.errors import GenericError
from moromi.rpm import rip_rpm_sighdr
from moromi_upkeep import sidetags
from moromi_upkeep.durations import describe_age, parse_duration
from moromi_upkeep.gc.main import main
from moromi_upkeep.gc.policy import action_for, parse_policy
from support.builds import BUILDER, RPM, RPMS, SRPM, import_rpm, open_task
from support.hub import Client, HubUnderTest
from support.mail import Mailbox, mailbox, text_of
from support.programs_of_hub import let_pass, over_http, run, run_here, write_config

FERMENTER = "fermenter-1.2-3.mr1"
KEY = "dd1e7033"
Gc = Callable[..., list[str]]


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mailbox() as made:
        yield made


@pytest.fixture
def url(hub: HubUnderTest) -> Iterator[str]:
    with over_http(hub) as url:
        yield url


@pytest.fixture
def options(url: str, box: Mailbox, tmp_path: Path) -> dict[str, Any]:
    """What koji-gc.conf has."""
    return {
        "server": url,
        "user": "kojiadmin",
        "password": "kojiadmin",
        "lock_file": tmp_path / "gc.lock",
        "smtp_host": box.address,
        "email_domain": "brewery.example",
        "key_aliases": f"\n    {KEY.upper()}   brewers\n    00000000   nobody",
        "weburl": "http://web.example/koji",
    }


@pytest.fixture
def gc(options: dict[str, Any], tmp_path: Path) -> Gc:
    """Run the garbage collection; the lines that it prints. The policy, if any, is the first argument."""

    def collect(policy: str, *words: str, **more: Any) -> list[str]:
        sections: dict[str, dict[str, Any]] = {"main": {**options, **more}}
        if policy:
            sections["prune"] = {"policy": "\n" + "\n".join(f"    {line}" for line in policy.splitlines())}
        done = run_here(main, "-c", write_config(tmp_path / "gc.conf", sections), *words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
        return done.stdout.splitlines()

    return collect


@pytest.fixture
def build(admin: Client) -> Callable[..., int]:
    """Makes a build without files; its id."""

    def make(name: str, version: int = 1, *tags: str) -> int:
        build_id = int(admin("createEmptyBuild", name, str(version), "1", None))
        for tag in tags:
            if name not in {entry["package_name"] for entry in admin("listPackages", tagID=tag)}:
                admin("packageListAdd", tag, name, "alice")
            admin("tagBuildBypass", tag, build_id)
        return build_id

    return make


def tags_of(admin: Client, build_id: int) -> set[str]:
    """The tags that a build is in."""
    return {tag["name"] for tag in admin("listTags", build=build_id)}


def test_trash_and_delete(
    hub: HubUnderTest, admin: Client, gc: Gc, build: Callable[..., int], box: Mailbox
) -> None:
    """A build's way: untagged, trashed after a while, deleted after another; others are saved."""
    for tag in ("trashcan", "f40"):
        admin("createTag", tag)
    tagged, gone, lately, never = (build(name, 1, "f40") for name in ("tagged", "gone", "lately", "never"))
    for build_id in (gone, lately, never):
        admin("untagBuildBypass", "f40", build_id)
    let_pass(hub, 6)
    admin("tagBuildBypass", "f40", lately)
    admin("untagBuildBypass", "f40", lately)
    new = build("new")
    del box.received[:]
    expected = [f"Trashing {name}-1-1, owned by kojiadmin" for name in ("gone", "never")]
    lines = gc("", "--action", "trash", "--test")
    assert lines == [f"{line} (test)" for line in ["Mailing kojiadmin about 2 builds", *expected]]
    assert tags_of(admin, gone) == set() and not box.received
    assert gc("", "--action=trash", "--pkg", "g*,never") == ["Mailing kojiadmin about 2 builds", *expected]
    assert [tags_of(admin, each) for each in (tagged, gone, lately, never, new)] == [
        {"f40"},
        {"trashcan"},
        set(),
        {"trashcan"},
        set(),
    ]
    assert admin("getPackageConfig", "trashcan", "gone")["owner_name"] == "alice"
    recipients, mail = box.about("2 builds marked for deletion")
    assert recipients == ["kojiadmin@brewery.example"] and mail["X-Koji-Builder"] == "kojiadmin"
    listed = f"Build: gone-1-1\nhttp://web.example/koji/buildinfo?buildID={gone}\n\nBuild: never-1-1\n"
    assert listed in text_of(mail)
    assert gc("", "--action", "delete") == [], "the grace period has only begun"
    let_pass(hub, 29)
    admin("tagBuildBypass", "f40", never)
    lines = gc("", "--action=delete")
    assert lines == ["Salvaging build never-1-1: tagged with f40", "Deleting build gone-1-1"]
    assert admin("getBuild", gone)["state"] == BuildState.DELETED
    assert tags_of(admin, never) == {"f40"}


def test_what_is_signed_or_used_is_kept(hub: HubUnderTest, admin: Client, gc: Gc) -> None:
    admin("createTag", "trashcan")
    for name in (SRPM, RPM):
        import_rpm(admin, name)
    let_pass(hub, 10)
    admin("addRPMSig", f"{FERMENTER}.x86_64", rip_rpm_sighdr(RPMS / RPM.replace(".rpm", ".signed.rpm")))
    quiet = ["--action", "trash", "--no-mail", "--debug"]
    assert gc("", *quiet)[-1] == f"Skipping build {FERMENTER}: signed with {KEY}"
    trashing = f"Trashing {FERMENTER}, owned by kojiadmin"
    assert gc("", *quiet, "--test", unprotected_keys="other, brew*")[-1] == f"{trashing} (test)"
    builder = hub.client(BUILDER)
    use(admin, builder)
    assert gc("", *quiet, unprotected_keys="brew*")[-1] == f"Skipping build {FERMENTER}: used lately"
    let_pass(hub, 10)
    assert gc("", *quiet, unprotected_keys="brew*")[-1] == trashing
    let_pass(hub, 30)
    salvaging = f"Salvaging build {FERMENTER}: signed with {KEY}"
    assert gc("", "--action", "salvage") == [salvaging]
    assert tags_of(admin, admin("getBuild", FERMENTER)["id"]) == set()


def use(admin: Client, builder: Client) -> None:
    """Have the package in a buildroot that has come and gone."""
    admin("createTag", "f40-build", arches="x86_64")
    task_id = open_task(admin, builder)
    repo_id, _event = builder("host.repoInit", "f40-build")
    root = builder("host.newBuildRoot", repo_id, "x86_64", task_id)
    rpm = admin("getRPM", f"{FERMENTER}.x86_64")
    keys = ("name", "version", "release", "epoch", "arch", "payloadhash", "size", "buildtime")
    builder("host.setBuildRootList", root, [{key: rpm[key] for key in keys}], task_id)
    builder("host.setBuildRootState", root, "EXPIRED", task_id)


POLICY = """\
# what is signed stays
sig brewers :: keep
tag *-testing && age > 2 weeks 1 day :: untag
package kernel :: {
    hastag f40-stable :: skip
    order < 2 :: keep
    volume DEFAULT :: untag
}
package tools && order >= 1 !! keep
order != 0 :: untag
"""


def test_prune(hub: HubUnderTest, admin: Client, gc: Gc, build: Callable[..., int]) -> None:
    for tag in ("trashcan", "f40", "f40-testing", "f40-stable", "frozen"):
        admin("createTag", tag)
    old = build("tools", 1, "f40-testing")
    build("tools", 2, "frozen")
    let_pass(hub, 20)
    build("tools", 3, "f40-testing")
    tools = [build("tools", version, "f40", "frozen") for version in (4, 5, 6)]
    kernels = [build("kernel", version, "f40") for version in (1, 2, 3, 4)]
    admin("packageListAdd", "f40-stable", "kernel", "alice")
    admin("tagBuildBypass", "f40-stable", kernels[1])
    admin("editTag2", "frozen", locked=True)
    test = gc(POLICY, "--action=prune", "--test", "--ignore-tags", "frozen")
    assert test == [
        "Untagging kernel-1-1 from f40 (test)",
        "Untagging tools-5-1 from f40 (test)",
        "Untagging tools-4-1 from f40 (test)",
        "Untagging tools-1-1 from f40-testing (test)",
    ]
    assert gc(POLICY, "--action=prune", "--tag", "f40*") == [line.removesuffix(" (test)") for line in test]
    assert tags_of(admin, old) == set() and "f40" not in tags_of(admin, kernels[0])
    assert {"f40", "f40-stable"} <= tags_of(admin, kernels[1])
    assert "Skipping locked tag frozen" in gc(POLICY, "--action=prune", "--debug")
    lines = gc(POLICY, "--action=prune", "--purge", "--bypass-locks=fro*", "--tag=frozen")
    assert lines == [
        "Untagging tools-5-1 from frozen",
        "Untagging tools-4-1 from frozen",
        "Untagging tools-2-1 from frozen",
        "Deleting build tools-5-1",
        "Deleting build tools-4-1",
        "Deleting build tools-2-1",
    ]
    assert admin("getBuild", tools[0])["state"] == BuildState.DELETED
    assert tags_of(admin, tools[2]) == {"f40", "frozen"}


def test_pruning_maven_versions(hub: HubUnderTest, admin: Client, gc: Gc) -> None:
    """Where a tag includes all versions of Maven artifacts, each is a series of its own."""
    admin("createTag", "trashcan")
    admin("createTag", "jars", maven_support=True, maven_include_all=True)
    admin("packageListAdd", "jars", "culture", "alice")
    for version, release in (("1", "1"), ("1", "2"), ("2", "1")):
        record = {"name": "culture", "version": version, "release": release, "epoch": None}
        coordinates = {"group_id": "org", "artifact_id": "culture", "version": version}
        admin("createMavenBuild", record, coordinates)
        admin("tagBuildBypass", "jars", f"culture-{version}-{release}")
    assert gc("order > 0 :: untag", "--action=prune") == ["Untagging culture-1-1 from jars"]


def test_an_ordinary_user_prunes_nothing(admin: Client, gc: Gc, build: Callable[..., int]) -> None:
    admin("createTag", "f40")
    for version in (1, 2):
        build("tools", version, "f40")
    bob = {"user": "bob", "password": "bob"}
    assert gc("order > 0 :: untag", "--action=prune", "-d", **bob) == ["Skipping tag f40: no permission"]
    admin("grantPermission", "bob", "tag")
    assert gc("order > 0 :: untag", "--action=prune", **bob) == ["Untagging tools-1-1 from f40"]


@pytest.mark.parametrize(
    ("words", "changes", "message"),
    [
        (("--action", "burn"), {}, "Unrecognized action: burn"),
        (("--delay", "soon"), {}, "Invalid value for delay: not a duration: 'soon'"),
        ((), {"user": "nobody", "password": "x"}, "Error: Unable to log in: "),
        ((), {"server": ""}, "The option server is required"),
        (("--action=trash",), {}, "Trashcan tag trashcan doesn't exist"),
        (("--action=prune",), {}, "No prune policy found"),
        (("--email-template=/nowhere", "--action=trash", "--trashcan-tag=f40"), {}, "mail's text /nowhere"),
        ((), {"key_aliases": "one two three"}, "Invalid line in key_aliases"),
    ],
)
def test_what_cannot_be_begun(
    admin: Client,
    options: dict[str, Any],
    tmp_path: Path,
    words: tuple[str, ...],
    changes: dict[str, Any],
    message: str,
) -> None:
    admin("createTag", "f40")
    config = write_config(tmp_path / "gc.conf", {"main": {**options, **changes}})
    done = run_here(main, "--config-file", config, *words)
    assert (done.returncode, message in done.stderr, "Traceback" in done.stderr) == (1, True, False), done


def test_a_second_run_is_kept_out(options: dict[str, Any], tmp_path: Path) -> None:
    config = write_config(tmp_path / "gc.conf", {"main": {**options, "krb_rdns": "no"}})
    with open(options["lock_file"], "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        done = run("moromi-gc", "-c", config, "--exit-on-lock")
    assert done.returncode == 1 and "Another run holds" in done.stderr
    done = run("moromi-gc", "-c", config, "--exit-on-lock", "--skip-main")
    assert (done.returncode, done.stderr) == (0, "Unknown option in the configuration: krb_rdns\n")


def test_durations() -> None:
    assert [parse_duration(text) for text in ("5 days", "1wk 2 hrs", "90min", "3s")] == [
        432000,
        612000,
        5400,
        3,
    ]
    for text in ("", "5", "days", "5 days ago", "5 parsecs"):
        with pytest.raises(ValueError, match="not a duration"):
            parse_duration(text)
    assert [describe_age(age) for age in (9, 61, 90000)] == ["9 seconds", "1 minute", "1 day, 1 hour"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("order > 0 :: burn", "Invalid action: burn"),
        ("order ~ 0 :: keep", "Invalid comparison in policy test: order ~ 0"),
        ("age < x :: keep", "Invalid policy test: age < x"),
        ("colour red :: keep", "missing test handler: colour"),
        ("tag :: keep", "Missing patterns in policy test: tag"),
        ("tag x {\norder > 0 :: keep", "bad policy line"),
    ],
)
def test_rules_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(GenericError, match=message):
        parse_policy(text)


def test_no_rule_keeps() -> None:
    rules = parse_policy("tag x :: {\norder > 5 :: untag\n}\n")
    assert action_for(rules, {"tagname": "x", "order": 1}) == "keep"


def test_side_tags(hub: HubUnderTest, admin: Client, options: dict[str, Any], tmp_path: Path) -> None:
    """Three passes: the empty ones, the old ones, and those where nothing happens."""
    admin("createTag", "base", arches="x86_64")
    build_id = admin("createEmptyBuild", "tools", "1", "1", None)

    def side_tag(*, used: bool) -> str:
        name = str(admin("createSideTag", "base")["name"])
        if used:
            admin("packageListAdd", name, "tools", "alice")
            admin("tagBuildBypass", name, build_id)
        return name

    def clean(*words: str) -> list[str]:
        done = run_here(sidetags.main, "-c", config, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    config = write_config(tmp_path / "gc.conf", {"main": options})
    old = side_tag(used=True)
    let_pass(hub, 18.5)
    idle, empty = side_tag(used=True), side_tag(used=False)
    let_pass(hub, 12)
    lively, new = side_tag(used=True), side_tag(used=False)
    expected = [
        f"[empty] {empty} (12 days)",
        f"[old] {old} (30 days, 12 hours)",
        f"[inactive] {idle} (12 days)",
    ]
    assert clean("--test") == expected
    assert clean("--no-old", "--no-inactive") == expected[:1]
    assert clean() == expected[1:]
    assert {tag["name"] for tag in admin("listSideTags")} == {lively, new}
    assert admin("getTag", empty) is None
    assert "--empty-delay" in run("moromi-sidetag-cleanup", "--help").stdout
    assert clean("--inactive-delay", "0")[0].startswith(f"[inactive] {lively} (")
