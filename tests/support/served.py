"""A hub as operators serve it, for clients as people run them: over HTTP, and behind nginx over TLS.

Its users are those of the conformance corpus (every password is the name). Clients
that take no password from their configuration log in with a certificate.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.client import ClientSession
from samplesite.services import wait_for
from samplesite.site import BIN, free_port
from support.commands import Command
from support.hub import PLUGIN_CONFIG, PLUGINS, state_database
from support.programs import background, listens
from support.tls import PROXY_ADDRESS, Authority, running_nginx


@dataclass(frozen=True)
class Served:
    """A running hub, its two addresses, and a directory for its clients."""

    url: str
    tls_url: str
    authority: Authority
    place: Path

    def session(self, user: str = "kojiadmin") -> ClientSession:
        """A session of our own library."""
        session = ClientSession(self.url)
        session.login(user, user)
        return session

    def koji(self, user: str | None = "kojiadmin") -> Command:
        """The unmodified command, logged in with a password; anonymous without a user."""
        return self._command("koji", user)

    def moromi(self, user: str | None = "kojiadmin") -> Command:
        """Ours, with the same configuration."""
        return self._command("moromi", user)

    def _command(self, name: str, user: str | None) -> Command:
        account = ["--user", user, "--password", user, "--authtype", "password"] if user else ["--noauth"]
        profile = {"server": self.url, "topurl": self.url.replace("hub", "files"), "poll_interval": 1}
        config = self._home(f"{name}-{user}", profile) / ".koji" / "config"
        words = [str(BIN / name), "--config", str(config), "--profile", "koji", *account]
        return Command(name, words, config.parent.parent)

    def habitude(self, user: str = "kojiadmin") -> Command:
        """The unmodified koji-habitude, logged in with a certificate."""
        certificate = self.authority.issue(user, f"/CN={user}")
        profile = {
            "server": self.tls_url,
            "authtype": "ssl",
            "cert": certificate,
            "serverca": self.authority.certificate,
        }
        return Command("koji-habitude", [str(BIN / "koji-habitude")], self._home(f"habitude-{user}", profile))

    def _home(self, name: str, profile: Mapping[str, Any]) -> Path:
        """A home directory with a configuration of Koji's client."""
        home = self.place / name
        (home / ".koji").mkdir(parents=True, exist_ok=True)
        lines = ["[koji]", *(f"{key} = {value}" for key, value in profile.items()), ""]
        (home / ".koji" / "config").write_text("\n".join(lines), encoding="utf-8")
        return home


@contextlib.contextmanager
def served_hub(place: Path) -> Iterator[Served]:
    """`moromi-hub web` and nginx, on a fresh database."""
    port = free_port()
    for name in ("hub", "nginx"):
        (place / name).mkdir()
    authority = Authority(place / "authority").create()
    with state_database() as dsn:
        config = _configure(place / "hub", port, dsn)
        log = place / "hub.log"
        with (
            background([str(BIN / "moromi-hub"), "web", "--config", str(config)], log),
            running_nginx(place / "nginx", port, authority) as tls_url,
        ):
            assert wait_for(lambda: listens(port), 120), log.read_text(encoding="utf-8")
            yield Served(f"http://127.0.0.1:{port}/kojihub", tls_url, authority, place)


def _configure(place: Path, port: int, dsn: str) -> Path:
    options = {
        "DBConnectionString": dsn,
        "KojiDir": place,
        "Listen": f"127.0.0.1:{port}",
        "Workers": 1,
        "LoginCreatesUser": "no",
        "TrustedProxies": PROXY_ADDRESS,
        "ProxyIdentity": "certificate",
        "Plugins": PLUGINS,
        "PluginConfigDir": PLUGIN_CONFIG,
        "KojiTraceback": "normal",
    }
    config = place / "hub.conf"
    lines = [f"{key} = {value}" for key, value in options.items()]
    config.write_text("\n".join(["[hub]", *lines, ""]), encoding="utf-8")
    return config
