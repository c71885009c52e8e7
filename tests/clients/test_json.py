"""`--json` of every command that has it: its keys are those that the reference promises."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from mksrpm import find_spec, make_srpm
from moromi_cli.jsonkeys import KEYS
from moromi_cli.lazy import load
from moromi_cli.main import run
from moromi_cli.table import COMMANDS
from samplesite.site import Site
from support.commands import Command

CONTENT = """
permissions: {json: of this test}
users: {json-user: {permissions: [json]}}
channels: {json-channel: {}}
hosts: {json.example.org: {arches: x86_64, channels: [json-channel]}}
external-repos: {json-repo: "http://127.0.0.1:1/"}
tags:
  json-base: {arches: x86_64, packages: {hello-noarch: json-user}}
  json:
    arches: x86_64
    inheritance: [json-base]
    external-repos: [json-repo]
    groups: {build: [bash]}
    packages: {hello-noarch: json-user}
targets: {json: {build: json, dest: json-base}}
"""

WORDS = """
buildinfo {nvr}
diff-builds {nvr} {nvr}
export
hostinfo json.example.org
latest-build json hello-noarch
list-api
list-buildroot 0
list-builds --package hello-noarch
list-channels
list-external-repos
list-groups json
list-history --tag json
list-hosts
list-notifications --mine
list-permissions
list-pkgs --tag json
list-signed --tag json-base
list-tag-inheritance json
list-tagged json-base
list-tags json
list-targets --name json
list-tasks
list-untagged
list-users
list-volumes
moshimoshi
repoinfo 0
rpminfo {nvr}.src
scheduler-info
scheduler-logs
search package hello-noarch
show-groups json
status
taginfo json
taskinfo {task}
userinfo json-user
version
why {task}
"""


#: These wait for what a builder makes, ask a plugin, or pass on what the hub answers.
ELSEWHERE = {"call", "list-sidetags", "wait-repo", "wait-repo-request"}
#: Nothing of the kind is on a hub where nobody builds.
EMPTY = {"list-signed", "repoinfo", "scheduler-info", "scheduler-logs"}


@pytest.fixture(scope="module")
def names(moromi: Command, bare_site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Something of each kind; how the words above call it."""
    path = tmp_path_factory.mktemp("content") / "hub.yaml"
    path.write_text(CONTENT, encoding="utf-8")
    moromi("apply", "--yes", path)
    source = make_srpm(find_spec("hello-noarch"), path.parent)
    moromi("import", source)
    nvr = source.name.removesuffix(".src.rpm")
    with bare_site.session() as session:
        if not session.getBuild(nvr) or not session.listTags(build=nvr):
            session.tagBuildBypass("json-base", nvr)
        task = session.makeTask("sleep", [1], channel="json-channel")
        if not session.listBuilds(prefix="fermenter"):
            session.createEmptyBuild("fermenter", "0", "0", None)
    return {"nvr": nvr, "task": task}


def in_process(moromi: Command, capsys: pytest.CaptureFixture[str], words: list[str]) -> Any:
    """What a command prints. Starting a process for each would take longer than all the rest."""
    run("moromi", [*moromi.argv[1:], *words, "--json"])
    return json.loads(capsys.readouterr().out)


def test_every_listing_command_is_described() -> None:
    options = {name: [word for param in load(name).params for word in param.opts] for name in COMMANDS}
    listings = {name for name, words in options.items() if "--json" in words}
    assert listings == KEYS.keys()
    assert listings == {line.split()[0] for line in WORDS.strip().splitlines()} | ELSEWHERE


@pytest.mark.parametrize("line", WORDS.strip().splitlines())
def test_keys(names: dict[str, Any], moromi: Command, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(line.format(**names))
    found = in_process(moromi, capsys, words)
    kind, *promised = KEYS[words[0]].split()
    assert isinstance(found, dict if kind == "{}" else list)
    things = found if isinstance(found, list) else [found]
    assert things or words[0] in EMPTY
    for thing in things if kind != '""' else ():
        assert thing.keys() <= {key.removesuffix("?") for key in promised}
        assert thing.keys() >= {key for key in promised if not key.endswith("?")}


def test_what_never_ends_is_no_document(moromi: Command) -> None:
    done = moromi.run("list-history", "--watch", "--all", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--watch goes on for ever" in done.stderr
