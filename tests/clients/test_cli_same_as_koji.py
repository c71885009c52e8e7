"""`moromi` prints what `koji` prints: standard output and exit code, byte by byte, from the same hub."""

from __future__ import annotations

import re
import shlex
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.commands import Command

SETUP = r"""
add-tag t1 --arches x86_64,i686 -x a=1 -x b=x
add-tag t1-build --parent t1 --arches x86_64
add-tag ext
add-tag locked
edit-tag locked --lock --perm admin -x 'c={"z":1}'
add-target t1 t1-build
add-target t1x t1-build ext
add-tag-inheritance t1-build ext --priority 5 --maxdepth 1 --noconfig --pkg-filter ^kernel
edit-tag-inheritance t1-build ext --priority 7
add-user alice
add-user --disable mallory
grant-permission --new --description mine myperm alice
add-pkg --owner alice t1 foo bar
add-pkg --owner alice t1 baz
block-pkg t1 baz
set-pkg-owner admin t1 bar
set-pkg-arches i686 t1 bar
add-group t1-build build
add-group t1-build srpm-build
add-group-pkg t1-build build bash gcc make
add-group-pkg t1-build srpm-build bash
add-group-req t1-build build srpm-build
block-group-pkg t1-build build gcc
remove-group-pkg t1-build build make
add-external-repo er1 http://127.0.0.1:1/x/ -t t1-build -m bare
add-external-repo er2 http://127.0.0.1:1/y/
add-external-repo -t t1-build::20 -a x86_64 er2
edit-external-repo er2 -t t1-build -p 25
add-host b2.example.org x86_64 i686
edit-host b2.example.org --capacity 4 --description 'one\ntwo'
edit-host b2.example.org --comment 'a comment that is so long that it has to be cut'
disable-host b2.example.org
add-channel chan1 --description 'a channel'
add-host-to-channel b2.example.org chan1
request-repo t1-build
call -p makeTask "'newRepo'" "['t1-build']" priority=25
"""

SAME = """
list-tags
list-tags --show-id --verbose
list-tags --unlocked
list-tags 't1*' ext
list-tags --package foo
taginfo t1
taginfo t1-build locked
taginfo nope
list-targets
list-targets --quiet --name t1
list-targets --name nope
list-tag-inheritance t1-build
list-tag-inheritance --reverse ext
list-pkgs
list-pkgs --tag t1-build
list-pkgs --tag t1 --show-blocked
list-pkgs --tag t1-build --quiet --noinherit
list-pkgs --owner alice
list-pkgs --package foo
list-pkgs --package nope
list-pkgs --owner nope
list-pkgs --tag nope
list-groups t1-build
list-groups --show-blocked t1-build
list-groups t1-build build
show-groups t1-build
list-external-repos
list-external-repos --tag t1-build
list-external-repos --used
list-external-repos --tag t1-build --inherit
list-external-repos --name er1 --quiet
list-hosts
list-hosts --enabled --quiet
list-hosts --channel chan1
list-hosts --channel nope
list-hosts --ready
list-hosts --arch i686 --show-channels --comment --description
hostinfo b2.example.org nope
list-channels
list-channels --simple
list-channels --comment --description
list-channels --enabled --quiet
list-users
list-users --usertype host
list-users --usertype xx
list-users --perm admin
list-permissions
list-permissions --user alice
list-permissions --mine
list-permissions --user nope
search tag 't*'
search package foo
call getTag t1
call --json-output getTag t1 strict=True
call getTag nope strict=True
call -p getTag "'t1'"
call -j echo '{"a": [1, null]}' x=3
call nosuch
list-tasks
list-tasks --quiet --method newRepo
list-tasks --mine
list-tasks --user nope
list-tasks --channel nope
list-tasks --all
list-builds
list-builds --package foo
list-builds --state XX
list-builds --owner admin --after 2020-01-01
list-tagged t1
list-tagged nope
list-tagged t1 --rpms
list-tagged --quiet --latest --inherit t1-build foo
list-tagged --event 5 t1
latest-build t1 foo
latest-build --all t1
latest-build nope foo
buildinfo nope-1-1
rpminfo nope-1-1.x86_64
taskinfo 9999
repoinfo 9999
list-buildroot 9999
list-api echo
untag-build t1 foo-1-1
tag-build t1 foo-1-1
cancel x
cancel 9999
cancel foo-1-1
build nope x
build locked x
build --scratch --draft t1 git://x
build --arch-override=x t1 git://x
chain-build t1x a-1-1
chain-build t1 a-1-1
watch-task
watch-task 9999
watch-logs 9999
resubmit 9999
move-build t1 ext foo-1-1
regen-repo nope
remove-tag nope
remove-target nope
add-target bad nosuch
add-group t1-build build
add-pkg --owner nope t1 foo
block-pkg t1 nope
add-channel chan1
add-host b2.example.org x86_64
edit-host nope --capacity 3
add-host-to-channel b2.example.org nope
grant-permission admin nope
assign-task 9999 b2.example.org
free-task 9999
add-user alice
download-build nope-1-1
download-task 9999
download-logs 9999
download-logs x
nosuch-command --help-me
"""


def commands(text: str) -> list[list[str]]:
    """One command a line."""
    return [shlex.split(line.replace(r"\n", "\n")) for line in text.strip().splitlines()]


@pytest.fixture(scope="module")
def content(moromi: Command) -> None:
    """Tags, packages, groups, hosts, made by our command."""
    for words in commands(SETUP):
        moromi(*words)


def settled(text: str) -> str:
    """Without what differs from call to call."""
    return re.sub(r"\b\d\d:\d\d:\d\d\b", "TIME", text)


@pytest.mark.parametrize("words", commands(SAME), ids=" ".join)
def test_same_output(content: None, moromi: Command, koji: Command, words: list[str]) -> None:
    with ThreadPoolExecutor() as both:
        ours, theirs = both.map(lambda command: command.run(*words), (moromi, koji))
    assert ours.returncode == theirs.returncode, ours.stderr + theirs.stderr
    if words[0] != "nosuch-command":  # the list of commands, each program's own
        assert settled(ours.stdout) == settled(theirs.stdout)
    if ours.returncode == 1 and not theirs.stderr.startswith("20"):
        assert ours.stderr == theirs.stderr
