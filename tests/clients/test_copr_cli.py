"""The unmodified `copr-cli` and `dnf copr` on a whole site: real chroots of the sample distribution.

The steps are those of the acceptance list of the contract; their numbers are in the tests' names.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from samplesite.copr import make_machine
from samplesite.site import BIN
from support.chroots import sample_distribution
from support.copr import FINAL, Api
from support.copr_site import CHROOT, OTHER, Cli, CoprSite, copr_site
from support.sites import PAUSE, Package, go_on
from support.worker import eventually

GOOD = Package("brew")
SLOW = Package("mill", build=f"echo grain 1; {PAUSE}; for n in $(seq 2 40); do echo grain $n; done")
KOJI = Package("sweetbrew")
BAD = Package("spilled", build="echo it is spilled; false")


@pytest.fixture(scope="module")
def site(can_build: None) -> Iterator[CoprSite]:
    """The site; projects are made by the tests, in their order."""
    with copr_site() as made:
        yield made


@pytest.fixture(scope="module")
def alice(site: CoprSite) -> Cli:
    """The owner of the projects."""
    return site.cli("alice")


@pytest.fixture(scope="module")
def bob(site: CoprSite) -> Cli:
    """A stranger at first."""
    return site.cli("bob")


@pytest.fixture(scope="module")
def sources(site: CoprSite) -> Path:
    """A directory with source packages."""
    place = site.place / "sources"
    place.mkdir()
    for package in (GOOD, BAD, SLOW, KOJI):
        package.srpm(place)
    return place


def srpm(sources: Path, package: Package) -> Path:
    """The source package of a sample."""
    (found,) = (sources / f"{package.name}-{package.version}").glob("*.src.rpm")
    return found


@pytest.fixture(scope="module")
def served(sources: Path) -> Iterator[str]:
    """The source packages over HTTP."""

    class Quiet(SimpleHTTPRequestHandler):
        """Says nothing."""

        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(sources))

        def log_message(self, *args: Any) -> None:
            """Keep the output of the tests clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def project(alice: Cli) -> str:
    """A project of alice with one chroot."""
    assert "New project was successfully created" in alice("create", "proj", "--chroot", CHROOT)
    return "proj"


@pytest.fixture(scope="module")
def built(alice: Cli, project: str, sources: Path, site: CoprSite) -> int:
    """The number of a build that was seen from its beginning to its end."""
    words = ["--nowait", project, str(srpm(sources, GOOD)), "-r", CHROOT, "--timeout", "600"]
    number = created(alice("build", *words))
    seen = []
    deadline = time.monotonic() + 400
    while (state := alice("status", str(number)).strip()) not in FINAL:
        seen.append(state)
        assert time.monotonic() < deadline, seen
    assert state == "succeeded", seen
    assert set(seen) <= {"pending", "starting", "running", "importing"} and seen
    return number


def created(output: str) -> int:
    """The number of the build that a command says it has made."""
    (line,) = [line for line in output.splitlines() if line.startswith("Created builds:")]
    return int(line.split()[-1])


def test_01_create_twice(alice: Cli, project: str) -> None:
    error = alice("create", project, "--chroot", CHROOT, code=1)
    assert "name: You already have a project named 'proj'." in error


def test_02_create_elsewhere(alice: Cli, site: CoprSite) -> None:
    with site.site.session() as session:
        session.call("newGroup", "brewers")
    assert "without permissions to access projects" in alice("create", "bob/x", "--chroot", CHROOT, code=7)
    assert "No such user `nouser'" in alice("create", "nouser/x", "--chroot", CHROOT, code=1)
    error = alice("create", "@brewers/x", "--chroot", CHROOT, code=7)
    assert "User 'alice' doesn't have access to the copr group 'brewers'" in error


def test_03_look(alice: Cli, project: str, site: CoprSite) -> None:
    repository = f"{CHROOT}: {site.url}/results/alice/proj/{CHROOT}/"
    assert repository in alice("get", project)
    assert "Name: proj" in alice("list") and repository in alice("list")
    done = alice.run("list", "bob")
    assert done.returncode == 0 and "No copr retrieved for user: 'bob'" in done.stderr


def test_04_modify(alice: Cli, bob: Cli, project: str) -> None:
    alice("modify", project, "--description", "What alice brews")
    assert "What alice brews" in alice("get", project)
    error = bob("modify", f"alice/{project}", "--description", "Mine", code=7)
    assert "Only owners and admins may update their projects." in error


def test_05_build_a_file(alice: Cli, built: int) -> None:
    assert alice("status", str(built)).strip() == "succeeded"


def test_06_build_urls(alice: Cli, project: str, served: str, sources: Path) -> None:
    def build(package: Package) -> subprocess.CompletedProcess[str]:
        path = srpm(sources, package).relative_to(sources)
        return alice.run("build", project, f"{served}/{path}")

    with ThreadPoolExecutor(2) as pool:
        good, bad = pool.map(build, (GOOD, BAD))
    assert good.returncode == 0, good.stdout + good.stderr
    assert bad.returncode == 4, bad.stdout + bad.stderr
    number = created(bad.stdout)
    assert f"Build(s) {number} failed." in bad.stderr


def test_06_the_log_grows(alice: Cli, project: str, sources: Path, site: CoprSite) -> None:
    api = Api(site.url)
    number = created(alice("build", "--nowait", project, str(srpm(sources, SLOW))))
    query = f"/build-chroot?build_id={number}&chrootname={CHROOT}"

    def log(suffix: str = "") -> str | None:
        url = api.ok("GET", query)["result_url"]
        answer = None if url is None else api.session.get(f"{url}builder-live.log{suffix}", timeout=60)
        if answer is None or not answer.ok:
            return None
        return gzip.decompress(answer.content).decode() if suffix else answer.text

    eventually(lambda: "\ngrain 1\n" in (log() or ""), 100)
    seen = log()
    assert seen is not None and "\ngrain 40\n" not in seen
    assert api.ok("GET", query)["state"] == "running" and log(".gz") is None
    where = api.ok("GET", query)["result_url"]
    assert 'href="builder-live.log"' in api.session.get(where, timeout=60).text
    page = api.session.get(f"{site.url}/coprs/build/{number}", timeout=60).text
    assert f'href="{where}builder-live.log"' in page
    assert "task" in api.session.get(f"{where}backend.log", timeout=60).text
    go_on(site.site)
    eventually(lambda: len(log() or "") > len(seen), 100)
    assert api.finished(number)["state"] == "succeeded"
    assert "\ngrain 40\n" in (log(".gz") or "") and log() == log(".gz")


def test_06_log_of_a_cancelled_build(alice: Cli, project: str, sources: Path, site: CoprSite) -> None:
    api = Api(site.url)
    number = created(alice("build", "--nowait", project, str(srpm(sources, SLOW))))
    place = f"{site.url}/results/alice/{project}/{CHROOT}/{number:08d}-{SLOW.name}"
    eventually(lambda: "grain 1" in api.session.get(f"{place}/builder-live.log", timeout=60).text, 100)
    alice("cancel", str(number))
    words = ["download-build", str(number), "--logs", "-d", str(site.place / "cancelled")]
    alice(*words)
    packed = (site.place / "cancelled" / CHROOT / "builder-live.log.gz").read_bytes()
    assert "grain 1" in gzip.decompress(packed).decode()


def koji(site: CoprSite, user: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The unmodified `koji` of a user."""
    who = ["-c", str(site.site.state / "client.conf"), f"--user={user}", f"--password={user}"]
    command = [str(BIN / "koji"), *who, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)


def test_06_koji_build(alice: Cli, project: str, sources: Path, site: CoprSite) -> None:
    """`koji build` for the target of a project makes a build of the project, published like any other."""
    api = Api(site.url)
    target = f"copr+alice+{project}+{CHROOT}"
    query = f"/build/list?ownername=alice&projectname={project}"
    before = len(api.ok("GET", query)["items"])
    path = str(srpm(sources, KOJI))
    refused = koji(site, "bob", "build", target, path)
    assert refused.returncode != 0
    assert "User 'bob' is not allowed to build in 'alice/proj'" in refused.stderr
    # a scratch build is nobody's but the user's
    scratch = koji(site, "alice", "build", "--scratch", "--wait", "--quiet", target, path)
    assert scratch.returncode == 0, scratch.stdout + scratch.stderr
    assert len(api.ok("GET", query)["items"]) == before
    done = koji(site, "alice", "build", "--wait", target, path)
    assert done.returncode == 0, done.stdout + done.stderr
    build = api.finished(api.ok("GET", query)["items"][0]["id"])
    assert (build["state"], build["submitter"], build["chroots"]) == ("succeeded", "alice", [CHROOT])
    assert build["source_package"]["name"] == KOJI.name
    place = f"{site.url}/results/alice/{project}/{CHROOT}/{build['id']:08d}-{KOJI.name}"
    assert api.session.get(f"{place}/{KOJI.nvr}.noarch.rpm", timeout=60).ok
    repository = f"--repofrompath=it,{site.url}/results/alice/{project}/{CHROOT}/"
    words = ["dnf", "--noplugins", repository, "--repo=it", "--releasever=1", "--quiet", "repoquery"]
    offered = subprocess.run([*words, KOJI.name], capture_output=True, text=True, check=False, timeout=200)
    assert KOJI.name in offered.stdout
    assert "git://" in koji(site, "alice", "build", target, "git+file:///x/y#HEAD").stderr
    chain = ["chain-build", target, "git://h/x#HEAD", ":", "git://h/y#HEAD"]
    assert "one source at a time" in koji(site, "alice", *chain).stderr


def test_07_bad_builds(alice: Cli, bob: Cli, project: str, sources: Path) -> None:
    error = alice("build", project, "http://127.0.0.1/x.txt", code=1)
    assert "URLs must end with .src.rpm" in error
    path = str(srpm(sources, GOOD))
    assert "is not allowed to build in" in bob("build", f"alice/{project}", path, code=7)
    assert "Project alice/nope does not exist." in alice("build", "nope", path, code=1)


def test_08_cancel(alice: Cli, bob: Cli, project: str, sources: Path, built: int) -> None:
    number = created(alice("build", "--nowait", project, str(srpm(sources, GOOD))))
    assert "You are not allowed to cancel this build." in bob("cancel", str(number), code=7)
    assert alice("cancel", str(number)).strip() == "canceled"
    assert alice("status", str(number)).strip() == "canceled"
    assert f"Cannot cancel build {built}" in alice("cancel", str(built), code=1)


def test_09_download(alice: Cli, built: int, tmp_path: Path) -> None:
    rpms = {f"{GOOD.nvr}.noarch.rpm", f"{GOOD.nvr}.src.rpm"}
    spec = {f"{GOOD.name}.spec"}
    logs = {f"{name}.log.gz" for name in ("builder-live", "backend", "build", "root", "state", "hw_info")}
    wanted: dict[str, tuple[list[str], set[str]]] = {
        "rpms": (["--rpms"], rpms),
        "spec": (["--spec"], spec),
        "logs": (["--logs"], logs),
        "two": (["--spec", "--logs"], spec | logs),
        "review": (["--review"], set()),
        "chroot": (["-r", CHROOT, "--rpms"], rpms),
        "elsewhere": (["-r", OTHER], set()),
        "all": ([], rpms | spec | logs | {"success"}),
    }
    for name, (words, files) in wanted.items():
        place = tmp_path / name
        alice("download-build", str(built), *words, "-d", str(place))
        # wget keeps the index of a directory only where no filter refuses it
        found = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
        found -= {f"{CHROOT}/index.html"}
        assert found == {f"{CHROOT}/{file}" for file in files}, name
    assert (tmp_path / "spec" / CHROOT / f"{GOOD.name}.spec").read_text() == GOOD.spec


def test_10_packages(alice: Cli, project: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\ntrue\n")
    kinds = {
        "scm": ["--clone-url", "https://example.org/kit.git"],
        "pypi": ["--packagename", "kit"],
        "rubygems": ["--gem", "kit"],
        "custom": ["--script", str(script), "--script-chroot", CHROOT],
        "distgit": [],
    }
    for kind, words in kinds.items():
        alice(f"add-package-{kind}", project, "--name", f"kit-{kind}", *words)
        error = alice(f"add-package-{kind}", project, "--name", f"kit-{kind}", *words, code=1)
        assert f"Package kit-{kind} already exists in copr alice/proj." in error


def test_11_list_packages(alice: Cli, project: str, built: int) -> None:
    packages = json.loads(alice("list-packages", project, "--with-latest-build"))
    by_name = {package["name"]: package for package in packages}
    assert {"brew", "kit-scm"} <= set(by_name)
    assert by_name["brew"]["latest_build"]["id"] >= built
    assert "brew" in alice("list-package-names", project).split()


def test_12_no_permissions(alice: Cli, bob: Cli) -> None:
    alice("create", "fresh", "--chroot", CHROOT)
    assert "No permissions set on alice/fresh project" in alice("list-permissions", "fresh", code=1)
    assert "missing admin rights" in bob("list-permissions", "alice/fresh", code=7)


def test_13_ask_and_grant(alice: Cli, bob: Cli, project: str, sources: Path, site: CoprSite) -> None:
    bob("request-permissions", f"alice/{project}", "--builder")
    alice("edit-permissions", project, "--builder", "bob")
    number = created(bob("build", "--nowait", f"alice/{project}", str(srpm(sources, GOOD))))
    error = bob("request-permissions", f"alice/{project}", "--builder", code=1)
    assert "You already are 'builder' in 'alice/proj'" in error
    build = Api(site.url).finished(number)
    assert (build["state"], build["submitter"]) == ("succeeded", "bob")


def test_14_bad_permissions(alice: Cli, project: str) -> None:
    wrong = {
        "alice": "user 'alice' is owner of the 'alice/proj' project",
        "nosuch": "user 'nosuch' doesn't exist in database",
        "bob=bogus": "invalid 'builder' permission state 'bogus', use nothing|request|approved",
    }
    for word, text in wrong.items():
        assert text in alice("edit-permissions", project, "--builder", word, code=1)


def test_15_mock_config(alice: Cli, project: str, site: CoprSite) -> None:
    profile = alice("mock-config", project, CHROOT)
    assert "[copr_base]" in profile
    assert f"baseurl={site.url}/results/alice/proj/{CHROOT}/" in profile


def test_16_invalid_token(alice: Cli, site: CoprSite, tmp_path: Path) -> None:
    config = tmp_path / "copr"
    config.write_text(
        "\n".join(
            "token = wrong" if line.startswith("token") else line
            for line in alice.config.read_text().splitlines()
        )
    )
    error = Cli(config)("create", "x", "--chroot", CHROOT, code=1)
    assert f"Login invalid/expired. Please visit {site.url}/api to get or renew your API token." in error


def test_17_pages(alice: Cli, built: int) -> None:
    from copr.v3 import Client  # type: ignore[import-untyped]  # published without types
    from copr.v3.pagination import next_page  # type: ignore[import-untyped]

    client = Client.create_from_config_file(str(alice.config))
    page = client.build_proxy.get_list("alice", "proj", pagination={"limit": 3})
    numbers: list[int] = []
    while page:
        numbers += [build.id for build in page]
        page = next_page(page)
    assert numbers == sorted(set(numbers), reverse=True) and built in numbers and len(numbers) > 3


def test_18_dnf(site: CoprSite, project: str, built: int, tmp_path: Path) -> None:
    """`dnf copr` enables the project, and `dnf` installs the package from there."""
    machine = make_machine(tmp_path / "machine", site.site, sample_distribution())

    def dnf(*words: str) -> subprocess.CompletedProcess[str]:
        command = ["dnf", "-c", str(machine), "-y", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)

    wrong = dnf("copr", "enable", "--hub", "here", f"alice/{project}", OTHER)
    assert wrong.returncode != 0 and CHROOT in wrong.stdout + wrong.stderr
    enabled = dnf("copr", "enable", "--hub", "here", f"alice/{project}", CHROOT)
    assert enabled.returncode == 0, enabled.stdout + enabled.stderr
    found = [path.name for path in machine.parent.rglob("_copr:*.repo")]
    assert found == [f"_copr:127.0.0.1:alice:{project}.repo"]
    installed = dnf("install", GOOD.name)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert (machine.parent / "root/usr/share" / GOOD.name).is_dir()
