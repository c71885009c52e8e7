"""Spec files for projects of the Python Package Index, with the macros of Fedora (copr.md, section 2.8)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moromi.errors import BuildError

from .text import one_line

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!~_]*")
_SUFFIXES = (".tar.gz", ".zip")

_PARTS = re.compile(r"([0-9.]+)(?:(a|b|rc)([0-9]+))?(?:\.post([0-9]+))?(?:\.dev([0-9]+))?")
"""Of a version as an index writes it: the release, what comes before it, what after it, development."""

_SPEC = """\
{head}Name: python-{name}
{epoch}Version: {version}
Release: 1%{{?dist}}
Summary: {summary}
License: {license}
URL: {url}
Source0: {file}
{arch}
BuildRequires: python3-devel

%description
{summary}

%package -n python3-{name}
Summary: {summary}

%description -n python3-{name}
{summary}

%prep
%autosetup -n {directory}

%generate_buildrequires
%pyproject_buildrequires

%build
%pyproject_wheel

%install
%pyproject_install
%pyproject_save_files '*' +auto

%files -n python3-{name} -f %{{pyproject_files}}
"""


@dataclass(frozen=True)
class Release:
    """A source release."""

    name: str
    version: str
    url: str
    file: str
    digest: str
    """SHA-256; empty if the index does not tell."""
    spec: str


def document_url(index: str, name: str, version: str | None) -> str:
    """The address of what an index says of a project. Raises BuildError for what is no name or version."""
    if not _NAME.fullmatch(name) or (version and not _VERSION.fullmatch(version)):
        raise BuildError(f"not a project of the index: {name} {version or ''}")
    where = f"{name}/{version}" if version else name
    return f"{index.rstrip('/')}/pypi/{where}/json"


def read(document: Any) -> Release:
    """The source release of such a document. Raises BuildError when there is none that can be used."""
    try:
        info, files = document["info"], document["urls"]
        name, version = str(info["name"]), str(info["version"])
        sources = [each for each in files if each["packagetype"] == "sdist"]
        wheels = [str(each["filename"]) for each in files if each["packagetype"] == "bdist_wheel"]
        chosen = next(each for each in sources if str(each["filename"]).endswith(_SUFFIXES))
        file, url = str(chosen["filename"]), str(chosen["url"])
        digest = str((chosen.get("digests") or {}).get("sha256") or "").lower()
    except (AttributeError, KeyError, TypeError, StopIteration) as error:
        raise BuildError("the index has no source release of this project") from error
    directory = re.sub(r"\.(tar\.gz|zip)$", "", file)
    if not all(_NAME.fullmatch(each) for each in (name, file, directory)) or not _VERSION.fullmatch(version):
        raise BuildError(f"the index tells of names that cannot be: {name!r} {version!r} {file!r}")
    return Release(name, version, url, file, digest, _spec(info, version, wheels, file, directory))


def _spec(info: Mapping[str, Any], version: str, wheels: Sequence[str], file: str, directory: str) -> str:
    name = str(info["name"])
    epoch, _, rest = version.rpartition("!")
    pure = bool(wheels) and all(each.endswith("-none-any.whl") for each in wheels)
    return _SPEC.format(
        # Where nobody tells whether something is compiled, there may be nothing to debug, which is an error.
        head="" if wheels else "%global debug_package %{nil}\n\n",
        epoch=f"Epoch: {epoch}\n" if epoch else "",
        name=package_name(name),
        version=package_version(rest),
        summary=one_line(info.get("summary")) or name,
        license=one_line(info.get("license_expression") or info.get("license"), 60) or "Unknown",
        url=one_line(info.get("home_page")) or f"https://pypi.org/project/{name}/",
        file=file,
        directory=directory,
        arch="BuildArch: noarch" if pure else "BuildRequires: gcc",
    )


def package_name(name: str) -> str:
    """What packages of a project are called after `python-` and `python3-`."""
    return re.sub(r"[-._]+", "-", name).lower().removeprefix("python-")


def package_version(version: str) -> str:
    """A version, without epoch, that rpm sorts as Python does: 1.0rc1 is 1.0~rc1, 1.0.post1 is 1.0^post1."""
    found = _PARTS.fullmatch(version)
    if found is None:
        return version
    release, kind, number, post, dev = found.groups()
    before = f"~{kind}{number}" if kind else ""
    after = f"^post{post}" if post else ""
    return release + before + after + (("~dev" if before or after else "~~dev") + dev if dev else "")
