"""Forks, webhooks, batches, .repo files, pages, upkeep and documentation of projects."""

from __future__ import annotations

import base64
import json
import os
import time
from typing import Any

import pytest

from moromi.errors import GenericError
from support.copr import CHROOT, CHROOTS, PROJECT, Api, CoprHub

WHERE = {"ownername": "alice", "projectname": "proj"}
QUERY = "ownername=alice&projectname=proj"
SRPM_URL = "http://example.org/x-1-1.src.rpm"


@pytest.fixture
def copr_options() -> dict[str, Any]:
    """Forks have at most two packages."""
    return {"fork_packages": 2}


@pytest.fixture
def project() -> dict[str, Any]:
    """With a description."""
    return {**PROJECT, "description": "Ale"}


def test_documentation(copr: CoprHub, alice: Api) -> None:
    """Every endpoint is told of, and every one that is told of is there."""
    document = alice.ok("GET", "/swagger.json")
    assert (document["basePath"], document["info"]) == ("/api_3", {"title": "Copr API", "version": "v3"})
    for path, operations in document["paths"].items():
        for method in operations:
            place = path.replace("{build_id}", "1").replace("{", "").replace("}", "")
            status, text = 200, ""
            answer = copr.anonymous()(method.upper(), place)
            if answer.status_code != 200:
                status, text = answer.status_code, answer.json()["error"]
            assert status != 405 and text != "Such API endpoint doesn't exist", (method, path)
            assert status < 500
    page = alice("GET", "/docs")
    assert page.headers["Content-Type"].startswith("text/html") and "/project/add/{ownername}" in page.text
    assert "http" not in page.text.replace("/api_3", "")


def test_fork(copr: CoprHub, alice: Api) -> None:
    bob = copr.user("bob")
    add = "/package/add/alice/proj"
    for name in ("ale", "stout"):
        fields = {"clone_url": f"http://example.org/{name}.git", "webhook_rebuild": True}
        alice.ok("POST", f"{add}/{name}/scm", fields)
    alice.ok("PUT", f"/project-chroot/edit/alice/proj/{CHROOT}", {"with_opts": "hops"})
    fork = "/project/fork/alice/proj"
    own = {"ownername": "bob", "name": "mine"}
    for owner in ("alice", "nobody", "@none", ""):
        assert bob.error("POST", fork, {**own, "ownername": owner})[0] in (400, 404)
    wrong = bob.error("POST", fork, {**own, "ownername": "alice"})
    assert wrong == (400, "owner: Not a valid choice.")
    same = alice.error("POST", fork, {"ownername": "alice", "name": "proj"})
    assert same == (400, "Source project should not be same as destination")
    made = bob.ok("POST", fork, own)
    assert (made["full_name"], made["description"]) == ("bob/mine", "Ale")
    packages = bob.ok("GET", "/package/list?ownername=bob&projectname=mine")["items"]
    assert [(each["name"], each["auto_rebuild"]) for each in packages] == [("ale", False), ("stout", False)]
    chroot = f"/project-chroot?ownername=bob&projectname=mine&chrootname={CHROOT}"
    assert bob.ok("GET", chroot)["with_opts"] == ["hops"]
    text = "You are about to fork into existing project: mine\n"
    text += "Please use --confirm if you really want to do this"
    assert bob.error("POST", fork, own) == (400, text)
    assert bob.ok("POST", fork, {**own, "confirm": True})["full_name"] == "bob/mine"
    alice.ok("POST", f"{add}/porter/scm", {"clone_url": "http://example.org/porter.git"})
    status, text = bob.error("POST", fork, {**own, "name": "more"})
    assert status == 400 and text.startswith("This project is too large to be forked")


def test_webhooks(copr: CoprHub, alice: Api) -> None:
    url = "https://example.org/Brewery/ale.git"
    for name in ("ale", "ale-extra"):
        fields = {"clone_url": url, "webhook_rebuild": name == "ale"}
        alice.ok("POST", f"/package/add/alice/proj/{name}/scm", fields)
    new = alice.ok("POST", "/webhook/generate/alice/proj")
    secret = new["webhook_secret"]
    text = "User 'bob' can not see permissions for project 'alice/proj' (missing admin rights)"
    assert copr.user("bob").error("POST", "/webhook/generate/alice/proj") == (403, text)

    def hook(path: str, payload: Any = None) -> tuple[int, str]:
        data = payload if isinstance(payload, str) else json.dumps(payload)
        answer = alice.session.post(f"{copr.url}/webhooks/{path}", data=data, timeout=60)
        return answer.status_code, answer.text

    pushes = {
        "github": {"repository": {"clone_url": "https://example.org/brewery/ale/"}},
        "gitlab": {"project": {"git_http_url": url}},
        "bitbucket": {"repository": {"links": {"html": {"href": "https://example.org/brewery/ale"}}}},
    }
    for forge, payload in pushes.items():
        assert hook(f"{forge}/{new['id']}/wrong/", payload)[0] == 403
        assert hook(f"{forge}/{new['id']}/{secret}/", payload) == (200, "OK\n")
        assert hook(f"{forge}/{new['id']}/{secret}/", {"repository": 1}) == (200, "OK\n")
        assert hook(f"{forge}/{new['id']}/{secret}/ale-extra/", payload) == (200, "OK\n")
    assert hook(f"github/999/{secret}/", {})[0] == 404
    assert hook(f"github/{new['id']}/{secret}/", "[" * 100_000) == (400, "The request is no JSON.\n")
    builds = alice.ok("GET", f"/build/list?{QUERY}")["items"]
    assert [build["source_package"]["name"] for build in builds] == ["ale"] * 3
    status, number = hook(f"custom/{new['id']}/{secret}/ale-extra/")
    assert status == 200 and alice.ok("GET", f"/build/{number.strip()}")["is_background"] is True
    status, number = hook(f"custom-dir/alice/proj:custom:new/{secret}/ale/")
    assert alice.ok("GET", f"/build/{number.strip()}")["project_dirname"] == "proj:custom:new"
    assert hook(f"custom/{new['id']}/{secret}/none/")[0] == 404
    assert hook(f"custom/{new['id']}/{secret}/a%00b/")[0] == 400


def test_batches(copr: CoprHub, alice: Api) -> None:
    def build(**options: Any) -> int:
        body = {**WHERE, "pkgs": SRPM_URL, **options}
        return int(alice.ok("POST", "/build/create/url", body)["items"][0]["id"])

    def tasks() -> list[int]:
        return [task["request"][0] for task in admin("listTasks", {"method": "coprBuild", "decode": True})]

    from _koji_plugin__copr import builds  # type: ignore[import-not-found]  # as the hub has loaded it

    admin = copr.admin()
    first = build()
    second = build(after_build_id=str(first))
    third = build(with_build_id=second)
    bob = copr.user("bob")
    bob.ok("POST", "/project/add/bob", PROJECT)
    foreign = {"ownername": "bob", "projectname": "proj", "pkgs": SRPM_URL, "with_build_id": second}
    text = "[\"User 'bob' is not allowed to build in 'alice/proj'\"]"
    error = bob.error("POST", "/build/create/url", foreign)
    assert error == (400, f"Bad request parameters: {{'with_build_id': {text}}}")
    assert tasks() == [first]
    with copr.hub.hub.call("test") as call:
        builds.start_ready(call)
    assert tasks() == [first]
    alice.ok("PUT", f"/build/cancel/{first}")
    with copr.hub.hub.call("test") as call:
        builds.start_ready(call)
    assert sorted(tasks()) == [first, second, third]
    text = "Bad request parameters: {'with_build_id': ['Batch 1 is already finished']}"
    body = {**WHERE, "pkgs": SRPM_URL, "with_build_id": first}
    assert alice.error("POST", "/build/create/url", body) == (400, text)
    lone = build()
    alice.ok("PUT", f"/build/cancel/{lone}")
    text = (
        f"Build {lone} is not yet in any batch, and new batch can not be created because the build has"
        " already finished"
    )
    error = alice.error("POST", "/build/create/url", {**body, "with_build_id": lone})
    assert error == (400, f"Bad request parameters: { ({'with_build_id': [text]}) }")


def test_chroots_of_scripts(copr: CoprHub, alice: Api) -> None:
    """The bare chroot that is asked for, with the repositories that are."""
    from _koji_plugin__copr import people, scripts

    admin = copr.admin()
    for chroot in ("fedora-9-x86_64", "fedora-42-x86_64", "fedora-rawhide-x86_64", "fedora-43-aarch64"):
        admin("editCoprChroot", chroot, parent="distribution")

    def tag(chroot: str, repos: str = "") -> str:
        with copr.hub.hub.call("test") as call:
            people.act_as_service(call)
            number = scripts.tag_of(call, {"chroot": chroot, "repos": repos}, fallback)
        return str(admin("getTag", number, strict=True)["name"])

    fallback = admin("getTag", f"copr+alice+proj+{CHROOT}+build")["id"]
    assert tag(CHROOTS[2]) == f"chroot+{CHROOTS[2]}"
    assert tag("fedora-latest-x86_64") == "chroot+fedora-42-x86_64"
    assert tag("fedora-latest-s390x") == f"copr+alice+proj+{CHROOT}+build"
    repos = "copr://alice/proj http://example.org/$chroot/"
    made = tag(CHROOT, repos)
    assert made.startswith(f"script+{CHROOT}+") and made == tag(CHROOT, repos) != tag(CHROOT, "http://x/")
    links = [(link["name"], link["priority"]) for link in admin("getInheritanceData", made)]
    assert links == [(f"copr+alice+proj+{CHROOT}", 10), (f"chroot+{CHROOT}", 50)]
    (repo,) = admin("getTagExternalRepos", made)
    assert repo["url"] == f"http://example.org/{CHROOT}/"
    with pytest.raises(GenericError, match="Group gone does not exist"):
        tag(CHROOT, "copr://@gone/proj")
    admin("editCoprChroot", CHROOTS[2], active=False)
    with pytest.raises(GenericError, match="which is offered no more"):
        tag(CHROOTS[2])


def test_options_of_builds(copr: CoprHub, alice: Api) -> None:
    """What a build asks for goes before what the project sets, for its chroots only."""
    alice.ok(
        "PUT", "/project/edit/alice/proj", {"bootstrap": "on", "isolation": "nspawn", "enable_net": True}
    )

    def ask(**options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        body = {**WHERE, "pkgs": SRPM_URL, **options}
        build = alice.ok("POST", "/build/create/url", body)["items"][0]
        config = alice.ok("GET", f"/build-chroot/build-config?build_id={build['id']}&chrootname={CHROOT}")
        with copr.hub.hub.call("test") as call:
            (task,) = copr.admin()("listTasks", {"method": "coprBuild"}, {"order": "-id", "limit": 1})
            return config, progress.chroot_options(call, task["id"])

    from _koji_plugin__copr import progress

    config, wanted = ask()
    assert (config["bootstrap"], config["enable_net"], wanted) == ("on", True, {"copr.enable_net": True})
    config, wanted = ask(bootstrap="off", isolation="simple", enable_net=False)
    assert (config["bootstrap"], config["enable_net"]) == ("off", False)
    assert wanted == {
        "copr.enable_net": False,
        "mock.use_bootstrap": False,
        "mock.bootstrap_image": None,
        "mock.new_chroot": 0,
    }
    config, wanted = ask(bootstrap="default", isolation="default")
    assert "bootstrap" not in config and wanted["mock.use_bootstrap"] is wanted["mock.new_chroot"] is None
    tag = copr.admin()("getTag", f"copr+alice+proj+{CHROOT}+build")
    assert tag["extra"]["mock.new_chroot"] == 1


def depend(copr: CoprHub, alice: Api) -> None:
    """Let the project need two others, and have all settings that a .repo file shows."""
    edit = {
        "module_hotfixes": True,
        "repo_priority": 7,
        "runtime_dependencies": "copr://bob/base http://example.org/$chroot/x",
    }
    copr.user("bob").ok("POST", "/project/add/bob", {**PROJECT, "name": "base"})
    alice.ok("PUT", "/project/edit/alice/proj", edit)


def test_repo_files(copr: CoprHub, alice: Api) -> None:
    web = alice.session
    depend(copr, alice)
    place = f"{copr.url}/coprs/alice/proj/repo/mini-1"
    answer = web.get(f"{place}/any.repo?arch=x86_64", timeout=60)
    assert answer.headers["Content-Disposition"] == "filename=alice-proj.repo"
    assert answer.headers["Content-Type"].startswith("text/plain")
    sections = answer.text.split("\n\n")
    assert sections[0].splitlines() == [
        "[copr:copr.example.org:alice:proj]",
        "name=Copr repo for proj owned by alice",
        "baseurl=http://copr.example.org/results/alice/proj/mini-1-$basearch/",
        "type=rpm-md",
        "skip_if_unavailable=True",
        "gpgcheck=0",
        "repo_gpgcheck=0",
        "enabled=1",
        "enabled_metadata=1",
        "module_hotfixes=1",
        "priority=7",
    ]
    assert sections[1].splitlines()[:2] == [
        "[coprdep:copr.example.org:bob:base]",
        "name=Copr copr.example.org/alice/proj runtime dependency #1 - bob/base",
    ]
    assert sections[2].splitlines()[:3] == [
        "[coprdep:http_example_org_chroot_x]",
        "name=Copr copr.example.org/alice/proj external runtime dependency #2 - http_example_org_chroot_x",
        "baseurl=http://example.org/mini-1-$basearch/x",
    ]
    assert web.get(place, timeout=60).text == answer.text


def test_repo_files_of_others(copr: CoprHub, alice: Api) -> None:
    """Releases that there are not, projects that there are not, projects of groups."""
    web = alice.session
    for release in ("mini-2", "mini-", "mini-1-x86_64"):
        missing = web.get(f"{copr.url}/coprs/alice/proj/repo/{release}/x.repo?arch=x86_64", timeout=60)
        available = json.loads(base64.b64decode(missing.headers["Copr-Error-Data"]))
        assert (missing.status_code, available) == (404, {"available chroots": [CHROOT]})
    gone = web.get(f"{copr.url}/coprs/alice/none/repo/mini-1/x.repo", timeout=60)
    assert gone.status_code == 404 and "Copr-Error-Data" not in gone.headers
    admin = copr.admin()
    admin("newGroup", "brewers")
    admin("addGroupMember", "brewers", "alice")
    alice.ok("POST", "/project/add/@brewers", PROJECT)
    texts = {
        web.get(f"{copr.url}/coprs/{owner}/proj/repo/mini-1/x.repo", timeout=60).text
        for owner in ("@brewers", "g/brewers")
    }
    (text,) = texts
    assert text.startswith("[copr:copr.example.org:group_brewers:proj]\n")


def test_description_for_dnf5(copr: CoprHub, alice: Api) -> None:
    depend(copr, alice)
    described = alice.ok("GET", "/rpmrepo/alice/proj/mini-1/")
    assert described == {
        "results_url": "http://copr.example.org/results",
        "repos": {"mini-1": {"arch": {"x86_64": {"opts": {"priority": 7, "module_hotfixes": "1"}}}}},
        "directories": {"proj": {}},
        "dependencies": [
            {
                "type": "copr",
                "opts": {
                    "id": "coprdep:copr.example.org:bob:base",
                    "name": "Copr copr.example.org/alice/proj runtime dependency #1 - bob/base",
                },
                "data": {"owner": "bob", "projectname": "base"},
            },
            {
                "type": "external_baseurl",
                "opts": {
                    "id": "coprdep:http_example_org_chroot_x",
                    "name": "Copr copr.example.org/alice/proj external runtime dependency #2"
                    " - http_example_org_chroot_x",
                },
                "data": {"pattern": "http://example.org/$chroot/x"},
            },
        ],
    }
    assert alice.error("GET", "/rpmrepo/alice/none/mini-1") == (404, "alice/none copr doesn't exist")


def test_pages_and_results(copr: CoprHub, alice: Api) -> None:
    web = alice.session
    number = alice.ok("POST", "/build/create/url", {**WHERE, "pkgs": SRPM_URL})["items"][0]["id"]
    sent = web.get(f"{copr.url}/coprs/build/{number}", allow_redirects=False, timeout=60)
    assert (sent.status_code, sent.headers["Location"]) == (302, f"/coprs/alice/proj/build/{number}/")
    page = web.get(f"{copr.url}/coprs/build/{number}", timeout=60).text
    assert "pending" in page and 'http-equiv="refresh"' in page
    assert web.get(f"{copr.url}/coprs/bob/proj/build/{number}/", timeout=60).status_code == 404
    alice.ok("PUT", "/project/edit/alice/proj", {"description": "<script>x</script>"})
    page = web.get(f"{copr.url}/coprs/alice/proj/", timeout=60).text
    assert "&lt;script&gt;" in page and "<script>" not in page and "dnf copr enable" in page
    assert web.get(f"{copr.url}/coprs/alice/none/", timeout=60).status_code == 404
    top = web.get(f"{copr.url}/results/alice/proj/{CHROOT}/", timeout=60)
    assert 'href="repodata/"' in top.text
    assert web.get(f"{copr.url}/results/alice/proj/{CHROOT}/repodata/repomd.xml", timeout=60).ok
    assert web.get(f"{copr.url}/coprs/alice/a%00b/", timeout=60).status_code == 400
    for path in ("../../../etc/passwd", "..%2f..%2fhub.conf", ".chunks", "alice/proj/.x"):
        assert web.get(f"{copr.url}/results/{path}", timeout=60).status_code == 404
    monitor = alice.ok("GET", f"/monitor?{QUERY}")
    assert (monitor["output"], monitor["packages"]) == ("ok", [])
    text = "Wrong additional_fields argument(s): color"
    assert alice.error("GET", f"/monitor?{QUERY}&additional_fields[]=color") == (400, text)
    text = "Dirname 'x' doesn't exist in 'alice/proj' copr"
    assert alice.error("GET", f"/monitor?{QUERY}&project_dirname=x") == (404, text)
    alice.ok("PUT", "/project/regenerate-repos/alice/proj")


def test_upkeep(copr: CoprHub, alice: Api) -> None:
    """Projects, directories and chroots whose time has come."""
    from _koji_plugin__copr import tables, upkeep
    from sqlalchemy import func, update

    def age(table: Any, column: str, *where: Any) -> None:
        long_ago = func.now() - func.make_interval(0, 0, 0, 60)
        with copr.hub.hub.call("test") as call:
            call.tx.execute(update(table).where(*where).values({column: long_ago}))

    def run() -> None:
        with copr.hub.hub.call("test") as call:
            upkeep.run(call)

    side = {**WHERE, "pkgs": SRPM_URL, "project_dirname": "proj:pr:1"}
    number = alice.ok("POST", "/build/create/url", side)["items"][0]["id"]
    alice.ok("PUT", f"/build/cancel/{number}")
    alice.ok("PUT", "/project/edit/alice/proj", {"chroots": [CHROOTS[2]]})
    alice.ok("POST", "/project/add/alice", {**PROJECT, "name": "short", "delete_after_days": 0})
    top = copr.topdir / "copr/alice"
    run()
    # what was deleted today stays
    assert (top / "proj:pr:1").exists() and (top / "proj" / CHROOT).exists()
    assert not (top / "short").exists()
    assert [each["name"] for each in alice.ok("GET", "/project/list")["items"]] == ["proj"]
    age(tables.directory, "last_build_on")
    age(tables.project_chroot, "disabled_on", tables.project_chroot.c.disabled_on.is_not(None))
    run()
    assert not (top / "proj:pr:1").exists() and not (top / "proj" / CHROOT).exists()
    assert copr.admin()("getTag", f"copr+alice+proj+{CHROOT}") is None
    assert (top / "proj" / CHROOTS[2]).exists()
    run()


def test_sweeping(copr: CoprHub, alice: Api) -> None:
    """What a killed hub may have left goes when it is old; nothing else does."""
    from _koji_plugin__copr import upkeep

    number = alice.ok("POST", "/build/create/url", {**WHERE, "pkgs": SRPM_URL})["items"][0]["id"]
    top = copr.topdir / "copr"
    chroot = top / "alice/proj" / CHROOT
    own = chroot / f"{number:08d}-ale"
    left = [
        chroot / "00000099-ale",
        chroot / ".00000098-ale.0123456789ab",
        top / "alice/proj/srpm-builds/00000099",
        top / "alice/gone",
    ]
    cache = top / ".chunks/ab"
    for path in (own, cache, *left):
        path.mkdir(parents=True)
        (path / "build.log.gz").write_bytes(b"")

    def run() -> None:
        with copr.hub.hub.call("test") as call:
            upkeep.run(call)

    run()
    assert all(path.exists() for path in left), "somebody may be at them"
    long_ago = time.time() - 2 * 86400
    for path in (own, cache, *left):
        os.utime(path, (long_ago, long_ago))
    run()
    assert not any(path.exists() for path in left)
    assert own.exists() and (chroot / "repodata/repomd.xml").exists() and cache.exists()
