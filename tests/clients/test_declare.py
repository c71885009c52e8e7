"""`export` and `apply`: what one hub prints, another takes; nothing is done twice, or by halves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from moromi_cli.declare import document, plan
from moromi_cli.declare.applying import apply_some
from samplesite import content
from samplesite.site import Site
from support.commands import Command, command_of
from support.database import server_directory
from support.terminal import on_terminal

EVERYTHING = """
permissions:
  brewer: may brew
users:
  alice:
    principals: [alice@EXAMPLE.ORG, alice/x@EXAMPLE.ORG]
    permissions: [brewer, tag]
  robot: {enabled: false}
channels:
  slow: {description: slow builders, comment: old, enabled: false}
hosts:
  b1.example.org:
    arches: [x86_64, i686]
    capacity: 7.5
    channels: [default, slow]
    comment: in the cellar
  b2.example.org: {arches: x86_64 aarch64, enabled: false, channels: []}
external-repos:
  base: http://mirror.example.org/$arch/
  updates: http://mirror.example.org/updates/$arch/
tags:
  ale:
    arches: [x86_64]
    locked: true
    permission: brewer
    extra: {rpm.macro.dist: .ale, mock.new_chroot: false, nested: {a: [1, 2]}}
    packages:
      hops: alice
      malt: {owner: robot, arches: [aarch64], blocked: true}
    groups:
      build:
        packages: [bash, {"yeast": null}]
  ale-build:
    arches: x86_64 aarch64
    maven: true
    blocked-extra: [nested]
    inheritance:
      - ale
      - {parent: ale-base, priority: 20, maxdepth: 2, intransitive: true, noconfig: true, filter: "^h"}
    external-repos:
      - base
      - {name: updates, priority: 5, mode: bare, arches: [x86_64]}
    packages:
      hops: alice
    groups:
      build:
        description: what is always there
        packages:
          bash: {}
          gcc: {type: optional, basearchonly: true, requires: make}
          vi: {blocked: true}
        requires:
          srpm-build: {}
      srpm-build: [rpm-build]
  ale-base: {}
targets:
  ale: {build: ale-build, dest: ale}
""".replace('[bash, {"yeast": null}]', "[bash, yeast]")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """Our command on another hub, as new."""
    with server_directory() as place:
        site = Site(place / "site", {"RepoAuto": "no", "EnableMaven": "yes"}, preferred_port=0)
        site.state.mkdir(mode=0o711)
        site.configure()
        try:
            site.start_hub()
            content.add_accounts(site)
            yield command_of(site, "moromi", tmp_path_factory.mktemp("other"))
        finally:
            site.stop()


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def exported(command: Command) -> Any:
    return yaml.safe_load(command("export"))


def test_what_is_applied_is_not_done_again_and_moves_to_another_hub(
    moromi: Command, other: Command, tmp_path: Path
) -> None:
    path = written(tmp_path / "hub.yaml", EVERYTHING)
    shown = moromi("apply", "--dry-run", path)
    assert "+ tag ale-build (arches x86_64 aarch64, maven yes)\n" in shown
    assert "+ permission brewer\n" in shown
    assert moromi("apply", "--yes", path) == f"{shown}Done: {len(shown.splitlines())} changes.\n"
    assert moromi("apply", path) == "Nothing to do: the hub is as the file says.\n"
    config = json.loads(moromi("call", "--json-output", "getBuildConfig", "ale-build"))
    assert config["extra"] == {"rpm.macro.dist": ".ale", "mock.new_chroot": False}
    whole = moromi("export")
    again = other("apply", "--yes", written(tmp_path / "all.yaml", whole))
    assert "Done: " in again
    assert exported(other) == exported(moromi)
    assert other("apply", tmp_path / "all.yaml") == "Nothing to do: the hub is as the file says.\n"
    assert json.loads(moromi("export", "--json")) == yaml.safe_load(whole)


def test_a_list_that_is_there_is_complete_and_what_is_not_named_stays(
    moromi: Command, tmp_path: Path
) -> None:
    moromi("apply", "--yes", written(tmp_path / "hub.yaml", EVERYTHING))
    before = exported(moromi)
    changed = """
users: {alice: {permissions: [tag, admin]}}
hosts: {b1.example.org: {channels: [default], capacity: 3}}
tags:
  ale:
    extra: {rpm.macro.dist: .ale2}
    packages: {hops: robot, water: alice, malt: {owner: robot}}
    groups: {build: [bash, hops]}
  ale-build:
    blocked-extra: []
    inheritance: [{parent: ale, priority: 5}]
    external-repos: [{name: updates, priority: 0}]
targets: {ale: {build: ale-build, dest: ale-base}}
"""
    path = written(tmp_path / "changes.yaml", changed)
    shown = moromi("apply", "--yes", path)
    for line in (
        "- user alice: permission brewer",
        "- host b1.example.org: channel slow",
        "~ host b1.example.org: capacity 7.5 -> 3",
        "~ tag ale: package hops: owner 'alice' -> 'robot'",
        "~ tag ale: package malt: arches aarch64 -> none, blocked yes -> no",
        "- tag ale: group build: package yeast",
        "~ tag ale-build: parents ale ale-base -> ale",
        "- tag ale-build: external repository base",
        "~ target ale: ale-build -> ale-base",
    ):
        assert f"{line}\n" in shown
    after = exported(moromi)
    assert after["tags"]["ale"]["locked"]
    assert after["tags"]["ale"]["extra"] == {"rpm.macro.dist": ".ale2"}
    assert after["tags"]["ale"]["packages"] == {"hops": "robot", "malt": "robot", "water": "alice"}
    assert after["tags"]["ale-build"]["groups"] == before["tags"]["ale-build"]["groups"]
    assert after["users"]["robot"] == before["users"]["robot"]
    assert moromi("apply", path) == "Nothing to do: the hub is as the file says.\n"


def test_all_or_nothing(moromi: Command, tmp_path: Path) -> None:
    before = moromi("export")
    text = "tags: {half: {arches: x86_64}, more: {permission: nosuch}}\n"
    done = moromi.run("apply", "--yes", written(tmp_path / "bad.yaml", text))
    assert done.returncode == 1
    assert done.stderr.startswith("Nothing was changed. The hub refused: call 2 (createTag): ")
    assert done.stderr.endswith("\n  at: + tag more (permission 'nosuch')\n")
    assert moromi("export") == before


def test_on_a_hub_that_cannot_undo_what_is_refused_is_told(bare_site: Site) -> None:
    want = document.check(
        yaml.safe_load("tags: {base: {}, top: {inheritance: [base]}, bad: {permission: x}}"), ""
    )
    changes = plan.make({"tags": {}}, want, "admin")
    told: list[str] = []
    with bare_site.session() as session:
        assert apply_some(session, changes, told.append) == 1
        assert told == ["refused: + tag bad (permission 'x'): No such entry in table permissions: x"]
        assert [link["name"] for link in session.getInheritanceData("top")] == ["base"]
        assert not session.getTag("bad")
        for name in ("top", "base"):
            session.deleteTag(name)


def test_what_is_not_named_is_pruned_if_wanted(moromi: Command, tmp_path: Path) -> None:
    before = exported(moromi)
    moromi(
        "apply",
        "--yes",
        written(tmp_path / "more.yaml", "tags: {spare: {}}\ntargets: {spare: {build: spare, dest: spare}}"),
    )
    text = yaml.safe_dump({"tags": before["tags"], "targets": before.get("targets", {})})
    shown = moromi("apply", "--yes", "--prune", written(tmp_path / "hub.yaml", text))
    assert shown == "- target spare\n- tag spare\nDone: 2 changes.\n"
    assert exported(moromi) == before


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("tags: {f40: {archs: x86_64}}", "tags.f40.archs: no such key; is it arches?"),
        ("tags: {f40: {locked: 1}}", "tags.f40.locked: true or false is needed, not 1"),
        ("targets: {f40: {build: x}}", "targets.f40: no dest"),
        ("tags: {f40: {inheritance: [{priority: 1}]}}", "tags.f40.inheritance[0]: no parent"),
        ("targets: {f40: {destination: x}}", "targets.f40.destination: no such key; there are build, dest"),
        ("tags: [", "is not YAML: while parsing a flow node"),
        ("tags:\n  f40: {}\n  f41: {}\n  f40: {arches: i686}", "is not YAML: 'f40' is there twice in"),
        ("tags: {f40: {inheritance: [f40]}}", "tags.f40.inheritance: a tag cannot inherit from itself"),
        ("tags: {f40: {inheritance: [f39, f39]}}", "tags.f40.inheritance[1]: f39 is there twice"),
        ("tags: {f40: {arches: [x86_64, a b]}}", "tags.f40.arches: 'a b' is no architecture"),
        ("tags: {f40: {extra: {day: 2026-01-01}}}", "tags.f40.extra.day: a text, number, list or map"),
        ("tags: {f40: {extra: {day: [.nan]}}}", "tags.f40.extra.day[0]: a text, number, list or map"),
        (
            "tags: {f40: {inheritance: [{parent: x, priority: 1.5}]}}",
            "[0].priority: a whole number is needed",
        ),
        ("hosts: {b1: {capacity: -1}}", "hosts.b1.capacity: a number of nought or more is needed, not -1"),
        ("external-repos: {base: ''}", "external-repos.base: an address is needed"),
        ("# nothing\n", "bad.yaml is empty"),
    ],
)
def test_a_wrong_document_is_refused_with_the_place(
    moromi: Command, tmp_path: Path, text: str, error: str
) -> None:
    done = moromi.run("apply", written(tmp_path / "bad.yaml", text))
    assert done.returncode == 1
    assert error in done.stderr


def test_standard_input_is_a_file(moromi: Command) -> None:
    words = ["sh", "-c", 'echo "tags: {piped: {}}" | "$0" "$@"', *moromi.argv, "apply", "--yes", "-"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "+ tag piped\nDone: 1 change.\n"
    assert moromi("export", "pip*") == "tags:\n  piped: {}\n"
    moromi("remove-tag", "piped")
    done = moromi.run("export", "ale*", "pip*")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "No tag is like pip*\n")


def test_a_person_is_asked(moromi: Command, tmp_path: Path) -> None:
    path = written(tmp_path / "asked.yaml", "tags: {asked: {}}")
    done = moromi.run("apply", path)
    assert (done.returncode, done.stdout) == (1, "+ tag asked\n")
    assert done.stderr == "Nothing was changed: give --yes to make these changes without being asked\n"
    with on_terminal(moromi, "apply", path) as terminal:
        terminal.wait_for(r"\+ tag asked\n\nMake this change\? \[y/N\]")
        terminal.press("y\n")
        terminal.wait_for("Done: 1 change")
        assert terminal.finish() == 0
    moromi("remove-tag", "asked")
