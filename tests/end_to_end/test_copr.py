"""Projects built for real: from repositories, scripts and packages, with other projects, signed."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from samplesite.services import wait_for
from support import language_packages
from support.chroots import sample_distribution
from support.copr import Api
from support.copr_site import CHROOT, OTHER, CoprSite, copr_site
from support.copr_sources import Sources, serving
from support.signing import Signer
from support.sites import Package

MAKEFILE = """\
srpm:
	sed s/@NAME@/made/ < package.spec.in > package.spec
	rpmbuild -bs --define "_srcrpmdir $(outdir)" --define "_sourcedir ." package.spec
"""
ALIEN = "BuildArch: noarch\nExclusiveArch: s390x"
OPTIONS = {"enable_net": True, "bootstrap": "off", "isolation": "simple"}
NEEDS_MALT = {"chroot": CHROOT, "repos": "copr://alice/base", "builddeps": "malt", "resultdir": "out"}
SCRIPT = """#!/bin/sh -e
test -d /usr/share/malt
mkdir -p out
cat > out/scripted.spec <<'SPEC'
{}SPEC
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sources]:
    """Where sources come from."""
    with serving(tmp_path_factory.mktemp("sources")) as made:
        made.python_project()
        made.gem()
        language_packages.make(made.place / "http/languages")
        yield made


@pytest.fixture(scope="module")
def site(can_build: None, sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoprSite]:
    """A site that signs what it publishes."""
    signer = Signer.create(Path(tmp_path_factory.mktemp("k")) / "g")
    options = {"signing_key": signer.fingerprint, "signing_home": signer.home}
    look = f"{sources.http_url}/{{namespace}}/{{pkgname}}/{{filename}}/{{hashtype}}/{{hash}}/{{filename}}"
    instance = f"clone_url = {sources.git_url}/{{namespace}}/{{pkgname}}\nlookaside_url = {look}\n"
    indexes = "".join(f"[{name}]\nurl = {sources.http_url}\n" for name in ("pypi", "rubygems"))
    with copr_site(options, f"[distgit cellar]\npriority = 1\n{instance}{indexes}") as made:
        yield made
    signer.close()


@pytest.fixture(scope="module")
def alice(site: CoprSite, sources: Sources) -> Api:
    """The owner of `base`, of `proj`, which builds with it, and of `parts`, which has Python and Ruby."""
    api = site.api("alice")
    api.ok("POST", "/project/add/alice", {"name": "base", "chroots": [CHROOT]})
    repos = ["copr://alice/base"]
    api.ok("POST", "/project/add/alice", {"name": "proj", "chroots": [CHROOT], "additional_repos": repos})
    repos = [f"{sources.http_url}/languages"]
    api.ok("POST", "/project/add/alice", {"name": "parts", "chroots": [CHROOT], "additional_repos": repos})
    return api


def log(api: Api, url: str, name: str = "builder-live") -> str:
    """A log below an address of results."""
    data = api.session.get(f"{url}{name}.log.gz", timeout=60).content
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
    assert alice.finished(number)["state"] == "succeeded"
    needs = Package("wort", build="test -d /usr/share/malt", requires=["malt"])
    number = upload(alice, "proj", needs.srpm(tmp_path))
    build = alice.finished(number)
    place = f"{results(site, 'alice', 'proj')}{number:08d}-wort/"
    assert build["state"] == "succeeded", log(alice, place)
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


def put_sources(sources: Sources, probe: str) -> None:
    """Repositories of all kinds; what is for another arch needs a source package only."""
    sources.git("plain", {"sub/plain.spec": Package("plain", build=probe).spec})
    makefile = {".copr/Makefile": MAKEFILE, "package.spec.in": Package("@NAME@", build=probe).spec}
    sources.git("made", makefile)
    alien = Package("old", "1", head=ALIEN)
    sources.svn("svn", {"old.spec": alien.spec}, {"old.spec": replace(alien, version="2").spec})
    packed = {"taps/taps.spec": with_source("taps", "%{name}-%{version}.tar.gz"), "taps/beer": "ale"}
    sources.git("tito", {**packed, ".tito/packages/taps": "1-1 taps/\n"}, "taps-1-1")
    sources.git("tito", {"taps/beer": "stout"})
    line = sources.looked_aside("rpms/cask", "cask.tar.gz", b"ale")
    sources.git("rpms/cask", {"cask.spec": with_source("cask", "cask.tar.gz"), "sources": line})


def with_source(name: str, file: str) -> str:
    """The spec file of a package for another arch that has a file with it."""
    return Package(name, head=f"{ALIEN}\nSource0: {file}").spec


TITO = {"clone_url": "git:tito", "subdirectory": "taps"}
ORDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("scm", {"clone_url": "git:plain", "subdirectory": "sub", "committish": "HEAD", **OPTIONS}),
    "made": ("scm", {"clone_url": "git:made", "source_build_method": "make_srpm"}),
    "scripted": ("custom", {"script": SCRIPT.format(Package("scripted", head=ALIEN).spec), **NEEDS_MALT}),
    "old 1": ("scm", {"clone_url": "svn:svn", "scm_type": "svn", "committish": "1"}),
    "taps 1": ("scm", {**TITO, "source_build_method": "tito"}),
    "taps git": (
        "scm",
        {"clone_url": "git:tito", "subdirectory": "taps", "source_build_method": "tito_test"},
    ),
    "cask": ("distgit", {"package_name": "cask", "namespace": "rpms"}),
    "python-kit-a": ("pypi", {"pypi_package_name": "kit-a", "projectname": "parts"}),
    "rubygem-kit": ("rubygems", {"gem_name": "kit", "projectname": "parts"}),
}
"""By the names of the packages that come of them."""
STATES = dict.fromkeys(("plain", "made", "python-kit-a", "rubygem-kit"), "succeeded")
"""All others are skipped."""


def test_sources(site: CoprSite, alice: Api, sources: Sources) -> None:
    """A source package comes of every kind of source; options of one build are not those of another."""
    port = site.url.rpartition(":")[2]
    put_sources(sources, f"(: < /dev/tcp/127.0.0.1/{port}) 2> /dev/null && echo THE-NET-IS-ON || echo NO-NET")
    urls = {"git": sources.git_url, "svn": sources.svn_url}
    numbers = {}
    for name, (kind, fields) in ORDERS.items():
        order = {**where("proj"), "chroots": [CHROOT], **fields}
        if "clone_url" in fields:
            scheme, _, path = fields["clone_url"].partition(":")
            order["clone_url"] = f"{urls[scheme]}/{path}"
        numbers[name] = alice.ok("POST", f"/build/create/{kind}", order)["id"]
    versions = {}
    for name, number in numbers.items():
        build = alice.finished(number)
        source = alice.ok("GET", f"/build/source-chroot/{number}")
        states = (build["state"], source["state"])
        assert states == (STATES.get(name, "skipped"), "succeeded"), (name, log(alice, source["result_url"]))
        assert build["source_package"]["name"] == name.partition(" ")[0]
        assert alice.session.get(build["source_package"]["url"], timeout=60).ok
        versions[name] = build["source_package"]["version"]
    assert (versions["old 1"], versions["taps 1"]) == ("1-1.mini1", "1-1.mini1")
    assert versions["taps git"].startswith("1-1.git.1.")
    assert versions["python-kit-a"] == "1.2-1.mini1"
    assert_options(site, alice, numbers)
    for name, binary in {"python-kit-a": "python3-kit-a", "rubygem-kit": "rubygem-kit"}.items():
        made = alice.ok("GET", f"/build/built-packages/{numbers[name]}")[CHROOT]["packages"]
        assert {(each["name"], each["arch"]) for each in made} == {(name, "src"), (binary, "noarch")}


def test_python_program(site: CoprSite, alice: Api, tmp_path: Path) -> None:
    """What was built of a project of an index installs with what it needs, and runs."""
    urls = {"distribution": f"file://{sample_distribution()}", "parts": results(site, "alice", "parts")}
    words = ["dnf", "--noplugins", f"--installroot={tmp_path}/root", f"--setopt=cachedir={tmp_path}/cache"]
    words += [f"--repofrompath={name},{url}" for name, url in urls.items()]
    words += [f"--repo={name}" for name in urls]
    words += ["--releasever=1", "--nogpgcheck", "-y", "install", "python3-kit-a"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    words = ["chroot", f"{tmp_path}/root", "kit-a"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "a whole kit\n"


def results(site: CoprSite, owner: str, project: str) -> str:
    """The address of a published repository."""
    return f"{site.url}/results/{owner}/{project}/{CHROOT}/"


def assert_options(site: CoprSite, alice: Api, numbers: dict[str, int]) -> None:
    """What was asked of one build is so in its chroots, and in no other's."""
    texts = {}
    for name in ("plain", "made"):
        query = f"build_id={numbers[name]}&chrootname={CHROOT}"
        texts[name] = log(alice, alice.ok("GET", f"/build-chroot?{query}")["result_url"], "build")
    assert "THE-NET-IS-ON" in texts["plain"].split() and "NO-NET" in texts["made"].split()
    with site.site.session() as session:

        def tasks(method: str) -> list[dict[str, Any]]:
            return list(session.call("listTasks", {"method": method, "decode": True}))

        (script,) = [task for task in tasks("coprSource") if task["request"][0] == "custom"]
        assert session.call("getTag", script["request"][2])["name"].startswith(f"script+{CHROOT}+")
        configs = {
            name: session.downloadTaskOutput(task["id"], "mock_config.log").decode()
            for name in texts
            for task in tasks("buildArch")
            if f"/{name}-1-1." in task["request"][0]
        }
    assert "config_opts['use_bootstrap'] = False" in configs["plain"]
    assert "use_bootstrap'" not in configs["made"]


def test_fork_and_delete(site: CoprSite, alice: Api) -> None:
    """A fork has the packages; what is deleted is in no repository any more."""
    bob = site.api("bob")
    made = bob.ok("POST", "/project/fork/alice/base", {"ownername": "bob", "name": "copy"})
    assert made["full_name"] == "bob/copy"
    (copy,) = bob.ok("GET", "/build/list?ownername=bob&projectname=copy")["items"]
    assert copy["state"] == "forked"

    def packages(owner: str, project: str) -> str:
        words = ["dnf", "--noplugins", f"--repofrompath=it,{results(site, owner, project)}", "--repo=it"]
        more = ["--releasever=1", "--refresh", "repoquery", "--queryformat=%{name}", "--quiet"]
        done = subprocess.run([*words, *more], capture_output=True, text=True, check=False, timeout=100)
        return done.stdout

    assert wait_for(lambda: "malt" in packages("bob", "copy"), 60, 0.5)
    (build,) = alice.ok("GET", "/build/list?ownername=alice&projectname=base")["items"]
    assert alice.ok("DELETE", f"/build/delete/{build['id']}")["id"] == build["id"]
    assert wait_for(lambda: "malt" not in packages("alice", "base"), 60, 0.5)
    url = f"{results(site, 'alice', 'base')}{build['id']:08d}-malt/"
    assert alice.session.get(url, timeout=60).status_code == 404
    # that of the fork is its own
    assert "malt" in packages("bob", "copy")
    with site.site.session() as session:
        tagged = session.call("listTagged", f"copr+bob+copy+{CHROOT}")
    assert [each["name"] for each in tagged] == ["malt"]


def test_timeout(alice: Api, tmp_path: Path) -> None:
    """A build that takes longer than it may has failed, and has its logs."""
    slow = Package("slow", build="echo BEGUN; sleep 1000").srpm(tmp_path)
    body = {**where("proj"), "chroots": [CHROOT], "timeout": 5}
    sent = alice.form("/build/create/upload", body, pkgs=(slow.name, slow.read_bytes())).json()
    build = alice.finished(sent["id"])
    (chroot,) = alice.ok("GET", f"/build-chroot/list?build_id={build['id']}")["items"]
    assert (build["state"], chroot["state"]) == ("failed", "failed")
    assert "The build took longer than its 5 seconds" in log(alice, chroot["result_url"])


def test_skipped_and_devel(site: CoprSite, alice: Api, tmp_path: Path) -> None:
    """A package for another arch is skipped; in devel mode a repository waits until somebody asks."""
    alien = Package("alien", head="ExclusiveArch: s390x")
    build = alice.finished(upload(alice, "base", alien.srpm(tmp_path)))
    assert build["state"] == "skipped"
    devel = {"name": "devel", "chroots": [CHROOT, OTHER], "devel_mode": True}
    alice.ok("POST", "/project/add/alice", devel)
    body = {**where("devel"), "chroots": [CHROOT]}
    path = Package("mash").srpm(tmp_path)
    sent = alice.form("/build/create/upload", body, pkgs=(path.name, path.read_bytes())).json()
    assert alice.finished(sent["id"])["state"] == "succeeded"
    place = site.site.tree / "copr/alice/devel" / CHROOT
    assert (place / "repodata/EMPTY_REPO").exists() and not (place / "devel/repodata/EMPTY_REPO").exists()
    alice.ok("PUT", "/project/regenerate-repos/alice/devel")
    assert wait_for(lambda: not (place / "repodata/EMPTY_REPO").exists(), 60)
