"""Cached bases and layers: found by content, shared, safe for several engines at a time, bounded."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moromi_chroot.rootcache import RootCache
from support.chroots import Engine, Root

Srpm = Callable[[str], Path]
MakeRoot = Callable[..., Root]

pytestmark = pytest.mark.usefixtures("native")


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files and remembers what was asked for."""

    asked: list[str] = []

    def log_message(self, format: str, *args: object) -> None:
        self.asked.append(self.path)


@pytest.fixture
def served(distribution: Path) -> Iterator[tuple[str, list[str]]]:
    """The sample distribution over HTTP, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(_Handler):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, directory=str(distribution), **kwargs)  # type: ignore[arg-type]

        def translate_path(self, path: str) -> str:
            # Any first component: the URL of a repository changes with its id.
            return super().translate_path("/" + path.split("/", 2)[2])

    Handler.asked = asked
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def _bases(cache: Path) -> list[Path]:
    return [path for path in (cache / "base").iterdir() if path.is_dir()]


def test_second_root_is_made_from_the_cache(make_root: MakeRoot, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first, second = make_root("r1", cache=cache), make_root("r2", cache=cache)
    start = time.monotonic()
    first.init()
    installed = time.monotonic()
    assert "installing minimal buildroot" in first.log("state")
    second.init()
    assert time.monotonic() - installed < installed - start
    assert "installing minimal buildroot" not in second.log("state")
    assert len(_bases(cache)) == 1
    assert second.shell("rpm -q bash").startswith("bash-")


def test_roots_do_not_see_each_other(make_root: MakeRoot) -> None:
    first, second = make_root("r1"), make_root("r2")
    first.init()
    second.init()
    first.shell("touch /usr/bin/mine; rm /usr/bin/gawk; echo x >> /etc/passwd")
    assert second.run("--chroot", "test -e /usr/bin/mine").returncode == 1
    assert second.run("--chroot", "test -e /usr/bin/gawk").returncode == 0
    assert "x\n" not in second.shell("tail -1 /etc/passwd")


def test_url_does_not_matter(
    make_root: MakeRoot, tmp_path: Path, srpm: Srpm, served: tuple[str, list[str]]
) -> None:
    """A new repository id with the same content costs one small request per command that installs."""
    url, asked = served
    cache = tmp_path / "cache"
    first = make_root("r1", cache=cache, url=f"{url}/1")
    first.init()
    assert first.rebuild(srpm("hello-c"), "x86_64") == 0
    assert any(path.endswith(".rpm") for path in asked)
    asked.clear()
    second = make_root("r2", cache=cache, url=f"{url}/2")
    second.init()
    assert second.rebuild(srpm("hello-c"), "x86_64") == 0
    assert set(asked) == {"/2/repodata/repomd.xml"}


def test_changed_repository_with_the_same_base(
    make_root: MakeRoot, tmp_path: Path, distribution: Path, srpm: Srpm
) -> None:
    """After a build the repository has other content, but the base's packages are the same."""
    cache, changed = tmp_path / "cache", tmp_path / "changed"
    make_root("r1", cache=cache).init()
    shutil.copytree(distribution, changed)
    repomd = changed / "repodata" / "repomd.xml"
    repomd.write_text(repomd.read_text().replace("<revision>", "<revision>9"))
    second = make_root("r2", cache=cache, url=f"file://{changed}")
    second.init()
    assert "installing minimal buildroot" not in second.log("state")
    assert len(_bases(cache)) == 1


def test_build_requires_are_a_layer(make_root: MakeRoot, tmp_path: Path, srpm: Srpm) -> None:
    cache = tmp_path / "cache"
    for name in ("r1", "r2"):
        root = make_root(name, cache=cache)
        root.init()
        assert root.rebuild(srpm("hello-c"), "x86_64") == 0
        assert root.shell("rpm -q gcc").startswith("gcc-")
        assert any(line.startswith("gcc-") for line in root.log("installed_pkgs").splitlines())
    assert len(_bases(cache)) == 2
    assert "Running transaction" not in make_root("r2", cache=cache).log("root")


def test_changed_root_gets_no_layer(make_root: MakeRoot, tmp_path: Path, srpm: Srpm) -> None:
    """A root with packages of its own keeps them when a build needs more."""
    cache = tmp_path / "cache"
    root = make_root("r1", cache=cache)
    root.init()
    assert root.run("--install", "flex").returncode == 0
    assert root.rebuild(srpm("hello-c"), "x86_64") == 0
    assert root.run("--chroot", "rpm -q flex gcc && flex --version && gcc --version").returncode == 0


def test_without_overlay(make_root: MakeRoot, srpm: Srpm) -> None:
    for kind in ("copy", "none"):
        root = make_root(f"r-{kind}")
        root.configure({"moromi_cache": kind})
        root.init()
        assert (root.root / "usr" / "bin" / "bash").is_file()
        assert root.rebuild(srpm("hello-c"), "x86_64") == 0


def _in_namespace(root: Root, script: str, *args: str | Path) -> int:
    """Run an engine command after a shell script, in a mount namespace of their own."""
    argv = ["unshare", "--mount", "sh", "-ec", f'{script}\nexec "$@"', "sh", *root.command(*args)]
    return subprocess.run(argv, capture_output=True, check=False, timeout=120).returncode


def test_overlay_that_cannot_be_mounted(make_root: MakeRoot, tmp_path: Path) -> None:
    """In a container whose own root is an overlay, a base is copied."""
    root = make_root("r1")
    places = [tmp_path / name for name in ("lower", "upper", "work")]
    for place in (*places, root.basedir):
        place.mkdir()
    lower, upper, work = places
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    script = (
        f"mount --make-rprivate /; mount -t overlay overlay -o {options} {root.basedir}\n"
        f"{' '.join(root.command('--init'))}"
    )
    assert _in_namespace(root, script, "--chroot", "rpm -q bash") == 0
    assert (upper / "r1" / "root" / "usr" / "bin" / "bash").is_file()


def test_full_disk(make_root: MakeRoot, srpm: Srpm) -> None:
    """A full disk is an error of the machine's, with its name, and not a failed build."""
    root = make_root("r1")
    root.basedir.mkdir()
    script = f"mount --make-rprivate /; mount -t tmpfs -o size=1m tmpfs {root.basedir}"
    assert _in_namespace(root, script, "--init") == 70


def test_two_engines_at_once(make_root: MakeRoot, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    roots = [make_root(f"r{number}", cache=cache) for number in range(3)]
    processes = [root.start("--init") for root in roots]
    codes = [process.wait(timeout=200) for process in processes]
    assert codes == [0, 0, 0], "\n".join(root.printed() for root in roots)
    made = [root for root in roots if "installing minimal buildroot" in root.log("state")]
    assert len(made) == 1
    assert all(root.shell("rpm -q bash").startswith("bash-") for root in roots)


def test_layers_are_bounded(tmp_path: Path) -> None:
    """The longest unused go first; one that a root uses stays."""
    cache = RootCache(tmp_path / "cache", limit=2)
    user = tmp_path / "user"
    user.mkdir()
    for number in range(4):
        tree, made = cache.use(f"k{number}", user, lambda path: (path / "file").touch())
        assert made and (tree / "file").exists()
        if number:
            cache.release(tree, user)
        else:
            (user / "root.json").write_text(f'{{"lowers": ["{tree}"]}}')
        time.sleep(0.05)  # longer than the clock of files takes for a tick
    left = {path.name for path in (tmp_path / "cache" / "base").iterdir() if path.is_dir()}
    assert left == {"k0", "k2", "k3"}


def test_configuration_of_another_engine(engine: Engine, make_root: MakeRoot) -> None:
    """Options that only mock knows are ignored."""
    root = make_root("r1")
    root.configure(
        {"use_bootstrap": False, "dnf_warning": False, "package_manager": "dnf", "nspawn_args": ["-q"]}
    )
    root.init()
    assert engine.native
