"""Spec files for projects of the Python Package Index, with the macros of Fedora (copr.md, section 2.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from moromi.errors import BuildError

from .text import one_line

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!~_]*")
_SUFFIXES = (".tar.gz", ".zip")

_SPEC = """\
Name: python-{name}
Version: {version}
Release: 1%{{?dist}}
Summary: {summary}
License: {license}
URL: {url}
Source0: {file}
{arch}
BuildRequires: python3-devel

%global _description %{{expand:
{summary}}}

%description %_description

%package -n python3-{name}
Summary: %{{summary}}
%description -n python3-{name} %_description

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
    except (KeyError, TypeError, StopIteration) as error:
        raise BuildError("the index has no source release of this project") from error
    directory = re.sub(r"\.(tar\.gz|zip)$", "", file)
    if not all(_NAME.fullmatch(each) for each in (name, file, directory)) or not _VERSION.fullmatch(version):
        raise BuildError(f"the index tells of names that cannot be: {name!r} {version!r} {file!r}")
    pure = bool(wheels) and all(each.endswith("-none-any.whl") for each in wheels)
    spec = _SPEC.format(
        name=re.sub(r"[._]", "-", name).lower(),
        version=version.replace("!", "_"),
        summary=one_line(info.get("summary")) or name,
        license=one_line(info.get("license_expression") or info.get("license"), 60) or "Unknown",
        url=one_line(info.get("home_page")) or f"https://pypi.org/project/{name}/",
        file=file,
        directory=directory,
        arch="BuildArch: noarch" if pure else "BuildRequires: gcc",
    )
    return Release(name, version, url, file, spec)
