"""Permission to check out, and checkouts from real git repositories over a real git daemon."""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from moromi.errors import BuildError
from moromi.scm import parse_scm_url
from moromi_builder import commands
from moromi_builder.scm import Permission, checkout, match_rules, read_policy_action
from samplesite.site import free_port
from support.copr_sources import serving

URL = "git+https://src.example.com/rpms/hello#main"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("src.example.com:/rpms/*", Permission(True, ("make", "sources"))),
        ("*:/rpms/*:no", Permission(False, ("make", "sources"))),
        ("*:/rpms/*:off:fedpkg,sources", Permission(False, ("fedpkg", "sources"))),
        ("*:/rpms/*:yes:", Permission(True, None)),
        ("nonsense other.example.com:* src.example.com:/rpms/hello:0", Permission(False)),
        ("!*:/secret/* *:*", Permission()),
    ],
)
def test_rules_that_allow(rules: str, expected: Permission) -> None:
    assert match_rules(parse_scm_url(URL), rules) == expected


def test_a_local_repository_needs_a_rule_without_a_host() -> None:
    local = parse_scm_url("git+file:///srv/git/hello#main")
    assert match_rules(local, ":/srv/git/*:no:") == Permission(False, None)
    for rules in ("*:*", "*:/srv/*", "!*:/srv/git/hello :/srv/*"):
        with pytest.raises(BuildError):
            match_rules(local, rules)


@pytest.mark.parametrize("rules", ["", "other:*", "!src.example.com:* *:*", "src.example.com"])
def test_rules_that_do_not(rules: str) -> None:
    with pytest.raises(BuildError) as caught:
        match_rules(parse_scm_url(URL), rules)
    assert str(caught.value) == "src.example.com:/rpms/hello is not in the list of allowed SCMs"


def test_policy_actions() -> None:
    scm, before = parse_scm_url(URL), Permission(True, ("make", "sources"))
    assert read_policy_action(scm, "Allow", before) == Permission(False, ("make", "sources"))
    assert read_policy_action(scm, "yes use_common", before) == before
    assert read_policy_action(scm, "allow none", before) == Permission(False, None)
    assert read_policy_action(scm, "allow use_common fedpkg sources", before) == Permission(
        True, ("fedpkg", "sources")
    )
    with pytest.raises(BuildError) as caught:
        read_policy_action(scm, "deny not on weekends", before)
    assert str(caught.value) == "SCM: src.example.com:/rpms/hello is not allowed, reason: not on weekends"
    with pytest.raises(BuildError, match="reason: None"):
        read_policy_action(scm, None, before)


def git(directory: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=directory, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A git daemon over `hello` (branches main and old) and `common`; its `host:port` and directory."""
    top = tmp_path_factory.mktemp("git")
    for name in ("hello", "common"):
        work = top / name
        work.mkdir()
        git(work, "init", "-q", "-b", "main")
        (work / f"{name}.spec").write_text("Name: one\n")
        (work / "sub").mkdir()
        (work / "sub" / "inner.spec").write_text("Name: inner\n")
        git(work, "add", ".")
        git(work, "commit", "-q", "-m", "First")
    git(top / "hello", "branch", "old")
    (top / "hello" / "hello.spec").write_text("Name: two\n")
    git(top / "hello", "commit", "-q", "-am", "Second")
    port = free_port()
    words = ["git", "daemon", f"--base-path={top}", "--export-all", "--listen=127.0.0.1", f"--port={port}"]
    daemon = subprocess.Popen([*words, "--reuseaddr"])
    limit = time.monotonic() + 60
    while subprocess.run(
        ["git", "ls-remote", f"git://127.0.0.1:{port}/hello"], capture_output=True, check=False
    ).returncode:
        assert time.monotonic() < limit, "the git daemon does not answer"
        time.sleep(0.05)
    yield f"127.0.0.1:{port}", top
    daemon.terminate()
    daemon.wait()


class Runner:
    """Runs the commands of a checkout as a task does, with one log."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __call__(self, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> commands.Status:
        return commands.run(words, env=commands.environment(str(cwd), env), log=self.log, show=True, cwd=cwd)


@pytest.mark.parametrize(("revision", "text"), [("main", "two"), ("origin/main", "two"), ("old", "one")])
def test_branches(server: tuple[str, Path], tmp_path: Path, revision: str, text: str) -> None:
    scm = parse_scm_url(f"git://{server[0]}/hello#{revision}")
    found = checkout(scm, tmp_path, Permission(use_common=False), Runner(tmp_path / "checkout.log"))
    assert found.directory == tmp_path / "hello"
    assert (found.directory / "hello.spec").read_text() == f"Name: {text}\n"
    commit = git(server[1] / "hello", "rev-parse", "main" if text == "two" else "old")
    assert found.source == {
        "url": f"git://{server[0]}/hello#{revision}",
        "source": f"git://{server[0]}/hello#{commit}",
    }
    assert (tmp_path / "checkout.log").read_text().startswith("$ git clone -n git://")


def test_a_commit_that_no_branch_names_now(server: tuple[str, Path], tmp_path: Path) -> None:
    commit = git(server[1] / "hello", "rev-parse", "main~1")
    scm = parse_scm_url(f"git://{server[0]}/hello#{commit}")
    found = checkout(scm, tmp_path, Permission(use_common=False), Runner(tmp_path / "log"))
    assert (found.directory / "hello.spec").read_text() == "Name: one\n"


def test_module_and_common(server: tuple[str, Path], tmp_path: Path) -> None:
    scm = parse_scm_url(f"git://{server[0]}/hello?sub#main")
    found = checkout(scm, tmp_path, Permission(), Runner(tmp_path / "log"))
    assert found.directory == tmp_path / "hello" / "sub"
    assert (found.directory / "inner.spec").exists()
    assert (found.directory.parent / "common" / "common.spec").exists()


def test_a_revision_is_no_option_of_git(server: tuple[str, Path], tmp_path: Path) -> None:
    """A program of somebody else's on this machine is not run."""
    program = tmp_path / "program"
    with_refspec = program.with_name("program:KOJI_FETCH_HEAD")
    with_refspec.write_text(f"#!/bin/sh\ntouch {tmp_path}/has-run\n")
    with_refspec.chmod(0o755)
    scm = parse_scm_url(f"git+file://{server[1]}/hello#origin/--upload-pack={program}")
    (tmp_path / "work").mkdir()
    with pytest.raises(BuildError, match="git reset --hard"):
        checkout(scm, tmp_path / "work", Permission(use_common=False), Runner(tmp_path / "log"))
    assert not (tmp_path / "has-run").exists()


def test_a_module_that_leads_out_is_refused(server: tuple[str, Path], tmp_path: Path) -> None:
    git(server[1] / "hello", "checkout", "-q", "-b", "evil")
    (server[1] / "hello" / "way").symlink_to("/etc")
    git(server[1] / "hello", "add", "way")
    git(server[1] / "hello", "commit", "-q", "-m", "Evil")
    git(server[1] / "hello", "checkout", "-q", "main")
    scm = parse_scm_url(f"git://{server[0]}/hello?way#evil")
    with pytest.raises(BuildError, match="way leads out of"):
        checkout(scm, tmp_path, Permission(use_common=False), Runner(tmp_path / "log"))


def test_what_fails_names_the_command_and_the_log(server: tuple[str, Path], tmp_path: Path) -> None:
    scm = parse_scm_url(f"git://{server[0]}/hello#nosuchbranch")
    with pytest.raises(BuildError) as caught:
        checkout(scm, tmp_path, Permission(), Runner(tmp_path / "log"))
    assert str(caught.value) == (
        'Error running GIT command "git reset --hard nosuchbranch", see checkout.log for details'
    )


def test_subversion_fetches_what_the_rule_has_seen(tmp_path: Path) -> None:
    """A directory may name others to be put into it, of any server, or of this machine's disk."""
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as sources:
        sources.svn("secret", {"key": "nobody's business"})
        sources.svn("hello", {"README": "one"})
        tree = sources.place / "hello.checkout"
        (tree / "trunk").mkdir()
        (tree / "trunk" / "hello.spec").write_text("Name: hello\n")
        subprocess.run(["svn", "add", "-q", tree / "trunk"], check=True)
        elsewhere = f"file://{sources.place}/svn/secret stolen"
        subprocess.run(["svn", "propset", "-q", "svn:externals", elsewhere, tree / "trunk"], check=True)
        subprocess.run(["svn", "commit", "-q", "-m", "Trunk", tree], check=True)
        scm = parse_scm_url(f"{sources.svn_url}/hello?trunk#HEAD")
        found = checkout(scm, tmp_path, Permission(use_common=False), Runner(tmp_path / "log"))
    assert sorted(path.name for path in found.directory.iterdir()) == [".svn", "hello.spec"]
