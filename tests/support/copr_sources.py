"""Servers of sources on the loopback address: git, Subversion, and files over HTTP."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from samplesite.services import wait_for
from samplesite.site import free_port
from support.programs import background, listens

_AUTHOR = ("-c", "user.name=Test", "-c", "user.email=test@localhost")

_PYTHON_PROJECT = {
    "kit_a.py": "def main():\n    print('a whole kit')\n",
    "pyproject.toml": """\
[build-system]
requires = ["setuptools >= 61"]
build-backend = "setuptools.build_meta"
[project]
name = "Kit_a"
version = "1.2"
[project.scripts]
kit-a = "kit_a:main"
[tool.setuptools]
py-modules = ["kit_a"]
""",
}

_GEM = """\
--- !ruby/object:Gem::Specification
name: kit
version: !ruby/object:Gem::Version
  version: '1.0'
platform: ruby
authors: [Nobody]
executables: []
extensions:@EXTENSIONS@
files: [lib/kit.rb]
require_paths: [lib]
required_ruby_version: &any !ruby/object:Gem::Requirement
  requirements: [['>=', !ruby/object:Gem::Version {version: '0'}]]
required_rubygems_version: *any
licenses: [MIT]
specification_version: 4
summary: A kit
"""


@dataclass(frozen=True)
class Sources:
    """What is served, and where."""

    place: Path
    git_url: str
    svn_url: str
    http_url: str

    def git(self, name: str, files: Mapping[str, str], tag: str = "") -> None:
        """Commit some files to a git repository, which is made if it is new, and give that a tag."""
        top = self.place / "git" / name
        if not top.exists():
            top.mkdir(parents=True)
            _run("git", "init", "-q", str(top))
        for path, text in files.items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_text(text, encoding="utf-8")
        _run("git", "-C", str(top), "add", ".")
        _run("git", "-C", str(top), *_AUTHOR, "commit", "-q", "-m", "As it is now")
        if tag:
            _run("git", "-C", str(top), "tag", tag)

    def svn(self, name: str, *revisions: Mapping[str, str]) -> None:
        """A Subversion repository with these revisions."""
        store, tree = self.place / "svn" / name, self.place / f"{name}.checkout"
        _run("svnadmin", "create", str(store))
        _run("svn", "checkout", "-q", f"file://{store}", str(tree))
        for files in revisions:
            for path, text in files.items():
                (tree / path).write_text(text, encoding="utf-8")
            _run("svn", "add", "-q", "--force", str(tree))
            _run("svn", "commit", "-q", "-m", "As it is now", str(tree))

    def file(self, path: str, content: bytes) -> str:
        """Serve a file over HTTP; its address."""
        target = self.place / "http" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return f"{self.http_url}/{path}"

    def looked_aside(self, where: str, name: str, content: bytes) -> str:
        """Put a file into a lookaside cache; the line of `sources` for it."""
        digest = hashlib.sha512(content).hexdigest()
        self.file(f"{where}/{name}/sha512/{digest}/{name}", content)
        return f"SHA512 ({name}) = {digest}\n"

    def python_project(self) -> None:
        """A project of an index of Python packages: `kit-a`, which has the program `kit-a`."""
        files = {f"Kit_a-1.2/{name}": text.encode() for name, text in _PYTHON_PROJECT.items()}
        content = _tar(files, "w:gz")
        url, digest = self.file("Kit_a-1.2.tar.gz", content), hashlib.sha256(content).hexdigest()
        source = {"packagetype": "sdist", "filename": "Kit_a-1.2.tar.gz", "url": url}
        urls = [
            {**source, "digests": {"sha256": digest}},
            {"packagetype": "bdist_wheel", "filename": "kit_a-1.2-py3-none-any.whl", "url": ""},
        ]
        info = {"name": "Kit_a", "version": "1.2", "summary": "100% of %(a kit)", "license": "MIT"}
        self.file("pypi/kit-a/json", json.dumps({"info": info, "urls": urls}).encode())

    def gem(self) -> None:
        """A gem of an index: `kit`."""
        content = gem()
        document = {
            "name": "kit",
            "version": "1.0",
            "gem_uri": self.file("gems/kit-1.0.gem", content),
            "sha": hashlib.sha256(content).hexdigest(),
            "info": "100% of {a kit}",
            "licenses": ["MIT", "Ruby"],
        }
        self.file("api/v1/gems/kit.json", json.dumps(document).encode())


def gem(extensions: str = " []") -> bytes:
    """The file of a gem; `extensions` is that part of what it says of itself."""
    data = _tar({"lib/kit.rb": b"puts 'a whole gem'\n"}, "w:gz")
    metadata = gzip.compress(_GEM.replace("@EXTENSIONS@", extensions).encode())
    return _tar({"metadata.gz": metadata, "data.tar.gz": data}, "w")


def _tar(files: Mapping[str, bytes], mode: Literal["w", "w:gz"]) -> bytes:
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode=mode) as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return buffer.getvalue()


@contextlib.contextmanager
def serving(place: Path) -> Iterator[Sources]:
    """Servers for what is in `place`, with nothing there yet."""
    ports = [free_port() for _ in range(3)]
    git, svn, http = (place / name for name in ("git", "svn", "http"))
    for each in (git, svn, http):
        each.mkdir()
    local = "127.0.0.1"
    commands = [
        ["git", "daemon", "--export-all", "--reuseaddr", f"--listen={local}", f"--port={ports[0]}"],
        ["svnserve", "-d", "--foreground", f"--listen-host={local}", f"--listen-port={ports[1]}"],
        [sys.executable, "-m", "http.server", str(ports[2]), "--bind", local, "-d", str(http)],
    ]
    commands[0] += [f"--base-path={git}", str(git)]
    commands[1] += ["-r", str(svn)]
    with contextlib.ExitStack() as stack:
        for number, (command, port) in enumerate(zip(commands, ports, strict=True)):
            stack.enter_context(background(command, place / f"{number}.log"))
            assert wait_for(functools.partial(listens, port), 120), command
        schemes = ("git", "svn", "http")
        urls = [f"{scheme}://{local}:{port}" for scheme, port in zip(schemes, ports, strict=True)]
        yield Sources(place, *urls)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
