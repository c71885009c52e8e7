"""Names: of owners, projects, directories and chroots, and of the tags that stand for them.

Section 4.1. A name that passes here is part of paths and of Koji's names, so none can
lead out of its directory or be taken for another's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from .errors import BadRequest
from .model import Owner

PROJECT_NAME = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,100}")
OWNER_NAME = re.compile(r"@?(?!\.)[A-Za-z0-9_.-]+")
PACKAGE_NAME = re.compile(r"[-+_.a-zA-Z0-9]+")
TAG_PREFIXES = ("copr+", "coprg+")
"""What the tags and targets of projects begin with."""
_DIRECTORY_PART = re.compile(r"[A-Za-z0-9-]+")
_CHROOT = re.compile(r"([A-Za-z0-9_.-]+)-([A-Za-z0-9_.]+)-([A-Za-z0-9_]+)")
_DIRECTORY_FORM = (
    "Please use directory format {0}:custom:<SUFFIX_OF_CHOICE> or {0}:pr:<ID>"
    " (for automatically removed directories)"
)


def split_chroot(name: str) -> tuple[str, str, str] | None:
    """Distribution, version and arch of a chroot's name, or None if it is none."""
    found = _CHROOT.fullmatch(name)
    return None if found is None else (found[1], found[2], found[3])


def project_of(dirname: str) -> str:
    """The name of the project that a directory would belong to."""
    return dirname.partition(":")[0]


def check_dirname(project: str, dirname: str) -> None:
    """Raise BadRequest unless a project may have a directory of this name."""
    first, *rest = dirname.split(":")
    if not rest and first == project:
        return
    if first != project or not rest:
        raise BadRequest(f"Copr dirname must start with '{project}:' prefix")
    if not all(_DIRECTORY_PART.fullmatch(part) for part in rest):
        raise BadRequest(
            f"Wrong directory '{dirname}' specified.  Directory name can consist of alpha-numeric strings"
            " separated by colons."
        )
    valid = len(rest) == 2 and (rest[0] == "custom" or (rest[0] == "pr" and rest[1].isdecimal()))
    if not valid or len(dirname) > 150:
        raise BadRequest(_DIRECTORY_FORM.format(project))


def dir_name(dirname: str) -> str:
    """How a directory is called in Koji's names, which cannot have colons."""
    return dirname.replace(":", "+")


def _prefix(owner: Owner) -> str:
    return f"coprg+{owner.name[1:]}" if owner.is_group else f"copr+{owner.name}"


def project_tag(owner: Owner, project: str) -> str:
    """The tag that holds the package list of a project."""
    return f"{_prefix(owner)}+{project}"


def dest_tag(owner: Owner, dirname: str, chroot: str) -> str:
    """The tag of the builds of a directory in a chroot; its target has the same name."""
    return f"{_prefix(owner)}+{dir_name(dirname)}+{chroot}"


def build_tag(owner: Owner, dirname: str, chroot: str) -> str:
    """The tag that such builds are built in."""
    return f"{dest_tag(owner, dirname, chroot)}+build"


def base_tag(chroot: str) -> str:
    """The tag of a chroot, which all projects build upon."""
    return f"chroot+{chroot}"


def script_tag(chroot: str, repos: Iterable[str]) -> str:
    """The tag of a chroot with repositories that a script asks for."""
    return f"script+{chroot}+{digest(' '.join(repos))}"


def digest(text: str) -> str:
    """The part of a name that stands for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def url_id(url: str) -> str:
    """What a repository is called that has only a URL."""
    return re.sub(r"[^a-zA-Z0-9]+", "_", url).strip("_")


def copr_reference(url: str) -> tuple[str, str] | None:
    """Owner and directory of a `copr://owner/name`, None for another URL."""
    parts = urlsplit(url)
    if parts.scheme != "copr":
        return None
    first = parts.path.strip("/").split("/")[0]
    return parts.netloc, first


def expand(url: str, os: str, version: str, arch: str) -> str:
    """A URL with what the chroot decides filled in."""
    url = url.replace("$chroot", f"{os}-{version}-{arch}").replace("$distname", os)
    return url.replace("$releasever", version).replace("$basearch", arch)
