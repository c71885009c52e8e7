"""Wrong passwords, and callers without the right to do what they ask for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from moromi.client import ClientSession
from moromi.errors import AuthError, GenericError
from samplesite.site import ADMIN, BIN, BUILDER, Site
from support.commands import COMMANDS, command_of


@pytest.mark.parametrize("user", [ADMIN, BUILDER, "nobody"])
def test_wrong_password(site: Site, user: str) -> None:
    session = ClientSession(f"{site.url}/kojihub")
    with pytest.raises(AuthError, match=r"^invalid username or password$"):
        session.login(user, "wrong")
    assert session.call("getLoggedInUser") is None


@pytest.mark.parametrize("name", COMMANDS)
def test_command_with_a_wrong_password(site: Site, name: str, tmp_path: Path) -> None:
    command = command_of(site, name, tmp_path)
    done = command.run("--password", "wrong", "cancel", "1")
    assert done.returncode == 1
    assert "invalid username or password" in done.stderr
    assert "Traceback" not in done.stderr


def test_builder_with_a_wrong_password(site: Site) -> None:
    site.configure_builder("stranger", {"user": BUILDER, "password": "wrong"})
    command = [str(BIN / "moromi-builder"), "--config", str(site.state / "stranger.conf"), "--fg"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 1
    assert "Error: Unable to log in: invalid username or password" in done.stderr


def test_second_daemon_of_a_builder_is_refused(site: Site) -> None:
    account = {"user": BUILDER, "password": site.facts["builder_password"]}
    site.configure_builder("second", account)
    command = [str(BIN / "moromi-builder"), "--config", str(site.state / "second.conf"), "--fg"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 1
    assert "Error: Unable to get lock. Trying using --force-lock" in done.stderr
    assert site.builder().pid() is not None


def test_anonymous_build(site: Site) -> None:
    with pytest.raises(GenericError) as caught:
        ClientSession(f"{site.url}/kojihub").call("build", "x.src.rpm", "sample")
    assert caught.value.faultCode == 1004
