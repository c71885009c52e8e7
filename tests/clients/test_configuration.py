"""Configuration and choice of a login, fact by fact, with both commands: files, profiles, options, keys.

The hub writes down what it is asked. Each fact is tried with the published `koji` and with `moromi` called
by the same name, and the two must have asked the same hub for the same and say the same of it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import koji
import pytest

from moromi.client.config import read_profile
from moromi.errors import ServerOffline
from samplesite.site import BIN
from support.recorder import Recorder, recorder

PROGRAMS = ("koji", "moromi")
OVERLAY = 'mount -t overlay overlay -o lowerdir="$0":/etc /etc && exec "$@"'
NUMBERS = (
    "max_retries retry_interval offline_retry_interval timeout auth_timeout upload_blocksize poll_interval"
)


@dataclass
class Ran:
    """A run of one program, and what the hubs were asked."""

    code: int
    out: str
    err: str
    asked: dict[str, list[str]]


@dataclass
class Place:
    """A home and an /etc for the programs, and hubs to name in files."""

    top: Path
    hubs: dict[str, Recorder]
    files: dict[str, str] = field(default_factory=dict)

    def write(self, files: Mapping[str, str]) -> None:
        """Files by their place: `~/…`, `/etc/…` or below the working directory; `{a}` is a hub's URL."""
        for name, text in files.items():
            path = self.top / name.replace("~", "home").lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.filled(text), encoding="utf-8")

    def filled(self, text: str) -> str:
        for name, hub in self.hubs.items():
            text = text.replace(f"{{{name}}}", hub.url)
        return text

    def run(self, program: str, *words: str, called: str = "koji") -> Ran:
        """One program under the name `called`."""
        link = self.top / "bin" / program / called
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(BIN / program)
        for hub in self.hubs.values():
            hub.calls.clear()
        command = [str(link), *(self.filled(word) for word in words)]
        if (self.top / "etc").exists():
            command = ["unshare", "-m", "sh", "-c", OVERLAY, str(self.top / "etc"), *command]
        done = subprocess.run(
            command,
            cwd=self.top,
            env={**os.environ, "HOME": str(self.top / "home")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
        asked = {name: hub.names for name, hub in self.hubs.items() if hub.calls}
        return Ran(done.returncode, done.stdout, done.stderr, asked)

    def both(self, *words: str, called: str = "koji") -> Ran:
        """Both programs; they must do the same. What ours did."""
        theirs, ours = (self.run(program, *words, called=called) for program in PROGRAMS)
        assert (ours.code, ours.asked) == (theirs.code, theirs.asked), theirs.err + ours.err
        return ours


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with recorder() as a, recorder() as b:
        (tmp_path / "home").mkdir()
        yield Place(tmp_path, {"a": a, "b": b})


A, B = "[koji]\nserver = {a}\n", "[koji]\nserver = {b}\n"
VERSION = ["getAPIVersion", "getKojiVersion"]
LISTED = ["getAPIVersion", "listTags"]
OPENED = ["login", "getAPIVersion", "listTags", "logout"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"~/.koji/config": B}, ()),
        ({"~/.koji/config": B, "~/.koji/config.d/z.conf": A}, ()),
        ({"~/.koji/config.d/b.conf": B, "~/.koji/config.d/a.conf": A}, ()),
        ({"~/.koji/config.d/b.conf": B, "~/.koji/config.d/c.cfg": A}, ()),
        ({"~/.koji/config": A, "mine": B}, ("-c", "mine")),
        ({"~/.koji/config": A, "mine/1.conf": A, "mine/2.conf": B, "mine/3.txt": A}, ("--config=mine",)),
        ({"~/.koji/config": A + "[p]\nserver = {b}\n"}, ("-p", "p")),
        ({"~/.koji/config": A}, ("-s", "{b}")),
        ({"~/.koji/config": B + "unknown = 5\n"}, ("--skip-main",)),
        ({"~/.koji/config": "[DEFAULT]\nserver = {b}\n[koji]\n"}, ()),
    ],
)
def test_which_hub_is_asked(place: Place, files: dict[str, str], words: tuple[str, ...]) -> None:
    place.write(files)
    assert place.both(*words, "version").asked == {"b": VERSION}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs an /etc of its own")
def test_files_of_the_system_come_before_those_of_the_user(place: Place) -> None:
    place.write({"/etc/koji.conf.d/1.conf": A, "/etc/koji.conf.d/2.conf": B})
    assert place.both("version").asked == {"b": VERSION}
    place.write({"/etc/koji.conf": A})
    assert place.both("version").asked == {"a": VERSION}
    place.write({"~/.koji/config": B, "mine": "[koji]\nmax_retries = 0\n"})
    assert place.both("version").asked == {"b": VERSION}
    assert place.both("-c", "mine", "version").asked == {"a": VERSION}, "in place of the user's only"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-p", "absent", "version"), "no configuration for profile name: absent"),
        (("-p", "absent"), "no configuration for profile name: absent"),
        (("-c", "absent", "version"), "absent"),
        (("-c", "empty", "version"), "No config files found in directory: empty"),
        (("-p", "bad", "version"), "value for timeout config option must be a valid integer"),
    ],
)
def test_a_configuration_that_cannot_be_is_an_error_of_use(
    place: Place, words: tuple[str, ...], said: str
) -> None:
    place.write({"~/.koji/config": A + "[bad]\ntimeout = soon\n", "empty/x.txt": ""})
    ran = place.both(*words)
    assert (ran.code, ran.asked) == (2, {})
    assert re.search(f"\n\nkoji: error: .*{said}", ran.err)


def test_the_program_s_name_is_the_profile(place: Place) -> None:
    place.write({"~/.koji/config": A + "[stage]\nserver = {b}\n"})
    assert place.both("version", called="stage").asked == {"b": VERSION}
    assert place.both("version", called="test").code == 2
    assert place.run("moromi", "version", called="moromi").asked == {"a": VERSION}, "has no section"


@pytest.mark.parametrize("words", [(), ("--help-commands",), ("--noauth", "help")])
def test_commands_are_listed_without_a_hub(place: Place, words: tuple[str, ...]) -> None:
    place.write({"~/.koji/config": A})
    ran = place.both(*words)
    assert (ran.code, ran.asked) == (0, {})
    assert ran.out.startswith("Available commands:\n")


PASSWORD = ("--user=alice", "--password=pw")


@pytest.mark.parametrize(
    ("settings", "words", "asked"),
    [
        ("", ("list-tags",), LISTED),
        ("", (*PASSWORD, "list-tags"), LISTED),
        ("", (*PASSWORD, "--force-auth", "list-tags"), OPENED),
        ("force_auth = yes", (*PASSWORD, "list-tags"), OPENED),
        ("force_auth = yes", (*PASSWORD, "--noauth", "list-tags"), LISTED),
        ("authtype = password", (*PASSWORD, "--force-auth", "list-tags"), OPENED),
        ("authtype = ssl", (*PASSWORD, "--force-auth", "--authtype=password", "list-tags"), OPENED),
        ("authtype = noauth", (*PASSWORD, "--force-auth", "list-tags"), LISTED),
        ("", (*PASSWORD, "--force-auth", "--authtype=noauth", "list-tags"), LISTED),
        ("cert = ~/absent.pem", (*PASSWORD, "--force-auth", "list-tags"), OPENED),
    ],
)
def test_when_and_how_one_logs_in(
    place: Place, settings: str, words: tuple[str, ...], asked: list[str]
) -> None:
    place.write({"~/.koji/config": f"{A}{settings}\n"})
    assert place.both(*words).asked == {"a": asked}
    logins = [args for name, args, _ in place.hubs["a"].calls if name == "login"]
    assert logins == ([["alice", "pw"]] if "login" in asked else [])


def test_what_is_mine_needs_a_login(place: Place) -> None:
    place.write({"~/.koji/config": A})
    place.hubs["a"].functions["getUser"] = lambda *args, **kwargs: {"id": 1, "name": "alice"}
    ran = place.both(*PASSWORD, "list-permissions", "--mine")
    assert ran.asked["a"][0] == "login"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--authtype=nonsense",), "Unable to log in, no authentication methods available"),
        (("--authtype=ssl",), "AuthError: No client cert provided"),
        (("--authtype=ssl", "--cert=absent.pem"), "AuthError: Certificate absent.pem does"),
    ],
)
def test_a_login_that_cannot_be(place: Place, words: tuple[str, ...], said: str) -> None:
    place.write({"~/.koji/config": A})
    ran = place.both(*words, "hello")
    assert (ran.code, ran.asked) == (1, {})
    assert said in ran.err


def test_a_debugger_is_told_of_the_login(place: Place) -> None:
    place.write({"~/.koji/config": A})
    for words in (("-d",), ("--debug",)):
        assert "successfully connected to hub\n" in place.both(*words, *PASSWORD, "hello").out
    place.write({"~/.koji/config": A + "debug = yes\n"})
    assert "successfully connected to hub\n" in place.both(*PASSWORD, "hello").out


@pytest.mark.parametrize(
    ("settings", "attempts"),
    [("", 3), ("anon_retry = no", 1), ("max_retries = 1", 2)],
)
def test_how_often_a_broken_hub_is_asked(place: Place, settings: str, attempts: int) -> None:
    defaults = {"max_retries": "2", "retry_interval": "0"}
    lines = [f"{key} = {value}" for key, value in defaults.items() if key not in settings]
    place.write({"~/.koji/config": "\n".join([f"{A}{settings}", *lines, ""])})
    place.hubs["a"].broken = 1000
    for program in PROGRAMS:
        ran = place.run(program, "list-tags")
        assert (ran.code, ran.asked) == (1, {"a": ["getAPIVersion"] * attempts})


def test_how_long_a_slow_hub_is_waited_for(place: Place) -> None:
    hub = place.hubs["a"]
    hub.slowness = 3
    place.write({"~/.koji/config": f"{A}timeout = 1\nmax_retries = 0\n"})
    ran = place.both("list-tags")
    assert (ran.code, ran.asked) == (1, {"a": ["getAPIVersion"]})
    place.write({"~/.koji/config": f"{A}auth_timeout = 1\nmax_retries = 0\n"})
    ran = place.run("moromi", *PASSWORD, "hello")  # with Koji's client for tickets and certificates only
    assert (ran.code, ran.asked) == (1, {"a": ["login"]})


def test_an_outage_is_waited_out_on_request(place: Place) -> None:
    failures: list[int] = []

    def outage() -> list[str]:
        failures.append(1)
        if len(failures) % 3:
            raise ServerOffline("database outage")
        return []

    place.hubs["a"].functions["listTags"] = lambda **kwargs: outage()
    place.write({"~/.koji/config": f"{A}offline_retry = yes\noffline_retry_interval = 0\n"})
    ran = place.both("list-tags")
    assert (ran.code, ran.asked) == (0, {"a": ["getAPIVersion", *["listTags"] * 3]})
    place.write({"~/.koji/config": A})
    assert place.both("list-tags").asked == {"a": LISTED}


def test_files_and_pages_are_where_options_say(place: Place) -> None:
    row = {
        "name": "x",
        "nvr": "x-1-1",
        "package_name": "x",
        "version": "1",
        "release": "1",
        "volume_name": "DEFAULT",
    }
    hub = place.hubs["a"]
    hub.functions.update(
        getTag=lambda *args, **kwargs: {"id": 1, "name": "t", "arches": "noarch", "extra": {}},
        listTagged=lambda *args, **kwargs: [
            {**row, "tag_name": "t", "owner_name": "alice", "id": 5, "build_id": 5}
        ],
        getBuildTarget=lambda *args, **kwargs: None,
        getBuildTargets=lambda *args, **kwargs: [{"name": "t"}],
        newRepo=lambda *args, **kwargs: 12,
    )
    place.write({"~/.koji/config": f"{A}topdir = ~/files\nweburl = http://web\n"})
    home = place.top / "home"
    for words, path in (
        ((), str(home / "files")),
        (("--topdir=/elsewhere",), "/elsewhere"),
        (("--topdir=~",), str(home)),
    ):
        out = {place.run(program, *words, "list-tagged", "--paths", "t").out for program in PROGRAMS}
        assert len(out) == 1
        assert f"{path}/packages/x/1/1" in out.pop()
    for words, url in ((), "http://web"), (("--weburl=http://other",), "http://other"):
        command = (*words, *PASSWORD, "regen-repo", "--make-task", "--nowait", "t")
        out = {place.run(program, *command).out for program in PROGRAMS}
        assert len(out) == 1
        assert f"Task info: {url}/taskinfo?taskID=12\n" in out.pop()


def test_quiet_is_the_default_of_commands(place: Place) -> None:
    place.write({"~/.koji/config": A})
    target = {"name": "x", "build_tag_name": "x-build", "dest_tag_name": "x"}
    place.hubs["a"].functions["getBuildTargets"] = lambda *args, **kwargs: [target]
    loud, quiet = place.both("list-targets").out, place.both("-q", "list-targets").out
    assert loud.splitlines()[2:] == quiet.splitlines()


# -- the keys

EVERY_KEY = """
server = http://h/%%20
weburl = http://w
topurl = http://t
pkgurl = http://k/packages
max_retries = 3
retry_interval = 4
anon_retry = no
offline_retry = yes
offline_retry_interval = 5
timeout = 6
auth_timeout = 7
use_fast_upload = no
upload_blocksize = 8
poll_interval = 9
principal = me@REALM
keytab = /kt
cert = ~/c.pem
serverca = ~/ca.pem
authtype = ssl
debug = 1
debug_xmlrpc = on
force_auth = true
pyver = 3
plugin_paths = ~/a:/b
"""


@pytest.mark.parametrize("text", ["", EVERY_KEY, "cert =\nserverca =\n", "no_ssl_verify = yes\n"])
@pytest.mark.parametrize("certificates", [False, True])
def test_keys_and_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, certificates: bool
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".koji").mkdir()
    if certificates:
        for name in ("client.crt", "serverca.crt"):
            (tmp_path / ".koji" / name).touch()
    config = tmp_path / "config"
    config.write_text(f"[p]\n{text}", encoding="utf-8")
    theirs = koji.read_config("p", str(config))
    ours = read_profile("p", str(config))
    beyond = {"user", "password", "patience"}
    assert {key: value for key, value in ours.as_dict().items() if key not in beyond} == {
        **theirs,
        "no_ssl_verify": bool(theirs["no_ssl_verify"]),
    }
    options = koji.grab_session_options(theirs)
    assert ours.session_options() == {**options, "no_ssl_verify": bool(options["no_ssl_verify"])}


@pytest.mark.parametrize("key", [*NUMBERS.split(), "pyver"])
def test_numbers_are_numbers(tmp_path: Path, key: str) -> None:
    config = tmp_path / "config"
    config.write_text(f"[p]\n{key} = 1.5\n", encoding="utf-8")
    said = f"value for {key} config option must be a valid integer"
    with pytest.raises(koji.ConfigurationError, match=said):
        koji.read_config("p", str(config))
    with pytest.raises(Exception, match=said) as caught:
        read_profile("p", str(config))
    assert type(caught.value).__name__ == "ConfigurationError"
