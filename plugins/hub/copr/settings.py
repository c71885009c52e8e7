"""`copr.conf`: the settings of the plugin (copr.md, section 4.7)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from moromi.errors import ConfigurationError
from moromi_hub.plugin_api import Configuration, Sections, section


@dataclass(frozen=True)
class DistGit:
    """An instance of dist-git that packages may come from."""

    name: str
    clone_url: str
    """With `{pkgname}` and `{namespace}` where those go."""
    lookaside_url: str
    """Where it has the files that are in no repository, with `{filename}`, `{hashtype}` and `{hash}` besides;
    empty: there are none."""
    priority: int


@dataclass(frozen=True)
class Options:
    """`[copr]` of `copr.conf`, and a section `[distgit NAME]` for each instance."""

    url: str
    """The server's root, without a slash at its end."""
    results_url: str
    results_dir: str
    """Empty: `copr` below the hub's file tree."""
    token_days: int
    timeout: int
    """Seconds that a build takes at most, unless it says so itself."""
    timeout_max: int
    upload_limit: int
    """Bytes."""
    mail_server: str
    """`host` or `host:port`; empty: no mail is sent."""
    mail_sender: str
    email_domain: str
    signing_key: str
    """Name of a key that gpg finds; empty: packages are not signed."""
    signing_home: str
    """The directory of gpg's keys; empty: that of the hub's user."""
    fork_packages: int
    distgit: tuple[DistGit, ...]
    grace_days: int
    """How long the data of a disabled chroot stay."""
    pull_request_days: int

    @property
    def host(self) -> str:
        """The host name of the server, which names repositories."""
        return urlsplit(self.url).hostname or "localhost"


def _options(sections: Sections) -> Options:
    given = section(sections, "copr")
    url = given.get("url", "http://localhost").rstrip("/")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ConfigurationError(f"Invalid value for [copr] url: {url!r}")
    server, sender = given.get("mail_server", ""), given.get("mail_sender", "")
    if server and not sender:
        raise ConfigurationError("[copr] mail_server needs a mail_sender")
    return Options(
        url=url,
        results_url=given.get("results_url", f"{url}/results").rstrip("/"),
        results_dir=given.get("results_dir", ""),
        token_days=given.integer("token_days", 180),
        timeout=given.integer("timeout", 18000),
        timeout_max=given.integer("timeout_max", 108000),
        upload_limit=given.integer("upload_limit", 2 << 30),
        mail_server=server,
        mail_sender=sender,
        email_domain=given.get("email_domain", ""),
        signing_key=given.get("signing_key", ""),
        signing_home=given.get("signing_home", ""),
        fork_packages=given.integer("fork_packages", 1000),
        distgit=_instances(sections),
        grace_days=given.integer("grace_days", 7),
        pull_request_days=given.integer("pull_request_days", 40),
    )


def _instances(sections: Sections) -> tuple[DistGit, ...]:
    found = []
    for name in sections:
        kind, _, instance = name.partition(" ")
        if kind != "distgit" or not instance:
            continue
        pattern = sections[name].get("clone_url", "")
        if "{pkgname}" not in pattern:
            raise ConfigurationError(f"[{name}] clone_url has no {{pkgname}} in it")
        lookaside = sections[name].get("lookaside_url", "")
        _check_pattern(name, lookaside)
        found.append(DistGit(instance, pattern, lookaside, sections[name].integer("priority", 0)))
    return tuple(sorted(found, key=lambda each: (-each.priority, each.name)))


def _check_pattern(name: str, pattern: str) -> None:
    given = dict.fromkeys(("pkgname", "namespace", "filename", "hashtype", "hash"), "x")
    try:
        pattern.format(**given)
    except (KeyError, ValueError, IndexError) as error:
        raise ConfigurationError(f"[{name}] lookaside_url: {error}") from error


CONFIG = Configuration("copr", _options)
