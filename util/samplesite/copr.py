"""Projects for everyone on a sample site: the configuration, and chroots of the sample distribution."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moromi.client import ClientSession
from samplesite import content
from samplesite.site import Site, build_arch

CHROOT, OTHER = (f"mini-{number}-{build_arch()}" for number in (1, 2))
DISTRIBUTION = "distribution"
"""The tag that the chroots inherit."""


def hub_options(directory: Path) -> dict[str, Any]:
    """What `hub.conf` has besides, with `copr.conf` in a directory."""
    return {"Plugins": "copr", "PluginConfigDir": directory}


BUILDER_OPTIONS: Mapping[str, Any] = {"plugins": "copr"}


def configure(site: Site, directory: Path, options: Mapping[str, Any], more: str = "") -> None:
    """Write `copr.conf`; `more` are further sections."""
    directory.mkdir(exist_ok=True)
    lines = ["[copr]", *(f"{key} = {value}" for key, value in {"url": site.url, **options}.items()), more]
    (directory / "copr.conf").write_text("\n".join(lines), encoding="utf-8")


def add_chroots(session: ClientSession, distro: Path) -> None:
    """Two chroots, as if there were two releases of the sample distribution."""
    if session.call("getTag", DISTRIBUTION) is None:
        session.call("createTag", DISTRIBUTION, arches=build_arch())
    content.add_distribution(session, distro, DISTRIBUTION)
    for chroot in (CHROOT, OTHER):
        session.call("editCoprChroot", chroot, parent=DISTRIBUTION)


def make_machine(directory: Path, site: Site, distro: Path) -> Path:
    """A machine of the sample distribution to install packages on, a directory; the dnf.conf that names it.

    What is there stays: its repositories are whoever's who enables them.
    """
    release = "".join(CHROOT.split("-")[1:-1])
    texts = {
        "dnf.conf": f"""[main]
installroot={directory}/root
reposdir={directory}/repos
varsdir={directory}/vars
cachedir={directory}/cache
logdir={directory}/log
pluginconfpath={directory}/plugins,/etc/dnf/plugins
""",
        "repos/distribution.repo": f"""[distribution]
name=The sample distribution
baseurl=file://{distro}/
gpgcheck=0
""",
        "plugins/copr.conf": f"""[here]
hostname = 127.0.0.1
protocol = http
port = {site.facts["port"]}
""",
        "vars/releasever": f"{release}\n",
    }
    for name, text in texts.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in ("root", "plugins/copr.d"):
        (directory / name).mkdir(exist_ok=True)
    return directory / "dnf.conf"
