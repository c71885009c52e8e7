"""What `moromi` does beyond printing what `koji` prints: errors, JSON, profiles, push, start-up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from moromi_cli.table import COMMANDS
from samplesite.site import ADMIN, Site
from support.commands import Command


@contextmanager
def started(command: Command, *words: Any) -> Iterator[subprocess.Popen[str]]:
    """A command in the background, which does not outlive the test, however that ends."""
    process = command.start(*words)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_hello_and_version(moromi: Command, bare_site: Site) -> None:
    lines = moromi("hello").splitlines()
    assert re.fullmatch(rf"\S+, {ADMIN}!", lines[0])
    assert lines[2].startswith(f"You are using the hub at {bare_site.url}/kojihub (Koji ")
    assert lines[3] == "Authenticated via password"
    assert moromi("--noauth", "Hola").startswith("Not authenticated\n")
    assert json.loads(moromi("version", "--json")).keys() == {"client", "hub"}


def test_wrong_password(moromi: Command) -> None:
    words = [
        word if word != moromi.argv[moromi.argv.index("--password") + 1] else "no" for word in moromi.argv
    ]
    done = Command("moromi", words, moromi.home).run("hello")
    assert done.returncode == 1
    assert done.stderr.endswith("[ERROR] koji: AuthError: invalid username or password\n")


def test_user_and_password_of_a_profile(bare_site: Site, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"[mine]\nserver = {bare_site.url}/kojihub\n"
        f"user = {ADMIN}\npassword = {bare_site.facts['admin_password']}\n"
    )
    argv = [sys.executable, "-m", "moromi_cli.main", "--config", str(config), "--profile", "mine"]
    assert f", {ADMIN}!" in Command("moromi", argv, tmp_path)("hello")


def test_no_login_possible(moromi: Command) -> None:
    place = moromi.argv.index("--user")
    argv = [*moromi.argv[:place], "--authtype", "nonsense"]
    done = Command("moromi", argv, moromi.home).run("hello")
    assert (done.returncode, done.stderr) == (
        1,
        "Unable to log in, no authentication methods available\n",
    )


def test_usage_error(moromi: Command) -> None:
    done = moromi.run("build", "nope")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "Usage: moromi build [options] <target> <srpm path or scm url>\n\nmoromi: error: "
    )
    done = moromi.run("--profile", "absent", "hello")
    assert done.returncode == 2
    assert done.stderr.endswith("moromi: error: no configuration for profile name: absent\n")


def test_unreachable_hub_is_said_at_once(moromi: Command) -> None:
    with started(moromi, "-s", "http://127.0.0.1:1/hub", "version") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "http://127.0.0.1:1/hub: Connection refused\n"
        assert process.stderr.readline().startswith("Trying again every 20 s")


@pytest.mark.parametrize(
    "words",
    ["list-tags", "list-targets", "list-hosts", "list-users", "list-tasks", "list-pkgs", "list-channels"],
)
def test_json(moromi: Command, words: str) -> None:
    assert isinstance(json.loads(moromi(*words.split(), "--json")), list)


def test_watching_ends_by_push_long_before_the_next_poll(bare_site: Site, moromi: Command) -> None:
    with bare_site.session() as session:
        task_id = session.makeTask("sleep", [5], channel="default")
        config = moromi.home / "slow.conf"
        text = (moromi.home / "moromi.conf").read_text()
        config.write_text(text.replace("poll_interval = 1", "poll_interval = 55"))
        with started(moromi, "--config", config, "watch-task", task_id) as watch:
            assert watch.stdout is not None
            assert watch.stdout.readline() == "Watching tasks (this may be safely interrupted)...\n"
            assert watch.stdout.readline().startswith(f"{task_id} sleep (noarch): free")
            time.sleep(1)  # the stream is up, its greeting has been answered
            start = time.monotonic()
            session.cancelTask(task_id)
            out, _ = watch.communicate(timeout=120)
            assert time.monotonic() - start < 40
    assert f"{task_id} sleep (noarch): free -> canceled\n" in out
    assert out.endswith(f"\n\n{task_id} sleep (noarch) was canceled\n")
    assert watch.returncode == 1


def test_interrupted_watch_says_how_to_go_on(bare_site: Site, moromi: Command) -> None:
    with bare_site.session() as session:
        task_id = session.makeTask("sleep", [5], channel="default")
        with started(moromi, "watch-task", task_id) as watch:
            assert watch.stdout is not None
            watch.stdout.readline()
            watch.stdout.readline()
            watch.send_signal(2)
            out, _ = watch.communicate(timeout=90)
        session.cancelTask(task_id)
    assert f"moromi watch-task {task_id}" in out
    assert watch.returncode == 1


def test_upload_and_download_of_an_import(bare_site: Site, moromi: Command, tmp_path: Path) -> None:
    rpms = sorted((Path(__file__).parent.parent / "data" / "rpms").glob("*.rpm"))
    source = next(path for path in rpms if path.name.endswith(".src.rpm"))
    text = moromi("import", source)
    assert text == f"uploading {source}... done\nimporting {source}... done\n"
    assert moromi("import", source) == f"RPM already imported: {source}\nSkipping import\n"
    nvr = source.name.removesuffix(".src.rpm")
    assert f"BUILD: {nvr} [" in moromi("buildinfo", nvr)
    moromi("download-build", "--quiet", "--arch", "src", nvr, cwd=tmp_path)
    got = tmp_path / source.name
    assert got.read_bytes() == source.read_bytes()
    got.write_bytes(got.read_bytes()[:100])
    text = moromi("download-build", "--noprogress", "--arch", "src", nvr, cwd=tmp_path)
    assert f"Appending to existing file {source.name}\n" in text
    assert got.read_bytes() == source.read_bytes()
    text = moromi("download-build", "--noprogress", "--arch", "src", nvr, cwd=tmp_path)
    assert f"File {source.name} already downloaded, skipping\n" in text


HEAVY = {"requests", "rich", "urllib3", "logging", "decimal"}
TO_TALK = {"http.client", "email", "ssl", "moromi.wire.xmlrpc"}


@pytest.mark.parametrize(  # others list plugins too
    ("words", "unneeded"),
    [("--help", HEAVY | TO_TALK), ("build --help", HEAVY | TO_TALK), ("version", HEAVY)],
)
def test_only_what_a_command_needs_is_imported(moromi: Command, words: str, unneeded: set[str]) -> None:
    script = (
        "import sys; from moromi_cli.main import run; run('moromi', sys.argv[2:]);"
        "found = set(sys.argv[1].split()) & set(sys.modules); sys.exit(' '.join(found) or 0)"
    )
    options = moromi.argv[1:]
    done = subprocess.run(
        [sys.executable, "-c", script, " ".join(unneeded), *options, *words.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_help_names_every_command(moromi: Command) -> None:
    listed = set(re.findall(r"^        (\S+)", moromi("help"), re.MULTILINE))
    assert listed == COMMANDS.keys()
