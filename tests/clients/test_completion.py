"""Completion by real shells: what a press of the tab key offers."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from samplesite.site import BIN, Site
from support.commands import Command

# Types a line into the completion function that a shell has for `moromi`, and prints what it offers.
BASH = """
source <(moromi completion bash)
COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_moromi
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def home(bare_site: Site, tmp_path: Path) -> Path:
    """A user whose profile names the hub, with a tag and a target in it."""
    with bare_site.session() as session:
        if not session.getTag("shell-tag"):
            session.createTag("shell-tag", arches="x86_64")
            session.createBuildTarget("shell-target", "shell-tag", "shell-tag")
    (tmp_path / ".moromi").mkdir()
    (tmp_path / ".moromi" / "config").write_text(f"[moromi]\nserver = {bare_site.url}/kojihub\n")
    return tmp_path


def in_shell(shell: str, script: str, home: Path) -> list[str]:
    """What the script prints, line by line."""
    environment = {"HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    made = subprocess.run(
        [shell, *options, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return made.stdout.split("\n")[:-1]


def offered(words: str, home: Path) -> list[str]:
    """What bash offers for the last of the words."""
    return in_shell("bash", BASH.format(words=words), home)


def test_commands_and_options(home: Path) -> None:
    assert offered("moromi watch-", home) == ["watch-logs", "watch-task", "watch-tasks"]
    assert offered("moromi --prof", home) == ["--profile"]
    assert offered("moromi build --no", home) == ["--no-rebuild-srpm", "--noprogress", "--nowait"]
    assert offered("moromi export --only t", home) == ["tags", "targets"]
    assert "bash" in offered("moromi completion ''", home)


def test_names_of_the_hub(home: Path, bare_site: Site) -> None:
    assert offered("moromi -p moromi build shell", home) == ["shell-target"]
    assert offered("moromi list-tagged --latest shell", home) == ["shell-tag"]
    assert offered("moromi list-pkgs --tag shell", home) == ["shell-tag"]
    assert "admin" in offered("moromi userinfo ''", home)
    assert offered("moromi list-tagged shell-tag shell", home) == [""]


OURS = """
from moromi_cli.plugin_api import argument, listing, option
@listing("list-casks", "[options] <tag>")
@option("--full/--empty", help="of these")
@argument("tag")
def list_casks(cli, full, tag):
    '''[info] Casks of a tag'''
"""
FOR_KOJI = """
from pathlib import Path
from koji.plugin import export_cli
Path("{imported}").touch()
@export_cli
def anon_handle_count_casks(goptions, session, args):
    "[info] Count the casks"
    parser = OptionParser(usage="usage: %prog count-casks [--by NUMBER]")
    parser.add_option("-b", "--by", type="int", help=_("so many at once"))
    parser.add_option("--secret", help=SUPPRESS_HELP)
"""


def test_commands_of_plugins(home: Path) -> None:
    imported = home / "imported"
    plugins = {
        ".moromi/plugins/ours.py": OURS,
        ".koji/plugins/theirs.py": FOR_KOJI.format(imported=imported),
        "more/broken.py": "def handle_count_casks(:",
        "more/buildroots.py": OURS.replace('"list-casks"', "'list-buildroot'"),
    }
    for name, text in plugins.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    assert offered("moromi list-ca", home) == ["list-casks"]
    assert offered("moromi list_casks --", home) == ["--empty", "--full", "--help", "--json"]
    assert offered("moromi list-casks shell", home) == ["shell-tag"]
    assert offered("moromi count-", home) == ["count-casks"]
    assert offered("moromi count-casks --", home) == ["--by", "--help"]
    assert offered("moromi list-buildroot --f", home) == [""]
    more = f"moromi --plugin-paths {home}/more list-buildroot"
    assert offered(f"{more} --f", home) == ["--full"]
    script = "moromi completion fish | source; complete -C '{}'"
    assert in_shell("fish", script.format("moromi count-"), home) == ["count-casks\tCount the casks"]
    found = in_shell("fish", script.format("moromi count-casks --b"), home)
    assert found == ["--by\tso many at once"]
    assert not imported.exists()


def test_names_are_kept(home: Path, bare_site: Site) -> None:
    offered("moromi taginfo shell", home)
    config = home / ".moromi" / "config"
    (kept,) = (home / ".cache" / "moromi").glob("*/tag")
    kept.write_text("shell-kept")
    assert offered("moromi taginfo shell", home) == ["shell-kept"]
    config.write_text("[moromi]\nserver = http://127.0.0.1:1/hub\n")
    start = time.monotonic()
    assert offered("moromi taginfo shell", home) == [""]
    assert time.monotonic() - start < 18, "others try again after 20 s"


def test_completion_by_fish(home: Path) -> None:
    script = "moromi completion fish | source; complete -C '{}'"
    assert in_shell("fish", script.format("moromi watch-l"), home) == ["watch-logs\tFollow the logs of tasks"]
    assert in_shell("fish", script.format("moromi build shell-"), home) == ["shell-target"]


def test_completion_by_zsh(home: Path) -> None:
    script = (
        "compdef() {{ :; }}; _describe() {{ print -l -- ${{(P)2}}; }}; "
        'eval "$(moromi completion zsh)"; words=({words}); CURRENT=$#words; _moromi'
    )
    found = in_shell("zsh", script.format(words="moromi watch-l"), home)
    assert found == ["watch-logs:Follow the logs of tasks"]
    assert in_shell("zsh", script.format(words="moromi build shell-"), home) == ["shell-target"]


def test_errors_of_completion_are_silent(moromi: Command) -> None:
    done = moromi.run("completion", "tcsh")
    assert done.returncode == 2
    assert "'tcsh' is not one of" in done.stderr
