"""The historic client library and command on a whole site, and the four functions of builders.

Real chroots of the sample distribution; the first example is the one of the document that the
historic interface comes from.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from moromi.client import ClientSession
from moromi.constants import FINISHED_TASKS, TaskState
from support.copr_client import Environment, install, wheel
from support.copr_site import CHROOT, OTHER, CoprSite, copr_site
from support.sites import Package

RELEASE, ARCH = CHROOT.rsplit("-", 1)
OTHER_RELEASE = OTHER.rsplit("-", 1)[0]
COMMANDS = (
    *("list-coprs", "info-copr", "create-copr", "edit-copr", "delete-copr"),
    *("add-copr-deps", "remove-copr-deps", "add-copr-releases", "remove-copr-releases"),
    *("grant-copr", "revoke-copr", "list-pkgs", "info-pkg", "create-pkg", "delete-pkg"),
)
LIMIT = 4 << 20
MUST = Package("must")
CIDER = Package("cider", requires=["must"], build="test -d /usr/share/must")
EXAMPLE = """
import sys
from copr.client.lib import CoprClient

url, release, dependency = sys.argv[1:]
client = CoprClient(username="alice", password="alice", url=url)
copr_name, copr_description, dependency_list = "cellar", "What is to be drunk later", [dependency]
client.copr_create(copr_name, copr_description, release, dependency_list)
"""


@pytest.fixture(scope="module")
def built_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client as it is distributed."""
    return wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def beside(built_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment that has the published client, too."""
    return install(tmp_path_factory.mktemp("beside"), built_wheel, beside=True)


@pytest.fixture(scope="module")
def site(can_build: None) -> Iterator[CoprSite]:
    """The site; coprs are made by the tests, each its own."""
    with copr_site({"upload_limit": LIMIT}) as made:
        yield made


@pytest.fixture(scope="module")
def alice(site: CoprSite, beside: Environment) -> Environment:
    """The owner of the coprs."""
    return beside.of(site.url, "alice")


@pytest.fixture(scope="module")
def bob(site: CoprSite, beside: Environment) -> Environment:
    """A stranger at first."""
    return beside.of(site.url, "bob")


def built(alice: Environment, copr: str, package: str, seconds: float = 400) -> dict[str, str]:
    """What info-pkg shows of a package once nothing is built any more."""
    deadline = time.monotonic() + seconds
    while True:
        facts = dict(
            line.split(": ", 1) for line in alice("info-pkg", copr, package).splitlines() if ": " in line
        )
        states = {text.split()[0] for key, text in facts.items() if key.startswith("builds.")}
        if not states & {"waiting", "building"}:
            return facts
        assert time.monotonic() < deadline, facts
        time.sleep(0.3)


def test_it_is_installed_alone_or_beside_the_published_one(
    built_wheel: Path, beside: Environment, tmp_path: Path
) -> None:
    """Both import what they need, and there are all commands."""
    alone = install(tmp_path / "alone", built_wheel, beside=False)
    imported = "from copr.client.lib import CoprClient; print(CoprClient.__module__)"
    for environment in (alone, beside):
        assert environment.python(imported) == "copr.client.lib\n"
        assert environment.run("copr", "--version").stdout.startswith("copr ")
        text = environment.run("copr", "--help").stdout
        assert all(f"    {name}" in text for name in COMMANDS)
    assert beside.python("import copr.v3, copr.client.lib; print(copr.v3.Client.__name__)") == "Client\n"
    assert alone.run("python", "-c", "import copr.v3").returncode == 1
    directory = alone.python("import copr.client; print(copr.client.__path__[0])").strip()
    assert alone.run("python", f"{directory}/", "--help").stdout == alone.run("copr", "--help").stdout


def test_the_commands_of_coprs(alice: Environment, bob: Environment) -> None:
    """What each prints, and its status."""
    assert alice("create-copr", "a", "-d", "First", "-r", RELEASE) == "Created alice/a\n"
    assert alice("create-copr", "alice/b", "--dep", "a", "-r", RELEASE, OTHER_RELEASE) == "Created alice/b\n"
    assert alice("list-coprs", "--owner", "alice") == "alice/a\nalice/b\n"
    assert bob("list-coprs", "--owner", "bob") == ""
    assert alice("edit-copr", "a", "-d", "The first") == "Changed alice/a\n"
    assert alice("grant-copr", "a", "bob", "admin") == "Changed alice/a\n"
    assert bob("add-copr-releases", "alice/a", OTHER_RELEASE) == "Changed alice/a\n"
    url = f"{alice.url}/results/alice/a"
    lines = alice("info-copr", "a").splitlines()
    assert [line for line in lines if not line.startswith(("id: ", "created: "))] == [
        "name: a",
        "owner: alice",
        "full_name: alice/a",
        "description: The first",
        f"releases: {RELEASE} {OTHER_RELEASE}",
        "dependencies:",
        "permissions.bob: admin",
        f"repos.{RELEASE}.{ARCH}: {url}/{CHROOT}/",
        f"repos.{OTHER_RELEASE}.{ARCH}: {url}/{OTHER}/",
    ]
    assert alice("remove-copr-releases", "a", OTHER_RELEASE) == "Changed alice/a\n"
    assert alice("revoke-copr", "a", "bob", "admin") == "Changed alice/a\n"
    assert alice("remove-copr-deps", "b", "a") == "Changed alice/b\n"
    assert alice("add-copr-deps", "b", "a") == "Changed alice/b\n"
    assert "dependencies: alice/a\n" in bob("info-copr", "alice/b")
    assert alice("list-pkgs", "a") == ""
    assert alice("delete-copr", "b") == "Deleted alice/b\n"
    assert alice("delete-copr", "a") == "Deleted alice/a\n"


def test_how_commands_fail(alice: Environment, bob: Environment, beside: Environment, tmp_path: Path) -> None:
    """By whose fault it is; and where passwords come from."""
    assert alice("info-copr", "x", code=1) == "Error: Copr 'alice/x' does not exist.\n"
    assert bob("delete-copr", "alice/x", code=1) == "Error: Copr 'alice/x' does not exist.\n"
    assert "usage: " in alice("info-copr", code=2)
    assert "No such file" in alice("create-pkg", "x", "nothing.src.rpm", code=2)
    assert beside.of("http://127.0.0.1:1", "alice")("list-coprs", code=3).startswith("Error: No answer from ")
    for url in ("http://[::1", "http://x y", "ftp://x", "x"):
        text = f"Error: Not the address of a service: {url}/api_0\n"
        assert beside.of(url, "alice")("list-coprs", code=3) == text
    words = ["copr", "--url", alice.url, "-u", "alice"]
    refused = beside.run(*words, "create-copr", "y", "-r", RELEASE)
    assert (refused.returncode, refused.stderr) == (1, "Error: Invalid user name or password\n")
    asked = beside.run(*words, "-p", "create-copr", "y", "-r", RELEASE, typed="alice\n")
    assert (asked.returncode, asked.stdout) == (0, "Created alice/y\n"), asked.stderr
    large = tmp_path / "large.src.rpm"
    large.write_bytes(b"x" * (3 * LIMIT))
    error = alice("create-pkg", "y", str(large), code=1)
    assert error == f"Error: Uploaded file exceeds the limit of {LIMIT} bytes\n"
    assert "not allowed to build" in bob("create-pkg", "alice/y", str(large), code=1)
    script = """
import sys
from copr.client.lib import CoprAuthError, CoprClient, CoprClientError, CoprNotFoundError

client = CoprClient(username="alice", password="wrong", url=sys.argv[1])
anonymous = CoprClient(url=sys.argv[1])
for kind, work in (
    (CoprAuthError, lambda: client.copr_delete("y")),
    (CoprNotFoundError, lambda: anonymous.copr_info("alice/x")),
    (CoprClientError, lambda: CoprClient(url="http://127.0.0.1:1").copr_list()),
):
    try:
        work()
    except CoprClientError as error:
        print(type(error) is kind, error.status)
"""
    assert beside.python(script, alice.url) == "True 401\nTrue 404\nTrue None\n"


def test_the_example_of_the_document(alice: Environment, site: CoprSite, tmp_path: Path) -> None:
    """A copr is made, a source package uploaded, built, moved there and seen; another copr builds on it."""
    assert alice("create-copr", "press", "-r", RELEASE, OTHER_RELEASE) == "Created alice/press\n"
    path = MUST.srpm(tmp_path)
    said = alice("create-pkg", "press", str(path)).splitlines()
    assert said[0].startswith("Created must-1-1") and len(said[1].split()) == 4, said
    facts = built(alice, "press", "must")
    for release in (RELEASE, OTHER_RELEASE):
        assert facts[f"builds.{release}.{ARCH}"].startswith("complete ")
    assert facts["name"] == "must" and facts["submitter"] == "alice"
    assert requests.get(facts["srpm_url"], timeout=60).content == path.read_bytes()
    assert alice("list-pkgs", "press") == f"{facts['nvr']}\n"
    moved = site.site.tree / "copr" / "alice" / "press" / CHROOT
    assert (moved / "repodata" / "repomd.xml").exists() and list(moved.glob("*-must/must-1-*.noarch.rpm"))
    alice.python(EXAMPLE, site.url, RELEASE, "alice/press")
    alice("create-pkg", "cellar", str(CIDER.srpm(tmp_path)))
    assert built(alice, "cellar", "cider")[f"builds.{RELEASE}.{ARCH}"].startswith("complete ")
    assert alice("delete-pkg", "cellar", "cider") == "Deleted cider\n"
    assert alice("list-pkgs", "cellar") == ""


@dataclass
class Headhunter:
    """An administrator who has builders work for coprs."""

    session: ClientSession

    def start(self, method: str, *arguments: Any) -> int:
        """A task."""
        return int(self.session.call("makeTask", method, list(arguments), channel="createrepo"))

    def ended(self, task_id: int, state: TaskState = TaskState.CLOSED, seconds: float = 400) -> Any:
        """The result of a task, which must end in a state."""
        deadline = time.monotonic() + seconds
        while (found := self.session.call("getTaskInfo", task_id)["state"]) not in FINISHED_TASKS:
            assert time.monotonic() < deadline, task_id
            time.sleep(0.2)
        result = self.session.call("getTaskResult", task_id, raise_fault=False)
        assert found == state, result
        return result

    def __call__(self, method: str, *arguments: Any) -> Any:
        """The result of a task that must work."""
        return self.ended(self.start(method, *arguments))

    def failure(self, method: str, *arguments: Any) -> str:
        """Why a task fails."""
        return str(self.ended(self.start(method, *arguments), TaskState.FAILED)["faultString"])


@pytest.fixture(scope="module")
def hunter(site: CoprSite) -> Iterator[Headhunter]:
    """The administrator."""
    with site.site.session() as session:
        yield Headhunter(session)


def test_the_four_functions_of_builders(
    alice: Environment, site: CoprSite, hunter: Headhunter, tmp_path: Path
) -> None:
    """A copr's repositories are made anew, a package is built, moved there, and all is removed."""
    alice("create-copr", "func", "-r", RELEASE, OTHER_RELEASE)
    place = site.site.tree / "copr" / "alice" / "func"
    (place / CHROOT / "repodata" / "repomd.xml").unlink()
    assert hunter("create_copr", "alice", "func", RELEASE) == [CHROOT]
    assert (place / CHROOT / "repodata" / "repomd.xml").exists()
    path = MUST.srpm(tmp_path)
    hunter.session.upload(str(path), "func")
    srpm = f"func/{path.name}"
    (task_id,) = hunter("async_build_x86", srpm, RELEASE, ["alice/func"])
    hunter.ended(task_id)
    assert alice("list-pkgs", "func") == ""
    tmpdir = f"tasks/{task_id % 10000}/{task_id}"
    assert hunter("move_to_copr", tmpdir, "alice", "func", [CHROOT]) == [CHROOT]
    facts = built(alice, "func", "must")
    assert facts[f"builds.{RELEASE}.{ARCH}"] == f"complete {task_id}"
    assert list((place / CHROOT).glob("*-must/must-1-*.noarch.rpm"))
    assert hunter("move_to_copr", task_id, "alice", "func", [CHROOT]) == [CHROOT]
    assert len(list((place / CHROOT).glob("*-must"))) == 1
    alice("remove-copr-releases", "func", OTHER_RELEASE)
    (removal,) = hunter.session.call("listTasks", {"method": "remove_repos"}, {"order": "-id", "limit": 1})
    assert hunter.ended(removal["id"]) == [OTHER]
    assert not (place / OTHER).exists()
    assert hunter.session.call("getBuildTarget", f"copr+alice+func+{OTHER}") is None
    assert hunter.session.call("getTag", f"copr+alice+func+{OTHER}") is None
    alice("add-copr-releases", "func", OTHER_RELEASE)
    assert (place / OTHER / "repodata" / "repomd.xml").exists()
    assert hunter("remove_repos", "alice", "func") == [CHROOT, OTHER]
    assert not place.exists()
    assert alice("info-copr", "func", code=1) == "Error: Copr 'alice/func' does not exist.\n"


def test_what_builders_refuse(alice: Environment, hunter: Headhunter) -> None:
    """Coprs, releases, directories and repositories that there are not."""
    alice("create-copr", "shut", "-r", RELEASE)
    build, move = "async_build_x86", "move_to_copr"
    assert "alice/nope does not exist" in hunter.failure("create_copr", "alice", "nope", [RELEASE])
    assert "no release x-1" in hunter.failure(build, "a.src.rpm", "x-1", ["alice/shut"])
    assert "not depend on bob/x" in hunter.failure(build, "a.src.rpm", RELEASE, ["alice/shut", "bob/x"])
    assert "list of names" in hunter.failure(build, "a.src.rpm", RELEASE, {"alice/shut": 1})
    assert "no build in ../1" in hunter.failure(move, "../1", "alice", "shut", [CHROOT])
    assert "no build in tasks/1/1" in hunter.failure(move, "tasks/1/1", "alice", "shut", [CHROOT])
