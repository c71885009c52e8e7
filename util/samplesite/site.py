"""Where everything of a site is, and its configuration files."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import random
import secrets
import socket
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from moromi.client import ClientSession, TransportError
from moromi.errors import GenericError
from samplesite.services import Service, wait_for

BIN = Path(sys.executable).parent
ADMIN = "admin"
BUILDER = "builder.localhost"


class SiteError(Exception):
    """Something that the person at the terminal has to know; no traceback."""


@dataclass
class Site:
    """A site in `state`; options of hub and builder can be added to what it needs."""

    state: Path
    hub_options: Mapping[str, Any] = field(default_factory=dict)
    builder_options: Mapping[str, Any] = field(default_factory=dict)
    preferred_port: int = 8080
    """Where the hub listens, and the push service on the next, if nobody else does; 0 is any."""

    # places

    @property
    def tree(self) -> Path:
        """The hub's file tree."""
        return self.state / "tree"

    @property
    def hub_conf(self) -> Path:
        """The hub's configuration."""
        return self.state / "hub.conf"

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Ports and passwords, chosen once and kept."""
        path = self.state / "site.json"
        if not path.exists():
            self.state.mkdir(parents=True, exist_ok=True)
            facts = {
                "port": free_port(self.preferred_port),
                "push_port": free_port(self.preferred_port and self.preferred_port + 1),
                "admin_password": secrets.token_urlsafe(12),
                "builder_password": secrets.token_urlsafe(24),
                "database": str(_database_directory(self.state)),
            }
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                json.dump(facts, file)
        return dict(json.loads(path.read_text()))

    @property
    def url(self) -> str:
        """The hub's address without a path."""
        return f"http://127.0.0.1:{self.facts['port']}"

    # configuration

    def configure(self) -> None:
        """Write the configuration files."""
        hub = {
            "EmbeddedDatabase": self.facts["database"],
            "KojiDir": self.tree,
            "KojiWebURL": self.url,
            "Listen": f"127.0.0.1:{self.facts['port']}",
            "PushListen": f"127.0.0.1:{self.facts['push_port']}",
            "LoginCreatesUser": "no",
            "DisableNotifications": "yes",
            "RepoAuto": "yes",
            "RepoOnHub": "yes",
            **self.hub_options,
        }
        client = {
            "server": f"{self.url}/kojihub",
            "topurl": f"{self.url}/kojifiles",
            "weburl": self.url,
            "topdir": self.tree,
            "authtype": "password",
            "user": ADMIN,
            "password": self.facts["admin_password"],
        }
        _write_ini(self.hub_conf, {"hub": hub})
        _write_ini(self.state / "client.conf", {"moromi": client, "quickstart": client, "koji": client})
        self.configure_builder("builder", {"user": BUILDER, "password": self.facts["builder_password"]})

    def configure_builder(self, name: str, options: Mapping[str, Any]) -> None:
        """Write the configuration of a builder; each has directories of its own."""
        common = {
            "server": f"{self.url}/kojihub",
            "topurl": f"{self.url}/kojifiles",
            "topdir": self.tree,
            "workdir": self.builder_place(name) / "work",
            "mockdir": self.builder_place(name) / "roots",
            "allowed_scms": f":{self.state}/*:no:",
            "minspace": 1024,
            "max_load": 1000,  # whatever else this machine does
            **self.builder_options,
        }
        _write_ini(self.state / f"{name}.conf", {"kojid": {**common, **options}})

    def builder_place(self, name: str = "builder") -> Path:
        """The directory of a builder: `work` and `roots`."""
        return self.state / "build" / name

    # programs

    def hub(self) -> Service:
        """Database, web server, worker and push service."""
        return Service("hub", [str(BIN / "moromi-hub"), "serve", "--config", str(self.hub_conf)], self.state)

    def builder(self, name: str = "builder") -> Service:
        """A builder that is configured, which needs root to make chroots."""
        conf = self.state / f"{name}.conf"
        command = [str(BIN / "moromi-builder"), "--config", str(conf), "--fg", "--force-lock"]
        return Service(name, [*command, "--verbose"], self.state, as_root=True)

    def start_hub(self) -> None:
        """Start the hub and wait until it answers."""
        service = self.hub()
        service.start()
        if not wait_for(lambda: service.pid() is None or self.answers(), 180) or not self.answers():
            last = "\n".join(service.log.read_text().splitlines()[-3:])
            raise SiteError(f"the hub does not start; {service.log} ends with:\n{last}")

    def answers(self) -> bool:
        """Whether the hub answers calls."""
        session = ClientSession(f"{self.url}/kojihub", {"anon_retry": False, "max_retries": 0, "timeout": 5})
        try:
            return bool(session.call("getAPIVersion") == 1)
        except (TransportError, GenericError):
            return False

    def stop(self) -> list[str]:
        """End everything; the names of what was running."""
        return [service.name for service in (self.builder(), self.hub()) if service.stop()]

    # access

    def session(self) -> ClientSession:
        """A session of the administrator."""
        session = ClientSession(f"{self.url}/kojihub", {"timeout": 300})
        session.login(ADMIN, self.facts["admin_password"])
        return session


def _database_directory(state: Path) -> Path:
    """Where the database goes: into the site, unless the account that runs it for root may not pass there."""
    passable = all(place.stat().st_mode & stat.S_IXOTH for place in (state, *state.parents))
    if passable or os.geteuid() != 0:
        return state / "db"
    name = hashlib.sha256(str(state).encode()).hexdigest()[:12]
    return Path("/var/lib/moromi") / f"quickstart-{name}"


def build_arch() -> str:
    """The arch that this machine builds for."""
    return platform.machine()


def free_port(preferred: int = 0) -> int:
    """A TCP port of the loopback address that nobody listens on: the preferred one if it is free.

    Others are none that the system may give to an outgoing connection before somebody listens.
    """
    others = random.SystemRandom().sample(_listening_ports(), 100)
    for port in ([preferred] if preferred else []) + others:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SiteError("no free port")


def _listening_ports() -> range:
    outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return range(10_000, outgoing if outgoing > 11_000 else 32_768)


def _write_ini(path: Path, sections: Mapping[str, Mapping[str, Any]]) -> None:
    lines = []
    for section, options in sections.items():
        lines += [f"[{section}]", *(f"{key} = {value}" for key, value in options.items()), ""]
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join(lines))
