"""Checkouts of repositories, by programs outside the chroot that ask nobody for a password.

What a repository holds is not run by that, and what it says is where else to fetch from is left alone.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from moromi.errors import BuildError

Run = Callable[[Sequence[str], Path, Mapping[str, str]], bool]
"""Runs a program in a directory, with more environment, with its output in a log; whether it succeeded."""

_GIT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "git:http:https:ssh"}
"""Nothing from the network may choose a local transport."""
_SVN_SCHEMES = ("svn", "http", "https")
_SVN_REVISION = re.compile(r"[0-9]+|HEAD|\{[0-9T:.+ -]+\}")


class Git:
    """A clone of a git repository in `directory`."""

    def __init__(self, run: Run, directory: Path) -> None:
        self.directory = directory
        self._run = run

    def fetch(self, url: str, revision: str) -> None:
        """Clone it, and check out a revision if one is named. Raises BuildError."""
        self._must(["clone", "--", url, str(self.directory)], self.directory.parent)
        if revision:
            self.switch(revision)

    def switch(self, revision: str) -> None:
        """Check out a revision. Raises BuildError."""
        if revision.startswith("-"):
            raise BuildError(f"not a revision: {revision}")
        self.must("checkout", "--detach", revision)

    def commits(self, revisions: str, into: Path) -> list[str]:
        """The short names of commits, newest first; `into` is a file to use. Raises BuildError."""
        self.must("log", "--format=%h", f"--output={into}", revisions, "--")
        return into.read_text(encoding="ascii").split()

    def must(self, *words: str) -> None:
        """Run a command of git in the clone. Raises BuildError if that fails."""
        self._must(words, self.directory)

    def _must(self, words: Sequence[str], cwd: Path) -> None:
        if not self._run(["git", "-c", f"safe.directory={cwd}", *words], cwd, _GIT):
            raise BuildError(f"git {words[0]} failed; see checkout.log for details")


def fetch_svn(run: Run, url: str, revision: str, target: Path) -> None:
    """Check out a Subversion repository. Raises BuildError."""
    if shutil.which("svn") is None:
        raise BuildError("this builder has no program svn to fetch sources with")
    if urlsplit(url).scheme not in _SVN_SCHEMES:
        raise BuildError(f"cannot check out {url}: svn is for {', '.join(_SVN_SCHEMES)}")
    if revision and not _SVN_REVISION.fullmatch(revision):
        raise BuildError(f"not a revision: {revision}")
    config = target.parent / "subversion"
    words = ["svn", "checkout", "--non-interactive", "--no-auth-cache", "--ignore-externals"]
    words += ["--config-dir", str(config), "-r", revision or "HEAD", "--", f"{url}@", str(target)]
    if not run(words, target.parent, {}):
        raise BuildError("svn checkout failed; see checkout.log for details")
    shutil.rmtree(config, ignore_errors=True)
