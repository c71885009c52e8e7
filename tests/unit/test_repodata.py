"""Fragments, packs, chunks, and repositories made of them, read back with createrepo_c's library."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import createrepo_c
import pytest
import zstandard

from moromi.errors import GenericError, ParameterError
from moromi.repodata import (
    BadPack,
    ChunkCache,
    Entry,
    FileFacts,
    Fragment,
    PackStore,
    RepoResult,
    pack_fragments,
    pack_name,
    render,
    unpack_fragments,
    write_repository,
)
from moromi.repodata.fragments import facts_of
from rpmmaker import EQUAL, Dependency, Package
from support.repodata import Tree, contents, documents, emptied, expanded, made_up

RPMS = Path(__file__).parents[1] / "data" / "rpms"
UNSIGNED = RPMS / "fermenter-1.2-3.mr1.x86_64.rpm"
SIGNED = RPMS / "fermenter-1.2-3.mr1.x86_64.signed.rpm"
BUILDS, RPMS_OF_BUILD = 250, 4


def packages(changed: int | None = None) -> list[Package]:
    """1000 packages of 250 builds, one of them built again."""
    found = []
    for number in range(BUILDS):
        release = "2" if number == changed else "1"
        names = (f"p{number:03}", f"p{number:03}-libs", f"lib{number}", f"z{number}-doc")
        found += [
            Package(name, release=release, source=f"p{number:03}", files=[f"/usr/{name}"]) for name in names
        ]
    return found


class CountingStore:
    """A store that knows what was read."""

    def __init__(self, store: PackStore) -> None:
        self._store = store
        self.asked = 0

    def read(self, lines: Sequence[bytes]) -> Iterator[Fragment]:
        self.asked += len(lines)
        return self._store.read(lines)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return made_up(tmp_path_factory.mktemp("tree") / "one", packages())


@pytest.fixture(scope="module")
def next_tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return made_up(tmp_path_factory.mktemp("tree") / "next", packages(changed=70))


@pytest.fixture
def cache(tmp_path: Path) -> ChunkCache:
    return ChunkCache(tmp_path / "chunks")


def dumped(path: Path, href: str) -> list[str]:
    package = createrepo_c.package_from_rpm(str(path))
    package.location_href = href
    return list(createrepo_c.xml_dump(package))


class TestFragments:
    @pytest.mark.parametrize("path", sorted(RPMS.glob("*.rpm")), ids=lambda path: path.name)
    def test_filled_it_is_what_createrepo_c_writes(self, path: Path, tmp_path: Path) -> None:
        rendered = render(path)
        pack = pack_fragments([rendered.fragment])
        repodata = tmp_path / "repodata"
        line = rendered.entry("a & b/<x>.rpm", "p").line()
        write_repository([line], PackStore(lambda _name: pack), ChunkCache(tmp_path / "c"), repodata)
        files = documents(tmp_path)
        for kind, text in zip(("primary", "filelists", "other"), dumped(path, "a & b/<x>.rpm"), strict=True):
            assert text.encode() in expanded(files[kind])

    def test_signing_changes_facts_only(self) -> None:
        plain, signed = render(UNSIGNED), render(SIGNED)
        assert plain.fragment.id == signed.fragment.id
        assert plain.facts.pkgid != signed.facts.pkgid

    @pytest.mark.parametrize("path", [UNSIGNED, SIGNED])
    def test_facts_of_files_are_those_that_createrepo_c_sees(self, path: Path) -> None:
        assert FileFacts.of_file(path) == facts_of(createrepo_c.package_from_rpm(str(path)))

    def test_what_is_no_rpm_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "x.rpm"
        path.write_bytes(b"no rpm" * 100)
        with pytest.raises(GenericError):
            render(path)
        with pytest.raises(GenericError):
            FileFacts.of_file(path)


class TestPacks:
    def test_fragments_come_back(self) -> None:
        fragments = [render(path).fragment for path in (UNSIGNED, RPMS / "yeast-7-1.mr1.noarch.rpm")]
        pack = pack_fragments([*fragments, fragments[0]])
        assert unpack_fragments(pack) == {each.id: each for each in fragments}
        assert pack_name(pack) == pack_name(pack_fragments(fragments))

    def test_damage_and_loss_are_told(self) -> None:
        rendered = render(UNSIGNED)
        pack = pack_fragments([rendered.fragment])
        entry = rendered.entry("x.rpm", "some.pack")
        for damaged in (pack[:-3], b"", zstandard.ZstdCompressor().compress(b"something else")):
            with pytest.raises(BadPack, match="damaged fragments") as caught:
                list(PackStore(lambda _name, data=damaged: data).read([entry.line()]))  # type: ignore[misc]
            assert caught.value.pack == "some.pack"
        lost = entry._replace(fragment="0" * 32)
        with pytest.raises(GenericError, match="no metadata of fermenter-1"):
            list(PackStore(lambda _name: pack).read([lost.line()]))


class TestEntries:
    def test_a_line_comes_back(self) -> None:
        entry = render(UNSIGNED).entry("toplink/x.rpm", "a/pack")
        assert Entry.parse(entry.line()) == Entry.parse(entry.line() + b"\n") == entry
        assert (entry.sourcerpm, entry.nvra) == ("fermenter-1.2-3.mr1.src.rpm", "fermenter-1.2-3.mr1.x86_64")

    @pytest.mark.parametrize("href", ["a\tb", "a\nb"])
    def test_values_cannot_break_a_line(self, href: str) -> None:
        with pytest.raises(GenericError):
            render(UNSIGNED).entry(href).line()

    @pytest.mark.parametrize("line", [b"", b"a\tb", b"\t" * 20, b"\xff" + b"\t" * 14])
    def test_other_lines_are_refused(self, line: bytes) -> None:
        with pytest.raises(GenericError, match="not a package of a repository"):
            Entry.parse(line)


class TestRepositories:
    @pytest.mark.parametrize("compression", ["zstd", "gzip"])
    def test_every_package_is_there_once(
        self, tree: Tree, cache: ChunkCache, tmp_path: Path, compression: str
    ) -> None:
        result = write_repository(reversed(tree.lines), tree.store, cache, tmp_path / "repodata", compression)
        assert result.packages == BUILDS * RPMS_OF_BUILD
        assert sorted(result.files) == sorted(path.name for path in (tmp_path / "repodata").iterdir())
        assert [package[1] for package in contents(tmp_path)] == sorted(
            Entry.parse(line).href for line in tree.lines
        )
        assert b'packages="1000"' in expanded(documents(tmp_path)["primary"])

    def test_a_new_build_costs_its_chunks(
        self, tree: Tree, next_tree: Tree, cache: ChunkCache, tmp_path: Path
    ) -> None:
        first = write_repository(tree.lines, tree.store, cache, tmp_path / "repodata")
        assert first.made == first.chunks > 3
        assert len(set(tree.lines) - set(next_tree.lines)) == RPMS_OF_BUILD
        store = CountingStore(next_tree.store)
        second = write_repository(next_tree.lines, store, cache, emptied(tmp_path / "repodata"))
        assert 1 <= second.made <= 2
        assert 0 < store.asked < len(tree.lines) / 2
        fresh = tmp_path / "fresh"
        write_repository(next_tree.lines, store, ChunkCache(tmp_path / "other"), fresh / "repodata")
        assert contents(tmp_path) == contents(fresh)

    def test_the_same_packages_need_no_fragment(self, tree: Tree, cache: ChunkCache, tmp_path: Path) -> None:
        first = write_repository(tree.lines, tree.store, cache, tmp_path / "a" / "repodata")
        store = CountingStore(tree.store)
        second = write_repository(tree.lines[::-1], store, cache, tmp_path / "b" / "repodata")
        assert (second.made, store.asked) == (0, 0)
        assert first.files == second.files

    def test_several_at_once_share_a_cache(self, tree: Tree, cache: ChunkCache, tmp_path: Path) -> None:
        def write(number: int) -> list[tuple[str, ...]]:
            write_repository(tree.lines, tree.store, cache, tmp_path / str(number) / "repodata")
            return contents(tmp_path / str(number))

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(write, range(4)))
        assert len(found[0]) == len(tree.lines)
        assert all(each == found[0] for each in found)
        assert not list((tmp_path / "chunks").rglob(".*"))

    def test_pruned_chunks_are_made_again(self, tree: Tree, cache: ChunkCache, tmp_path: Path) -> None:
        first = write_repository(tree.lines, tree.store, cache, tmp_path / "a" / "repodata")
        assert cache.prune(0) == 0, "what was just used stays"
        old = time.time() - 86_400
        files = [path for path in (tmp_path / "chunks").rglob("*") if path.is_file()]
        for path in files[1:]:
            os.utime(path, (old, old))
        assert cache.prune(1) > 0
        second = write_repository(tree.lines, tree.store, cache, tmp_path / "b" / "repodata")
        assert second.made == first.made - 1
        assert second.files == first.files

    @pytest.mark.parametrize("compression", ["zstd", "gzip"])
    @pytest.mark.parametrize("remembers", [False, True])
    def test_damaged_chunks_are_made_again(
        self, tree: Tree, tmp_path: Path, compression: str, remembers: bool
    ) -> None:
        one = ChunkCache(tmp_path / "chunks")

        def write(name: str) -> RepoResult:
            cache = one if remembers else ChunkCache(tmp_path / "chunks")
            return write_repository(tree.lines, tree.store, cache, tmp_path / name / "repodata", compression)

        first = write("a")
        cut, changed = [path for path in (tmp_path / "chunks").rglob("*") if path.is_file()][:2]
        cut.write_bytes(cut.read_bytes()[:-1])
        data = changed.read_bytes()
        changed.write_bytes(data[:1000] + bytes(100) + data[1100:])
        second = write("b")
        assert (second.made, second.files) == (2, first.files)
        assert contents(tmp_path / "b") == contents(tmp_path / "a")
        assert write("c").made == 0

    def test_a_missing_fragment_leaves_nothing_behind(
        self, tree: Tree, cache: ChunkCache, tmp_path: Path
    ) -> None:
        lines = [tree.lines[0].replace(b"\tp000-1.0", b"\tother-1.0")]
        empty = PackStore(lambda _name: pack_fragments([]))
        with pytest.raises(GenericError, match="no metadata of"):
            write_repository(lines, empty, cache, tmp_path / "repodata")
        assert not list((tmp_path / "repodata").iterdir())

    def test_groups_are_plain_and_compressed(self, tree: Tree, cache: ChunkCache, tmp_path: Path) -> None:
        comps = tmp_path / "comps.xml"
        comps.write_text("<comps/>\n")
        write_repository(tree.lines[:1], tree.store, cache, tmp_path / "repodata", comps=comps)
        files = documents(tmp_path)
        assert files["group"].read_bytes() == expanded(files["group_gz"]) == b"<comps/>\n"

    def test_an_empty_repository_is_marked(self, tree: Tree, cache: ChunkCache, tmp_path: Path) -> None:
        plain = write_repository([], tree.store, cache, tmp_path / "a" / "repodata")
        merged = write_repository([], tree.store, cache, tmp_path / "b" / "repodata", origins=[])
        assert ("EMPTY_REPO" in plain.files, "EMPTY_REPO" in merged.files) == (True, False)
        assert contents(tmp_path / "a") == contents(tmp_path / "b") == []

    def test_databases_are_made_on_request(self, tree: Tree, cache: ChunkCache, tmp_path: Path) -> None:
        write_repository(tree.lines, tree.store, cache, tmp_path / "repodata", sqlite=True)
        files = documents(tmp_path)
        assert expanded(files["primary_db"]).startswith(b"SQLite format 3")
        assert {"filelists_db", "other_db"} <= set(files)
        assert not list((tmp_path / "repodata").glob(".*"))

    def test_other_compressions_are_refused(self, tree: Tree, cache: ChunkCache, tmp_path: Path) -> None:
        with pytest.raises(ParameterError, match="Unknown compression of repositories: lzma"):
            write_repository(tree.lines, tree.store, cache, tmp_path / "repodata", "lzma")

    def test_dependencies_and_changelogs_are_read_back(self, cache: ChunkCache, tmp_path: Path) -> None:
        package = Package(
            "rich",
            arch="x86_64",
            epoch=3,
            requires=[Dependency("(a if b)"), Dependency("c", EQUAL, "1:2-3")],
            recommends=[Dependency("d")],
            changelog=[(1_700_000_000, "A <a@b.c>", "- one & two")],
        )
        tree = made_up(tmp_path / "rpms", [package])
        write_repository(tree.lines, tree.store, cache, tmp_path / "repodata")
        shutil.rmtree(tree.directory)
        (found,) = contents(tmp_path)
        assert '<rpm:entry name="c" flags="EQ" epoch="1" ver="2" rel="3"/>' in found[2]
        assert '<rpm:entry name="(a if b)"/>' in found[2]
        assert "- one &amp; two" in found[4]
