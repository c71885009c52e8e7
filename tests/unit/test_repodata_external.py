"""External repositories over HTTP: taken in once, resumed, checked; and what a merge does with the lines."""

import functools
import hashlib
import http.server
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import createrepo_c
import pytest

from moromi.client.connection import Limits
from moromi.errors import GenericError
from moromi.repodata import (
    ChunkCache,
    Entry,
    ExternalRepo,
    ExternalStore,
    external,
    merge,
    write_repository,
)
from rpmmaker import Package
from support.repodata import contents, documents, emptied, expanded, made_up


class Site:
    """A web server over a directory with one repository. It counts requests and can end answers early."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.asked: list[str] = []
        self.cut: dict[str, int] = {}
        handler = functools.partial(_handler(self), directory=str(top))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/repo"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def publish(self, *packages: Package, compression: str = "zstd") -> None:
        """Put a repository of packages in place."""
        tree = made_up(emptied(self.top / "rpms"), packages)
        cache = ChunkCache(self.top / "chunks")
        write_repository(tree.lines, tree.store, cache, emptied(self.top / "repo") / "repodata", compression)


def _handler(site: Site) -> type[http.server.SimpleHTTPRequestHandler]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        """Serves files and ranges of them."""

        def do_GET(self) -> None:
            path = Path(self.translate_path(self.path))
            kind = path.name.partition("-")[2].partition(".")[0] or path.name
            site.asked.append(f"{kind} {self.headers.get('Range', '')}".strip())
            if not path.is_file():
                self.send_error(404)
                return
            data = path.read_bytes()
            start = int((self.headers.get("Range") or "=0-").partition("=")[2].partition("-")[0])
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            self.wfile.write(data[start : site.cut.pop(kind, len(data))])

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    top = tmp_path / "site"
    top.mkdir()
    site = Site(top)
    yield site
    site.close()


@pytest.fixture
def store(tmp_path: Path) -> ExternalStore:
    return ExternalStore(tmp_path / "store")


def names(repo: ExternalRepo) -> list[str]:
    return [Entry.parse(line).nvra for line in repo.lines]


A, B = Package("a", files=["/usr/a"]), Package("b", source="a", requires=[])
ALL = ["repomd.xml", "primary", "filelists", "other"]


class TestTakingIn:
    @pytest.mark.parametrize("compression", ["zstd", "gzip"])
    def test_it_is_read_once_for_each_state(self, site: Site, store: ExternalStore, compression: str) -> None:
        site.publish(A, B, compression=compression)
        first = store.take_in(f"{site.url}/")
        assert (names(first), site.asked) == (["a-1.0-1.noarch", "b-1.0-1.noarch"], ALL)
        site.asked.clear()
        assert store.take_in(f"{site.url}/") == first
        assert site.asked == ["repomd.xml"]
        site.publish(A)
        second = store.take_in(f"{site.url}/")
        assert second.revision != first.revision
        assert names(second) == ["a-1.0-1.noarch"]

    @pytest.mark.parametrize(
        "kind", [createrepo_c.XZ_COMPRESSION, createrepo_c.BZ2_COMPRESSION, createrepo_c.NO_COMPRESSION]
    )
    def test_other_compressions_are_read(self, site: Site, store: ExternalStore, kind: int) -> None:
        site.publish(A, B)
        repodata = site.top / "repo" / "repodata"
        repomd = createrepo_c.Repomd()
        for name, path in documents(site.top / "repo").items():
            plain, packed = (
                repodata / f"{name}.xml",
                repodata / f"{name}{createrepo_c.compression_suffix(kind) or ''}",
            )
            plain.write_bytes(expanded(path))
            if packed != plain:
                createrepo_c.compress_file(str(plain), str(packed), kind)
            record = createrepo_c.RepomdRecord(name, str(packed))
            record.fill(createrepo_c.SHA512)
            repomd.set_record(record)
        (repodata / "repomd.xml").write_text(repomd.xml_dump())
        assert len(store.take_in(site.url).lines) == 2

    def test_an_interrupted_download_goes_on(self, site: Site, store: ExternalStore) -> None:
        files = [f"/usr/{hashlib.sha256(b'%d' % n).hexdigest()}" for n in range(4000)]
        site.publish(A, Package("large", files=files))
        site.cut["filelists"] = 1 << 17
        with pytest.raises(GenericError):
            store.take_in(site.url)
        assert site.asked == ALL[:3]
        site.asked.clear()
        assert len(store.take_in(site.url).lines) == 2
        assert site.asked == ["repomd.xml", "filelists bytes=131072-", "other"]

    def test_what_is_not_as_stated_is_refused(self, site: Site, store: ExternalStore) -> None:
        site.publish(A, B)
        primary = documents(site.top / "repo")["primary"]
        good = primary.read_bytes()
        primary.write_bytes(good[:-1] + b"x")
        with pytest.raises(GenericError, match="does not have the checksum"):
            store.take_in(site.url)
        primary.write_bytes(good)
        assert len(store.take_in(site.url).lines) == 2

    def test_it_leads_to_no_file_of_this_machine(
        self, site: Site, store: ExternalStore, tmp_path: Path
    ) -> None:
        site.publish(A)
        secret = tmp_path / "primary.xml"
        shutil.copyfile(documents(site.top / "repo")["primary"], secret)
        repomd = site.top / "repo" / "repodata" / "repomd.xml"
        text = repomd.read_text()
        name = documents(site.top / "repo")["primary"].name
        for change in (
            (f'href="repodata/{name}"', f'href="file://{secret}"'),
            (f'href="repodata/{name}"', f'href="{secret}" xml:base="file:///"'),
        ):
            repomd.write_text(text.replace(*change))
            with pytest.raises(GenericError, match="leads to a file of this machine"):
                store.take_in(site.url)

    def test_a_document_without_end(
        self, site: Site, store: ExternalStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(external, "_MOST", 100)
        site.publish(A)
        with pytest.raises(GenericError, match="more than 100 bytes"):
            store.take_in(site.url)
        assert site.asked == ["repomd.xml"]

    def test_what_nobody_uses_goes(self, site: Site, store: ExternalStore, tmp_path: Path) -> None:
        site.publish(A)
        store.take_in(site.url)
        (place,) = (tmp_path / "store").iterdir()
        store.prune()
        assert len(store.take_in(site.url).lines) == 1
        os.utime(place, (1, 1))
        store.take_in(site.url)
        store.prune()
        assert place.exists(), "it is in use again"
        os.utime(place, (1, 1))
        store.prune()
        assert not list((tmp_path / "store").iterdir())
        assert len(store.take_in(site.url).lines) == 1

    def test_a_server_that_says_nothing(self, store: ExternalStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(external, "_LIMITS", Limits(connect=5.0, silence=0.2))
        deaf = socket.create_server(("127.0.0.1", 0))
        with deaf, pytest.raises(GenericError, match="cannot get"):
            store.take_in(f"http://127.0.0.1:{deaf.getsockname()[1]}/repo")

    def test_a_failure_does_not_stay(self, site: Site, store: ExternalStore) -> None:
        with pytest.raises(GenericError, match="cannot get"):
            store.take_in(site.url)
        (site.top / "repo" / "repodata").mkdir(parents=True)
        repomd = site.top / "repo" / "repodata" / "repomd.xml"
        repomd.write_text("<html>no repository here</html>")
        with pytest.raises(GenericError):
            store.take_in(site.url)
        site.publish(A)
        assert len(store.take_in(site.url).lines) == 1

    def test_texts_cannot_break_out_of_the_metadata(self, site: Site, store: ExternalStore) -> None:
        site.publish(A)
        repository = site.top / "repo"
        repomd = createrepo_c.Repomd()
        for name, path in documents(repository).items():
            changed = repository / "repodata" / f"{name}.xml"
            package = createrepo_c.package_from_rpm(str(site.top / "rpms" / A.file_name))
            text = expanded(path).decode().replace(package.pkgId, "&quot;&gt;&lt;evil")
            changed.write_text(text)
            record = createrepo_c.RepomdRecord(name, str(changed))
            record.fill(createrepo_c.SHA256)
            repomd.set_record(record)
        (repository / "repodata" / "repomd.xml").write_text(repomd.xml_dump())
        with pytest.raises(GenericError, match="has no checksum"):
            store.take_in(site.url)

    def test_files_are_read_in_place(self, site: Site, store: ExternalStore) -> None:
        site.publish(A)
        assert len(store.take_in(f"file://{site.top}/repo").lines) == 1
        with pytest.raises(GenericError, match="cannot read"):
            store.take_in(f"file://{site.top}/none")

    def test_its_fragments_and_places_are_there(
        self, site: Site, store: ExternalStore, tmp_path: Path
    ) -> None:
        site.publish(A, B)
        expected = contents(site.top / "repo")
        repo = store.take_in(f"{site.url}/")
        tree = made_up(tmp_path / "none", [])
        write_repository(repo.lines, tree.store, ChunkCache(tmp_path / "chunks"), tmp_path / "repodata")
        found = contents(tmp_path)
        assert [package[0] for package in found] == [site.url] * 2
        strip = f'xml:base="{site.url}" '
        assert [(p[1], p[2].replace(strip, ""), *p[3:]) for p in found] == [p[1:] for p in expected]
        assert not list((tmp_path / "store").rglob("*.zst")), "what was downloaded is not kept"
        shutil.rmtree(tmp_path / "store")


class TestMerging:
    def test_other_modes_are_refused(self) -> None:
        with pytest.raises(GenericError, match="Invalid merge mode: other"):
            merge([], "file:///here/", [], "other", "x86_64")

    def test_damaged_module_metadata_is_refused(self) -> None:
        repos = [
            ExternalRepo("http://a", "1", [], b"---\ndocument: modulemd\ndata: {}\n"),
            ExternalRepo("http://b", "1", [], b"---\n[b\n"),
        ]
        with pytest.raises(GenericError, match="damaged module metadata"):
            merge([], "file:///here/", repos, "koji", "x86_64")
