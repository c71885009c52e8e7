"""Logging in with what sites really use: a KDC, client certificates, nginx, the unmodified client.

One hub is served as operators serve it, with nginx in front of it in the documented configuration. The hub's
users are those of the conformance corpus; nginx connects from an address that the hub trusts, the tests'
own connections to the hub come from one that it does not.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gssapi
import koji
import pytest
import requests
from sqlalchemy import NullPool, create_engine, text

from moromi.client import ClientSession
from moromi.constants import AuthType
from moromi.errors import AuthError, GSSAPIAuthError
from moromi.wire import xmlrpc
from samplesite.services import wait_for
from samplesite.site import BIN, free_port
from support.commands import Command
from support.hub import state_database
from support.kerberos import OTHER_REALM, REALM, Kdc, running_kdc
from support.programs import background, listens
from support.terminal import on_terminal
from support.tls import PROXY_ADDRESS, Authority, running_nginx

_SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
_FORGED = {
    "MoromiClientVerify": "SUCCESS",
    "MoromiClientDN": "CN=kojiadmin",
    "MoromiRemoteUser": f"kojiadmin@{REALM}",
    "Remote-User": f"kojiadmin@{REALM}",
    "SSL-Client-Verify": "SUCCESS",
    "SSL-Client-S-DN-CN": "kojiadmin",
}


@dataclass(frozen=True)
class Place:
    """Everything that the tests talk to."""

    kdc: Kdc
    authority: Authority
    url: str
    """The hub behind nginx."""
    direct: str
    """The hub itself, without TLS."""
    log: Path
    dsn: str

    def session(self, **opts: Any) -> Any:
        """A session of the unmodified client, not logged in."""
        return koji.ClientSession(
            self.url, {"serverca": str(self.authority.certificate), "max_retries": 1, **opts}
        )

    def kerberos(self, principal: str, **arguments: Any) -> Any:
        """A session of the unmodified client, logged in with a ticket."""
        session = self.session()
        session.gssapi_login(ccache=self.kdc.ticket(principal), **arguments)
        return session

    def certificate(self, file: Path, **arguments: Any) -> Any:
        """A session of the unmodified client, logged in with a certificate."""
        session = self.session()
        session.ssl_login(str(file), None, str(self.authority.certificate), **arguments)
        return session

    def token(self, principal: str) -> str:
        """The header with which a client of Kerberos logs in."""
        credentials = gssapi.Credentials(usage="initiate", store={"ccache": self.kdc.ticket(principal)})
        service = gssapi.Name("HTTP@localhost", gssapi.NameType.hostbased_service)
        context = gssapi.SecurityContext(name=service, creds=credentials, usage="initiate", mech=_SPNEGO)
        first = context.step()
        assert first is not None
        return f"Negotiate {base64.b64encode(first).decode()}"

    def post(self, headers: dict[str, str], method: str = "sslLogin", path: str = "/ssllogin") -> Any:
        """A bare request through nginx."""
        return requests.post(
            f"{self.url}{path}",
            xmlrpc.encode_request(method, []),
            headers={"Content-Type": "text/xml", **headers},
            verify=str(self.authority.certificate),
            timeout=60,
        )

    def fault(self, headers: dict[str, str]) -> str:
        """What is wrong with a login."""
        answer = self.post(headers)
        assert answer.status_code == 200
        with pytest.raises(AuthError) as failure:
            xmlrpc.decode_response(answer.content)
        return str(failure.value)

    def log_text(self) -> str:
        """What the hub has logged."""
        return self.log.read_text(encoding="utf-8")

    def expire(self, session: Any) -> None:
        """Let time pass for a session, until it has to be renewed."""
        engine = create_engine(self.dsn, poolclass=NullPool)
        with engine.begin() as connection:
            old = text(
                "UPDATE sessions SET start_time = start_time - interval '2 days',"
                " renew_time = renew_time - interval '2 days' WHERE id = :id"
            )
            connection.execute(old, {"id": session.sinfo["session-id"]})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """KDC, hub and nginx, for all tests of this module."""
    top = tmp_path_factory.mktemp("authentication")
    port = free_port()
    for name in ("kdc", "hub", "nginx"):
        (top / name).mkdir()
    authority = Authority(top / "authority").create()
    with (
        running_kdc(top / "kdc") as kdc,
        state_database() as dsn,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in kdc.environment.items():
            patch.setenv(name, value)
        kdc.add("alice", "bob", "dave", "web", "builder1", f"carol@{OTHER_REALM}", "HTTP/localhost")
        config = _configure(top / "hub", port, dsn, kdc.keytab("hub", "HTTP/localhost"))
        log = top / "hub.log"
        with (
            background([str(BIN / "moromi-hub"), "web", "--config", str(config)], log),
            running_nginx(top / "nginx", port, authority) as url,
        ):
            assert wait_for(lambda: listens(port), 120), log.read_text(encoding="utf-8")
            direct = f"http://127.0.0.1:{port}/kojihub"
            made = Place(kdc, authority, url, direct, log, dsn)
            _attach_principals(made)
            yield made


def _configure(place: Path, port: int, dsn: str, keytab: Path) -> Path:
    options = {
        "DBConnectionString": dsn,
        "KojiDir": place,
        "Listen": f"127.0.0.1:{port}",
        "Workers": 1,
        "LoginCreatesUser": "no",
        "LogLevel": "INFO",
        "GSSAPIKeytab": keytab,
        "AllowedKrbRealms": REALM,
        "ProxyPrincipals": f"web@{REALM}",
        "ProxyDNs": "CN=web,O=Example|CN=other web,O=Example",
        "TrustedProxies": PROXY_ADDRESS,
        "ProxyIdentity": "certificate",
    }
    config = place / "hub.conf"
    lines = [f"{key} = {value}" for key, value in options.items()]
    config.write_text("\n".join(["[hub]", *lines, ""]), encoding="utf-8")
    return config


def _attach_principals(place: Place) -> None:
    admin = ClientSession(place.direct)
    admin.login("kojiadmin", "kojiadmin")
    for name in ("alice", "bob"):
        admin.call("editUser", name, krb_principal_mappings=[{"old": None, "new": f"{name}@{REALM}"}])
    admin.call("addUserKrbPrincipal", "builder1.example.org", f"builder1@{REALM}")
    admin.call("disableUser", "bob")


def test_a_ticket_logs_in(place: Place) -> None:
    session = place.kerberos("alice")
    user = session.getLoggedInUser()
    assert (user["name"], user["authtype"], user["krb_principal"]) == (
        "alice",
        AuthType.GSSAPI,
        f"alice@{REALM}",
    )
    assert session.logout() is None


def test_a_keytab_logs_a_builder_in(place: Place) -> None:
    keytab = place.kdc.keytab("builder1", "builder1")
    cache = f"FILE:{place.kdc.place}/builder1.made-by-login"
    session = place.session()
    session.gssapi_login(principal=f"builder1@{REALM}", keytab=str(keytab), ccache=cache)
    assert session.getLoggedInUser()["name"] == "builder1.example.org"
    session.exclusiveSession()
    assert session.host.getID() == session.getHost("builder1.example.org")["id"]


def test_our_own_client_logs_in(place: Place) -> None:
    session = ClientSession(place.url, {"serverca": str(place.authority.certificate)})
    session.gssapi_login(ccache=place.kdc.ticket("alice"))
    assert session.call("getLoggedInUser")["name"] == "alice"
    refused = ClientSession(place.url, {"serverca": str(place.authority.certificate)})
    with pytest.raises(GSSAPIAuthError, match=f"Unknown user: dave@{REALM}"):
        refused.gssapi_login(ccache=place.kdc.ticket("dave"))


CERT = "client certificate {authority}/alice-command.pem"


@pytest.mark.parametrize("program", ["koji", "moromi"])
@pytest.mark.parametrize(
    ("ticket", "settings", "words", "name", "way"),
    [
        ("alice", "", "", "alice", "GSSAPI"),
        ("alice", "authtype = kerberos\ncert = {authority}/alice-command.pem", "", "alice", "GSSAPI"),
        ("web", "", "--runas=carol", "carol", "GSSAPI"),
        (None, "", "--principal={builder} --keytab={keytab}", "builder1.example.org", "GSSAPI"),
        (None, "principal = {builder}\nkeytab = {keytab}", "", "builder1.example.org", "GSSAPI"),
        ("web", "", "--cert={authority}/alice-command.pem", "alice", CERT),
        ("web", "authtype = ssl\ncert = {authority}/alice-command.pem", "", "alice", CERT),
        (None, "cert = {authority}/web-command.pem", "--runas=carol", "carol", CERT.replace("alice", "web")),
        ("web", "authtype = ssl", "--authtype=password --user=alice --password=alice", "alice", "password"),
    ],
)
def test_the_commands_log_in(
    place: Place,
    commands: dict[str, str],
    tmp_path: Path,
    program: str,
    ticket: str | None,
    settings: str,
    words: str,
    name: str,
    way: str,
) -> None:
    cache = place.kdc.ticket(ticket) if ticket else f"FILE:{tmp_path}/made-by-login"
    config = f"serverca = {place.authority.certificate}\n{settings.format(**commands)}"
    out = greeted(place, tmp_path, program, config, words.format(**commands).split(), cache)
    assert out[0].endswith(f", {name}!")
    assert out[2].startswith(f"You are using the hub at {place.url} (Koji ")
    assert out[3] == f"Authenticated via {way.format(**commands)}"


@pytest.fixture(scope="module")
def commands(place: Place) -> dict[str, str]:
    """What the commands are told: where certificates and keys are, and whose."""
    place.authority.issue("alice-command", "/O=Example/CN=alice")
    place.authority.issue("web-command", "/O=Example/CN=web")
    keytab = place.kdc.keytab("builder1-command", "builder1")
    return {"authority": str(place.authority.place), "keytab": str(keytab), "builder": f"builder1@{REALM}"}


def greeted(place: Place, home: Path, program: str, settings: str, words: list[str], cache: str) -> list[str]:
    """The lines of `hello`, by one of the commands with a profile of the place."""
    config = home / "config"
    config.write_text(f"[{program}]\nserver = {place.url}\n{settings}\n", encoding="utf-8")
    done = subprocess.run(
        [str(BIN / program), "--config", str(config), *words, "hello"],
        env={**os.environ, "KRB5CCNAME": cache, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("program", ["koji", "moromi"])
def test_files_of_a_user_log_in(place: Place, commands: dict[str, str], tmp_path: Path, program: str) -> None:
    (tmp_path / ".koji").mkdir()
    mine = Path(commands["authority"], "alice-command.pem")
    (tmp_path / ".koji" / "client.crt").write_bytes(mine.read_bytes())
    (tmp_path / ".koji" / "serverca.crt").write_bytes(place.authority.certificate.read_bytes())
    out = greeted(place, tmp_path, program, "", [], "FILE:/none")
    assert out[0].endswith(", alice!")
    assert out[3] == f"Authenticated via client certificate {tmp_path}/.koji/client.crt"


def test_without_a_ticket_it_is_said_what_to_do(place: Place, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"[moromi]\nserver = {place.url}\nserverca = {place.authority.certificate}\n")
    cache = f"FILE:{tmp_path}/none"
    argv = [str(BIN / "moromi"), "--config", str(config)]
    with on_terminal(Command("moromi", argv, tmp_path, {"KRB5CCNAME": cache}), "hello") as terminal:
        assert terminal.finish() == 1
    assert re.fullmatch(
        r"moromi: error: unable to obtain a session \(gssapi auth failed: No Kerberos credentials available"
        r".*\) \(run kinit for a ticket, or give --user\)\n",
        terminal.text,
    )


@pytest.mark.parametrize(
    ("principal", "reason"),
    [
        (f"carol@{OTHER_REALM}", f"Kerberos principal's realm: {OTHER_REALM} is not allowed"),
        ("dave", f"Unknown user: dave@{REALM}"),
        ("bob", "logins by bob are not allowed"),
    ],
)
def test_a_ticket_of_the_wrong_person_says_so(place: Place, principal: str, reason: str) -> None:
    with pytest.raises(koji.GSSAPIAuthError, match=reason):
        place.kerberos(principal)
    if "@" not in principal:
        principal = f"{principal}@{REALM}"
    assert f"login of '{principal}' from 127.0.0.1 failed: {reason}" in place.log_text()


def test_proxy_users_with_tickets(place: Place) -> None:
    session = place.kerberos("web", proxyuser="carol")
    assert session.getLoggedInUser()["name"] == "carol"
    with pytest.raises(koji.GSSAPIAuthError, match=f"alice@{REALM} is not authorized to login other users"):
        place.kerberos("alice", proxyuser="carol")
    with pytest.raises(koji.GSSAPIAuthError, match="Proxy must use same auth mechanism as hub"):
        place.kerberos("web", proxyuser="carol", proxyauthtype=int(AuthType.SSL))
    with pytest.raises(koji.GSSAPIAuthError, match=f"realm: {OTHER_REALM} is not allowed"):
        place.kerberos("web", proxyuser=f"carol@{OTHER_REALM}")


def test_only_logins_are_challenged(place: Place) -> None:
    answer = place.post({})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Negotiate"
    assert "Kerberos ticket" in answer.text
    assert place.post({"Authorization": "Basic YTpi"}).status_code == 401
    assert xmlrpc.decode_response(place.post({}, "hello", "").content) == "Hello World"


def test_the_hub_proves_who_it_is(place: Place) -> None:
    answer = place.post({"Authorization": place.token("alice")})
    scheme, _, token = answer.headers["WWW-Authenticate"].partition(" ")
    assert scheme == "Negotiate" and base64.b64decode(token)
    assert xmlrpc.decode_response(answer.content)["session-id"]


def test_a_token_is_good_for_one_login(place: Place) -> None:
    header = {"Authorization": place.token("alice")}
    assert xmlrpc.decode_response(place.post(header).content)["session-id"]
    assert place.fault(header) == "GSSAPI login failed: Request is a replay"
    assert "login of None from 127.0.0.1 failed: GSSAPI login failed: Request is a replay" in place.log_text()


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("!", "the token is not base64"),
        ("YWJj", "Invalid token was supplied"),
        ("TlRMTVNTUAABAAAA", "An unsupported mechanism was requested"),
        # SPNEGO that only proposes Kerberos, without a ticket
        ("YBsGBisGAQUFAqARMA+gDTALBgkqhkiG9xIBAgI=", "the token begins an exchange of several steps"),
    ],
)
def test_a_bad_token_is_refused_with_the_reason(place: Place, token: str, reason: str) -> None:
    assert reason in place.fault({"Authorization": f"Negotiate {token}"})


def test_a_renewed_keytab_counts_at_once(place: Place) -> None:
    place.kdc.keytab("elsewhere", "HTTP/localhost")
    with pytest.raises(koji.GSSAPIAuthError, match="keytab is likely out of date"):
        place.kerberos("alice")
    place.kdc.keytab("hub", "HTTP/localhost")
    assert place.kerberos("alice").getLoggedInUser()["name"] == "alice"


def test_a_certificate_logs_in(place: Place) -> None:
    file = place.authority.issue("alice", r"/O=Example, Inc./OU=Bücher/CN=alice")
    user = place.certificate(file).getLoggedInUser()
    assert (user["name"], user["authtype"]) == ("alice", AuthType.SSL)


@pytest.mark.parametrize(
    ("name", "subject", "reason"),
    [
        ("comma", "/CN=carol/O=Evil,CN=kojiadmin", None),
        ("nobody", "/CN=nobody", "Unknown user: nobody"),
        ("blocked", "/CN=bob", "logins by bob are not allowed"),
        ("nameless", "/O=Example", r"unable to get user information \(CN\) from client certificate"),
        ("principal", f"/CN=kojiadmin@{REALM}", f"Unknown user: kojiadmin@{REALM}"),
    ],
)
def test_the_subject_says_who_it_is(place: Place, name: str, subject: str, reason: str | None) -> None:
    file = place.authority.issue(name, subject)
    if reason is None:
        assert place.certificate(file).getLoggedInUser()["name"] == "carol"
    else:
        with pytest.raises(koji.AuthError, match=reason):
            place.certificate(file)


def test_a_stranger_s_certificate_is_refused(place: Place, tmp_path: Path) -> None:
    file = Authority(tmp_path / "strangers").create().issue("kojiadmin", "/CN=kojiadmin")
    with pytest.raises(koji.AuthError, match="400 Client Error"):
        place.certificate(file)


def test_proxy_users_with_certificates(place: Place) -> None:
    web = place.authority.issue("web", "/O=Example/CN=web")
    assert place.certificate(web, proxyuser="carol").getLoggedInUser()["name"] == "carol"
    other = place.authority.issue("alice-proxy", "/O=Example/CN=alice")
    with pytest.raises(koji.AuthError, match="CN=alice,O=Example is not authorized to login other users"):
        place.certificate(other, proxyuser="carol")


@pytest.mark.parametrize("path", ["/ssllogin", ""])
def test_forged_headers_are_nothing_to_the_hub(place: Place, path: str) -> None:
    answer = requests.post(
        f"{place.direct}{path}",
        xmlrpc.encode_request("sslLogin", []),
        headers={"Content-Type": "text/xml", **_FORGED},
        timeout=60,
    )
    if path:
        assert answer.status_code == 401
        return
    with pytest.raises(AuthError, match=r"^could not verify client: None$"):
        xmlrpc.decode_response(answer.content)


def test_forged_headers_do_not_pass_nginx(place: Place) -> None:
    assert place.post(_FORGED).status_code == 401
    with pytest.raises(AuthError, match=r"^could not verify client: NONE$"):
        xmlrpc.decode_response(place.post(_FORGED, path="").content)
    underscored = {name.replace("-", "_"): value for name, value in _FORGED.items()}
    assert place.post(underscored).status_code == 401


def test_sessions_belong_to_the_address_behind_the_proxy(place: Place) -> None:
    session = place.kerberos("alice")
    assert session.getSessionInfo(details=True)["hostip"] == "127.0.0.1"
    keys = {
        "Koji-Session-Id": str(session.sinfo["session-id"]),
        "Koji-Session-Key": session.sinfo["session-key"],
    }
    forged = {**keys, "X-Forwarded-For": "192.0.2.1"}
    assert xmlrpc.decode_response(place.post(forged, "getLoggedInUser", "").content)["name"] == "alice"


def test_a_session_is_renewed_with_a_ticket(place: Place) -> None:
    session = place.kerberos("alice")
    before = dict(session.sinfo)
    place.expire(session)
    assert session.getLoggedInUser()["name"] == "alice"
    assert session.sinfo["session-id"] == before["session-id"]
    assert session.sinfo["session-key"] != before["session-key"]
    place.expire(session)
    with pytest.raises(koji.GSSAPIAuthError, match="Session belongs to another user"):
        session.gssapi_login(ccache=place.kdc.ticket("web"), proxyuser="carol", renew=True)


@pytest.mark.parametrize("way", ["ticket", "certificate", "password"])
def test_our_own_session_is_renewed_the_way_it_was_opened(place: Place, way: str) -> None:
    session = ClientSession(place.url, {"serverca": str(place.authority.certificate)})
    if way == "ticket":
        session.gssapi_login(ccache=place.kdc.ticket("alice"))
    elif way == "certificate":
        session.ssl_login(str(place.authority.issue("renewing", "/O=Example/CN=alice")))
    else:
        session.login("alice", "alice")
    assert session.sinfo
    before = dict(session.sinfo)
    place.expire(session)
    assert session.getLoggedInUser()["name"] == "alice"
    assert session.sinfo["session-id"] == before["session-id"]
    assert session.sinfo["session-key"] != before["session-key"]
