"""`copr-cli` without a token: it logs in with a ticket of a real KDC, and goes on with a cookie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from requests_gssapi import HTTPSPNEGOAuth  # type: ignore[import-untyped]  # published without types
from sqlalchemy import func, update

from moromi_schema import tables as t
from support.copr import CHROOT, CoprHub, copr_hub
from support.copr_site import Cli
from support.hub import state_database
from support.kerberos import REALM, Kdc, running_kdc
from support.sites import Package

FAILED = "Can't log-in using GSSAPI: Kerberos authentication failed ({})"


@dataclass(frozen=True)
class Place:
    """A KDC, and a hub that takes its tickets."""

    kdc: Kdc
    copr: CoprHub
    directory: Path

    @property
    def url(self) -> str:
        """The root of the server, by the name that its key has."""
        return self.copr.url.replace("127.0.0.1", "localhost")

    @property
    def login_url(self) -> str:
        """Where tickets are shown."""
        return f"{self.url}/api_3/gssapi_login/"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """For all tests of this module; alice has a principal, dave only a ticket."""
    top = tmp_path_factory.mktemp("kerberos")
    (top / "kdc").mkdir()
    with (
        running_kdc(top / "kdc") as kdc,
        state_database() as dsn,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in kdc.environment.items():
            patch.setenv(name, value)
        kdc.add("alice", "dave", "HTTP/localhost")
        keytab = kdc.keytab("hub", "HTTP/localhost")
        options = {"GSSAPIKeytab": str(keytab), "AllowedKrbRealms": REALM, "LoginCreatesUser": False}
        with copr_hub(dsn, top, options) as copr:
            mapping = [{"old": None, "new": f"alice@{REALM}"}]
            copr.admin()("editUser", "alice", krb_principal_mappings=mapping)
            yield Place(kdc, copr, top)


def login(place: Place, who: str, patch: pytest.MonkeyPatch) -> requests.Response:
    """Show a ticket."""
    patch.setenv("KRB5CCNAME", place.kdc.ticket(who))
    return requests.get(place.login_url, auth=HTTPSPNEGOAuth(opportunistic_auth=True), timeout=60)


def expire(place: Place) -> None:
    """Let time pass until no session is valid any more."""
    with place.copr.hub.hub.call("test") as call:
        long_ago = func.now() - func.make_interval(0, 0, 0, 2)
        call.tx.execute(update(t.sessions).values(start_time=long_ago, renew_time=None))


def test_the_command(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unmodified command makes a project with nothing but a ticket."""
    config = place.directory / "copr"
    lines = ["[copr-cli]", f"copr_url = {place.url}", "username = alice", "encrypted = False"]
    config.write_text("\n".join([*lines, "gssapi = True", ""]), encoding="utf-8")
    monkeypatch.setenv("HOME", str(place.directory))
    monkeypatch.setenv("KRB5CCNAME", place.kdc.ticket("alice"))
    cli = Cli(config)
    assert "New project was successfully created" in cli("create", "proj", "--chroot", CHROOT)
    # the second time with what it has kept of the first
    os.unlink(place.kdc.ticket("alice").removeprefix("FILE:"))
    cli("modify", "proj", "--description", "What alice brews")
    # with a session that is over it logs in again
    expire(place)
    place.kdc.ticket("alice")
    cli("modify", "proj", "--description", "What alice sells")
    package = Package("ale").binary(place.directory)
    assert "Created builds: " in cli("uploadrpm", "proj", str(package), "--nowait")
    (found,) = place.copr.anonymous().ok("GET", "/project/list?ownername=alice")["items"]
    assert found["description"] == "What alice sells"


def test_a_ticket(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = login(place, "alice", monkeypatch)
    assert (answer.status_code, answer.json()["name"]) == (200, "alice")
    assert answer.headers["WWW-Authenticate"].startswith("Negotiate ")
    kept = answer.headers["Set-Cookie"]
    assert "HttpOnly" in kept and "SameSite=Strict" in kept
    cookie = answer.cookies["session"]
    check = f"{place.url}/api_3/auth-check"
    assert requests.get(check, cookies={"session": cookie}, timeout=60).json() == answer.json()
    number, _, key = cookie.partition(".")
    for wrong in (f"{number}.{key}x", f"{int(number) + 1}.{key}", number, f"x.{key}", f"{10**20}.{key}", "."):
        refused = requests.get(check, cookies={"session": wrong}, timeout=60)
        assert refused.status_code == 401 and "Login invalid/expired" in refused.json()["error"], wrong
    # it is a session like any other: whoever may end those ends it
    place.copr.admin()("logout", session_id=int(number))
    assert requests.get(check, cookies={"session": cookie}, timeout=60).status_code == 401


def test_no_ticket(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = requests.get(place.login_url, timeout=60)
    assert (answer.status_code, answer.json()) == (403, {"error": FAILED.format("no credentials provided")})
    answer = login(place, "dave", monkeypatch)
    error = FAILED.format(f"Unknown user: dave@{REALM}")
    assert (answer.status_code, answer.json()["error"]) == (403, error)
    headers = {"Authorization": "Negotiate bm90aGluZw=="}
    answer = requests.get(place.login_url, headers=headers, timeout=60)
    assert answer.status_code == 403 and "GSSAPI login failed" in answer.json()["error"]
    assert "Set-Cookie" not in answer.headers
