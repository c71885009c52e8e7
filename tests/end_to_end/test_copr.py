"""Projects built for real: from repositories, scripts and packages, with other projects, signed."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samplesite.services import wait_for
from samplesite.site import free_port
from support.copr import Api
from support.copr_site import CHROOT, OTHER, CoprSite, copr_site
from support.programs import background, listens
from support.signing import Signer
from support.sites import Package

FINAL = ("succeeded", "failed", "canceled", "skipped", "forked")
MAKEFILE = """\
srpm:
	sed s/@NAME@/made/ < package.spec.in > package.spec
	rpmbuild -bs --define "_srcrpmdir $(outdir)" --define "_sourcedir ." package.spec
"""
SCRIPT = """#!/bin/sh -e
mkdir -p out
cat > out/scripted.spec <<'SPEC'
{}SPEC
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An index of Python packages with one project."""
    place = tmp_path_factory.mktemp("index")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    files = [
        {"packagetype": "sdist", "filename": "Kit_a-1.2.tar.gz", "url": f"{url}/Kit_a-1.2.tar.gz"},
        {"packagetype": "bdist_wheel", "filename": "kit_a-1.2-py3-none-any.whl", "url": ""},
    ]
    info = {"name": "Kit_a", "version": "1.2", "summary": "100% of %(a kit)", "license": "MIT"}
    (place / "pypi" / "kit-a").mkdir(parents=True)
    (place / "pypi" / "kit-a" / "json").write_text(json.dumps({"info": info, "urls": files}))
    with tarfile.open(place / "Kit_a-1.2.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("Kit_a-1.2/pyproject.toml"))
    words = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "-d", str(place)]
    with background(words, place / "log"):
        assert wait_for(lambda: listens(port), 30)
        yield url


@pytest.fixture(scope="module")
def site(can_build: None, index: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoprSite]:
    """A site that signs what it publishes."""
    signer = Signer.create(Path(tmp_path_factory.mktemp("k")) / "g")
    options = {"signing_key": signer.fingerprint, "signing_home": signer.home}
    with copr_site(options, f"[pypi]\nurl = {index}\n") as made:
        yield made
    signer.close()


@pytest.fixture(scope="module")
def alice(site: CoprSite) -> Api:
    """The owner of `base`, and of `proj`, which builds with it."""
    api = site.api("alice")
    api.ok("POST", "/project/add/alice", {"name": "base", "chroots": [CHROOT]})
    repos = ["copr://alice/base"]
    api.ok("POST", "/project/add/alice", {"name": "proj", "chroots": [CHROOT], "additional_repos": repos})
    return api


@pytest.fixture(scope="module")
def git(site: CoprSite) -> Iterator[tuple[str, Path]]:
    """A git server, and the directory that it serves."""
    place = site.place / "git"
    place.mkdir()
    port = free_port()
    words = ["git", "daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}"]
    with background([*words, f"--base-path={place}", str(place)], site.place / "git.log"):
        assert wait_for(lambda: listens(port), 30)
        yield f"git://127.0.0.1:{port}", place


def repository(place: Path, files: dict[str, str]) -> None:
    """A git repository with some files."""
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    author = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    for words in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "Add it"]):
        subprocess.run(["git", "-C", str(place), *words], check=True)


def finished(api: Api, number: int, seconds: float = 200) -> dict[str, Any]:
    """A build, once it has ended."""
    deadline = time.monotonic() + seconds
    while (build := api.ok("GET", f"/build/{number}"))["state"] not in FINAL:
        assert time.monotonic() < deadline, build
        time.sleep(0.2)
    return dict(build)


def log(api: Api, url: str) -> str:
    """The log below an address of results."""
    data = api.session.get(f"{url}builder-live.log.gz", timeout=60).content
    return gzip.decompress(data).decode(errors="replace")


def where(project: str) -> dict[str, str]:
    """The keys that name a project in a request."""
    return {"ownername": "alice", "projectname": project}


def upload(api: Api, project: str, path: Path) -> int:
    """Build a file; the number of the build."""
    answer = api.form("/build/create/upload", where(project), pkgs=(path.name, path.read_bytes()))
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def test_dependent_projects(site: CoprSite, alice: Api, tmp_path: Path) -> None:
    """A package of one project builds with that of another; dnf installs both, signatures checked."""
    with site.site.session() as session:
        # what has been released on the hub is nothing that a project minds
        session.call("createEmptyBuild", "malt", "1", "1.mini1", None)
    number = upload(alice, "base", Package("malt").srpm(tmp_path))
    assert finished(alice, number)["state"] == "succeeded"
    needs = Package("wort", build="test -d /usr/share/malt", requires=["malt"])
    number = upload(alice, "proj", needs.srpm(tmp_path))
    build = finished(alice, number)
    assert build["state"] == "succeeded", alice.ok("GET", f"/build-chroot/list?build_id={number}")
    built = alice.ok("GET", f"/build/built-packages/{number}")[CHROOT]["packages"]
    expected = {"name": "wort", "epoch": None, "version": "1", "release": "1.mini1"}
    assert built == [{**expected, "arch": "noarch"}, {**expected, "arch": "src"}]
    repo = alice.session.get(f"{site.url}/coprs/alice/proj/repo/mini-1/x.repo", timeout=60).text
    assert "gpgcheck=1" in repo and f"gpgkey={site.url}/results/alice/proj/pubkey.gpg" in repo
    (tmp_path / "repos").mkdir()
    (tmp_path / "repos" / "proj.repo").write_text(repo)
    options = [
        "--noplugins",
        f"--setopt=reposdir={tmp_path}/repos",
        f"--setopt=cachedir={tmp_path}/cache",
        f"--installroot={tmp_path}/root",
        "--releasever=1",
        "-y",
    ]
    done = subprocess.run(
        ["dnf", *options, "install", "wort"], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Importing GPG key" in done.stdout + done.stderr
    assert (tmp_path / "root/usr/share/wort").is_dir()


def test_sources(alice: Api, git: tuple[str, Path]) -> None:
    """What is built by a repository's own makefile, from a plain one, by a script."""
    url, place = git
    repository(place / "plain", {"sub/plain.spec": Package("plain").spec})
    makefile = {".copr/Makefile": MAKEFILE, "package.spec.in": Package("@NAME@").spec}
    repository(place / "made", makefile)
    common = {**where("proj"), "chroots": [CHROOT]}
    orders = {
        "plain": ("scm", {"clone_url": f"{url}/plain", "subdirectory": "sub", "committish": "HEAD"}),
        "made": ("scm", {"clone_url": f"{url}/made", "source_build_method": "make_srpm"}),
        "scripted": (
            "custom",
            {"script": SCRIPT.format(Package("scripted").spec), "chroot": CHROOT, "resultdir": "out"},
        ),
        "python-kit-a": ("pypi", {"pypi_package_name": "kit-a"}),
        "": ("rubygems", {"gem_name": "nothing"}),
    }
    numbers = {
        name: alice.ok("POST", f"/build/create/{kind}", common | fields)["id"]
        for name, (kind, fields) in orders.items()
    }
    for name, number in numbers.items():
        build = finished(alice, number)
        source = alice.ok("GET", f"/build/source-chroot/{number}")
        if not name:
            assert (build["state"], source["state"]) == ("failed", "failed")
            assert "rubygems are not supported" in log(alice, source["result_url"])
            continue
        if name.startswith("python-"):
            # the sample distribution has no Python to build it with, so that is where it ends
            assert (build["state"], source["state"]) == ("failed", "succeeded"), log(
                alice, source["result_url"]
            )
            assert (
                build["source_package"]["name"] == name
                and build["source_package"]["version"] == "1.2-1.mini1"
            )
            continue
        states = (build["state"], source["state"])
        assert states == ("succeeded", "succeeded"), (name, log(alice, source["result_url"]))
        assert build["source_package"]["name"] == name
        assert alice.session.get(build["source_package"]["url"], timeout=60).ok


def test_fork_and_delete(site: CoprSite, alice: Api) -> None:
    """A fork has the packages; what is deleted is in no repository any more."""
    bob = site.api("bob")
    made = bob.ok("POST", "/project/fork/alice/base", {"ownername": "bob", "name": "copy"})
    assert made["full_name"] == "bob/copy"
    (copy,) = bob.ok("GET", "/build/list?ownername=bob&projectname=copy")["items"]
    assert copy["state"] == "forked"
    root = f"{site.url}/results"

    def packages(owner: str, project: str) -> str:
        words = ["dnf", "--noplugins", f"--repofrompath=it,{root}/{owner}/{project}/{CHROOT}/", "--repo=it"]
        more = ["--releasever=1", "--refresh", "repoquery", "--queryformat=%{name}", "--quiet"]
        done = subprocess.run([*words, *more], capture_output=True, text=True, check=False, timeout=100)
        return done.stdout

    assert wait_for(lambda: "malt" in packages("bob", "copy"), 60, 0.5)
    (build,) = alice.ok("GET", "/build/list?ownername=alice&projectname=base")["items"]
    assert alice.ok("DELETE", f"/build/delete/{build['id']}")["id"] == build["id"]
    assert wait_for(lambda: "malt" not in packages("alice", "base"), 60, 0.5)
    url = f"{root}/alice/base/{CHROOT}/{build['id']:08d}-malt/"
    assert alice.session.get(url, timeout=60).status_code == 404
    # that of the fork is its own
    assert "malt" in packages("bob", "copy")
    with site.site.session() as session:
        tagged = session.call("listTagged", f"copr+bob+copy+{CHROOT}")
    assert [each["name"] for each in tagged] == ["malt"]


def test_skipped_and_devel(site: CoprSite, alice: Api, tmp_path: Path) -> None:
    """A package for another arch is skipped; in devel mode a repository waits until somebody asks."""
    alien = Package("alien", head="ExclusiveArch: s390x")
    build = finished(alice, upload(alice, "base", alien.srpm(tmp_path)))
    assert build["state"] == "skipped"
    devel = {"name": "devel", "chroots": [CHROOT, OTHER], "devel_mode": True}
    alice.ok("POST", "/project/add/alice", devel)
    body = {**where("devel"), "chroots": [CHROOT]}
    path = Package("mash").srpm(tmp_path)
    sent = alice.form("/build/create/upload", body, pkgs=(path.name, path.read_bytes())).json()
    assert finished(alice, sent["id"])["state"] == "succeeded"
    place = site.site.tree / "copr/alice/devel" / CHROOT
    assert (place / "repodata/EMPTY_REPO").exists() and not (place / "devel/repodata/EMPTY_REPO").exists()
    alice.ok("PUT", "/project/regenerate-repos/alice/devel")
    assert wait_for(lambda: not (place / "repodata/EMPTY_REPO").exists(), 30)
