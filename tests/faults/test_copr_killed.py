"""`kill -9` of a hub at work on a project: at every step there is either the whole of the change, or nothing.

What is killed is a child that does the work; the hub of the test looks at what it has left. A step after the
commit leaves the whole, so that is where a test's look at the steps ends.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from support.copr import CHROOT, CHROOTS, PROJECT, Api, CoprHub, copr_hub
from support.crash import Fuse
from support.hub import HubUnderTest, running_hub, state_database
from support.sites import Package

MOST = 400
Act = Callable[[HubUnderTest], None]


@dataclass
class Place:
    """The hub that looks, and where children do their work."""

    copr: CoprHub
    dsn: str
    directory: Path
    alice: Api

    def deaths(self, act: Act, every: int = 1) -> Iterator[int]:
        """Let a child do something, and die before every so many of its steps: these, as long as it dies."""
        for step in range(1, MOST, every):
            if not self._dies(act, step):
                assert step > 5, "the steps are not counted"
                return
            yield step
        raise AssertionError("there is no end of it")

    def _dies(self, act: Act, step: int) -> bool:
        child = os.fork()
        if child == 0:
            try:
                self._run(act, step)
            except BaseException:
                traceback.print_exc()
                os._exit(3)
            os._exit(0)
        _pid, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child has failed by itself"
        return os.WIFSIGNALED(status)

    def _run(self, act: Act, step: int) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        options: dict[str, Any] = {"Plugins": "copr", "PluginConfigDir": str(self.directory / "config")}
        with running_hub(self.dsn, self.directory / "tree", **options) as hub:
            fuse = Fuse(step, hub.hub.engine)
            fuse.lit = True
            act(hub)
            fuse.lit = False

    def request(self, method: str, path: str, **options: Any) -> Act:
        """A request of alice's that must work."""

        def act(hub: HubUnderTest) -> None:
            client = Client(hub.application)
            answer = client.open(f"/api_3{path}", method=method, auth=self.alice.auth, **options)
            assert answer.status_code == 200, answer.text

        return act

    def upload(self, path: str, project: str, file: Path) -> Act:
        """A request with a file."""

        def act(hub: HubUnderTest) -> None:
            fields = json.dumps({"ownername": "alice", "projectname": project}).encode()
            data = {"json": (io.BytesIO(fields), "json"), "pkgs": (io.BytesIO(file.read_bytes()), file.name)}
            self.request("POST", path, data=data)(hub)

        return act

    def exists(self, project: str) -> bool:
        """Whether alice has a project."""
        return self.alice("GET", f"/project?ownername=alice&projectname={project}").status_code == 200

    def builds(self, project: str) -> list[dict[str, Any]]:
        """Its builds."""
        items = self.alice.ok("GET", f"/build/list?ownername=alice&projectname={project}")["items"]
        return list(items)

    def repository(self, project: str, chroot: str = CHROOT) -> Path:
        """Where one is published."""
        return self.copr.topdir / "copr/alice" / project / chroot

    def published(self, project: str) -> str:
        """The packages of a repository, whose files must be what its list of files says."""
        repodata = self.repository(project) / "repodata"
        found = re.findall(r'href="repodata/(([0-9a-f]{64})-[^"]+)"', (repodata / "repomd.xml").read_text())
        assert len(found) >= 3
        for name, digest in found:
            assert hashlib.sha256((repodata / name).read_bytes()).hexdigest() == digest
        (primary,) = [name for name, _ in found if "primary.xml" in name]
        return gzip.decompress((repodata / primary).read_bytes()).decode()


def publish(hub: HubUnderTest) -> None:
    """The background process's work."""
    from _koji_plugin__copr import publishing  # type: ignore[import-not-found]  # as the hub has loaded it

    with hub.hub.call("test") as call:
        publishing.run(call)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The hub; each test has projects of its own."""
    directory = tmp_path_factory.mktemp("killed")
    with (
        state_database() as dsn,
        copr_hub(dsn, directory) as copr,
    ):
        yield Place(copr, dsn, directory, copr.user("alice"))


@pytest.fixture(scope="module")
def filled(place: Place, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A project that has a published package."""
    place.alice.ok("POST", "/project/add/alice", {**PROJECT, "name": "filled"})
    place.upload("/build/create/rpm-upload", "filled", Package("ale").binary(tmp_path_factory.mktemp("f")))(
        place.copr.hub
    )
    publish(place.copr.hub)
    assert "<name>ale</name>" in place.published("filled")
    return "filled"


def test_no_half_made_project(place: Place) -> None:
    chroots = [CHROOTS[0], CHROOTS[2]]
    body = {**PROJECT, "chroots": chroots, "additional_repos": ["http://example.org/"]}
    admin = place.copr.admin()
    for _ in place.deaths(place.request("POST", "/project/add/alice", json=body)):
        if place.exists("proj"):
            break
        assert admin("getTag", "copr+alice+proj") is None
        assert admin("getBuildTarget", f"copr+alice+proj+{CHROOT}") is None
        assert place.alice.ok("GET", "/project/list?ownername=alice")["items"] == []
    for chroot in chroots:
        assert (place.repository("proj", chroot) / "repodata/repomd.xml").is_file()
        assert admin("getBuildTarget", f"copr+alice+proj+{chroot}") is not None
    # what the attempts have left is in nobody's way
    place.alice.ok("DELETE", "/project/delete/alice/proj")
    assert place.alice.ok("POST", "/project/add/alice", body)["full_name"] == "alice/proj"
    published = place.repository("proj").parent
    assert sorted(path.name for path in published.iterdir()) == sorted(chroots)


def test_no_half_taken_build(place: Place, tmp_path: Path) -> None:
    """A build that is asked for has its task and its sources."""
    place.alice.ok("POST", "/project/add/alice", {**PROJECT, "name": "asked"})
    admin = place.copr.admin()
    source = Package("brew").srpm(tmp_path)
    for _ in place.deaths(place.upload("/build/create/upload", "asked", source)):
        if place.builds("asked"):
            break
        assert admin("listTasks", {"method": "coprBuild"}) == []
    (build,) = place.builds("asked")
    (task,) = admin("listTasks", {"method": "coprBuild", "decode": True})
    assert task["request"] == [build["id"]]
    given = place.alice.ok("GET", f"/build/source-build-config/{build['id']}")["source_dict"]
    kept = place.copr.topdir / "work/copr" / given["tmp"] / given["pkg"]
    assert kept.read_bytes() == source.read_bytes()


def test_no_half_published_build(place: Place, tmp_path: Path) -> None:
    """A package that is given is there with its build; metadata are good at every moment."""
    place.alice.ok("POST", "/project/add/alice", {**PROJECT, "name": "given"})
    admin = place.copr.admin()
    package = Package("stout")
    give = place.upload("/build/create/rpm-upload", "given", package.binary(tmp_path))
    for _ in place.deaths(give, every=2):
        if place.builds("given"):
            break
        assert admin("listTagged", f"copr+alice+given+{CHROOT}") == []
        assert "stout" not in place.published("given")
    (build,) = place.builds("given")
    name = f"{build['id']:08d}-stout"
    assert (place.repository("given") / name / "success").exists()
    for _ in place.deaths(publish):
        # not before all can be had, and at the latest with the next attempt
        offered = "<name>stout</name>" in place.published("given")
        assert place.builds("given")[0]["state"] != "succeeded" or offered
    assert place.builds("given")[0]["state"] == "succeeded"
    assert f'href="{name}/{package.nvr}.noarch.rpm"' in place.published("given")


def test_no_half_made_fork(place: Place, filled: str) -> None:
    body = {"ownername": "alice", "name": "copy"}
    admin = place.copr.admin()
    # most of it is as when a project is made
    for _ in place.deaths(place.request("POST", f"/project/fork/alice/{filled}", json=body), every=4):
        if place.exists("copy"):
            break
        assert admin("getTag", "copr+alice+copy") is None
    (build,) = place.builds("copy")
    assert build["state"] == "forked"
    assert [each["name"] for each in admin("listTagged", f"copr+alice+copy+{CHROOT}")] == ["ale"]
    publish(place.copr.hub)
    assert f'href="{build["id"]:08d}-ale/' in place.published("copy")


def test_no_half_deleted_project(place: Place, filled: str) -> None:
    admin = place.copr.admin()
    for _ in place.deaths(place.request("DELETE", f"/project/delete/alice/{filled}", json={})):
        if not place.exists(filled):
            break
        assert "<name>ale</name>" in place.published(filled)
        assert len(list(place.repository(filled).glob("0*-ale/*.rpm"))) == 1
        assert [each["name"] for each in admin("listTagged", f"copr+alice+{filled}+{CHROOT}")] == ["ale"]
    assert admin("getTag", f"copr+alice+{filled}") is None
    # a new one of the name has nothing of what the old one may have left
    place.alice.ok("POST", "/project/add/alice", {**PROJECT, "name": filled})
    assert "ale" not in place.published(filled)
    assert not list(place.repository(filled).glob("0*"))
