"""`sslLogin`: whom a web server's word makes of a request, and whose word counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from moromi.constants import AuthType
from moromi.errors import AuthError, ConfigurationError, GenericError
from moromi_hub.auth.gate import Gate
from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_hub.settings import Settings
from support import database
from support.hub import Client, HubUnderTest, running_hub

REALM = "EXAMPLE.ORG"
PROXY = {"REMOTE_ADDR": "10.0.0.7"}


@pytest.fixture
def configured(postgres: EmbeddedPostgres, state: str, tmp_path: Path) -> Any:
    """A hub in the initial state, with options: a context manager."""

    @contextmanager
    def run(**options: Any) -> Iterator[HubUnderTest]:
        with database.clone(postgres, state) as dsn, running_hub(dsn, tmp_path / "tree", **options) as made:
            yield made

    return run


def login(hub: HubUnderTest, variables: dict[str, str], **arguments: Any) -> dict[str, Any]:
    """Log in with what a web server says; the user."""
    client = Client(hub.application, dict(variables))
    session = client("sslLogin", **arguments)
    client.headers = {
        **variables,
        "HTTP_KOJI_SESSION_ID": str(session["session-id"]),
        "HTTP_KOJI_SESSION_KEY": session["session-key"],
    }
    user: dict[str, Any] = client("getLoggedInUser")
    return user


def certificate(subject: str, verify: str = "SUCCESS") -> dict[str, str]:
    """What a proxy says of a certificate."""
    return {**PROXY, "HTTP_MOROMICLIENTVERIFY": verify, "HTTP_MOROMICLIENTDN": subject}


def test_a_principal_of_nobody_makes_an_account(configured: Any) -> None:
    with configured(LoginCreatesUser=True) as hub:
        user = login(hub, {"REMOTE_USER": f"dave@{REALM}"})
        assert (user["name"], user["authtype"]) == ("dave", AuthType.GSSAPI)
        assert user["krb_principals"] == [f"dave@{REALM}"]
        assert login(hub, {"REMOTE_USER": f"dave@{REALM}"})["id"] == user["id"]
        assert login(hub, {"REMOTE_USER": "erin"})["name"] == "erin"
        with pytest.raises(GenericError, match="does not match RegexUserName"):
            login(hub, {"REMOTE_USER": f"no body@{REALM}"})


def test_an_account_takes_principals_of_named_realms_only(configured: Any) -> None:
    with configured(LoginCreatesUser=True, AllowedKrbRealms=f"OTHER.ORG, {REALM}") as hub:
        user = login(hub, {"REMOTE_USER": f"kojiadmin@{REALM}"})
        assert (user["name"], user["krb_principals"]) == ("kojiadmin", [f"kojiadmin@{REALM}"])
        with pytest.raises(AuthError, match=r"realm: EVIL\.ORG is not allowed"):
            login(hub, {"REMOTE_USER": "kojiadmin@EVIL.ORG"})


def test_no_realm_of_the_world_takes_an_account(configured: Any) -> None:
    with configured(LoginCreatesUser=True) as hub:
        with pytest.raises(AuthError, match="is not one of user kojiadmin's"):
            login(hub, {"REMOTE_USER": "kojiadmin@EVIL.ORG"})
        assert hub.client()("getUser", "kojiadmin")["krb_principals"] == []


@pytest.mark.parametrize("principal", ["@EXAMPLE.ORG", "alice@"])
def test_half_a_principal_is_none(hub: HubUnderTest, principal: str) -> None:
    with pytest.raises(AuthError, match=f"^invalid Kerberos principal: {principal}"):
        login(hub, {"REMOTE_USER": principal})


def test_certificates_of_the_web_server_itself(hub: HubUnderTest) -> None:
    variables = {"SSL_CLIENT_VERIFY": "SUCCESS", "SSL_CLIENT_S_DN": "CN=x", "SSL_CLIENT_S_DN_CN": "alice"}
    user = login(hub, variables)
    assert (user["name"], user["authtype"]) == ("alice", AuthType.SSL)
    assert login(hub, {**variables, "REMOTE_USER": "bob"})["name"] == "bob"
    with pytest.raises(AuthError, match=r"^could not verify client: FAILED:expired"):
        login(hub, {**variables, "SSL_CLIENT_VERIFY": "FAILED:expired"})
    with pytest.raises(AuthError, match=r"information \(CN\) from client certificate"):
        login(hub, {"SSL_CLIENT_VERIFY": "SUCCESS", "SSL_CLIENT_S_DN": "O=Example"})


def test_a_component_of_the_subject_is_the_name(configured: Any) -> None:
    trusted = {"TrustedProxies": "10.0.0.0/8", "ProxyIdentity": "certificate"}
    with configured(**trusted, DNUsernameComponent="UID") as hub:
        assert login(hub, certificate("CN=Carol C.,UID=carol"))["name"] == "carol"
        for subject in ("CN=carol", "carol", r"UID=carol\00"):
            with pytest.raises(AuthError, match=r"information \(UID\) from client certificate"):
                login(hub, certificate(subject))


def test_proxy_users_of_certificates(configured: Any) -> None:
    with configured(
        TrustedProxies="10.0.0.7",
        ProxyIdentity="certificate",
        ProxyDNs="CN=web,O=Example, Inc. | CN=alice",
        AllowProxyAuthType=True,
    ) as hub:
        assert login(hub, certificate("CN=alice"), proxyuser="bob")["name"] == "bob"
        user = login(hub, certificate("CN=alice"), proxyuser="bob", proxyauthtype=AuthType.GSSAPI.value)
        assert (user["name"], user["authtype"]) == ("bob", AuthType.GSSAPI)
        with pytest.raises(AuthError, match=r"^Proxied authtype 0 is not valid for sslLogin"):
            login(hub, certificate("CN=alice"), proxyuser="bob", proxyauthtype=0)
        with pytest.raises(AuthError, match=r"^CN=bob is not authorized to login other users"):
            login(hub, certificate("CN=bob"), proxyuser="alice")


def test_a_proxy_says_only_what_it_may(configured: Any) -> None:
    everything = {**certificate("CN=alice"), "HTTP_MOROMIREMOTEUSER": "bob"}
    with configured(TrustedProxies="10.0.0.7") as hub, pytest.raises(AuthError, match="verify client: None"):
        login(hub, everything)
    with configured(TrustedProxies="10.0.0.7", ProxyIdentity="certificate") as hub:
        assert login(hub, everything)["name"] == "alice"
    with configured(TrustedProxies="10.0.0.7", ProxyIdentity="remote-user") as hub:
        assert login(hub, everything)["name"] == "bob"
        for address in ("10.0.0.8", "127.0.0.1", "", "somewhere"):
            with pytest.raises(AuthError, match="verify client: None"):
                login(hub, {**everything, "REMOTE_ADDR": address})


def test_variables_of_the_server_s_own_environment_say_nothing(
    hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMOTE_USER", "kojiadmin")
    with pytest.raises(AuthError, match=r"^could not verify client: None"):
        login(hub, {"REMOTE_USER": "kojiadmin"})


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.9", "198.51.100.1", "192.0.2.9"),
        ("10.0.0.7", None, "10.0.0.7"),
        ("10.0.0.7", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.7", "198.51.100.66, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.7", "198.51.100.66, 198.51.100.1, 10.1.1.1", "198.51.100.1"),
        ("10.0.0.7", "198.51.100.66, unknown, 10.1.1.1", "10.1.1.1"),
        ("::ffff:10.0.0.7", "2001:DB8::1", "2001:db8::1"),
        ("fd00::1", "198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_client_s_address(peer: str, forwarded: str | None, client: str) -> None:
    gate = Gate(Settings(TrustedProxies="10.0.0.0/8, fd00::/16"))
    environ = {"REMOTE_ADDR": peer, "PATH_INFO": ""}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    assert gate.admit(environ).address == client


def test_options_that_cannot_work_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"TrustedProxies: 10\.0\.0\.1/8 has host bits set"):
        Gate(Settings(TrustedProxies="10.0.0.1/8"))
    with pytest.raises(ConfigurationError, match="ProxyIdentity: 'basic' is neither certificate or remote"):
        Gate(Settings(ProxyIdentity="basic"))
    with pytest.raises(ConfigurationError, match="GSSAPIKeytab: no such file: "):
        Gate(Settings(GSSAPIKeytab=str(tmp_path / "none")))
    (tmp_path / "empty").write_bytes(b"\x05\x02")
    with pytest.raises(ConfigurationError, match="GSSAPIService HTTP: No key table entry found"):
        Gate(Settings(GSSAPIKeytab=str(tmp_path / "empty")))
