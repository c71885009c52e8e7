"""Packages and builds over HTTP: every row of the tables, bad uploads, many clients, a killed hub."""

from __future__ import annotations

import base64
import http.client
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support.copr import CHROOT, CHROOTS, PROJECT, Api, CoprHub
from support.sites import Package

WHERE = {"ownername": "alice", "projectname": "proj"}
QUERY = "ownername=alice&projectname=proj"
LIMIT = 200_000
SRPM_URL = "http://example.org/x-1-1.src.rpm"


@pytest.fixture
def copr_options() -> dict[str, Any]:
    """Uploads are small."""
    return {"upload_limit": LIMIT}


@pytest.fixture
def project() -> dict[str, Any]:
    """With two chroots."""
    return {**PROJECT, "chroots": list(CHROOTS[:2])}


@pytest.fixture(scope="module")
def srpm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source package."""
    return Package("brew").srpm(tmp_path_factory.mktemp("srpm"))


def bad(name: str, text: str) -> str:
    """The error of a field of a request to build."""
    return f"Bad request parameters: { ({name: [text]}) }"


def choice(name: str) -> str:
    """The message for a chroot that there is not."""
    return f"'{name}' is not a valid choice for this field."


BAD_URLS: list[tuple[dict[str, Any], int, str]] = [
    ({"pkgs": []}, 400, bad("pkgs", "URLs to packages are required")),
    (
        {"pkgs": "http://h/x.txt"},
        400,
        bad(
            "pkgs",
            "URLs must end with .src.rpm, .nosrc.rpm, or .spec"
            " ('http://h/x.txt' doesn't seem to be a valid URL).",
        ),
    ),
    (
        {"pkgs": "file:///x.src.rpm"},
        400,
        bad(
            "pkgs",
            "URLs must end with .src.rpm, .nosrc.rpm, or .spec"
            " ('file:///x.src.rpm' doesn't seem to be a valid URL).",
        ),
    ),
    ({"chroots": ["nope"]}, 400, bad("chroots", choice("nope"))),
    ({"chroots": [CHROOTS[2]]}, 400, bad("chroots", choice(CHROOTS[2]))),
    ({"exclude_chroots": ["*"]}, 400, bad("chroots", "No chroots selected")),
    ({"timeout": 108001}, 400, bad("timeout", "Number must be between 0 and 108000.")),
    ({"timeout": "long"}, 400, bad("timeout", "Not a valid integer value.")),
    ({"with_build_id": 9}, 400, bad("with_build_id", "Build 9 not found")),
    ({"after_build_id": "9"}, 400, bad("after_build_id", "Build 9 not found")),
    (
        {"after_build_id": 9, "with_build_id": 9},
        400,
        bad("with_build_id", "Only one batch option can be specified"),
    ),
    ({"isolation": "x"}, 400, bad("isolation", "Not a valid choice.")),
    ({"project_dirname": "other"}, 400, "Copr dirname must start with 'proj:' prefix"),
    (
        {"project_dirname": "proj:x"},
        400,
        "Please use directory format proj:custom:<SUFFIX_OF_CHOICE> or proj:pr:<ID>"
        " (for automatically removed directories)",
    ),
    (
        {"project_dirname": "proj:custom:../x"},
        400,
        "Wrong directory 'proj:custom:../x' specified.  Directory name can consist of alpha-numeric strings"
        " separated by colons.",
    ),
    (
        {"packit_forge_project": "github.com/x/y"},
        403,
        "Forge project github.com/x/y can't build in this Copr via Packit.",
    ),
    ({"ownername": None}, 400, "Missing argument ownername"),
    ({"projectname": None}, 400, "Missing argument projectname"),
    ({"projectname": "none"}, 404, "Project alice/none does not exist."),
]


def test_bad_requests(copr: CoprHub, alice: Api, bob: Api) -> None:
    body = {**WHERE, "pkgs": [SRPM_URL]}
    for fields, status, text in BAD_URLS:
        assert alice.error("POST", "/build/create/url", body | fields) == (status, text), fields
        if "pkgs" not in fields:
            checked = alice.error("POST", "/build/check-before-build", {**WHERE, **fields})
            assert checked == (status, text), fields
    assert "message" in alice.ok("POST", "/build/check-before-build", WHERE)
    assert copr.anonymous().error("POST", "/build/create/url", body)[0] == 401
    text = "User bob is not allowed to build in the copr: alice/proj"
    assert bob.error("POST", "/build/create/url", body) == (403, text)
    text = "User 'bob' is not allowed to build in 'alice/proj'"
    assert bob.error("POST", "/build/check-before-build", WHERE) == (403, text)
    copr.admin()("editCoprChroot", CHROOTS[0], active=False)
    copr.admin()("editCoprChroot", CHROOTS[1], active=False)
    text = "Can't create build - project alice/proj has no active chroots"
    assert alice.error("POST", "/build/create/url", body) == (400, text)
    assert alice.ok("GET", f"/build/list?{QUERY}")["items"] == []


def test_options(copr: CoprHub, alice: Api) -> None:
    body = {**WHERE, "pkgs": f"{SRPM_URL} {SRPM_URL}", "timeout": "600", "background": True}
    answer = alice.ok(
        "POST", "/build/create/url", body | {"chroots": ["mini-1-x*"], "isolation": "unchanged"}
    )
    first, second = answer["items"]
    assert "meta" in answer and first["chroots"] == second["chroots"] == [CHROOT]
    config = alice.ok("GET", f"/build/source-build-config/{first['id']}")
    expected = {"source_type": "link", "source_dict": {"url": SRPM_URL}, "memory_limit": 2048}
    assert config == {**expected, "timeout": 600, "is_background": True}
    (task, _) = copr.admin()("listTasks", {"method": "coprBuild"}, {"order": "id"})
    assert task["priority"] == 30
    excluded = alice.ok("POST", "/build/create/url", {**WHERE, "pkgs": SRPM_URL, "exclude_chroots": [CHROOT]})
    assert excluded["items"][0]["chroots"] == [CHROOTS[1]]
    side = {**WHERE, "pkgs": SRPM_URL, "project_dirname": "proj:pr:7"}
    assert alice.ok("POST", "/build/create/url", side)["items"][0]["project_dirname"] == "proj:pr:7"
    assert (copr.topdir / "copr/alice/proj:pr:7" / CHROOT / "repodata/repomd.xml").exists()
    tag = f"copr+alice+proj+pr+7+{CHROOT}+build"
    links = {link["name"]: link["priority"] for link in copr.admin()("getInheritanceData", tag)}
    assert links[f"copr+alice+proj+{CHROOT}"] == 5


def test_listing(copr: CoprHub, alice: Api) -> None:
    numbers = [
        alice.ok("POST", "/build/create/url", {**WHERE, "pkgs": SRPM_URL})["items"][0]["id"] for _ in range(5)
    ]
    alice.ok("PUT", f"/build/cancel/{numbers[1]}")

    def listed(query: str) -> list[int]:
        return [each["id"] for each in alice.ok("GET", f"/build/list?{QUERY}&{query}")["items"]]

    assert listed("") == numbers[::-1]
    assert listed("order_type=ASC&limit=2") == numbers[:2]
    assert listed("status=canceled") == [numbers[1]]
    assert listed("status=pending&limit=2&offset=1") == [numbers[3], numbers[2]]
    assert listed("status=nonsense") == listed("packagename=none") == []
    meta = alice.ok("GET", f"/build/list?{QUERY}&limit=1")["meta"]
    assert meta == {"limit": 1, "offset": 0, "order": "id", "order_type": "DESC"}
    for wrong in ("limit=x", f"limit={'9' * 40}", f"limit={'9' * 5000}", "limit=%C2%B2"):
        text = "{'limit': ['Not a valid integer value.']}"
        assert alice.error("GET", f"/build/list?{QUERY}&{wrong}") == (400, text)
    text = "{'offset': ['Not a valid integer value.']}"
    assert alice.error("GET", f"/build/list?{QUERY}&offset={2**63}") == (400, text)
    assert listed(f"limit={2**62}&offset=4") == numbers[:1]
    text = "Cannot order by color, build doesn't have such property"
    assert alice.error("GET", f"/build/list?{QUERY}&order=color") == (400, text)


def test_looking_and_ending(copr: CoprHub, alice: Api, bob: Api) -> None:
    ids = [
        alice.ok("POST", "/build/create/url", {**WHERE, "pkgs": SRPM_URL})["items"][0]["id"] for _ in range(3)
    ]
    number = ids[0]
    for path in ("/build/99", "/build/source-chroot/99", "/build/built-packages/99"):
        assert alice.error("GET", path) == (404, "Build 99 does not exist.")
    assert alice.ok("GET", f"/build/built-packages/{number}") == {}
    assert alice.ok("GET", f"/build/source-chroot/{number}") == {"state": "pending", "result_url": None}
    chroot = f"/build-chroot?build_id={number}&chrootname="
    assert alice.ok("GET", chroot + CHROOT)["state"] == "waiting"
    assert alice.ok("GET", f"/build-chroot/{number}/{CHROOT}")["name"] == CHROOT
    text = f"Build {number} was not submitted to {CHROOTS[2]} chroot."
    assert alice.error("GET", chroot + CHROOTS[2]) == (404, text)
    assert alice.error("GET", chroot + "a-1-b") == (404, "Chroot a-1-b does not exist")
    assert alice.error("GET", chroot + "a") == (404, "Chroot identification is not valid")
    page = alice.ok("GET", f"/build-chroot/list?build_id={number}&order=name&limit=1&offset=1")
    assert [each["name"] for each in page["items"]] == [CHROOT] and page["meta"]["order"] == "id"
    for unknown in ("99", "9" * 40):
        assert alice.ok("GET", f"/build-chroot/list?build_id={unknown}")["items"] == []
    for wrong in ("", "x", "-1", "%C2%B2"):
        text = "{'build_id': ['Not a valid integer value.']}"
        assert alice.error("GET", f"/build-chroot/list?build_id={wrong}") == (400, text)
    packages = f"/build-chroot/built-packages?build_id={number}&chrootname={CHROOT}"
    assert alice.ok("GET", packages) == {"packages": []}
    text = f"User 'alice' can not delete build {number}"
    assert alice.error("DELETE", f"/build/delete/{number}") == (400, text)
    assert bob.error("PUT", f"/build/cancel/{number}") == (403, "You are not allowed to cancel this build.")
    assert alice.ok("PUT", f"/build/cancel/{number}")["state"] == "canceled"
    assert alice.ok("GET", chroot + CHROOT)["state"] == "canceled"
    assert alice.error("PUT", f"/build/cancel/{number}") == (409, f"Cannot cancel build {number}")
    text = f"User 'bob' doesn't have permissions to delete build {number}"
    assert bob.error("DELETE", f"/build/delete/{number}") == (403, text)
    text = "builds: Not a valid integer value."
    assert alice.error("DELETE", "/build/delete/list", {"builds": ["x"]}) == (400, text)
    text = f"You don't have permissions to delete build(s) {ids[0]}, {ids[1]}.\nBuild(s) 99 don't exist.\n"
    assert bob.error("DELETE", "/build/delete/list", {"builds": [*ids[:2], 99]}) == (400, text)
    text = f"Build(s) {ids[1]}, {ids[2]} are still running.\nBuild(s) 99 don't exist.\n"
    assert alice.error("DELETE", "/build/delete/list", {"builds": [*ids, 99]}) == (400, text)
    assert alice.ok("DELETE", f"/build/delete/{number}")["id"] == number
    alice.ok("PUT", f"/build/cancel/{ids[1]}")
    assert alice.ok("DELETE", "/build/delete/list", {"builds": [ids[1]]}) == {"builds": [ids[1]]}
    assert alice.error("GET", f"/build/{number}")[0] == 404


BAD_PACKAGES: list[tuple[str, dict[str, Any], str]] = [
    ("scm", {}, "clone_url: This field is required."),
    ("scm", {"clone_url": "nonsense"}, "clone_url: Invalid URL."),
    ("scm", {"clone_url": "file:///etc"}, "clone_url: Invalid URL."),
    ("scm", {"clone_url": "http://h/x", "spec": "x"}, "spec: RPM spec file must end with .spec"),
    (
        "scm",
        {"clone_url": "http://h/x", "source_build_method": "x"},
        "srpm_build_method: Not a valid choice.",
    ),
    ("scm", {"clone_url": "http://h/x", "scm_type": "cvs"}, "scm_type: Not a valid choice."),
    ("pypi", {}, "pypi_package_name: This field is required."),
    ("pypi", {"pypi_package_name": "x", "spec_generator": "y"}, "spec_generator: Not a valid choice."),
    ("rubygems", {}, "gem_name: This field is required."),
    ("custom", {}, "script: This field is required."),
    ("custom", {"script": "x" * 4097}, "script: Maximum script size is 4kB"),
    ("custom", {"script": "x", "script_chroot": "nope"}, "chroot: Not a valid choice."),
    (
        "custom",
        {"script": "x", "script_repos": "file:///etc"},
        "repos: A list of http[s] URLs separated by whitespace characters is needed"
        " ('file:///etc' doesn't seem to be a valid URL).",
    ),
    (
        "custom",
        {"script": "x", "script_repos": "copr://alice/none"},
        "repos: copr://alice/none does not exist.",
    ),
    ("distgit", {}, "distgit: Not a valid choice."),
    ("rubygems", {"gem_name": "x", "max_builds": 101}, "max_builds: Number must be between 0 and 100."),
    (
        "rubygems",
        {"gem_name": "x", "chroot_denylist": "y*"},
        'chroot_denylist: no chroot matched by pattern "y*"',
    ),
    (
        "rubygems",
        {"gem_name": "x", "chroot_denylist": "mini-*"},
        "chroot_denylist: patterns are deny-listing all chroots",
    ),
]


def test_bad_packages(copr: CoprHub, alice: Api, bob: Api) -> None:
    add = "/package/add/alice/proj/kit"
    for kind, fields, text in BAD_PACKAGES:
        assert alice.error("POST", f"{add}/{kind}", fields) == (400, text), (kind, fields)
    assert alice.error("POST", f"{add}/cvs", {}) == (400, "Unsupported package source type cvs")
    text = "package_name: Please enter a valid package name in ^[-+_.a-zA-Z0-9]+$"
    assert alice.error("POST", "/package/add/alice/proj/a b/rubygems", {"gem_name": "x"}) == (400, text)
    text = "package_name: Field cannot be longer than 100 characters."
    long = f"/package/add/alice/proj/{'x' * 101}/rubygems"
    assert alice.error("POST", long, {"gem_name": "x"}) == (400, text)
    text = "You are not allowed to add or edit packages in this copr."
    assert bob.error("POST", f"{add}/scm", {}) == (403, text)


def test_packages(copr: CoprHub, alice: Api, bob: Api) -> None:
    add = "/package/add/alice/proj/kit"
    made = alice.ok("POST", f"{add}/scm", {"clone_url": "http://h/kit.git", "webhook_rebuild": True})
    assert made["auto_rebuild"] is True and made["builds"] == {"latest": None, "latest_succeeded": None}
    assert made["source_dict"]["source_build_method"] == "rpkg"
    text = "Package kit already exists in copr alice/proj."
    assert alice.error("POST", f"{add}/scm", {"clone_url": "http://h/x"}) == (409, text)
    assert copr.admin()("getPackageConfig", "copr+alice+proj", "kit")["owner_name"] == "alice"
    edit = "/package/edit/alice/proj/kit"
    edited = alice.ok("POST", f"{edit}/scm", {"spec": "kit.spec"})
    assert (edited["source_dict"]["spec"], edited["source_dict"]["clone_url"]) == (
        "kit.spec",
        "http://h/kit.git",
    )
    assert alice.ok("POST", edit, {"webhook_rebuild": False})["auto_rebuild"] is False
    text = "Package none does not exists in copr alice/proj."
    assert alice.error("POST", "/package/edit/alice/proj/none/scm", {}) == (404, text)
    named = {**WHERE, "package_name": "kit"}
    text = "No package with name none in copr proj"
    assert alice.error("GET", f"/package?{QUERY}&packagename=none") == (404, text)
    assert alice.error("POST", "/package/build", {**named, "package_name": "none"}) == (404, text)
    text = "You don't have permissions to build in this copr."
    assert bob.error("POST", "/package/build", named) == (403, text)
    build = alice.ok("POST", "/package/build", named)
    assert build["source_package"]["name"] == "kit"
    latest = alice.ok("GET", f"/package/list?{QUERY}&with_latest_build=True&with_latest_succeeded_build=1")
    assert latest["items"][0]["builds"]["latest"]["id"] == build["id"]
    assert latest["items"][0]["builds"]["latest_succeeded"] is None
    text = f"Build(s) {build['id']} are still running.\n"
    assert alice.error("DELETE", "/package/delete", named) == (400, text)
    alice.ok("PUT", f"/build/cancel/{build['id']}")
    number = made["id"]
    for verb, path, word in (("PUT", "reset", "reset"), ("DELETE", "delete", "delete")):
        text = f"You are not allowed to {word} package `{number}`."
        assert bob.error(verb, f"/package/{path}", named) == (403, text)
    reset = alice.ok("PUT", "/package/reset", named)
    assert (reset["source_type"], reset["source_dict"]) == ("unset", {})
    text = (
        "Package 'kit' doesn't have the default source method set, but it is required for the rebuild"
        " request.  Please configure some source  method first"
    )
    assert alice.error("POST", "/package/build", named) == (400, text)
    assert alice.ok("DELETE", "/package/delete", named)["name"] == "kit"
    assert alice.ok("GET", f"/package/list?{QUERY}")["items"] == []


def test_uploads(copr: CoprHub, alice: Api, bob: Api, srpm: Path) -> None:
    data = srpm.read_bytes()
    only = "Bad request parameters: {'pkgs': ['You can upload only .src.rpm, .nosrc.rpm, and .spec files']}"
    payload = bytearray(data)
    payload[-20] ^= 0xFF
    liars = {
        "x.src.rpm": b"nothing of the kind",
        "empty.src.rpm": b"",
        "cut.src.rpm": data[: len(data) // 2],
        "payload.src.rpm": bytes(payload),
        "x.rpm": data,
        "x.spec": b"\xff\xfe\0",
        "../../../etc/cron.d/x": data,
    }
    for name, content in liars.items():
        answer = alice.form("/build/create/upload", WHERE, pkgs=(name, content))
        assert (answer.status_code, answer.json()["error"]) == (400, only), name
    answer = alice.form("/build/create/upload", WHERE)
    text = "Bad request parameters: {'pkgs': ['This field is required.']}"
    assert (answer.status_code, answer.json()["error"]) == (400, text)
    refused = bob.form("/build/create/upload", WHERE, pkgs=("x.src.rpm", data))
    assert refused.status_code == 403
    # its name is what it says itself; nobody's directory is left by what it is called
    for name in ("brew-1-1.src.rpm", "..%2f..%2fother-9-9.src.rpm"):
        made = alice.form("/build/create/upload", WHERE, pkgs=(name, data))
        assert made.status_code == 200, made.text
        config = alice.ok("GET", f"/build/source-build-config/{made.json()['id']}")
        assert config["source_dict"]["pkg"] == "brew-1-1.src.rpm"
    kept = sorted(path.name for path in (copr.topdir / "work/copr").rglob("*") if path.is_file())
    assert kept == ["brew-1-1.src.rpm"] * 2


def test_upload_limit(copr: CoprHub, alice: Api) -> None:
    text = f"Uploaded file exceeds the limit of {LIMIT} bytes"
    answer = alice.form("/build/create/upload", WHERE, pkgs=("x.src.rpm", b"x" * (LIMIT + 1)))
    assert (answer.status_code, answer.json()["error"]) == (413, text)
    # each would be a file, and an open one
    many = {f"file{number}": ("x.src.rpm", b"x") for number in range(1001)}
    assert alice.form("/project/add/alice", {}, **many).status_code == 413
    head = (
        b'--limit\r\nContent-Disposition: form-data; name="pkgs"; filename="x.src.rpm"\r\n'
        b"Content-Type: application/x-rpm\r\n\r\n"
    )
    files = list((copr.topdir / "work/copr").iterdir())
    assert files == []
    # said to be enormous: refused without reading
    headers = {"Content-Type": "multipart/form-data; boundary=limit", "Content-Length": str(2**40)}
    connection = http.client.HTTPConnection(copr.url.removeprefix("http://"), timeout=60)
    headers["Authorization"] = "Basic " + base64.b64encode(":".join(alice.auth or ()).encode()).decode()
    connection.request("POST", "/api_3/build/create/upload", body=head, headers=headers)
    response = connection.getresponse()
    assert response.status == 413 and text in response.read().decode()
    connection.close()


def test_fifty_at_once(copr: CoprHub, alice: Api, srpm: Path) -> None:
    """Nothing is lost, nobody sees an error of the server, of two projects of a name there is one."""
    data = srpm.read_bytes()
    start = threading.Barrier(50)

    def submit(number: int) -> tuple[int, Any]:
        api = Api(copr.url, alice.auth)
        start.wait(60)
        if number % 5 == 0:
            answer = api("POST", "/project/add/alice", {**PROJECT, "name": "contested"})
        elif number % 5 == 1:
            answer = api("POST", "/project/add/alice", {**PROJECT, "name": f"own-{number}"})
        elif number % 5 == 2:
            answer = api.form("/build/create/upload", WHERE, pkgs=("brew-1-1.src.rpm", data))
        else:
            answer = api(
                "POST", "/build/create/url", {**WHERE, "pkgs": SRPM_URL, "project_dirname": "proj:pr:1"}
            )
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(submit, range(50)))
    assert max(status for status, _ in answers) < 500, [each for each in answers if each[0] >= 500]
    contested = [answer for status, answer in answers[::5] if status == 200]
    assert len(contested) == 1
    taken = {
        "name: You already have a project named 'contested'.",
        "Copr 'alice/contested' has not been created (race condition)",
    }
    assert {answer["error"] for status, answer in answers[::5] if status != 200} <= taken
    assert all(status == 200 for number, (status, _) in enumerate(answers) if number % 5)
    builds = alice.ok("GET", f"/build/list?{QUERY}")["items"]
    given = [answer for _, answer in answers[2::5]]
    given += [answer["items"][0] for number, (_, answer) in enumerate(answers) if number % 5 > 2]
    ids = sorted(build["id"] for build in builds)
    assert len(ids) == 30 and ids == sorted(build["id"] for build in given)
    # each has a task of its own, and each upload its file
    tasks = copr.admin()("listTasks", {"method": "coprBuild", "decode": True})
    assert sorted(task["request"][0] for task in tasks) == ids
    kept = [path for path in (copr.topdir / "work/copr").rglob("*") if path.is_file()]
    assert len(kept) == 10 and all(path.read_bytes() == data for path in kept)
    names = {each["name"] for each in alice.ok("GET", "/project/list?ownername=alice")["items"]}
    assert names == {"proj", "contested", *(f"own-{number}" for number in range(1, 50, 5))}
