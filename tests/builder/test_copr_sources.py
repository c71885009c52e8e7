"""The parts that make sources of projects, with real repositories and servers, outside of any chroot."""

from __future__ import annotations

import hashlib
import importlib
import itertools
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from moromi.errors import BuildError
from moromi_builder import plugins
from moromi_builder.settings import Settings
from support.copr_sources import Sources, gem, serving
from support.sites import Package

SPEC = Package("taps", "1.5").spec.replace("Release: 1", "Release: 2")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sources]:
    """Where the sources come from."""
    with serving(tmp_path_factory.mktemp("sources")) as made:
        yield made


def part(name: str) -> Any:
    """A module of the plugin, as builders load it."""
    plugins.load_plugins(Settings(plugins=("copr",)))
    return importlib.import_module(f"_koji_builder_plugin__copr.{name}")


def run(words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> bool:
    """Run a program as the handler does."""
    path = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    return (
        subprocess.run(words, cwd=cwd, env={**path, **env}, check=False, capture_output=True).returncode == 0
    )


def clone(sources: Sources, name: str, place: Path, revision: str = "") -> Any:
    """A clone of a repository in a new directory."""
    place.mkdir()
    git = part("checkout").Git(run, place / "clone")
    git.fetch(f"{sources.git_url}/{name}", revision)
    return git


def test_checkouts(sources: Sources, tmp_path: Path) -> None:
    checkout = part("checkout")
    sources.svn("keg", {"keg.spec": "one"}, {"keg.spec": "two"})
    url = f"{sources.svn_url}/keg"
    for revision, text in (("", "two"), ("1", "one"), ("{2999-01-01}", "two")):
        target = tmp_path / f"r{revision[:1]}"
        checkout.fetch_svn(run, url, revision, target)
        assert (target / "keg.spec").read_text() == text
    wrong = {"9": "svn checkout failed", "--config-dir": "not a revision", "1;ls": "not a revision"}
    for revision, error in wrong.items():
        with pytest.raises(BuildError, match=error):
            checkout.fetch_svn(run, url, revision, tmp_path / "wrong")
    with pytest.raises(BuildError, match="svn is for"):
        checkout.fetch_svn(run, f"file://{sources.place}/svn/keg", "", tmp_path / "wrong")
    sources.git("keg", {"keg.spec": "one"})
    for revision, error in (("--orphan", "not a revision"), ("nothing", "git checkout failed")):
        with pytest.raises(BuildError, match=error):
            clone(sources, "keg", tmp_path / revision, revision)
    with pytest.raises(BuildError, match="git clone failed"):
        checkout.Git(run, tmp_path / "local").fetch(f"file://{sources.place}/git/keg", "")


def tito(sources: Sources, place: Path, *, test: bool = False, name: str = "bar", spec: str = "") -> Path:
    """What is made of the package in `taps` of a repository; its directory."""
    git = clone(sources, name, place)
    into = place / "tito"
    into.mkdir()
    made: Path = part("tito").render(git, "taps/", spec, into, test=test)
    assert made == into / "taps.spec"
    return into


def test_tito(sources: Sources, tmp_path: Path) -> None:
    """The newest tag, and what has come after that."""
    noted = {".tito/packages/taps": "1.5-2 taps/\n", ".tito/packages/other": "3-1 ./\n"}
    props = {".tito/tito.props": "[buildconfig]\nbuilder = tito.builder.Builder\ntagger = x\n"}
    sources.git("bar", {**noted, **props, "taps/taps.spec": SPEC, "taps/beer": "old"}, "taps-1.5-2")
    sources.git("bar", {"taps/beer": "new"})
    for test, content, release in ((False, "old", "2"), (True, "new", "2.git.1.")):
        made = tito(sources, tmp_path / content, test=test)
        with tarfile.open(made / "taps-1.5.tar.gz") as archive:
            beer = archive.extractfile("taps-1.5/beer")
            assert beer is not None and beer.read().decode() == content
            assert not any(".tito" in each for each in archive.getnames())
        (line,) = [each for each in (made / "taps.spec").read_text().splitlines() if "Release" in each]
        assert line.startswith(f"Release: {release}") and line.endswith("%{?dist}")
        assert sorted(path.name for path in made.iterdir()) == ["taps-1.5.tar.gz", "taps.spec"]
    sources.git("bar", {"taps/tito.props": "[buildconfig]\nbuilder = tito.builder.UpstreamBuilder\n"})
    with pytest.raises(BuildError, match="UpstreamBuilder of tito, which is not known here"):
        tito(sources, tmp_path / "builder", test=True)
    sources.git("bare", {"taps/taps.spec": SPEC})
    with pytest.raises(BuildError, match="tito has tagged no package in taps/"):
        tito(sources, tmp_path / "bare", name="bare")
    with pytest.raises(BuildError, match="leads out"):
        tito(sources, tmp_path / "out", spec="../../../passwd.spec")


def test_lookaside(sources: Sources, tmp_path: Path) -> None:
    lookaside = part("lookaside")
    pattern = f"{sources.http_url}/look/cask/{{filename}}/{{hashtype}}/{{hash}}/{{filename}}"
    line = sources.looked_aside("look/cask", "cask 1.tar.gz", b"beer")
    old = hashlib.md5(b"ale", usedforsecurity=False).hexdigest()
    sources.file(f"look/cask/ale.tgz/md5/{old}/ale.tgz", b"ale")
    lies = sources.looked_aside("look/cask", "lie", b"beer")
    sources.file(f"look/cask/lie/sha512/{lies.split()[-1]}/lie", b"water")
    checkout, private = tmp_path / "checkout", tmp_path / "private"
    for each in (checkout, private):
        each.mkdir()
    assert lookaside.read(checkout) == []

    def fetch(text: str, where: str = pattern) -> None:
        (checkout / "sources").write_text(text)
        lookaside.fetch(lookaside.read(checkout), where, checkout, private, download)

    def download(url: str, target: Path) -> None:
        subprocess.run(["wget", "-q", "-O", str(target), url], check=True)

    victim = tmp_path / "victim"
    (checkout / "there").symlink_to(victim)
    there = f"SHA512 (there) = {'0' * 128}\n"
    fetch(f"{line}\n{old}  ale.tgz\n{there}")
    assert (checkout / "cask 1.tar.gz").read_bytes() == b"beer"
    assert (checkout / "ale.tgz").read_bytes() == b"ale" and not victim.exists()
    wrong = {
        "nothing": "says nothing",
        f"SHA512 (../x) = {'0' * 128}": "cannot be used",
        f"CRC32 (x) = {'0' * 8}": "cannot be used",
        lies: "is not what the file sources says",
    }
    for text, error in wrong.items():
        with pytest.raises(BuildError, match=error):
            fetch(text)
    with pytest.raises(BuildError, match="none is known for this dist-git"):
        fetch(line.replace("cask", "keg"), "")
    with pytest.raises(BuildError, match="cannot download"):
        fetch(line.replace("cask", "keg"), "file:///{filename}")


def test_gems(tmp_path: Path) -> None:
    rubygems = part("rubygems")
    facts = {"name": "kit", "version": "1.0", "gem_uri": "http://x/kit-1.0.gem"}
    path = tmp_path / "kit-1.0.gem"
    expected = {" []": "BuildArch: noarch", "\n- ext/extconf.rb": "BuildRequires: ruby-devel"}
    for extensions, line in expected.items():
        path.write_bytes(gem(extensions))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        release = rubygems.read(
            {**facts, "sha": digest, "info": "100% of {a kit}\n%global x", "licenses": None}
        )
        part("digests").check(path, release.digest)
        text = rubygems.spec(path, release)
        assert line in text and "Summary: 100%% of (a kit) %%global x\n" in text
    path.write_bytes(b"")
    with pytest.raises(BuildError, match="another sha256"):
        part("digests").check(path, release.digest)
    with pytest.raises(BuildError, match="is no gem"):
        rubygems.spec(path, release)
    documents: list[Any] = [{}, {**facts, "name": "../kit"}, {**facts, "version": "1.0 %x"}, [], None]
    for broken in documents:
        with pytest.raises(BuildError, match="the index"):
            rubygems.read(broken)
    with pytest.raises(BuildError, match="not the name of a gem"):
        rubygems.document_url("http://x", "../kit")


def python_release(name: str = "kit", version: str = "1.0", wheels: Sequence[str] = ()) -> Any:
    """What is made of what an index tells of a project."""
    urls = [{"packagetype": "bdist_wheel", "filename": f"x-{each}.whl", "url": ""} for each in wheels]
    urls.append({"packagetype": "sdist", "filename": "kit-1.0.tar.gz", "url": "http://x/kit-1.0.tar.gz"})
    info = {"name": name, "version": version, "summary": "100% of %(echo macros)"}
    return part("pypi").read({"info": info, "urls": urls})


def test_python_projects(tmp_path: Path) -> None:
    """rpm reads the spec files as they are meant, and sorts the versions as Python does."""
    versions = ["1.0.dev3", "1.0a1.dev2", "1.0a1", "1.0rc1", "1.0", "1.0.post1.dev1", "1.0.post1", "1.0.1"]
    texts = [part("pypi").package_version(each) for each in versions]
    assert texts[3:7] == ["1.0~rc1", "1.0", "1.0^post1~dev1", "1.0^post1"]
    pairs = "".join(f"print(rpm.vercmp('{a}', '{b}'))" for a, b in itertools.pairwise(texts))
    words = ["rpm", "--eval", f"%{{lua: {pairs}}}"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip() == "-1" * 7

    def parsed(text: str) -> list[str]:
        (tmp_path / "kit.spec").write_text(text)
        tags = "%{name}|%{evr}|%{arch}|%{summary}|%{description}\n"
        words = [
            "rpmspec",
            "-q",
            "--undefine=dist",
            "--target=s390x",
            f"--qf={tags}",
            str(tmp_path / "kit.spec"),
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout.splitlines()

    summary = "100% of %(echo macros)|100% of %(echo macros)"
    pure = python_release("Python_-Kit.A", "1!2.0rc1", ["py3-none-any"])
    assert f"python3-kit-a|1:2.0~rc1-1|noarch|{summary}" in parsed(pure.spec)
    native = python_release(wheels=["cp311-cp311-linux_x86_64"])
    assert "BuildRequires: gcc\n" in native.spec
    assert f"python3-kit|1.0-1|s390x|{summary}" in parsed(native.spec)
    assert "debug_package" in python_release().spec and "debug_package" not in native.spec
    for name, version in (("../kit", "1.0"), ("kit", "1.0 %x")):
        with pytest.raises(BuildError, match="names that cannot be"):
            python_release(name, version)
