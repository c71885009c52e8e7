"""Our repositories beside those of createrepo_c and mergerepo_c from the same packages; dnf on ours."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
import yaml

from moromi.repodata import ChunkCache, Entry, ExternalStore, merge, write_repository
from moromi_builder.repos.commands import CREATEREPO_C, MERGEREPO_C
from rpmmaker import EQUAL, GREATER, LESS, Dependency, Package
from support.chroots import sample_distribution
from support.repodata import Tree, contents, documents, expanded, kept, made_up, origins

pytestmark = pytest.mark.skipif(not Path(CREATEREPO_C).exists(), reason="createrepo_c is not installed")

#: A tag with what repositories have: sources, debug packages, two arches in one, a blocked package.
LOCAL = (
    Package("brew", "2", arch="x86_64", files=["/usr/bin/brew", "/etc/brew/", "/etc/brew/brew.conf"]),
    Package("brew", "2", arch="i686", files=["/usr/bin/brew"]),
    Package("brew", "2", arch="aarch64"),
    Package("brew", "2", arch="src"),
    Package("brew-libs", "2", arch="x86_64", source="brew", provides=[Dependency("libbrew.so.2()(64bit)")]),
    Package("brew-debuginfo", "2", arch="x86_64", source="brew", files=["/usr/lib/debug/brew.debug"]),
    Package("old", "1.9", source="old"),
    Package("old-both", "1.10", source="old"),
    Package("blocked", files=["/usr/blocked"]),
    Package("epoch", epoch=0),
    Package("epoch-more", "2", epoch=5, source="epoch"),
    Package("early", "1~rc1"),
    Package("early-more", "1", source="early"),
    Package("late", "1^git"),
    Package("late-more", "1", source="late"),
    Package("elsewhere", "2", arch="ppc64le"),
    Package("nothing", arch="nosrc"),
    Package("source-only", arch="src"),
    Package(
        "relations",
        requires=[
            Dependency("(a if b)"),
            Dependency("c", GREATER | EQUAL, "1:2-3"),
            Dependency("/usr/bin/sh"),
        ],
        conflicts=[Dependency("d", LESS, "1")],
        obsoletes=[Dependency("e", LESS | EQUAL, "2-1")],
        recommends=[Dependency("f")],
        suggests=[Dependency("g")],
        summary="Quotes \" ' and <marks> & é",
        changelog=[(1_700_000_000 - n, f"Author {n} <a@example.org>", f"- change & {n}") for n in range(12)],
    ),
)
#: Two external repositories, which overlap with the tag and with each other.
FIRST = (
    Package("brew", "3", arch="x86_64"),
    Package("brew-extra", "2", arch="x86_64", source="brew"),
    Package("brew-libs", "2", arch="x86_64", source="brew", summary="another build of it"),
    Package("outside", "1", arch="x86_64"),
    Package("outside", "2", arch="x86_64"),
    Package("outside-more", "1", arch="x86_64", epoch=4, source="outside"),
    Package("outside", "2", arch="src"),
    Package("blocked-more", source="blocked"),
    Package("elsewhere", "1", arch="x86_64"),
    Package("source-only"),
    *(
        Package(f"on-{arch}", arch=arch)
        for arch in ("i386", "i586", "athlon", "geode", "amd64", "ia32e", "ppc64")
    ),
)
SECOND = (
    Package("outside", "2", arch="x86_64", summary="the same again"),
    Package("outside", "3", arch="x86_64"),
    Package("epoch", epoch=7),
    Package("second-only"),
    Package("blocked"),
)
BLOCKED = "blocked"
#: Of each external repository the module streams (name, summary), and the defaults (name, modified, stream).
MODULES = (
    ((("hops", "first"), ("malt", "m")), (("hops", 202001010000, "1"), ("malt", 202001010000, "1"))),
    ((("hops", "second"), ("bran", "b")), (("hops", 202001010000, "2"), ("malt", 202101010000, "2"))),
)
ADVISORY = """<?xml version="1.0" encoding="UTF-8"?>
<updates><update from="a@example.org" status="final" type="security" version="1"><id>ADVISORY-1</id>
<title>t</title><issued date="2024-01-01 00:00:00"/><description>d</description>
<pkglist><collection short="c"><name>c</name>
<package name="outside" version="2" release="1" epoch="0" arch="x86_64">
<filename>outside-2-1.x86_64.rpm</filename></package></collection></pkglist></update></updates>
"""
MODES = {
    "koji": ["--koji", "-b", "blocklist"],
    "simple": ["--koji", "--simple", "-b", "blocklist"],
    "bare": ["--pkgorigins", "--all"],
}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    tree = made_up(tmp_path_factory.mktemp("local") / "rpms", LOCAL)
    createrepo(tree.directory)
    return tree


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The URLs of the external repositories; the packages of the second are on another server."""
    found = []
    elsewhere = ["-u", "http://mirror.example.org/b/", "--general-compress-type=xz"]
    for (name, packages, extra), modules in zip(
        (("a", FIRST, []), ("b", SECOND, elsewhere)), MODULES, strict=True
    ):
        place = tmp_path_factory.mktemp(name)
        tree = made_up(place / "rpms", packages)
        createrepo(tree.directory, *extra)
        add_metadata(place, tree.directory, modules_yaml(*modules))
        found.append(f"file://{tree.directory}/")
    return found


def modules_yaml(streams: Iterable[tuple[str, str]], defaults: Iterable[tuple[str, int, str]]) -> str:
    """Descriptions of module streams, and which are installed by default."""
    described = [
        {
            "document": "modulemd",
            "version": 2,
            "data": {
                "name": name,
                "stream": "1",
                "version": 1,
                "context": "c0ffee",
                "arch": "x86_64",
                "summary": summary,
                "description": "Brewed & bottled",
                "license": {"module": ["MIT"]},
            },
        }
        for name, summary in streams
    ]
    chosen = [
        {
            "document": "modulemd-defaults",
            "version": 1,
            "data": {
                "module": name,
                "modified": modified,
                "stream": stream,
                "profiles": {stream: ["default"], "9": ["all"]},
            },
        }
        for name, modified, stream in defaults
    ]
    return yaml.safe_dump_all([*described, *chosen], explicit_start=True, explicit_end=True)


def add_metadata(place: Path, repository: Path, modules: str) -> None:
    """Add what repositories of distributions have besides packages."""
    found = {
        "modules": ("modules.yaml", modules),
        "updateinfo": ("updateinfo.xml", ADVISORY),
        "group": ("comps.xml", "<comps><group><id>theirs</id><name>theirs</name></group></comps>"),
        "productid": ("productid", "a product\n"),
    }
    for kind, (name, text) in found.items():
        (place / name).write_text(text)
        words = ["modifyrepo_c", "--mdtype", kind, str(place / name)]
        subprocess.run([*words, str(repository / "repodata")], check=True, capture_output=True)


def modules_of(repository: Path) -> list[str]:
    """The module documents of a repository, in any order."""
    text = expanded(documents(repository)["modules"])
    return sorted(json.dumps(document, sort_keys=True) for document in yaml.safe_load_all(text))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The sample distribution, in a directory of its own."""
    paths = sorted(sample_distribution().rglob("*.rpm"))
    directory = tmp_path_factory.mktemp("sample") / "rpms"
    directory.mkdir()
    for path in paths:
        (directory / path.name).symlink_to(path)
    return kept(directory, [directory / path.name for path in paths])


def createrepo(directory: Path, *words: str) -> None:
    command = [CREATEREPO_C, "--quiet", *words, str(directory)]
    subprocess.run(command, check=True, capture_output=True)


def mergerepo(place: Path, mode: str, arch: str, urls: Sequence[str]) -> Path:
    """Merge as the builder does; the first URL is the local repository."""
    (place / "blocklist").write_text(f"{BLOCKED}\n")
    words = [MERGEREPO_C, *MODES[mode], "-a", arch, "-o", "merged", "--arch-expand"]
    (place / "comps.xml").write_text("<comps><group><id>ours</id><name>ours</name></group></comps>")
    words += ["-g", "comps.xml", *(word for url in urls for word in ("-r", url))]
    subprocess.run(words, check=True, capture_output=True, cwd=place)
    return place / "merged"


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
@pytest.mark.parametrize("which", ["local", "sample"])
def test_a_repository_has_what_createrepo_c_writes(
    which: str, compression: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    tree: Tree = request.getfixturevalue(which)
    createrepo(tree.directory, "--no-database", "-o", str(tmp_path))
    expected = contents(tmp_path)
    ours = tmp_path / "ours"
    write_repository(tree.lines, tree.store, ChunkCache(tmp_path / "c"), ours / "repodata", compression)
    assert contents(ours) == expected
    assert len(expected) == len(tree.lines) > 0


@pytest.mark.parametrize("arch", ["x86_64", "i386", "aarch64", "ppc64", "src"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", [1, -1])
def test_a_merged_repository_has_what_mergerepo_c_keeps(
    local: Tree, urls: list[str], mode: str, arch: str, order: int, tmp_path: Path
) -> None:
    here = f"file://{local.directory}/"
    expected = mergerepo(tmp_path, mode, arch, [here, *urls[::order]])
    external = ExternalStore(tmp_path / "external")
    merged = merge(local.lines, here, [external.take_in(url) for url in urls[::order]], mode, arch, [BLOCKED])
    ours = tmp_path / "ours"
    cache = ChunkCache(tmp_path / "chunks")
    write_repository(
        merged.lines,
        local.store,
        cache,
        ours / "repodata",
        comps=tmp_path / "comps.xml",
        origins=merged.origins,
        modules=merged.modules,
    )
    assert contents(ours) == contents(expected)
    assert origins(ours) == origins(expected)
    assert len(contents(ours)) > 3
    assert modules_of(ours) == modules_of(expected)
    files, theirs = documents(ours), documents(expected)
    assert set(files) == {kind for kind in theirs if not kind.endswith("_db")}
    for kind in ("group", "group_gz", "updateinfo"):
        assert expanded(files[kind]) == expanded(theirs[kind])


class Dnf:
    """dnf on one repository only."""

    def __init__(self, repository: Path, place: Path) -> None:
        self._root = place / "root"
        self._words = [
            "dnf",
            "--quiet",
            "--assumeyes",
            "--releasever=1",
            "--nogpgcheck",
            "--forcearch=x86_64",
        ]
        self._words += [f"--installroot={self._root}", f"--setopt=cachedir={place}/dnf-cache", "--noplugins"]
        self._words += ["--setopt=reposdir=/nonexistent", "--setopt=install_weak_deps=False"]
        self._words += [f"--repofrompath=ours,file://{repository}", "--repo=ours"]

    def __call__(self, *words: str) -> list[str]:
        """Run a command; return the lines of its output."""
        done = subprocess.run([*self._words, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_dnf_reads_and_installs(local: Tree, compression: str, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    for path in local.directory.glob("*.rpm"):
        (repository / path.name).hardlink_to(path)
    comps = tmp_path / "comps.xml"
    comps.write_text(
        "<comps><group><id>all</id><name>all</name><packagelist>"
        '<packagereq type="mandatory">brew-libs</packagereq></packagelist></group></comps>'
    )
    cache = ChunkCache(tmp_path / "chunks")
    write_repository(local.lines, local.store, cache, repository / "repodata", compression, comps)
    dnf = Dnf(repository, tmp_path)
    dnf("makecache")
    found = dnf("repoquery", "--all", "--qf", "%{name}-%{version}-%{release}.%{arch}")
    assert sorted(found) == sorted(package.file_name.removesuffix(".rpm") for package in LOCAL)
    assert dnf("repoquery", "--file", "/etc/brew/brew.conf", "--qf", "%{name}.%{arch}") == ["brew.x86_64"]
    assert dnf("repoquery", "--whatprovides", "libbrew.so.2()(64bit)", "--qf", "%{name}") == ["brew-libs"]
    dnf("install", "brew.x86_64", "@all")
    installed = subprocess.run(
        ["rpm", "--root", str(tmp_path / "root"), "-qa", "--qf", "%{name}\n"], capture_output=True, text=True
    )
    assert sorted(installed.stdout.split()) == ["brew", "brew-libs"]
    assert (tmp_path / "root" / "etc" / "brew" / "brew.conf").is_file()


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_dnf_reads_a_merged_repository_and_its_successor(
    local: Tree, urls: list[str], compression: str, tmp_path: Path
) -> None:
    external = ExternalStore(tmp_path / "external")
    cache = ChunkCache(tmp_path / "chunks")
    repository = tmp_path / "repository"
    repository.mkdir()
    for path in local.directory.glob("*.rpm"):
        (repository / path.name).hardlink_to(path)

    def publish(lines: Sequence[bytes]) -> set[str]:
        merged = merge(lines, "file:///here/", [external.take_in(url) for url in urls], "koji", "x86_64")
        shutil.rmtree(repository / "repodata", ignore_errors=True)
        write_repository(
            merged.lines,
            local.store,
            cache,
            repository / "repodata",
            compression,
            origins=merged.origins,
            modules=merged.modules,
        )
        return {Entry.parse(line).name for line in merged.lines}

    dnf = Dnf(repository, tmp_path)
    before = publish([line for line in local.lines if b"relations" not in line])
    dnf("makecache")
    assert set(dnf("repoquery", "--all", "--qf", "%{name}")) == before
    assert [line.split()[:2] for line in dnf("module", "list", "--all") if line.startswith("malt")] == [
        ["malt", "1"]
    ]
    assert dnf("updateinfo", "list", "--all") == []
    dnf("install", "brew.x86_64", "brew-extra")
    after = publish(local.lines)
    assert after - before == {"relations"}
    dnf("makecache", "--refresh")
    assert set(dnf("repoquery", "--all", "--qf", "%{name}")) == after
