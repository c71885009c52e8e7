"""What tito makes of a repository that is kept with it, without tito: an archive of a tag, and its spec file.

`tito` packs the newest tag of the package, as `.tito/packages` names it; `tito_test` what is checked out,
with the commit in the release. Only tito's plain builder is known.
"""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass
from pathlib import Path

from moromi.errors import BuildError
from moromi_builder.plugin_api import check_inside, srpm

from .checkout import Git

_PLACES = (".tito", "rel-eng")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_VERSION = re.compile(r"([A-Za-z0-9._+~^]+)-([A-Za-z0-9._+~^]+)")
_RELEASE = re.compile(r"^(release:\s*)(.*?)(%\{\??dist\})?[ \t]*$", re.IGNORECASE | re.MULTILINE)
_PLAIN = ("tito.builder.Builder", "tito.builder.main.Builder")


@dataclass(frozen=True)
class _Tagged:
    """The newest tag of a package."""

    name: str
    version: str
    release: str

    @property
    def tag(self) -> str:
        """How git calls it."""
        return f"refs/tags/{self.name}-{self.version}-{self.release}"


def render(git: Git, subdirectory: str, spec: str, into: Path, *, test: bool) -> Path:
    """Put the archive and the spec file of the package of a subdirectory into a directory; the spec file.

    Raises BuildError.
    """
    clone = git.directory
    tagged = _newest(clone, subdirectory)
    if not test:
        git.switch(tagged.tag)
    directory = check_inside(clone / (subdirectory or "."), clone)
    _check_builder(clone, directory)
    source = check_inside(directory / spec, clone) if spec else srpm.find_spec(directory, False)
    text = source.read_text(encoding="utf-8", errors="surrogateescape")
    if test:
        text = _with_commit(git, tagged, text, into)
    prefix = f"{tagged.name}-{tagged.version}"
    tree = f"HEAD:./{_path(subdirectory)}" if _path(subdirectory) else "HEAD"
    git.must("archive", f"--prefix={prefix}/", "--format=tar.gz", f"--output={into / prefix}.tar.gz", tree)
    target = into / f"{tagged.name}.spec"
    target.write_text(text, encoding="utf-8", errors="surrogateescape")
    return target


def _path(subdirectory: str) -> str:
    """A subdirectory without what means nothing."""
    return "/".join(part for part in subdirectory.split("/") if part not in ("", "."))


def _newest(clone: Path, subdirectory: str) -> _Tagged:
    """What tito has noted of the package that is in a subdirectory."""
    found = []
    for path in sorted(path for place in _PLACES for path in (clone / place / "packages").glob("*")):
        words = check_inside(path, clone).read_text(encoding="utf-8", errors="replace").split()
        version = _VERSION.fullmatch(words[0]) if words else None
        if len(words) == 2 and version and _NAME.fullmatch(path.name):
            found.append((_path(words[1]), _Tagged(path.name, version[1], version[2])))
    for place, tagged in found:
        if place == _path(subdirectory):
            return tagged
    raise BuildError(f"tito has tagged no package in {subdirectory or 'this repository'}")


def _check_builder(clone: Path, directory: Path) -> None:
    for path in (*(clone / place / "tito.props" for place in _PLACES), directory / "tito.props"):
        if not path.exists():
            continue
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(check_inside(path, clone).read_text(encoding="utf-8", errors="replace"))
        except configparser.Error as error:
            raise BuildError(f"{path.name} cannot be read: {error}") from error
        builder = parser.get("buildconfig", "builder", fallback=_PLAIN[0])
        if builder not in _PLAIN:
            raise BuildError(f"the package wants {builder} of tito, which is not known here")


def _with_commit(git: Git, tagged: _Tagged, text: str, into: Path) -> str:
    """The spec file with the commit in its release."""
    listed = into / "commits"
    since = git.commits(f"{tagged.tag}..HEAD", listed)
    newest = since[0] if since else git.commits("HEAD^!", listed)[0]
    listed.unlink()

    def mark(found: re.Match[str]) -> str:
        return f"{found[1]}{found[2]}.git.{len(since)}.{newest}{found[3] or ''}"

    marked, count = _RELEASE.subn(mark, text, count=1)
    if not count:
        raise BuildError("the spec file has no line Release to put the commit into")
    return marked
