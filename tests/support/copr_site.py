"""A whole build system with the Copr interfaces: hub, worker, builder, chroots of the sample distribution."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from samplesite import content
from samplesite.site import BIN, Site, build_arch
from support.chroots import sample_distribution
from support.copr import Api
from support.database import server_directory

CHROOT = f"mini-1-{build_arch()}"
OTHER = f"mini-2-{build_arch()}"
DISTGIT = "[distgit brewery]\nclone_url = https://src.example.org/{namespace}/{pkgname}\n"
USERS = ("alice", "bob", "carol")


@dataclass
class CoprSite:
    """The site, and its users; every password is the name."""

    site: Site
    place: Path

    @property
    def url(self) -> str:
        """The root of the server."""
        return self.site.url

    def api(self, user: str) -> Api:
        """A user with a new token."""
        pair = requests.post(f"{self.url}/api_3/api-token", auth=(user, user), timeout=60).json()
        return Api(self.url, (pair["api_login"], pair["api_token"]))

    def cli(self, user: str) -> Cli:
        """A user with the published command, configured as the token page says."""
        form = {"username": user, "password": user}
        config = requests.post(f"{self.url}/api/new/", data=form, timeout=60)
        assert config.status_code == 200, config.text
        path = self.place / f"{user}.conf"
        path.write_text(config.text, encoding="utf-8")
        return Cli(path)


@dataclass
class Cli:
    """The unmodified `copr-cli` with a configuration."""

    config: Path

    def run(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command, whatever comes of it."""
        return subprocess.run(
            [str(BIN / "copr-cli"), "--config", str(self.config), *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            timeout=280,
        )

    def __call__(self, *words: str, code: int = 0) -> str:
        """What a command prints, which must end with a status."""
        done = self.run(*words)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr


@contextlib.contextmanager
def copr_site(options: Mapping[str, object] | None = None, *, builder: bool = True) -> Iterator[CoprSite]:
    """A site with two chroots, of which the second has the same packages; ended and removed afterwards."""
    with server_directory() as place:
        config = place / "plugins"
        config.mkdir()
        site = Site(
            place / "site",
            {"Plugins": "copr", "PluginConfigDir": config, "RepoAuto": "no"},
            {"plugins": "copr", "max_load": 1000},
            preferred_port=0,
        )
        site.state.mkdir(mode=0o711)
        given = {"url": site.url, **(options or {})}
        lines = ["[copr]", *(f"{key} = {value}" for key, value in given.items()), DISTGIT]
        (config / "copr.conf").write_text("\n".join(lines), encoding="utf-8")
        site.configure()
        try:
            site.start_hub()
            content.add_accounts(site)
            if builder:
                site.builder().start()
            _add_chroots(site)
            yield CoprSite(site, place)
        finally:
            site.stop()


def _add_chroots(site: Site) -> None:
    for user in USERS:
        content.admin(site, "add-user", user, "--password", user)
    with site.session() as session:
        session.call("createTag", "distribution", arches=build_arch())
        content.add_distribution(session, sample_distribution(), "distribution")
        for chroot in (CHROOT, OTHER):
            session.call("editCoprChroot", chroot, parent="distribution")
