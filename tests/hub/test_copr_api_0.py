"""The historic JSON API over real HTTP: operations, representations, every row of the table of errors."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from support.builds import BUILDER
from support.copr import CoprHub
from support.sites import Package

LIMIT = 1 << 20
MINI_1, MINI_2 = "mini-1", "mini-2"
JUICE = Package("juice")


@dataclass
class Historic:
    """Somebody, or nobody, who speaks the historic API."""

    url: str
    auth: tuple[str, str] | None = None

    def __call__(self, method: str, path: str, json: Any = None, **options: Any) -> requests.Response:
        """Make a request."""
        options.setdefault("timeout", 60)
        return requests.request(
            method, f"{self.url}/api_0{path}", json=json, auth=self.auth, allow_redirects=False, **options
        )

    def ok(self, method: str, path: str, json: Any = None, *, status: int = 200, **options: Any) -> Any:
        """The answer to a request that must work."""
        answer = self(method, path, json, **options)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        return answer.json()

    def error(self, method: str, path: str, json: Any = None, **options: Any) -> tuple[int, str]:
        """Status and text of a request that must not work; there is nothing else in the answer."""
        answer = self(method, path, json, **options)
        found = answer.json()
        assert list(found) == ["error"], (method, path, found)
        return answer.status_code, found["error"]

    def create(self, name: str, *releases: str, **more: Any) -> dict[str, Any]:
        """A new copr."""
        given = {"copr_name": name, "release": list(releases or (MINI_1,)), **more}
        found: dict[str, Any] = self.ok("POST", "/coprs", given, status=201)["copr"]
        return found

    def upload(self, copr: str, file: Path, *releases: str, status: int = 201) -> Any:
        """A source package for a copr."""
        files = {"srpm": (file.name, file.read_bytes(), "application/x-rpm")}
        path = f"/coprs/{copr}/packages"
        return self.ok("POST", path, status=status, files=files, data={"release": list(releases)})


@pytest.fixture
def copr_options() -> dict[str, Any]:
    """Uploads are small."""
    return {"upload_limit": LIMIT}


@pytest.fixture
def alice(copr: CoprHub) -> Historic:
    """The owner of the coprs."""
    return Historic(copr.url, ("alice", "alice"))


@pytest.fixture
def bob(copr: CoprHub) -> Historic:
    """A stranger at first."""
    return Historic(copr.url, ("bob", "bob"))


@pytest.fixture
def nobody(copr: CoprHub) -> Historic:
    """Without credentials."""
    return Historic(copr.url)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where source packages are made."""
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="module")
def juice(sources: Path) -> Path:
    """A source package."""
    return JUICE.srpm(sources)


def test_a_copr_is_made_shown_changed_and_deleted(alice: Historic, nobody: Historic) -> None:
    """The five operations of the table on coprs, and the representation."""
    given = {"copr_name": "tools", "copr_description": "Some tools", "release": MINI_1}
    answer = alice("POST", "/coprs/", given)
    assert (answer.status_code, answer.headers["Location"]) == (201, "/api_0/coprs/alice/tools")
    made = answer.json()["copr"]
    place = "http://copr.example.org/results/alice/tools/mini-1"
    assert made == {
        "id": made["id"],
        "name": "tools",
        "owner": "alice",
        "full_name": "alice/tools",
        "description": "Some tools",
        "releases": [MINI_1],
        "dependencies": [],
        "permissions": {},
        "repos": {MINI_1: {"x86_64": f"{place}-x86_64/", "aarch64": f"{place}-aarch64/"}},
        "created": made["created"],
    }
    assert nobody.ok("GET", "/coprs/alice/tools/") == {"copr": made}
    assert alice.ok("GET", "/coprs/~/tools") == {"copr": made}
    other = alice.create("base", MINI_2)
    assert nobody.ok("GET", "/coprs")["coprs"] == [other, made]
    assert nobody.ok("GET", "/coprs?owner=alice")["coprs"] == [other, made]
    assert nobody.ok("GET", "/coprs?owner=bob") == nobody.ok("GET", "/coprs?owner=who") == {"coprs": []}
    changes = {"copr_description": "", "release": [MINI_2], "dependency_list": ["alice/base"]}
    changed = alice.ok("PUT", "/coprs/~/tools", changes)["copr"]
    assert (changed["description"], changed["releases"]) == ("", [MINI_2])
    assert changed["dependencies"] == ["alice/base"]
    assert alice.ok("PUT", "/coprs/~/tools", {"copr_description": "New"})["copr"]["releases"] == [MINI_2]
    assert alice.ok("DELETE", "/coprs/alice/tools") == {"deleted": "alice/tools"}
    assert nobody.error("GET", "/coprs/alice/tools") == (404, "Copr 'alice/tools' does not exist.")


def test_it_is_the_same_project_in_both_interfaces(copr: CoprHub, alice: Historic) -> None:
    """What one makes, the other one changes."""
    made = alice.create("both", MINI_1, dependency_list=[alice.create("other")["full_name"]])
    v3 = copr.user("alice")
    query = "/project?ownername=alice&projectname=both"
    project = v3.ok("GET", query)
    assert (project["id"], project["additional_repos"]) == (made["id"], ["copr://alice/other"])
    assert set(project["chroot_repos"]) == {"mini-1-x86_64", "mini-1-aarch64"}
    v3.ok("PUT", "/project/edit/alice/both", {"chroots": ["mini-2-x86_64"], "repos": "http://a.example/"})
    assert alice.ok("GET", "/coprs/~/both")["copr"]["releases"] == [MINI_2]
    alice.ok("POST", "/coprs/~/both/add_dependencies", {"dependency_list": ["other"]})
    assert v3.ok("GET", query)["additional_repos"] == ["http://a.example/", "copr://alice/other"]


def test_dependencies_come_and_go(alice: Historic) -> None:
    """All of a list or nothing of it; what is there already changes nothing."""
    for name in ("a", "b", "c"):
        alice.create(name)
    add, remove = "/coprs/alice/a/add_dependencies", "/coprs/alice/a/remove_dependencies"
    both = {"dependency_list": ["alice/b", "~/c"]}
    assert alice.ok("POST", add, both)["copr"]["dependencies"] == ["alice/b", "alice/c"]
    assert alice.ok("POST", add, {"dependency_list": ["c"]})["copr"]["dependencies"] == ["alice/b", "alice/c"]
    gone = {"dependency_list": ["alice/b", "alice/nope"]}
    assert alice.error("POST", remove, gone) == (404, "'alice/nope' is not a dependency of 'alice/a'")
    assert alice.ok("GET", "/coprs/alice/a")["copr"]["dependencies"] == ["alice/b", "alice/c"]
    gone = {"dependency_list": ["alice/b"]}
    assert alice.ok("POST", remove, gone)["copr"]["dependencies"] == ["alice/c"]


def test_releases_come_and_go(copr: CoprHub, alice: Historic) -> None:
    """The data of one that goes are for a task to delete."""
    alice.create("a")
    add, remove = "/coprs/alice/a/add_releases", "/coprs/alice/a/remove_releases"
    assert alice.ok("POST", add, {"release": MINI_2})["copr"]["releases"] == [MINI_1, MINI_2]
    assert alice.ok("POST", add, {"release": [MINI_1]})["copr"]["releases"] == [MINI_1, MINI_2]
    assert alice.ok("POST", remove, {"release": [MINI_1]})["copr"]["releases"] == [MINI_2]
    tasks = copr.admin()("listTasks", {"method": "remove_repos", "decode": True})
    assert [task["request"] for task in tasks] == [["alice", "a", [MINI_1]]]


def test_permissions_are_given_and_taken(alice: Historic, bob: Historic, juice: Path) -> None:
    """A builder builds, an admin edits."""
    alice.create("a")
    bob.error("POST", "/coprs/alice/a/packages")
    for permission in ("builder", "admin"):
        given = {"user": "bob", "permission": permission}
        made = alice.ok("POST", "/coprs/alice/a/grant", given)["copr"]
    assert made["permissions"] == {"bob": ["builder", "admin"]}
    bob.ok("PUT", "/coprs/alice/a", {"copr_description": "Bob's"})
    taken = {"user": "bob", "permission": "admin"}
    assert alice.ok("POST", "/coprs/alice/a/revoke", taken)["copr"]["permissions"] == {"bob": ["builder"]}
    text = "User 'bob' is not allowed to edit 'alice/a'"
    assert bob.error("PUT", "/coprs/alice/a", {"copr_description": "Mine"}) == (403, text)
    bob.upload("alice/a", juice)


def test_groups_own_coprs(copr: CoprHub, alice: Historic, bob: Historic) -> None:
    """A member makes them in the group's name."""
    admin = copr.admin()
    admin("newGroup", "press")
    admin("addGroupMember", "press", "alice")
    made = alice.create("juicy", owner="@press")
    assert made["full_name"] == "@press/juicy"
    assert alice.ok("GET", "/coprs?owner=@press")["coprs"] == [made]
    text = "User 'bob' is not allowed to edit '@press/more'"
    given = {"copr_name": "more", "release": MINI_1, "owner": "@press"}
    assert bob.error("POST", "/coprs", given) == (403, text)
    assert alice.ok("DELETE", "/coprs/@press/juicy") == {"deleted": "@press/juicy"}


def test_a_package_is_uploaded_shown_and_deleted(
    copr: CoprHub, alice: Historic, nobody: Historic, sources: Path, juice: Path
) -> None:
    """A build for each release and arch; a second version is newer; archs that do not fit are skipped."""
    alice.create("a", MINI_1, MINI_2)
    answer = alice.upload("alice/a", juice)
    found, tasks = answer["package"], answer["tasks"]
    assert len(tasks) == 3
    expected = [(MINI_1, "aarch64"), (MINI_1, "x86_64"), (MINI_2, "x86_64")]
    builds = [
        {"release": release, "arch": arch, "state": "waiting", "task_id": task}
        for (release, arch), task in zip(expected, tasks, strict=True)
    ]
    assert found["builds"] == builds
    release = found["release"]
    nvr = f"juice-1-{release}"
    facts = {key: found[key] for key in ("name", "version", "epoch", "nvr", "submitter", "versions")}
    assert facts == {
        "name": "juice",
        "version": "1",
        "epoch": None,
        "nvr": nvr,
        "submitter": "alice",
        "versions": [nvr],
    }
    path = urlsplit(found["srpm_url"]).path.removeprefix("/results/")
    assert (copr.topdir / "copr" / path).read_bytes() == juice.read_bytes()
    head = "Epoch: 3\nExclusiveArch: x86_64"
    newer = Package("juice", "2", head=head).srpm(sources)
    answer = alice.upload("alice/a", newer, MINI_1)
    assert len(answer["tasks"]) == 1
    states = [(each["arch"], each["state"]) for each in answer["package"]["builds"]]
    assert states == [("aarch64", "skipped"), ("x86_64", "waiting")]
    assert answer["package"]["epoch"] == 3
    versions = [f"juice-2-{release}", nvr]
    listed = nobody.ok("GET", "/coprs/alice/a/packages")["packages"]
    assert listed == [answer["package"]] and listed[0]["versions"] == versions
    assert nobody.ok("GET", f"/coprs/alice/a/packages/{nvr}")["package"]["builds"] == builds
    assert nobody.ok("GET", "/coprs/alice/a/packages/juice/")["package"] == answer["package"]
    for task in (*tasks, *answer["tasks"]):
        copr.admin()("cancelTask", task)
    assert alice.ok("DELETE", f"/coprs/alice/a/packages/{versions[0]}") == {"deleted": versions[0]}
    left = nobody.ok("GET", "/coprs/alice/a/packages/juice")["package"]
    assert left["versions"] == [nvr] and {each["state"] for each in left["builds"]} == {"canceled"}
    assert alice.ok("DELETE", "/coprs/alice/a/packages/juice") == {"deleted": "juice"}
    assert nobody.ok("GET", "/coprs/alice/a/packages") == {"packages": []}


_A = "/coprs/alice/a"
_NEW: dict[str, Any] = {"copr_name": "new", "release": [MINI_1]}
_BAD_NAME = "Name must contain only letters, digits, underscores, dashes and dots."
BAD_COPRS: list[tuple[str, str, str, Any, int, str]] = [
    ("alice", "POST", "/coprs", {"release": MINI_1}, 400, "Missing argument copr_name"),
    ("alice", "POST", "/coprs", {"copr_name": "new", "release": None}, 400, "Missing argument release"),
    ("alice", "POST", f"{_A}/add_dependencies", {}, 400, "Missing argument dependency_list"),
    ("alice", "POST", f"{_A}/grant", {"permission": "admin"}, 400, "Missing argument user"),
    ("alice", "POST", "/coprs", {**_NEW, "copr_name": "a b"}, 400, _BAD_NAME),
    ("alice", "POST", "/coprs", {**_NEW, "copr_name": "../x"}, 400, _BAD_NAME),
    ("alice", "POST", "/coprs", {**_NEW, "copr_name": "12"}, 400, "Project's name can not be just number."),
    ("alice", "POST", "/coprs", {**_NEW, "release": ["mini-*"]}, 400, "Release 'mini-*' does not exist."),
    ("alice", "POST", f"{_A}/add_releases", {"release": "x-1"}, 400, "Release 'x-1' does not exist."),
    ("alice", "POST", "/coprs", {**_NEW, "release": []}, 400, "At least one release must be selected"),
    ("alice", "PUT", _A, {"release": []}, 400, "At least one release must be selected"),
    (
        "alice",
        "POST",
        f"{_A}/remove_releases",
        {"release": MINI_1},
        400,
        "At least one release must be selected",
    ),
    ("alice", "PUT", _A, {"dependency_list": ["bob/x"]}, 400, "Copr 'bob/x' does not exist."),
    ("alice", "PUT", _A, {"dependency_list": ["x"]}, 400, "Copr 'alice/x' does not exist."),
    ("alice", "PUT", _A, {"dependency_list": ["a"]}, 400, "Copr 'alice/a' can not depend on itself"),
    (
        "alice",
        "PUT",
        _A,
        {"dependency_list": ["alice/b"]},
        400,
        "Dependency cycle: alice/a -> alice/b -> alice/c -> alice/a",
    ),
    (
        "alice",
        "POST",
        f"{_A}/grant",
        {"user": "bob", "permission": "own"},
        400,
        "invalid permission 'own', allowed admin|builder",
    ),
    (
        "alice",
        "POST",
        f"{_A}/revoke",
        {"user": "who", "permission": "admin"},
        400,
        "user 'who' doesn't exist in database",
    ),
    (
        "alice",
        "POST",
        f"{_A}/grant",
        {"user": "alice", "permission": "admin"},
        400,
        "user 'alice' is owner of the 'alice/a' project",
    ),
    ("alice", "POST", "/coprs", {**_NEW, "colour": "red"}, 400, "Unknown attribute 'colour'"),
    ("bob", "PUT", _A, {"colour": "red"}, 403, "User 'bob' is not allowed to edit 'alice/a'"),
    (
        "bob",
        "POST",
        f"{_A}/grant",
        {"user": "bob", "permission": "admin"},
        403,
        "User 'bob' is not allowed to edit 'alice/a'",
    ),
    ("bob", "DELETE", _A, None, 403, "Only owners may delete their projects."),
    (
        "bob",
        "POST",
        "/coprs",
        {**_NEW, "owner": "alice"},
        403,
        "User 'bob' is not allowed to edit 'alice/new'",
    ),
    ("alice", "PUT", "/coprs/alice/x", {}, 404, "Copr 'alice/x' does not exist."),
    ("alice", "DELETE", "/coprs/@x/x", None, 404, "Copr '@x/x' does not exist."),
    ("nobody", "GET", "/coprs/alice/x/packages", None, 404, "Copr 'alice/x' does not exist."),
    ("nobody", "GET", f"{_A}/packages/x", None, 404, "No package with name x in copr a"),
    (
        "alice",
        "POST",
        f"{_A}/remove_dependencies",
        {"dependency_list": ["alice/b"]},
        404,
        "'alice/b' is not a dependency of 'alice/a'",
    ),
    (
        "alice",
        "POST",
        f"{_A}/remove_releases",
        {"release": MINI_2},
        404,
        "'mini-2' is not a release of 'alice/a'",
    ),
    ("alice", "PATCH", _A, None, 405, "The method is not allowed for the requested URL."),
    ("alice", "GET", f"{_A}/grant", None, 405, "The method is not allowed for the requested URL."),
    ("alice", "POST", "/coprs", {**_NEW, "copr_name": "a"}, 409, "Copr 'alice/a' already exists."),
    ("alice", "GET", "/nothing", None, 404, "Such API endpoint doesn't exist"),
]
"""Who asks, how, where and for what; status and text of the answer."""


def test_errors_of_coprs(alice: Historic, bob: Historic, nobody: Historic) -> None:
    """The rows of the table that need no package; nothing is changed by any of these requests."""
    for name in ("a", "b", "c"):
        alice.create(name)
    alice.ok("PUT", "/coprs/alice/b", {"dependency_list": ["alice/c"]})
    alice.ok("PUT", "/coprs/alice/c", {"dependency_list": ["alice/a"]})
    before = nobody.ok("GET", "/coprs")
    callers = {"alice": alice, "bob": bob, "nobody": nobody}
    for who, method, path, body, status, text in BAD_COPRS:
        assert callers[who].error(method, path, body) == (status, text), (method, path, body)
    assert nobody.ok("GET", "/coprs") == before


def test_credentials_are_demanded(copr: CoprHub) -> None:
    """None, wrong ones, and other kinds are refused alike."""
    requests_ = [
        ("POST", "/coprs"),
        ("PUT", "/coprs/alice/a"),
        ("DELETE", "/coprs/alice/a"),
        ("POST", "/coprs/alice/a/grant"),
        ("POST", "/coprs/alice/a/packages"),
        ("DELETE", "/coprs/alice/a/packages/x"),
        ("GET", "/coprs/~/a"),
    ]
    given: list[dict[str, Any]] = [
        {},
        {"auth": ("alice", "wrong")},
        {"auth": ("who", "who")},
        {"headers": {"Authorization": "Bearer x"}},
        {"headers": {"Authorization": "Basic !"}},
    ]
    for method, path in requests_:
        for options in given:
            answer = requests.request(method, f"{copr.url}/api_0{path}", timeout=60, **options)
            assert answer.status_code == 401, (path, options)
            assert answer.headers["WWW-Authenticate"] == 'Basic realm="Copr"'
            assert answer.json() == {"error": "Invalid user name or password"}


def test_bad_bodies_are_refused(alice: Historic) -> None:
    """What is no JSON object with values of the right types is a bad request."""
    alice.create("a")
    for data, kind in ((b"{", "application/json"), (b"[]", "application/json"), (b"{}", "text/plain")):
        status, _ = alice.error("POST", "/coprs", data=data, headers={"Content-Type": kind})
        assert status == 400
    wrong: list[dict[str, Any]] = [
        {"copr_name": 7, "release": MINI_1},
        {"copr_name": "x", "release": {MINI_1: 1}},
        {"copr_name": "x", "release": [1]},
        {"copr_name": "x" * 101, "release": MINI_1},
    ]
    for body in wrong:
        assert alice.error("POST", "/coprs", body)[0] == 400, body


def test_text_that_cannot_be_stored_is_refused(copr: CoprHub, alice: Historic, nobody: Historic) -> None:
    """With NUL or half a character, wherever it is sent, in both interfaces: no server's fault."""
    alice.create("a")
    for path in ("/coprs/alice/%00", "/coprs/%40x%00/a", "/coprs?owner=%00", "/coprs/alice/a/packages/%00"):
        assert nobody.error("GET", path)[0] == 400, path
    v3 = copr.user("alice")
    for text in ("a\0", "\ud800"):
        assert alice.error("PUT", "/coprs/alice/a", {"copr_description": text})[0] == 400
        assert alice.error("POST", "/coprs/alice/a/add_dependencies", {"dependency_list": [text]})[0] == 400
        assert alice.error("PUT", "/coprs/alice/a", {text: 1})[0] == 400
        assert v3.error("PUT", "/project/edit/alice/a", {"description": text})[0] == 400
        assert v3.error("PUT", "/project/permissions/set/alice/a", {text: {"admin": "request"}})[0] == 400
    assert v3.error("GET", "/project?ownername=alice&projectname=%00")[0] == 400
    for depth in (100, 800, 900, 1000, 100_000):
        deep = ("[" * depth + "]" * depth).encode()
        assert (
            alice.error("POST", "/coprs", data=deep, headers={"Content-Type": "application/json"})[0] == 400
        )
    for path in ("/api_0/coprs", "/api_3/auth-check"):
        assert requests.get(f"{copr.url}{path}", auth=("a\0", "b"), timeout=60).status_code == 401


def test_errors_of_packages(
    copr: CoprHub, alice: Historic, bob: Historic, sources: Path, juice: Path, tmp_path: Path
) -> None:
    """The rows of the table about uploads and what is unfinished; nobody's upload stays behind."""
    alice.create("a", MINI_1, MINI_2)
    tasks = alice.upload("alice/a", juice, MINI_1)["tasks"]
    package = alice.ok("GET", "/coprs/alice/a/packages/juice")["package"]
    work = copr.topdir / "work" / "copr"
    before = sorted(work.iterdir())

    def refused(who: Historic, data: bytes, path: str = "alice/a", **form: Any) -> tuple[int, str]:
        files = {"srpm": ("fine.src.rpm", data)}
        return who.error("POST", f"/coprs/{path}/packages", files=files, data=form)

    good = juice.read_bytes()
    other = Package("cider").srpm(sources).read_bytes()
    damaged = bytearray(other)
    damaged[-1] ^= 1
    binary = next((Path(__file__).parents[1] / "data" / "rpms").glob("**/*.noarch.rpm")).read_bytes()
    for data in (b"", b"not a package", bytes(damaged), other[:200], binary):
        assert refused(alice, data) == (415, "Only source RPM files are accepted")
    exists = f"Package {package['nvr']} already exists in copr alice/a."
    assert refused(alice, good) == (409, exists)
    assert refused(bob, other) == (403, "User 'bob' is not allowed to build in 'alice/a'")
    assert refused(alice, other, "alice/x") == (404, "Copr 'alice/x' does not exist.")
    assert refused(alice, other, release="x-1") == (400, "Release 'x-1' does not exist.")
    assert refused(alice, other, colour="red") == (400, "Unknown attribute 'colour'")
    assert refused(alice, b"x" * (LIMIT + 1)) == (413, f"Uploaded file exceeds the limit of {LIMIT} bytes")
    no_file = (400, "Missing argument srpm")
    assert alice.error("POST", "/coprs/alice/a/packages", files={"release": (None, MINI_1)}) == no_file
    assert sorted(work.iterdir()) == before
    ids = ", ".join(str(each["id"]) for each in _builds(copr))
    unfinished = (409, f"Copr 'alice/a' has unfinished builds: {ids}")
    assert alice.error("DELETE", "/coprs/alice/a") == unfinished
    assert alice.error("DELETE", "/coprs/alice/a/packages/juice") == unfinished
    assert alice.error("DELETE", f"/coprs/alice/a/packages/{package['nvr']}") == unfinished
    assert alice.error("POST", "/coprs/alice/a/remove_releases", {"release": MINI_1}) == unfinished
    assert alice.error("PUT", "/coprs/alice/a", {"release": MINI_2}) == unfinished
    text = "User 'bob' is not allowed to edit 'alice/a'"
    assert bob.error("DELETE", "/coprs/alice/a/packages/juice") == (403, text)
    assert alice.error("DELETE", "/coprs/alice/a/packages/x") == (404, "No package with name x in copr a")
    for task in tasks:
        copr.admin()("cancelTask", task)
    assert alice.ok("DELETE", "/coprs/alice/a") == {"deleted": "alice/a"}


def _builds(copr: CoprHub) -> list[dict[str, Any]]:
    query = "/build/list?ownername=alice&projectname=a"
    found: list[dict[str, Any]] = copr.anonymous().ok("GET", query)["items"]
    return sorted(found, key=lambda each: int(each["id"]))


def test_an_upload_without_end_is_cut_off(copr: CoprHub, alice: Historic) -> None:
    """The limit is enforced while the body is read: no answer needs all of it."""
    alice.create("a")
    host, port = urlsplit(copr.url).hostname, urlsplit(copr.url).port
    assert host is not None
    head = (
        "POST /api_0/coprs/alice/a/packages HTTP/1.1\r\nHost: x\r\n"
        "Authorization: Basic YWxpY2U6YWxpY2U=\r\n"
        f"Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: {100 * LIMIT}\r\n\r\n"
        '--cut\r\nContent-Disposition: form-data; name="srpm"; filename="x"\r\n\r\n'
    )
    with socket.create_connection((host, port), 30) as connection:
        connection.sendall(head.encode())
        connection.settimeout(30)
        answer = connection.recv(1 << 16)
    assert b" 413 " in answer.splitlines()[0]


def test_of_many_at_once_none_is_lost(copr: CoprHub, alice: Historic, sources: Path) -> None:
    """The same name once, other names all, and packages of their own from each."""
    alice.create("shared")
    paths = [Package(f"pkg{number}").srpm(sources) for number in range(4)]

    def work(number: int) -> tuple[int, int]:
        same = alice("POST", "/coprs", {"copr_name": "one", "release": MINI_1})
        files = {"srpm": ("x", paths[number % 4].read_bytes())}
        sent = alice("POST", "/coprs/alice/shared/packages", files=files)
        return same.status_code, sent.status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(work, range(8)))
    assert sorted(same for same, _ in answers) == [201] + [409] * 7
    assert sorted(sent for _, sent in answers) == [201] * 4 + [409] * 4
    names = [each["name"] for each in alice.ok("GET", "/coprs/alice/shared/packages")["packages"]]
    assert names == [f"pkg{number}" for number in range(4)]


def test_what_a_release_had_goes_with_it(copr: CoprHub, alice: Historic, sources: Path, juice: Path) -> None:
    """Its directory, target, tags and builds, by a task; what other releases have stays."""
    alice.create("a", MINI_1, MINI_2)
    everywhere = alice.upload("alice/a", juice)
    alice.upload("alice/a", Package("cider").srpm(sources), MINI_2)
    admin = copr.admin()
    for build in _builds(copr):
        copr.user("alice").ok("PUT", f"/build/cancel/{build['id']}")
    alice.ok("POST", "/coprs/alice/a/remove_releases", {"release": [MINI_2]})
    (task,) = admin("listTasks", {"method": "remove_repos"})
    host = copr.hub.client(BUILDER)
    admin("assignTask", task["id"], BUILDER)
    host("host.openTask", task["id"])
    assert host("host.coprRemove", task["id"]) == ["mini-2-x86_64"]
    assert host("host.coprRemove", task["id"]) == []
    assert not (copr.topdir / "copr" / "alice" / "a" / "mini-2-x86_64").exists()
    assert admin("getTag", "copr+alice+a+mini-2-x86_64") is None
    assert admin("getBuildTarget", "copr+alice+a+mini-2-x86_64") is None
    packages = alice.ok("GET", "/coprs/alice/a/packages")["packages"]
    assert [(each["name"], len(each["builds"])) for each in packages] == [("juice", 2)]
    assert len(everywhere["tasks"]) == 3 and len(_builds(copr)) == 2
