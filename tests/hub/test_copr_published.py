"""What of projects is published and what is kept: finished packages, groups, the newest builds."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support.copr import CHROOT, CHROOTS, PROJECT, Api, CoprHub
from support.sites import Package

WHERE = {"ownername": "alice", "projectname": "proj"}
UPLOAD = "/build/create/rpm-upload"


@pytest.fixture
def project() -> dict[str, Any]:
    """With two chroots."""
    return {**PROJECT, "chroots": list(CHROOTS[:2])}


def give(api: Api, path: Path, **fields: Any) -> dict[str, Any]:
    """Upload a finished package; the build."""
    answer = api.form(UPLOAD, WHERE | fields, pkgs=(path.name, path.read_bytes()))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def publish(copr: CoprHub) -> None:
    """Do the background process's work of publishing."""
    from _koji_plugin__copr import publishing  # type: ignore[import-not-found]  # as the hub has loaded it

    with copr.hub.hub.call("test") as call:
        publishing.run(call)


def prune(copr: CoprHub) -> None:
    """Do the background process's work of removing builds."""
    from _koji_plugin__copr import pruning

    with copr.hub.hub.call("test") as call:
        pruning.run(call)


def listed(api: Api) -> list[int]:
    """The ids of the builds of the project, newest first."""
    return [each["id"] for each in api.ok("GET", "/build/list?ownername=alice&projectname=proj")["items"]]


def metadata(copr: CoprHub, chroot: str, kind: str) -> str:
    """A part of the metadata of a published repository; empty where there is none of the kind."""
    repodata = copr.topdir / "copr/alice/proj" / chroot / "repodata"
    found = re.search(rf'<location href="repodata/([^"]*{kind}[^"]*)"', (repodata / "repomd.xml").read_text())
    if found is None:
        return ""
    data = (repodata / found[1]).read_bytes()
    return (gzip.decompress(data) if found[1].endswith(".gz") else data).decode()


def test_finished_packages(copr: CoprHub, alice: Api, tmp_path: Path) -> None:
    """One for all arches is in every repository, without a task; deleting the build takes it away."""
    path = Package("ale", "2").binary(tmp_path)
    admin = copr.admin()
    # a release of the hub with that name is nothing that projects mind
    admin("createEmptyBuild", "ale", "2", "1.mini1", None)
    build = give(alice, path)
    assert build["source_package"] == {"name": "ale", "version": "2-1.mini1", "url": None}
    publish(copr)
    assert alice.ok("GET", f"/build/{build['id']}")["state"] == "succeeded"
    expected = {"name": "ale", "epoch": None, "version": "2", "release": "1.mini1", "arch": "noarch"}
    built = alice.ok("GET", f"/build/built-packages/{build['id']}")
    assert built == {chroot: {"packages": [expected]} for chroot in CHROOTS[:2]}
    for chroot in CHROOTS[:2]:
        assert f'href="{build["id"]:08d}-ale/{path.name}"' in metadata(copr, chroot, "primary.xml")
        assert alice.ok("GET", f"/build-chroot?build_id={build['id']}&chrootname={chroot}")["started_on"]
        # what is built next is built with it
        tag = f"copr+alice+proj+{chroot}+build"
        (rpm,) = admin("listTaggedRPMS", tag, inherit=True)[0]
        assert (rpm["name"], rpm["draft"]) == ("ale", True)
    assert admin("listTasks", {"method": "coprBuild"}) == []
    fields = "&".join(
        f"additional_fields[]={name}" for name in ("url_build_log", "url_backend_log", "url_build")
    )
    monitor = alice.ok("GET", f"/monitor?ownername=alice&projectname=proj&{fields}")
    (ale,) = monitor["packages"]
    place = f"http://copr.example.org/results/alice/proj/{CHROOT}/{build['id']:08d}-ale"
    assert ale["chroots"][CHROOT] == {
        "state": "succeeded",
        "status": 1,
        "build_id": build["id"],
        "pkg_version": "2-1.mini1",
        "url_build_log": f"{place}/builder-live.log.gz",
        "url_backend_log": f"{place}/backend.log.gz",
        "url_build": f"http://copr.example.org/coprs/build/{build['id']}",
    }
    for url in (f"{place}/backend.log.gz", f"{place}/backend.log"):
        said = alice.session.get(url.replace("http://copr.example.org", copr.url), timeout=60)
        assert said.status_code == 200, url
    assert said.text == "This package was given as it is.\n"
    copr.user("bob").error("DELETE", f"/build/delete/{build['id']}")
    alice.ok("DELETE", f"/build/delete/{build['id']}")
    publish(copr)
    assert "ale" not in metadata(copr, CHROOT, "primary.xml")
    assert admin("listTaggedRPMS", f"copr+alice+proj+{CHROOT}") == [[], []]


def test_finished_packages_of_an_arch(copr: CoprHub, alice: Api, tmp_path: Path) -> None:
    """Other chroots skip it; what is no binary package is refused."""
    native = Package("stout", head="")
    path = native.binary(tmp_path)
    arch = path.name.split(".")[-2]
    number = give(alice, path)["id"]
    publish(copr)
    states = {
        each["name"]: each["state"]
        for each in alice.ok("GET", f"/build-chroot/list?build_id={number}")["items"]
    }
    assert states == {
        chroot: "succeeded" if chroot.endswith(f"-{arch}") else "skipped" for chroot in CHROOTS[:2]
    }
    other = next(chroot for chroot in CHROOTS[:2] if not chroot.endswith(f"-{arch}"))
    data = path.read_bytes()
    refused = alice.form(UPLOAD, {**WHERE, "chroots": [other]}, pkgs=(path.name, data))
    text = f"None of the chroots takes packages for {arch}"
    assert (refused.status_code, refused.json()["error"]) == (400, text)
    source = native.srpm(tmp_path)
    text = "Bad request parameters: {'pkgs': ['You can upload only .rpm files']}"
    wrong = {
        "x.txt": data,
        "x.rpm": b"nothing",
        "cut.rpm": data[: len(data) // 2],
        source.name: source.read_bytes(),
    }
    for name, content in wrong.items():
        answer = alice.form(UPLOAD, WHERE, pkgs=(name, content))
        assert (answer.status_code, answer.json()["error"]) == (400, text), name
    assert alice.form(UPLOAD, WHERE).status_code == 400
    assert copr.user("bob").form(UPLOAD, WHERE, pkgs=(path.name, data)).status_code == 403
    assert listed(alice) == [number]


COMPS = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps><group><id>brewing</id><name>Brewing</name><description>What breweries need</description>
<default>true</default><uservisible>true</uservisible>
<packagelist><packagereq type="mandatory">ale</packagereq></packagelist></group></comps>
"""
ENTITIES = '<!DOCTYPE comps [<!ENTITY a "aaa">]><comps>&a;</comps>'
EDIT = f"/project-chroot/edit/alice/proj/{CHROOT}"


def groups(copr: CoprHub, owner: str = "alice") -> str:
    """What dnf knows of groups in a published repository."""
    place = copr.topdir / "copr" / owner / "proj" / CHROOT
    words = ["dnf", "--noplugins", f"--repofrompath=it,file://{place}", "--repo=it", "--releasever=1"]
    more = [f"--setopt=cachedir={copr.topdir}/cache", "--refresh", "group", "list", "--ids"]
    done = subprocess.run([*words, *more], capture_output=True, text=True, check=False, timeout=100)
    return done.stdout


def test_groups(copr: CoprHub, alice: Api) -> None:
    """They are in the repository as long as they are wanted, and in that of a fork."""
    path = f"/project-chroot?ownername=alice&projectname=proj&chrootname={CHROOT}"

    def put(content: str, **fields: Any) -> tuple[int, Any]:
        files = {"json": ("json", json.dumps(fields)), "upload_comps": ("kit.xml", content)}
        answer = alice("PUT", EDIT, files=files)
        return answer.status_code, answer.json()

    wrong = {
        "nothing": "upload_comps: The file is not readable XML: syntax error: line 1, column 0",
        "<project/>": "upload_comps: The file has no groups.",
        ENTITIES: "upload_comps: The file declares entities.",
        COMPS + " " * (1 << 20): "upload_comps: The file is too large.",
    }
    for content, text in wrong.items():
        assert put(content) == (400, {"error": text})
    for name in ("Kegs", "Brewing"):
        status, chroot = put(COMPS.replace("Brewing", name), with_opts="hops")
        assert (status, chroot["comps_name"], chroot["with_opts"]) == (200, "kit.xml", ["hops"])
        publish(copr)
        assert f"{name} (brewing)" in groups(copr)
    bob = copr.user("bob")
    bob.ok("POST", "/project/fork/alice/proj", {"ownername": "bob", "name": "proj"})
    alice.ok("PUT", EDIT, {"delete_comps": True})
    assert alice.ok("GET", path)["comps_name"] is None
    publish(copr)
    assert "Brewing" not in groups(copr) and "Brewing (brewing)" in groups(copr, "bob")
    kept = copr.topdir / "copr/.comps"
    assert len(list(kept.iterdir())) == 1
    bob.ok("DELETE", "/project/delete/bob/proj")
    assert list(kept.iterdir()) == []


def test_most_builds(copr: CoprHub, alice: Api, tmp_path: Path) -> None:
    """The newest of a package stay, by directory, and the last that has packages whatever fails after it."""
    rpms = [Package("ale", str(number)).binary(tmp_path) for number in range(1, 5)]
    side = give(alice, rpms[0], project_dirname="proj:custom:side")["id"]
    first, second, third = (give(alice, rpm)["id"] for rpm in rpms[:3])
    publish(copr)
    prune(copr)
    assert listed(alice) == [third, second, first, side]
    source = {"clone_url": "http://example.org/ale.git", "max_builds": 2}
    alice.ok("POST", "/package/edit/alice/proj/ale/scm", source)
    prune(copr)
    assert listed(alice) == [third, second, side]
    publish(copr)
    assert "ale-1-1" not in (text := metadata(copr, CHROOT, "primary.xml")) and "ale-2-1" in text
    body = {**WHERE, "package_name": "ale"}
    running, *failed = (alice.ok("POST", "/package/build", body)["id"] for _ in range(3))
    for number in failed:
        alice.ok("PUT", f"/build/cancel/{number}")
    prune(copr)
    # what is not finished is never removed
    assert listed(alice) == [*failed[::-1], running, third, side]
    fourth = give(alice, rpms[3])["id"]
    publish(copr)
    alice.ok("PUT", f"/build/cancel/{running}")
    prune(copr)
    assert listed(alice) == [fourth, failed[-1], side]
    assert sorted(each.name for each in (copr.topdir / "copr/alice/proj" / CHROOT).glob("0*")) == [
        f"{fourth:08d}-ale"
    ]


def test_all_at_once(copr: CoprHub, alice: Api, tmp_path: Path) -> None:
    """Builds come, are deleted twice, and go beyond their number; nothing else is lost, and nothing stays."""
    ale, stout = (Package(name).binary(tmp_path) for name in ("ale", "stout"))
    old = [give(alice, ale)["id"] for _ in range(6)]
    alice.ok("POST", "/package/edit/alice/proj/ale/scm", {"clone_url": "http://example.org/a.git"})
    give(alice, stout)
    source = {"clone_url": "http://example.org/s.git", "max_builds": 3}
    alice.ok("POST", "/package/edit/alice/proj/stout/scm", source)
    publish(copr)
    done = threading.Event()

    def upkeep() -> None:
        while not done.wait(0.05):
            prune(copr)
            publish(copr)

    start = threading.Barrier(30)

    def client(number: int) -> tuple[int, Any]:
        api = Api(copr.url, alice.auth)
        start.wait(60)
        if number % 3 == 0:
            answer = api.form(UPLOAD, WHERE, pkgs=(stout.name, stout.read_bytes()))
        elif number % 3 == 1:
            answer = api("DELETE", f"/build/delete/{old[number // 3 % 4]}")
        else:
            answer = api("POST", "/package/build", {**WHERE, "package_name": "ale"})
        return answer.status_code, answer.json()

    worker = threading.Thread(target=upkeep)
    worker.start()
    try:
        with ThreadPoolExecutor(30) as pool:
            answers = list(pool.map(client, range(30)))
    finally:
        done.set()
        worker.join()
    # what is not published yet is not finished, and so nothing to remove
    publish(copr)
    prune(copr)
    publish(copr)
    assert {status for status, _ in answers[::3] + answers[2::3]} == {200}, answers
    # whoever came second is told that it is gone, or has been in time to be content
    assert {status for status, _ in answers[1::3]} <= {200, 404}, answers
    uploaded = sorted(answer["id"] for _, answer in answers[::3])
    submitted = sorted(answer["id"] for _, answer in answers[2::3])
    assert sorted(listed(alice)) == sorted([*old[4:], *uploaded[-3:], *submitted])
    tasks = copr.admin()("listTasks", {"method": "coprBuild", "decode": True})
    assert sorted(task["request"][0] for task in tasks) == submitted
    for chroot in CHROOTS[:2]:
        place = copr.topdir / "copr/alice/proj" / chroot
        expected = {f"{number:08d}-ale" for number in old[4:]} | {
            f"{number:08d}-stout" for number in uploaded[-3:]
        }
        assert {path.name for path in place.iterdir()} == {*expected, "repodata"}
        found = re.findall(r'<location href="([^"/]+)/', metadata(copr, chroot, "primary.xml"))
        assert set(found) == expected
        tagged = copr.admin()("listTagged", f"copr+alice+proj+{chroot}")
        assert sorted(each["name"] for each in tagged) == ["ale"] * 2 + ["stout"] * 3
