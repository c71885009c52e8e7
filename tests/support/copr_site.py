"""A whole build system with the Copr interfaces: hub, worker, builder, chroots of the sample distribution."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from samplesite import content, copr
from samplesite.copr import CHROOT, OTHER
from samplesite.site import BIN, Site
from support.chroots import sample_distribution
from support.copr import Api
from support.database import server_directory

__all__ = ["CHROOT", "OTHER", "Cli", "CoprSite", "copr_site"]
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
def copr_site(
    options: Mapping[str, object] | None = None, sections: str = "", *, builder: bool = True
) -> Iterator[CoprSite]:
    """A site with two chroots, of which the second has the same packages; ended and removed afterwards."""
    with server_directory() as place:
        config = place / "plugins"
        builder_options = {**copr.BUILDER_OPTIONS, "plugin_config_dir": config, "max_load": 1000}
        hub_options = {**copr.hub_options(config), "RepoAuto": "no"}
        site = Site(place / "site", hub_options, builder_options, preferred_port=0)
        site.state.mkdir(mode=0o711)
        copr.configure(site, config, options or {}, DISTGIT + sections)
        site.configure()
        try:
            site.start_hub()
            content.add_accounts(site)
            if builder:
                site.builder().start()
            _add_content(site)
            yield CoprSite(site, place)
        finally:
            site.stop()


def _add_content(site: Site) -> None:
    for user in USERS:
        content.admin(site, "add-user", user, password=user)
    with site.session() as session:
        copr.add_chroots(session, sample_distribution())
