"""Source code from version control: may it be built, and fetching it (spec: builder, section 4).

URLs are taken apart in `moromi.scm`; what the rules judge here and what git or Subversion get are made of
the same parts.
"""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from moromi.client import ClientSession
from moromi.errors import BuildError, GenericError
from moromi.scm import FILE_SCHEME, SCM, is_scm_url, parse_scm_url
from moromi_builder import commands
from moromi_builder.beneath import check_inside
from moromi_builder.settings import Settings

__all__ = ["Checkout", "Permission", "checkout", "is_scm_url", "match_rules", "permit", "read_url"]

logger = logging.getLogger(__name__)

DEFAULT_SOURCE_COMMAND = ("make", "sources")
OFF = frozenset({"no", "off", "false", "0"})
ALLOWED = frozenset({"yes", "true", "allow", "allowed"})
FETCHED = "KOJI_FETCH_HEAD"

Run = Callable[[Sequence[str], Path, Mapping[str, str]], commands.Status]
"""Runs a command in a directory with more environment; its output goes to the checkout's log."""


@dataclass(frozen=True)
class Permission:
    """A checkout may happen, with or without the `common` directory, and then runs `source_command` if
    any.
    """

    use_common: bool = True
    source_command: tuple[str, ...] | None = DEFAULT_SOURCE_COMMAND


@dataclass(frozen=True)
class Checkout:
    """A finished checkout: the directory with the spec, and what to record as its source."""

    directory: Path
    source: dict[str, str]


def read_url(settings: Settings, url: str) -> SCM:
    """Parse a source URL by this daemon's rules."""
    return parse_scm_url(url, allow_password=settings.allow_password_in_scm_url)


# -- permission


def match_rules(scm: SCM, rules: str) -> Permission:
    """Apply `allowed_scms`: the first entry that matches host and repository decides. BuildError if none
    allows.
    """
    for entry in rules.split():
        deny = entry.startswith("!")
        fields = entry.removeprefix("!").split(":")
        if len(fields) < 2:
            logger.warning("ignoring malformed allowed_scms entry %s", entry)
            continue
        if not (fnmatchcase(scm.host, fields[0]) and fnmatchcase(scm.repository, fields[1])):
            continue
        if not deny and not scm.host and fields[0]:
            # `*` stands for servers, not for the builder's own disk
            continue
        if deny:
            break
        permission = Permission()
        if len(fields) > 2:
            permission = replace(permission, use_common=fields[2].lower() not in OFF)
        if len(fields) > 3:
            words = tuple(fields[3].replace(",", " ").split())
            permission = replace(permission, source_command=words or None)
        return permission
    raise BuildError(f"{scm.host}:{scm.repository} is not in the list of allowed SCMs")


def read_policy_action(scm: SCM, action: str | None, earlier: Permission) -> Permission:
    """Understand the answer of policy `build_from_scm`: `allow [use_common] [command word...]`, or a
    refusal.
    """
    words = (action or "").split()
    if not words or words[0].lower() not in ALLOWED:
        reason = " ".join(words[1:]) or None
        raise BuildError(f"SCM: {scm.host}:{scm.repository} is not allowed, reason: {reason}")
    rest = words[1:]
    use_common = rest[:1] == ["use_common"]
    command = tuple(rest[1:] if use_common else rest)
    if not command:
        return replace(earlier, use_common=use_common)
    return Permission(use_common, None if command == ("none",) else command)


def permit(
    scm: SCM, settings: Settings, session: ClientSession, info: Mapping[str, Any], scratch: bool
) -> Permission:
    """Ask configuration and policy, as configured; both must agree. BuildError if one does not.

    `info` is the task's record.
    """
    permission = Permission()
    if settings.allowed_scms_use_config:
        permission = match_rules(scm, settings.allowed_scms)
    if settings.allowed_scms_use_policy:
        channel = session.getChannel(info["channel_id"]) if info.get("channel_id") else None
        data = {
            **scm.policy_data(),
            "user_id": info["owner"],
            "channel": channel["name"] if channel else None,
            "scratch": scratch,
        }
        permission = read_policy_action(scm, session.evalPolicy("build_from_scm", data), permission)
    return permission


# -- fetching


def checkout(
    scm: SCM, target: Path, permission: Permission, run: Run, log_name: str = "checkout.log"
) -> Checkout:
    """Fetch sources into a directory. BuildError, naming the log, when a command fails."""
    fetcher = _FETCHERS[scm.scmtype](scm, target, run, log_name)
    directory = fetcher.fetch()
    if not directory.is_dir():
        raise BuildError(f"{scm.module or scm.repository} is not a directory in {scm.public_url}")
    check_inside(directory, target)
    if permission.use_common:
        fetcher.fetch_common()
        _link_common(target / "common", directory)
    return Checkout(directory, {"url": scm.url, "source": fetcher.pinned(directory)})


def _link_common(common: Path, directory: Path) -> None:
    """Let `../common` of the source directory be the common directory."""
    wanted = directory.parent / "common"
    if common.is_dir() and not wanted.exists():
        wanted.symlink_to(os.path.relpath(common, wanted.parent))


class _Fetcher:
    """What all kinds share."""

    def __init__(self, scm: SCM, target: Path, run: Run, log_name: str) -> None:
        self.scm = scm
        self.target = target
        self._run = run
        self._log_name = log_name

    def fetch(self) -> Path:
        """Fetch; gives the directory with the sources."""
        raise TypeError(f"{type(self).__name__} cannot fetch")

    def fetch_common(self) -> None:
        """Fetch the `common` directory into the target."""
        raise TypeError(f"{type(self).__name__} cannot fetch")

    def pinned(self, _directory: Path) -> str:
        """Name what was fetched so that it can be fetched again."""
        return self.scm.url

    def environment(self) -> dict[str, str]:
        """Give the variables of the commands."""
        return {}

    def must(self, words: Sequence[str], cwd: Path | None = None) -> None:
        """Run a command that has to succeed."""
        if not self.may(words, cwd):
            command = shlex.join(words)
            raise BuildError(
                f'Error running {self.scm.scmtype} command "{command}", see {self._log_name} for details'
            )

    def may(self, words: Sequence[str], cwd: Path | None = None) -> bool:
        """Run a command; say whether it succeeded."""
        return bool(self._run(words, cwd or self.target, self.environment()))


class _Git(_Fetcher):
    def environment(self) -> dict[str, str]:
        # Ask nobody for a password; nothing from the network may choose a local or external transport.
        protocols = "file" if self.scm.scheme == FILE_SCHEME else "git:http:https:rsync:ssh"
        return {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": protocols}

    @property
    def _name(self) -> str:
        last = self.scm.repository.removesuffix("/.git").rsplit("/", 1)[-1]
        return last.removesuffix(".git")

    def fetch(self) -> Path:
        clone = self.target / self._name
        self.must(["git", "clone", "-n", self.scm.clone_url, str(clone)])
        revision = self.scm.revision
        wanted = revision.removeprefix("origin/")
        # what follows `origin/` may begin with a dash
        fetched = self.may(["git", "fetch", "--", "origin", f"{wanted}:{FETCHED}"], clone)
        if not (fetched and self.may(["git", "reset", "--hard", FETCHED], clone)):
            self.must(["git", "reset", "--hard", revision], clone)
        return clone / self.scm.module if self.scm.module else clone

    def fetch_common(self) -> None:
        repository = self.scm.repository
        suffix = "/.git" if repository.endswith("/.git") else ".git" if repository.endswith(".git") else ""
        parent = repository.removesuffix("/.git").rsplit("/", 1)[0]
        url = replace(self.scm, repository=f"{parent}/common{suffix}", module="").clone_url
        self.must(["git", "clone", url, "common"])

    def pinned(self, directory: Path) -> str:
        try:
            environment = commands.environment("", self.environment())
            words = ["git", "-c", f"safe.directory={self.target / self._name}", "rev-parse", "HEAD"]
            revision = commands.capture(words, env=environment, cwd=str(directory)).strip()
        except (OSError, commands.CommandFailed) as exc:
            raise GenericError("Error getting commit hash for git") from exc
        return self.scm.source(revision)


class _Subversion(_Fetcher):
    def _checkout(self, url: str, name: str, revision: str | None) -> None:
        pinned = ["-r", revision] if revision else []
        # externals would be fetched from places that no rule has seen
        self.must(["svn", "checkout", "--non-interactive", "--ignore-externals", *pinned, url, name])

    def fetch(self) -> Path:
        self._checkout(f"{self.scm.clone_url}/{self.scm.module}", self.scm.module, self.scm.revision)
        return self.target / self.scm.module

    def fetch_common(self) -> None:
        self._checkout(f"{self.scm.clone_url}/common", "common", None)


class _Cvs(_Fetcher):
    def environment(self) -> dict[str, str]:
        return {"CVS_RSH": "ssh"} if self.scm.scmtype == "CVS+SSH" else {}

    def fetch(self) -> Path:
        self.must(["cvs", "-d", self.scm.cvs_root, "checkout", "-r", self.scm.revision, self.scm.module])
        return self.target / self.scm.module

    def fetch_common(self) -> None:
        self.must(["cvs", "-d", self.scm.cvs_root, "checkout", "common"])


_FETCHERS: dict[str, type[_Fetcher]] = {
    "GIT": _Git,
    "GIT+SSH": _Git,
    "SVN": _Subversion,
    "SVN+SSH": _Subversion,
    "CVS": _Cvs,
    "CVS+SSH": _Cvs,
}
