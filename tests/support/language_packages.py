"""Python and Ruby, with what Fedora builds packages of projects in them with, for the sample distribution.

That has Python's bare interpreter only, since this is some MB that one test needs. The languages are those of
this machine's distribution; `python3-devel` and `rubygems-devel` are made here, and stand for Fedora's: their
macros of the same names do the same, as far as projects of tests need it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import mkdistro
from support.chroots import TOP, sample_distribution

_DIST = ("pip", "setuptools", "wheel")
"""Projects that packages ask for as `python3dist(NAME)`."""

_PYTHON_MACROS = """\
%__python3 /usr/bin/python3
%python3_sitelib /usr/lib/python3/dist-packages
%_pyproject_helper %{__python3} /usr/lib/rpm/mini-pyproject
%_pip DEB_PYTHON_INSTALL_LAYOUT=deb %{__python3} -m pip --disable-pip-version-check --no-cache-dir
%pyproject_files %{_builddir}/pyproject-files
%pyproject_buildrequires() %{_pyproject_helper} buildrequires
%pyproject_wheel() %{_pip} wheel --no-index --no-deps --no-build-isolation -w %{_builddir}/wheels .
%pyproject_install() \\
%{_pip} install --no-index --no-deps --break-system-packages --no-warn-script-location \\\\\\
  --no-compile --root %{buildroot} --prefix /usr %{_builddir}/wheels/*.whl \\
rm -f %{buildroot}%{python3_sitelib}/*.dist-info/{direct_url.json,RECORD} \\
%{nil}
%pyproject_save_files() %{_pyproject_helper} files %{buildroot} %{pyproject_files} "%{*}"
"""

_RUBY_MACROS = """\
%gem_dir %{_datadir}/gems
%gem_instdir %{gem_dir}/gems/%{gem_name}-%{version}
%gem_docdir %{gem_dir}/doc/%{gem_name}-%{version}
%gem_cache %{gem_dir}/cache/%{gem_name}-%{version}.gem
%gem_spec %{gem_dir}/specifications/%{gem_name}-%{version}.gemspec
%gem_install() gem install -V --local --force --no-user-install --document=ri,rdoc \\\
  --build-root . --install-dir %{gem_dir} --bindir %{_bindir} %{gem_name}-%{version}.gem
"""

_HELPER = '''\
"""What needs more than a macro: what to build a project with, and which files it has installed."""
import os
import re
import sys
import tomllib


def buildrequires():
    with open("pyproject.toml", "rb") as file:
        system = tomllib.load(file).get("build-system", {})
    print("python3dist(pip)")
    for wanted in system.get("requires", ["setuptools", "wheel"]):
        name, least = re.fullmatch(r"([\\w-]+)(?: *>= *([\\w.]+))?", wanted).groups()
        print(f"python3dist({name})" + (f" >= {least}" if least else ""))


def files(root, target, words):
    if words.split() != ["*", "+auto"] and words.split() != ["'*'", "+auto"]:
        raise SystemExit(f"these macros save all files only, not {words}")
    with open(target, "w") as listed:
        for top, _, names in os.walk(root):
            for name in names:
                path = os.path.relpath(os.path.join(top, name), root)
                listed.write(f"/{path}\\n")


{"buildrequires": buildrequires, "files": files}[sys.argv[1]](*sys.argv[2:])
'''


def make(out: Path) -> None:
    """Make the repository of what the sample distribution lacks, in an empty directory."""
    there = {path.name.rsplit("-", 2)[0] for path in (sample_distribution() / "Packages").glob("*.rpm")}
    index = mkdistro.Index.read()
    closure = {
        name: requires
        for name, requires in mkdistro.resolve(["python3-pip", "ruby"], index).items()
        if name not in there
    }
    debs = mkdistro.download(closure, index, TOP / ".moromi/debs")
    packages = out / "Packages"
    packages.mkdir(parents=True)
    for name, requires in closure.items():
        mkdistro.convert(name, index.packages[name], requires, debs[name], packages)
    _make_python(packages, {name: index.packages[f"python3-{name}"]["Version"] for name in _DIST})
    macros = {"usr/lib/rpm/macros.d/macros.mini-ruby": _RUBY_MACROS}
    _pack(packages, "rubygems-devel", macros, ["ruby"], ["ruby(release)"])
    mkdistro.run("createrepo_c", "--quiet", "--no-database", ".", cwd=out)


def _make_python(packages: Path, versions: dict[str, str]) -> None:
    macros = {
        "usr/lib/rpm/macros.d/macros.mini-python": _PYTHON_MACROS,
        "usr/lib/rpm/mini-pyproject": _HELPER,
    }
    # The bare interpreter calls itself `python3` as well.
    _pack(packages, "python3-devel", macros, ["python3", "libpython3-stdlib"], [])
    for name, version in versions.items():
        own = f"mini-python3dist-{name}"
        # A version of Debian's has more than that of the project.
        upstream = re.split(r"[+~]", mkdistro.rpm_version(version)[1])[0]
        provides = [f"python3dist({name}) = {upstream}"]
        _pack(packages, own, {f"usr/share/{own}": upstream}, [f"python3-{name}"], provides)


def _pack(
    packages: Path, name: str, files: Mapping[str, str], requires: Sequence[str], provides: Sequence[str]
) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as top:
        for path, text in files.items():
            target = Path(top, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        mkdistro.Rpm(name, "0", "1", "1", "noarch", name, requires, provides).build(Path(top), packages)
