"""What makes two base chroots the same.

Two keys lead to a cached base. The content key (of the repositories and the set-up command) costs one
request per repository. When a repository has changed, which in Koji is after each build, the package key
names the base by the packages that dnf would install; they are mostly the same as before, and dnf resolves
them in a fraction of the time that it needs to install them.
"""

from __future__ import annotations

import configparser
import hashlib
import json
from collections.abc import Sequence

from moromi_chroot.config import Config
from moromi_chroot.dnf import Package
from moromi_chroot.repositories import Fetched

# To be raised when a base is made in another way than before.
FORMAT = 1

# Options of the dnf configuration that say where packages come from, not which or how.
_PLACES = {"baseurl", "name", "proxy", "cachedir", "logfile", "retries", "debuglevel", "keepcache"}


def specs(setup: Sequence[str]) -> list[str]:
    """Return what a set-up command installs; empty if it does anything else."""
    return list(setup[1:]) if setup[:1] == ("install",) and not any(a.startswith("-") for a in setup) else []


def content_key(config: Config, fetched: Sequence[Fetched]) -> str:
    """Return the key of the base that the set-up command makes from repositories of this content."""
    return _key([_settings(config), [(item.repository.name, item.digest) for item in fetched]])


def package_key(config: Config, packages: Sequence[Package], below: Sequence[str] = ()) -> str:
    """Return the key of the base that consists of these packages, or of the layer of them over others."""
    listed = sorted((package.nevra, package.checksum) for package in packages)
    return _key([_settings(config), listed, list(below)])


def _settings(config: Config) -> list[object]:
    """Return everything else that the base depends on."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(config.dnf_conf)
    options = {
        name: {key: value for key, value in section.items() if key not in _PLACES}
        for name, section in parser.items()
    }
    user = [config.uid, config.gid, config.home]
    arch = [config.target_arch, config.releasever, config.forcearch]
    return [FORMAT, options, user, arch, list(config.setup), list(config.module_setup)]


def _key(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
