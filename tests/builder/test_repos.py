"""Repositories made with the real createrepo_c and mergerepo_c, with and without a mounted tree."""

import functools
import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moromi.errors import GenericError
from moromi.repodata import merge_mode, urls_for
from moromi_builder.hubfiles import HubFiles, MissingFile
from moromi_builder.packages import RepoPlace, mark_origins, read_origins
from moromi_builder.repos import commands as repo_commands
from moromi_builder.repos.source import RepoSource, open_source
from moromi_builder.settings import Settings

RPMS = Path(__file__).parents[1] / "data" / "rpms"
SETTINGS = Settings(server="x", topurl="x")
REPO: dict[str, Any] = {"id": 2, "tag_name": "f1-build"}
OLD: dict[str, Any] = {"id": 1, "tag_name": "f1-build"}

needs_createrepo = pytest.mark.skipif(
    not Path(repo_commands.CREATEREPO_C).exists(), reason="createrepo_c is not installed"
)


class Server:
    """A web server over a hub's tree, which counts what is asked."""

    def __init__(self, top: Path) -> None:
        asked: list[str] = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_args: Any) -> None:
                asked.append(f"{self.command} {self.path}")

        self.asked = asked
        self.top = top
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Handler, directory=str(top))
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Server]:
    """A tree with an initialised repository of one package."""
    top = tmp_path / "hub"
    place = top / "packages" / "yeast" / "7" / "1.mr1" / "noarch"
    place.mkdir(parents=True)
    shutil.copy(RPMS / "yeast-7-1.mr1.noarch.rpm", place)
    for repo in (OLD, REPO):
        directory = top / "repos" / "f1-build" / str(repo["id"])
        (directory / "x86_64").mkdir(parents=True)
        (directory / "groups").mkdir()
        (directory / "repo.json").write_text(json.dumps({"id": repo["id"]}))
        (directory / "groups" / "comps.xml").write_text("<comps></comps>\n")
        (directory / "x86_64" / "toplink").symlink_to("../../../..")
        (directory / "x86_64" / "blocklist").write_text("blocked\n")
        (directory / "x86_64" / "pkglist").write_text(
            "toplink/packages/yeast/7/1.mr1/noarch/yeast-7-1.mr1.noarch.rpm\n"
        )
    server = Server(top)
    yield server
    server.close()


def make(source: RepoSource, output: Path) -> str:
    output.mkdir(parents=True)
    if source.old is not None:
        source.old.rename(output / "repodata")
    words = repo_commands.createrepo(SETTINGS, source, output)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def primary(repo: Path) -> str:
    found = next(repo.glob("repodata/*primary.xml.gz"))
    return subprocess.run(["zcat", str(found)], capture_output=True, text=True, check=True).stdout


@needs_createrepo
def test_a_mounted_tree_is_used_in_place(hub: Server, tmp_path: Path) -> None:
    files = HubFiles(hub.url, str(hub.top), tmp_path / "local")
    source = open_source(files, REPO, "x86_64", None, tmp_path / "scratch")
    assert source.directory == hub.top / "repos" / "f1-build" / "2" / "x86_64"
    make(source, tmp_path / "out")
    assert 'href="toplink/packages/yeast/7/1.mr1/noarch/yeast-7-1.mr1.noarch.rpm"' in primary(
        tmp_path / "out"
    )
    assert not any(".rpm" in line for line in hub.asked)


@needs_createrepo
def test_without_a_mount_only_new_packages_are_fetched(hub: Server, tmp_path: Path) -> None:
    other = tmp_path / "not-mounted"
    first = open_source(
        HubFiles(hub.url, str(other), tmp_path / "a"), OLD, "x86_64", None, tmp_path / "scratch1"
    )
    assert sum("GET" in line and ".rpm" in line for line in hub.asked) == 1
    make(first, tmp_path / "out1")
    shutil.copytree(
        tmp_path / "out1" / "repodata", hub.top / "repos" / "f1-build" / "1" / "x86_64" / "repodata"
    )
    hub.asked.clear()
    second = open_source(
        HubFiles(hub.url, str(other), tmp_path / "b"), REPO, "x86_64", OLD, tmp_path / "scratch2"
    )
    assert not any(".rpm" in line for line in hub.asked)
    assert second.groups is not None
    assert second.blocklist is not None
    make(second, tmp_path / "out2")
    assert primary(tmp_path / "out2") == primary(tmp_path / "out1")


def test_another_tree_at_the_same_place_is_not_ours(hub: Server, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(hub.top, other, symlinks=True)
    path = "packages/yeast/7/1.mr1/noarch/yeast-7-1.mr1.noarch.rpm"
    files = HubFiles(hub.url, str(other), tmp_path / "local")
    assert files.fetch(path) == other / path
    (other / path).write_bytes(b"something else")
    assert files.fetch(path) == tmp_path / "local" / path
    assert files.fetch(path).read_bytes() == (hub.top / path).read_bytes()
    (other / "repos/f1-build/2/repo.json").write_text("{}")
    assert files.mounted_tree("repos/f1-build/2", "repo.json") is None


def test_paths_stay_in_the_tree(hub: Server, tmp_path: Path) -> None:
    files = HubFiles(hub.url, str(hub.top), tmp_path / "local")
    for path in ("work/../../etc/passwd", "/etc/passwd"):
        with pytest.raises(GenericError, match="Invalid path"):
            files.fetch(path)
    assert hub.asked == []


def test_a_missing_file(hub: Server, tmp_path: Path) -> None:
    files = HubFiles(hub.url, str(hub.top), tmp_path / "local")
    assert files.read("work/nothing") is None
    with pytest.raises(MissingFile, match="SRPM file missing: work/nothing"):
        files.fetch("work/nothing", expected="SRPM file missing: work/nothing")


@needs_createrepo
@pytest.mark.skipif(not Path(repo_commands.MERGEREPO_C).exists(), reason="mergerepo_c is not installed")
def test_external_packages_are_merged_and_their_origin_is_known(hub: Server, tmp_path: Path) -> None:
    distro = hub.top / "distro" / "x86_64"
    distro.mkdir(parents=True)
    shutil.copy(RPMS / "fermenter-1.2-3.mr1.x86_64.rpm", distro)
    shutil.copy(RPMS / "yeast-7-1.mr1.noarch.rpm", distro)
    subprocess.run([repo_commands.CREATEREPO_C, "-q", str(distro)], check=True)
    files = HubFiles(hub.url, str(hub.top), tmp_path / "local")
    source = open_source(files, REPO, "x86_64", None, tmp_path / "scratch")
    premerge = tmp_path / "repo_2_premerge"
    make(source, premerge)
    external = [
        {
            "external_repo_id": 4,
            "external_repo_name": "distro",
            "url": f"{hub.url}/distro/$arch",
            "arches": None,
            "merge_mode": "koji",
        }
    ]
    merged = hub.top / "repos" / "f1-build" / "2" / "x86_64"
    words = repo_commands.mergerepo(
        merge_mode(external),
        repo_commands.mergerepo_version(),
        "x86_64",
        source,
        premerge,
        urls_for(external, "x86_64"),
        merged,
    )
    subprocess.run(words, check=True, capture_output=True)
    assert primary(merged).count("<package type=") == 2
    place = RepoPlace(2, "f1-build", 1, "x86_64")
    origins = read_origins(files, place)
    rpms: list[dict[str, Any]] = [
        {"name": "yeast", "version": "7", "release": "1.mr1", "arch": "noarch"},
        {"name": "fermenter", "version": "1.2", "release": "3.mr1", "arch": "x86_64"},
    ]
    mark_origins(rpms, place, external, origins)
    assert [rpm.get("location") for rpm in rpms] == [None, 4]


def test_merge_rules() -> None:
    repos: list[dict[str, Any]] = [
        {"url": "http://a/$arch", "arches": None, "merge_mode": "koji"},
        {"url": "http://b/$arch", "arches": "s390x", "merge_mode": "koji"},
        {"url": "http://a/$arch", "arches": "x86_64 s390x", "merge_mode": "koji"},
    ]
    assert urls_for(repos, "x86_64") == ["http://a/x86_64"]
    with pytest.raises(GenericError, match="Found multiple merge modes for external repos"):
        merge_mode([*repos, {"merge_mode": "bare"}])
    source = RepoSource(Path("/r"), (), None, None, None)
    with pytest.raises(GenericError, match=r"low version: 0\.12 \(0\.13\.0 needed for --simple\)"):
        repo_commands.mergerepo("simple", (0, 12), "x86_64", source, Path("/p"), [], Path("/o"))
    bare = repo_commands.mergerepo("bare", (0, 15, 0), "x86_64", source, Path("/p"), ["http://a"], Path("/o"))
    assert bare[1:3] == ["--pkgorigins", "--all"]
    assert "--arch-expand" not in bare
    assert repo_commands.parse_version("Version: 0.17.3 (Features: x)") == (0, 17, 3)
