"""URLs of source code: parsed once, into a value that is both judged and run.

A rule about SCM URLs protects only if the program that fetches reads the URL as the rule
does. So a URL is taken apart here, everything that two readers could understand
differently is refused, and what is checked and what is fetched is built from the parts
(`SCM.clone_url`, `SCM.policy_data`), never from the text that came. Grammar: builder.md 4.1.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Final

from moromi.errors import BuildError, GenericError

__all__ = ["FILE_SCHEME", "SCM", "SCM_TYPES", "is_scm_url", "parse_scm_url"]

#: SCM type -> its URL schemes.
SCM_TYPES: Final[dict[str, tuple[str, ...]]] = {
    "CVS": ("cvs://",),
    "CVS+SSH": ("cvs+ssh://",),
    "GIT": ("git://", "git+file://", "git+http://", "git+https://", "git+rsync://"),
    "GIT+SSH": ("git+ssh://",),
    "SVN": ("svn://", "svn+http://", "svn+https://"),
    "SVN+SSH": ("svn+ssh://",),
}
#: Our own addition: a repository on the builder itself. It has no host, and only a rule with an empty host
#: allows it, so that no rule which was written for servers opens a builder's disk.
FILE_SCHEME: Final = "git+file://"
_TYPE_OF: Final = {scheme: kind for kind, schemes in SCM_TYPES.items() for scheme in schemes}
_NEEDS_USER: Final = frozenset({"CVS+SSH", "GIT+SSH", "SVN+SSH"})

_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\]")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_PASSWORD: Final = re.compile(r"[^\s@:/?#\\]+")
# No `%`: an escape would be one thing to the rule and another to the program.
# No segment begins with a dash, so none can be taken for an option.
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_.~+@=,][A-Za-z0-9_.~+@=,:-]*")
# A git revision, a tag, a branch, or a revision of CVS and Subversion. No colon: the
# revision becomes one side of a refspec.
_REVISION: Final = re.compile(r"[A-Za-z0-9_.@{][A-Za-z0-9_./@{}+,=~^-]*")


@dataclass(frozen=True, slots=True)
class SCM:
    """A source code URL in its parts, normalised.

    `scheme` includes `://`, `user` includes `:password` if there is one, `repository`
    begins with one slash and does not end in one, `module` (the path in it) may be ''.
    """

    scmtype: str
    scheme: str
    user: str | None
    host: str
    repository: str
    module: str
    revision: str

    @property
    def url(self) -> str:
        """The whole URL, from the parts."""
        return self._join(self.scheme, self.user)

    @property
    def public_url(self) -> str:
        """The whole URL without user and password."""
        return self._join(self.scheme, None)

    def _join(self, scheme: str, user: str | None) -> str:
        login = f"{user}@" if user else ""
        module = f"?{self.module}" if self.module else ""
        return f"{scheme}{login}{self.host}{self.repository}{module}#{self.revision}"

    @property
    def clone_url(self) -> str:
        """What git and Subversion fetch from: `git+https` is spoken as `https`, `svn+ssh` as it is."""
        kind, plus, transport = self.scheme.partition("+")
        scheme = transport if plus and (kind == "git" or transport != "ssh://") else self.scheme
        login = f"{self.user}@" if self.user else ""
        return f"{scheme}{login}{self.host}{self.repository}"

    @property
    def cvs_root(self) -> str:
        """What CVS fetches from."""
        method, user = (
            (":ext:", self.user) if self.scmtype == "CVS+SSH" else (":pserver:", self.user or "anonymous")
        )
        return f"{method}{user}@{self.host}:{self.repository}"

    def source(self, revision: str) -> str:
        """The URL that is recorded for a checkout of this very revision (no user or password)."""
        module = f"?{self.module}" if self.module else ""
        return f"{self.scheme}{self.host}{self.repository}{module}#{revision}"

    def info(self) -> dict[str, str | None]:
        """What callbacks are told (`scminfo`)."""
        return {"url": self.url, **self._parts()}

    def policy_data(self) -> dict[str, str | None]:
        """What policies are asked about: the same under `scm_…`."""
        data = {f"scm_{name}": value for name, value in self._parts().items() if name != "scmtype"}
        return {"scm_url": self.url, **data, "scm_type": self.scmtype}

    def _parts(self) -> dict[str, str | None]:
        return {
            "scheme": self.scheme,
            "user": self.user,
            "host": self.host,
            "repository": self.repository,
            "module": self.module,
            "revision": self.revision,
            "scmtype": self.scmtype,
        }


def is_scm_url(text: str) -> bool:
    """Say whether a source is meant as an SCM URL, by its scheme."""
    return _split_scheme(text)[0] in _TYPE_OF


def parse_scm_url(text: str, allow_password: bool = False) -> SCM:
    """Parse a URL. GenericError: it breaks the grammar; BuildError: a user is needed but missing."""
    scheme, rest = _split_scheme(text)
    if scheme not in _TYPE_OF:
        schemes = ", ".join(sorted(_TYPE_OF))
        raise GenericError(f"Invalid scheme in scm url. Valid schemes are: {schemes}")
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise _bad(text, "It holds characters that no URL may have.")
    rest, hash_mark, revision = rest.partition("#")
    rest, _mark, module = rest.partition("?")
    netloc, slash, path = rest.partition("/")
    if ";" in path:
        raise _bad(text, f"Params element {path.partition(';')[2]} should be empty.")
    if not slash or not path.strip("/"):
        raise _bad(text, "Could not find the path element.")
    if not hash_mark or not revision:
        raise _bad(text, "Could not find the fragment element.")
    user, host = _parse_netloc(text, netloc, allow_password) if scheme != FILE_SCHEME else (None, netloc)
    if scheme == FILE_SCHEME and host:
        raise _bad(text, "A file has no host.")
    scmtype = _TYPE_OF[scheme]
    if scmtype in _NEEDS_USER and not user:
        raise BuildError(f"No user specified for repository access scheme: {scheme}")
    return SCM(
        scmtype=scmtype,
        scheme=scheme,
        user=user,
        host=host,
        repository=f"/{_clean_path(text, path)}",
        module=_clean_path(text, module) if module.strip("/") else "",
        revision=_clean_revision(text, revision),
    )


def _split_scheme(text: str) -> tuple[str, str]:
    scheme, separator, rest = text.partition("://")
    return f"{scheme.lower()}{separator}", rest


def _parse_netloc(text: str, netloc: str, allow_password: bool) -> tuple[str | None, str]:
    login, at, host = netloc.rpartition("@")
    if "@" in login:
        raise GenericError(f"Invalid username@hostname specified: {netloc}")
    name, colon, port = host, "", ""
    if not host.endswith("]"):
        name, colon, port = host.partition(":")
    if not _HOST.fullmatch(name) or (colon and not (_PORT.fullmatch(port) and 0 < int(port) < 65536)):
        raise _bad(text, "Could not understand the host.")
    host = f"{name.lower()}{colon}{port}"
    if not at:
        return None, host
    user, colon, password = login.partition(":")
    if colon and not allow_password:
        raise GenericError(f"username:password format not supported: {user}:{'*' * len(password)}")
    if not _USER.fullmatch(user) or (colon and not _PASSWORD.fullmatch(password)):
        raise GenericError(f"Invalid username@hostname specified: {user}@{host}")
    return login, host


def _clean_path(text: str, path: str) -> str:
    """Return a path without doubled and outer slashes. GenericError: a segment could mislead."""
    segments = [segment for segment in path.split("/") if segment]
    for segment in segments:
        if segment in (".", "..") or not _SEGMENT.fullmatch(segment):
            raise _bad(text, f"The path element {segment} is not allowed.")
    return posixpath.join(*segments)


def _clean_revision(text: str, revision: str) -> str:
    if not _REVISION.fullmatch(revision) or ".." in revision or "//" in revision:
        raise _bad(text, "The fragment element is not a revision.")
    return revision


def _bad(text: str, reason: str) -> GenericError:
    return GenericError(f"Unable to parse SCM URL: {_masked(text)} . {reason}")


def _masked(text: str) -> str:
    """Return a URL for a message, without a password in it."""
    return re.sub(r"://([^/?#@:]*):[^/?#]*@", r"://\1:***@", text)
