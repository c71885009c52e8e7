"""What the engine needs of a mock configuration, as one typed object.

Options that only mock understands are accepted and ignored, so that one generated file serves both.
"""

from __future__ import annotations

import configparser
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi_chroot import syscalls
from moromi_chroot.configfile import Options, read_config
from moromi_chroot.errors import ConfigError

# The build user's ids in every root. They are mock's, so that a root looks the same from either engine.
BUILD_UID = 1000
BUILD_GID = 135
BUILD_USER = "mockbuild"
BUILD_GROUP = "mock"

CONFIG_DIR = Path("/etc/mock")
CACHE_DIR = Path("/var/cache/moromi-chroot")

RPM_FILENAME = "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"

# A 64-bit kernel shows itself as 32-bit to these.
_PERSONAS = {("x86_64", "i386"), ("x86_64", "i486"), ("x86_64", "i586"), ("x86_64", "i686")}


@dataclass(frozen=True)
class Repository:
    """One [section] of the dnf configuration: its id and base URLs, in order of preference."""

    name: str
    urls: tuple[str, ...]
    proxy: str | None


@dataclass(frozen=True)
class Config:
    """One root's configuration.

    `timeout` is in seconds, 0 for none. `files` are paths without a leading slash to file contents.
    `cache` is "overlay" (a copy where overlayfs cannot be mounted), "copy" or "none".
    """

    name: str
    basedir: Path
    cache_dir: Path
    cache: str
    cache_limit: int
    target_arch: str
    home: str
    setup: tuple[str, ...]
    module_setup: tuple[tuple[str, str], ...]
    network: bool
    host_resolver: bool
    timeout: int
    macros: Mapping[str, str]
    environment: Mapping[str, str]
    files: Mapping[str, str]
    binds: tuple[tuple[str, str], ...]
    dnf_conf: str
    releasever: str
    forcearch: str
    uid: int
    gid: int

    @property
    def top(self) -> Path:
        """The directory that holds the root, its results and its state."""
        return self.basedir / self.name

    @property
    def persona(self) -> int:
        """personality(2) of the commands in the root."""
        return syscalls.PER_LINUX32 if (os.uname().machine, self.target_arch) in _PERSONAS else 0

    def repositories(self) -> list[Repository]:
        """Return the repositories of the dnf configuration."""
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(self.dnf_conf)
        except configparser.Error as exc:
            raise ConfigError(f"yum.conf: {exc}") from exc
        main_proxy = parser.get("main", "proxy", fallback=None)
        found = []
        for section in parser.sections():
            if section == "main" or not parser.getboolean(section, "enabled", fallback=True):
                continue
            urls = parser.get(section, "baseurl", fallback="").replace(",", " ").split()
            found.append(Repository(section, tuple(urls), parser.get(section, "proxy", fallback=main_proxy)))
        return found


def _defaults() -> Options:
    return {
        "basedir": "/var/lib/mock",
        "cache_topdir": str(CACHE_DIR),
        "target_arch": os.uname().machine,
        "chroothome": "/builddir",
        "chroot_setup_cmd": "install @build",
        "module_setup_commands": [],
        "rpmbuild_networking": False,
        "use_host_resolv": False,
        "rpmbuild_timeout": 0,
        "macros": {},
        "environment": {},
        "files": {},
        "plugin_conf": {"bind_mount_enable": True, "bind_mount_opts": {"dirs": []}},
        "releasever": "",
        "forcearch": None,
        "chrootuid": BUILD_UID,
        "chrootgid": BUILD_GID,
        "moromi_cache": "overlay",
        "moromi_cache_limit": 16,
    }


def find_config(root: str, configdir: Path) -> Path:
    """Return the file that mock's -r names: a path ending in .cfg, or a name below the directory."""
    path = Path(root)
    if root.endswith(".cfg") and path.is_file():
        return path
    return configdir / (root if root.endswith(".cfg") else f"{root}.cfg")


def load(
    root: str,
    configdir: Path = CONFIG_DIR,
    uniqueext: str | None = None,
    arch: str | None = None,
    network: bool = False,
) -> Config:
    """Read the configuration that -r names, with what the command line adds to it. Raises ConfigError."""
    path = find_config(root, configdir)
    opts = read_config(path, _defaults(), configdir)
    opts.setdefault("root", path.stem)
    if arch:
        opts["target_arch"] = arch
    if network:
        opts["rpmbuild_networking"] = True
    name = f"{opts['root']}-{uniqueext}" if uniqueext else str(opts["root"])
    if not name or "/" in name or name in (".", ".."):
        raise ConfigError(f"{path}: bad root name {name!r}")
    try:
        return _typed(opts, name)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise ConfigError(f"{path}: {type(exc).__name__}: {exc}") from exc


def _typed(opts: Options, name: str) -> Config:
    setup = opts["chroot_setup_cmd"]
    plugins = opts["plugin_conf"]
    binds = plugins["bind_mount_opts"]["dirs"] if plugins.get("bind_mount_enable") else []
    cache = str(opts["moromi_cache"] or "none")
    if cache not in ("overlay", "copy", "none"):
        raise ValueError(f"moromi_cache must be overlay, copy or none, not {cache}")
    return Config(
        name=name,
        basedir=Path(opts["basedir"]).absolute(),
        cache_dir=Path(opts["cache_topdir"]).absolute(),
        cache=cache,
        cache_limit=int(opts["moromi_cache_limit"]),
        target_arch=str(opts["target_arch"]),
        home=str(opts["chroothome"]),
        setup=tuple(shlex.split(setup) if isinstance(setup, str) else map(str, setup)),
        module_setup=tuple((str(action), str(what)) for action, what in opts["module_setup_commands"]),
        network=bool(opts["rpmbuild_networking"]),
        host_resolver=bool(opts["use_host_resolv"]),
        timeout=int(opts["rpmbuild_timeout"] or 0),
        macros={"%_topdir": f"{opts['chroothome']}/build", "%_rpmfilename": RPM_FILENAME}
        | _strings(opts["macros"]),
        environment=_strings(opts["environment"]),
        files={path.lstrip("/"): str(text) for path, text in opts["files"].items()},
        binds=tuple((str(source), str(target)) for source, target in binds),
        dnf_conf=str(opts.get("dnf.conf") or opts["yum.conf"]),
        releasever=str(opts["releasever"] or ""),
        forcearch=str(opts["forcearch"] or ""),
        uid=int(opts["chrootuid"]),
        gid=int(opts["chrootgid"]),
    )


def _strings(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in values.items()}
