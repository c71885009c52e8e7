"""Commands from plugin files: those written for `koji`, run by both programs, and those of our own form."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from support.commands import Command
from support.served import Served

FOR_KOJI = '''
from optparse import OptionParser

import koji
from koji.plugin import export_cli
from koji_cli.lib import activate_session, watch_tasks


@export_cli
def handle_count_casks(goptions, session, args):
    """[info] Count the casks of a tag"""
    parser = OptionParser(usage="usage: %prog count-casks [--by NUMBER] TAG")
    parser.add_option("--by", type="int", default=1)
    options, args = parser.parse_args(args)
    if len(args) != 1:
        parser.error("a tag is needed")
    activate_session(session, goptions)
    try:
        tag = session.getTag(args[0], strict=True)
    except koji.GenericError as err:
        print("no casks: %s" % err)
        return 3
    session.multicall = True
    session.getLoggedInUser()
    session.getBuildTargets(destTagID=tag["id"])
    user, targets = session.multiCall()
    print(user[0]["name"], tag["name"], len(targets[0]) * options.by, goptions.poll_interval, goptions.quiet)


@export_cli
def anon_handle_list_volumes(goptions, session, args):
    "[monitor] Other volumes"
    print("of the plugin", *sorted(volume["name"] for volume in session.listVolumes()), session.logged_in)


@export_cli
def handle_watch_casks(goptions, session, args):
    activate_session(session, goptions)
    task_id = session.makeTask("sleep", [1])
    session.cancelTask(task_id)
    return watch_tasks(session, [task_id], poll_interval=goptions.poll_interval)


def handle_not_exported(goptions, session, args):
    raise RuntimeError
'''

OURS = '''
from moromi_cli.plugin_api import Cli, Failure, Shown, activate_session, argument
from moromi_cli.plugin_api import command, export_cli, listing


@listing("list-casks", "[options] <tag>")
@argument("tag")
def list_casks(cli: Cli, tag: str) -> Shown:
    """[info] Targets of a tag.

    At length.
    """
    found = cli.session.getBuildTargets(destTagID=cli.session.getTag(tag, strict=True)["id"])
    return Shown(found, (target["name"] for target in found))


@command("empty-casks")
def empty_casks(cli: Cli) -> None:
    """Empty them."""
    raise Failure(f"{cli.session.getLoggedInUser()['name']} spills nothing", 4)


@export_cli
def handle_cask_owner(options, session, args):
    activate_session(session, options)
    print(session.getLoggedInUser()["name"], options.user, args)
'''


@pytest.fixture(scope="module", autouse=True)
def content(served: Served) -> None:
    """A tag with a target."""
    with served.session() as session:
        for name in ("cask-1", "cask-1-build"):
            session.createTag(name)
        session.createBuildTarget("cask-1-target", "cask-1-build", "cask-1")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory for plugins."""
    (tmp_path / "plugins").mkdir()
    return tmp_path / "plugins"


@pytest.mark.parametrize(
    "words",
    [
        ("count-casks", "cask-1", "--by", "7"),
        ("count_casks", "cask-1"),
        ("count-casks", "nosuch"),
        ("count-casks",),
        ("count-casks", "--nosuch"),
        ("list-volumes",),
        ("watch-casks",),
    ],
)
def test_plugin_for_koji_does_the_same_in_both(served: Served, place: Path, words: Sequence[str]) -> None:
    (place / "casks.py").write_text(FOR_KOJI, encoding="utf-8")
    done = [each.run("--plugin-paths", place, *words) for each in (served.koji(), served.moromi())]
    theirs, ours = (
        (
            each.returncode,
            re.sub(r"\d+ sleep", "ID sleep", each.stdout),
            each.stderr.replace("koji", "moromi"),
        )
        for each in done
    )
    assert theirs == ours
    assert "Traceback" not in done[1].stderr


def of_user(command: Command, folder: str, text: str) -> None:
    """A plugin in the home directory."""
    (command.home / folder).mkdir(parents=True, exist_ok=True)
    (command.home / folder / "casks.py").write_text(text, encoding="utf-8")


def test_plugin_of_ours(served: Served) -> None:
    moromi = served.moromi("alice")
    of_user(moromi, ".moromi/plugins", OURS)
    plain = moromi("list-casks", "cask-1")
    assert plain == "cask-1-target\n"
    assert plain.split() == [
        target["name"] for target in json.loads(moromi("list-casks", "--json", "cask-1"))
    ]
    done = moromi.run("empty-casks")
    assert (done.returncode, done.stderr) == (4, "alice spills nothing\n")
    assert moromi("cask-owner", "--x") == "alice alice ['--x']\n"
    text = moromi("help", "info")
    assert "        list-casks                Targets of a tag.\n" in text
    assert "At length." in moromi("list-casks", "--help")
    assert "[info]" not in moromi("list-casks", "--help")


def test_a_later_plugin_replaces_an_earlier_one(served: Served, place: Path) -> None:
    moromi = served.moromi("bob")
    words = """
from moromi_cli.plugin_api import command, say
@command("which-cask")
def which_cask(cli):
    say({!r})
"""
    of_user(moromi, ".koji/plugins", words.format("of the user"))
    for name in ("first", "last"):
        (place / name).mkdir()
        (place / name / "casks.py").write_text(words.format(name), encoding="utf-8")
    assert moromi("which-cask") == "of the user\n"
    assert moromi("--plugin-paths", f"{place}/first:{place}/last", "which-cask") == "first\n"


def test_a_broken_plugin_is_one_line(served: Served, place: Path) -> None:
    moromi = served.moromi()
    (place / "bad_syntax.py").write_text("def handle_casks(:\n", encoding="utf-8")
    (place / "no_module.py").write_text("import nosuchmodule  # handle_casks, handle_list_volumes\n")
    (place / "misnamed.py").write_text(
        "from koji.plugin import export_cli\n@export_cli\ndef casks(o, s, a): pass\n", encoding="utf-8"
    )
    (place / "good.py").write_text(FOR_KOJI, encoding="utf-8")
    words = ("--plugin-paths", place)
    done = moromi.run(*words, "list-volumes")
    assert (done.returncode, done.stdout) == (0, "of the plugin DEFAULT False\n")
    done = moromi.run(*words, "list-targets", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    done = moromi.run(*words, "help")
    assert "count-casks               Count the casks of a tag\n" in done.stdout
    assert [line.removeprefix(f"plugin {place}/") for line in done.stderr.splitlines()] == [
        "bad_syntax.py: SyntaxError: invalid syntax (bad_syntax.py, line 1)",
        "misnamed.py: PluginError: casks is exported, but is not named handle_… or anon_handle_…",
        "no_module.py: ModuleNotFoundError: No module named 'nosuchmodule'",
    ]
    assert moromi.run(*words, "casks").returncode == 1
