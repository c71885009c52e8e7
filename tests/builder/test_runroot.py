"""The plugins of the builder: what their configuration means, and mounts that end with their task."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from moromi.config import read_config
from moromi.errors import BuildrootError, ConfigurationError, GenericError, PluginError
from moromi.plugins import Loader, shipped
from moromi_builder import plugins, roots
from moromi_builder.settings import Settings
from moromi_builder.tasks.registry import lookup

GOOD = """
[runroot]
internal_dev_setup = no
[paths]
default_mounts = /mnt/archive, /mnt/work
safe_roots = /mnt/work
path_subs =
    /mnt/work/old/,/mnt/work/new
    /mnt/prehistory,/mnt/archive/stone
[path0]
mountpoint = /mnt/archive
path = archive.example.org:/vol/archive
fstype = nfs
options = ro,hard,nosuid
[path1]
mountpoint = /mnt/work/
path = {place}
fstype = none
options = bind,ro
[path3]
mountpoint = /mnt/lost
path = /lost
fstype = none
options = bind
"""


@pytest.fixture(scope="module")
def runroot() -> ModuleType:
    """The plugin runroot, loaded as the daemon does."""
    directory = shipped("builder")
    assert directory is not None
    return Loader(str(directory), prefix=plugins.FILE_MODULE).load("runroot")


def parse(runroot: ModuleType, tmp_path: Path, text: str) -> Any:
    """The configuration of a text."""
    path = tmp_path / "runroot.conf"
    path.write_text(text)
    return runroot.read_config(read_config(path))


def test_configuration(runroot: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    config = parse(runroot, tmp_path, GOOD.format(place=tmp_path))
    assert config.internal_dev_setup is False
    assert config.default_mounts == ("/mnt/archive", "/mnt/work")
    mount = config.mount("/mnt/archive/x", writable=False)
    assert (mount.source, mount.fstype, mount.options) == (
        "archive.example.org:/vol/archive/x",
        "nfs",
        "ro,hard,nosuid",
    )
    mount = config.mount("/mnt/work/a/b", writable=True)
    assert (mount.name, mount.source, mount.options) == ("/mnt/work/a/b", f"{tmp_path}/a/b", "bind,rw")
    assert config.mount("/mnt/work", writable=False).options == "bind,ro"
    assert config.mount("/mnt/prehistory/flint", writable=False).source.endswith(":/vol/archive/stone/flint")
    with pytest.raises(BuildrootError, match=rf"No such directory to mount .*: {tmp_path}/new/x"):
        config.mount("/mnt/work/old/x", writable=True)
    for path in ("/mnt/lost", "/mnt", "/mnt/archives"):
        with pytest.raises(GenericError, match="missing corresponding mountpoint"):
            config.mount(path, writable=True)
    safe = {path: config.is_safe(path) for path in ("/mnt/work", "/mnt/work/a", "/mnt/workshop", "/mnt", "/")}
    assert safe == {"/mnt/work": True, "/mnt/work/a": True, "/mnt/workshop": False, "/mnt": False, "/": False}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("safe_roots = /mnt/work", "safe_roots = mnt"),
        ("mountpoint = /mnt/archive", "mountpoint = archive"),
        ("fstype = nfs\n", ""),
        ("ro,hard,nosuid", "ro,bg"),
        ("path = archive.example.org:/vol/archive", "path = --bind"),
        ("path = {place}", "path = relative"),
        ("/mnt/work/old/,/mnt/work/new", "/mnt/work/old"),
        ("internal_dev_setup = no", "internal_dev_setup = perhaps"),
    ],
)
def test_bad_configuration(runroot: ModuleType, tmp_path: Path, old: str, new: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1).replace("{place}", str(tmp_path))
    with pytest.raises(ConfigurationError):
        parse(runroot, tmp_path, text)


def test_no_configuration(runroot: ModuleType) -> None:
    config = runroot.read_config({})
    assert config == runroot.Config() and not config.is_safe("/mnt")


@pytest.mark.parametrize(
    ("command", "output", "code", "name"),
    [
        ("echo one; echo two >&2", "one\ntwo\n", 0, "echo"),
        ("A=1 B='x y' sh -c 'echo $A; exit 4'", "1\n", 4, "y'"),
        (["printf", "%s|", "a b", "$HOME", "it's"], "a b|$HOME|it's|", 0, "printf"),
        ("read line; echo end", "end\n", 0, "read"),
        ("X=1", "", 0, "(none)"),
        ([], "", 0, "(none)"),
    ],
)
def test_commands(
    runroot: ModuleType, tmp_path: Path, command: Any, output: str, code: int, name: str
) -> None:
    if not command:
        assert runroot.program_name(command) == name
        return
    log = tmp_path / "runroot.log"
    script = runroot.script(command).replace(runroot.LOG, str(log))
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, log.read_text(), done.stdout) == (code, output, output)
    assert runroot.program_name(command) == name


MOUNTS = """
    import os, sys
    from pathlib import Path
    from types import SimpleNamespace
    from moromi_builder.commands import Status
    from moromi_builder.taskmounts import Mount, mounted
    import subprocess

    source, work = sys.argv[1:3]
    def command(words, log):
        return Status(subprocess.run(words, check=False).returncode)
    handler = SimpleNamespace(settings=SimpleNamespace(workdir=work), task_id=7, command=command)
    mounts = [Mount("a", source, "none", "bind,ro"), Mount("b", source, "none", "bind")]
    with mounted(handler, mounts) as (first, second):
        print((first / "file").read_text(), flush=True)
        (second / "new").touch()
        try:
            (first / "newer").touch()
        except OSError as error:
            print(error.strerror, flush=True)
        if len(sys.argv) > 3:
            os.kill(os.getpid(), 9)
    print(os.listdir(Path(work) / "mounts"), flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize("killed", [False, True])
def test_mounts_of_a_task(tmp_path: Path, killed: bool) -> None:
    """Nobody else sees them, and they are gone with the process, however that ends."""
    source, work = tmp_path / "source", tmp_path / "work"
    source.mkdir()
    work.mkdir()
    (source / "file").write_text("content")
    command = [sys.executable, "-c", textwrap.dedent(MOUNTS), str(source), str(work)]
    done = subprocess.run(
        [*command, *(["kill"] if killed else [])], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[:2] == ["content", "Read-only file system"], done.stderr
    assert str(work) not in Path("/proc/self/mounts").read_text()
    if killed:
        assert done.returncode == -9
        assert all(not list(place.iterdir()) for place in work.glob("mounts/*/*"))
    else:
        assert done.returncode == 0 and done.stdout.splitlines()[2:] == ["[]"]
    assert sorted(os.listdir(source)) == ["file", "new"]


def test_layers_of_a_root(tmp_path: Path) -> None:
    root = roots.LocalRoot(tmp_path / "r.cfg", str(tmp_path), 1, 2, True)
    assert roots.layers(root) == [f"{tmp_path}/root"]
    (tmp_path / "root.json").write_text('{"lowers": ["/cache/a/tree", "/cache/b/tree"]}')
    assert roots.layers(root) == [f"{tmp_path}/root", "/cache/a/tree", "/cache/b/tree"]


def test_loading(tmp_path: Path) -> None:
    def settings(*names: str) -> Settings:
        return Settings(server="x", topurl="x", plugins=names, pluginpath=f"/nowhere:{tmp_path}")

    (tmp_path / "kura_builder.py").write_text(
        "from moromi.plugins import callback\n"
        "from moromi_builder.plugin_api import callback as register\n"
        "seen = []\n"
        "@callback('postSCMCheckout', 'postTag')\n"
        "def note(kind, **arguments): seen.append((kind, arguments))\n"
        "@register('postSCMCheckout')\n"
        "def also(kind, **arguments): seen.append('also')\n"
    )
    plugins.load_plugins(settings("runroot", "save_failed_tree", "kura_builder"))
    for method in ("runroot", "saveFailedTree"):
        assert lookup(method) is not None
    plugins.run_callbacks("postSCMCheckout", srcdir="/x")
    seen = sys.modules["_koji_builder_plugin__kura_builder"].seen
    assert ("postSCMCheckout", {"srcdir": "/x"}) in seen and "also" in seen
    with pytest.raises(PluginError, match="No such plugin: scm_nothing"):
        plugins.load_plugins(settings("scm_nothing"))
