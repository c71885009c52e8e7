"""Spec files for gems of RubyGems, with the macros of Fedora (copr.md, section 2.8)."""

from __future__ import annotations

import gzip
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.errors import BuildError

from .text import one_line

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.]*")
_EXTENSIONS = re.compile(r"^extensions:\s*\n\s*- ", re.MULTILINE)
_MOST = 1 << 20
"""Bytes that a gem may say of itself."""

_SPEC = """\
%global gem_name {name}

Name: rubygem-%{{gem_name}}
Version: {version}
Release: 1%{{?dist}}
Summary: {summary}
License: {license}
URL: {url}
Source0: %{{gem_name}}-%{{version}}.gem
BuildRequires: ruby(release)
BuildRequires: rubygems-devel
{arch}

%description
{summary}

%prep
%setup -q -n %{{gem_name}}-%{{version}}

%build
gem build ../%{{gem_name}}-%{{version}}.gemspec
%gem_install

%install
mkdir -p %{{buildroot}}%{{gem_dir}} %{{buildroot}}%{{_bindir}}
cp -a .%{{gem_dir}}/* %{{buildroot}}%{{gem_dir}}/
[ ! -d .%{{_bindir}} ] || cp -a .%{{_bindir}}/* %{{buildroot}}%{{_bindir}}/
{install}echo '%%dir %{{gem_instdir}}' > listed
find %{{buildroot}}%{{_bindir}} -type f -printf '%{{_bindir}}/%%f\\n' >> listed

%files -f listed
%{{gem_instdir}}/*
%{{gem_spec}}
%{{gem_docdir}}
%exclude %{{gem_cache}}
{files}"""
_NATIVE_INSTALL = """\
mkdir -p %{buildroot}%{gem_extdir_mri}
cp -a .%{gem_extdir_mri}/* %{buildroot}%{gem_extdir_mri}/
"""


@dataclass(frozen=True)
class Gem:
    """A gem that an index offers."""

    name: str
    version: str
    url: str
    digest: str
    """SHA-256; empty if the index does not tell."""
    summary: str
    license: str
    homepage: str

    @property
    def file(self) -> str:
        """What its file is called."""
        return f"{self.name}-{self.version}.gem"


def document_url(index: str, name: str) -> str:
    """The address of what an index says of a gem. Raises BuildError for what is no name."""
    if not _NAME.fullmatch(name):
        raise BuildError(f"not the name of a gem: {name}")
    return f"{index.rstrip('/')}/api/v1/gems/{name}.json"


def read(document: Any) -> Gem:
    """The newest release of such a document. Raises BuildError when there is none that can be used."""
    try:
        name, version, url = (str(document[key]) for key in ("name", "version", "gem_uri"))
        licenses = [str(each) for each in document.get("licenses") or ()]
    except (KeyError, TypeError) as error:
        raise BuildError("the index has no release of this gem") from error
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
        raise BuildError(f"the index tells of names that cannot be: {name!r} {version!r}")
    return Gem(
        name,
        version,
        url,
        str(document.get("sha") or "").lower(),
        one_line(document.get("info")) or name,
        one_line(" AND ".join(licenses)) or "Unknown",
        one_line(document.get("homepage_uri")) or f"https://rubygems.org/gems/{name}",
    )


def spec(path: Path, gem: Gem) -> str:
    """The spec file for a gem. Raises BuildError for a file that is none."""
    native = _is_native(path)
    return _SPEC.format(
        name=gem.name,
        version=gem.version,
        summary=gem.summary,
        license=gem.license,
        url=gem.homepage,
        arch="BuildRequires: ruby-devel\nBuildRequires: gcc" if native else "BuildArch: noarch",
        install=_NATIVE_INSTALL if native else "",
        files="%{gem_extdir_mri}\n" if native else "",
    )


def _is_native(path: Path) -> bool:
    """Whether a gem has something to compile."""
    try:
        with tarfile.open(path) as archive:
            member = archive.extractfile("metadata.gz")
            if member is None:
                raise BuildError(f"{path.name} is no gem")
            with gzip.open(member) as metadata:
                text = metadata.read(_MOST).decode(errors="replace")
    except (tarfile.TarError, KeyError, OSError, EOFError) as error:
        raise BuildError(f"{path.name} is no gem: {error}") from error
    return _EXTENSIONS.search(text) is not None
