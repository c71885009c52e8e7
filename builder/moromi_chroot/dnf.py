"""Installing packages into a root with the host's dnf.

dnf runs outside the root, with the network, over the mounted root and in a pid namespace of its own. Each
root has its own dnf cache directory, so that dnf's locks are never contended and its pids never misread; what
is worth keeping is moved between that directory and the stores shared by all roots:

    <cache>/dnf/metadata/<digest of repomd.xml>/   repodata and dnf's parsed form of it
    <cache>/dnf/packages/<checksum>.rpm            packages that came over the network

both hard-linked, by content. The repositories' URLs do not matter.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from moromi_chroot import resolver, stores
from moromi_chroot.config import Config
from moromi_chroot.errors import PackagesFailed
from moromi_chroot.repositories import Fetched
from moromi_chroot.runner import Runner
from moromi_chroot.sandbox import Job, RootView

# Debian's librpm would keep the database in ~/.rpmdb; and what is mounted is not rpm's to touch.
RPM_MACROS = "%_dbpath /var/lib/rpm\n%_netsharedpath /proc:/sys:/dev\n"


# How much of other roots' metadata and packages is kept.
METADATA_ENTRIES = 20
METADATA_BYTES = 4 << 30
PACKAGE_ENTRIES = 100_000
PACKAGE_BYTES = 8 << 30


@dataclass(frozen=True)
class Package:
    """One package of a transaction that dnf would make."""

    nevra: str
    repository: str
    checksum: str
    filename: str


class Dnf:
    """dnf for one root, with its configuration and cache below the root's directory.

    `fetched` is what the repositories contain, or None if that is left to dnf.
    """

    def __init__(self, config: Config, runner: Runner, fetched: Sequence[Fetched] | None) -> None:
        self.config = config
        self.runner = runner
        self.fetched = fetched or ()
        self.top = config.top / "dnf"
        self.cache = self.top / "cache"
        self.store = config.cache_dir / "dnf"
        self._prepare()

    def _prepare(self) -> None:
        self.cache.mkdir(parents=True, exist_ok=True)
        (self.top / "dnf.conf").write_text(self.config.dnf_conf, encoding="utf-8")
        (self.top / ".rpmmacros").write_text(RPM_MACROS, encoding="utf-8")
        for item in self.fetched:
            stored = self.store / "metadata" / item.digest
            target = self.cache / _directory_name(item)
            # Another engine may just now remove the entry; dnf fetches what is missing.
            with contextlib.suppress(FileNotFoundError):
                if not target.exists():
                    self._stage_metadata(item, stored, target)

    def _stage_metadata(self, item: Fetched, stored: Path, target: Path) -> None:
        os.utime(stored)
        for path in stored.glob("*.solv*"):
            stores.link(path, self.cache / path.name.replace("repository", item.repository.name, 1))
        stores.link_tree(stored / "repository", target)
        # Written anew: dnf takes its age for that of the metadata.
        repomd = target / "repodata" / "repomd.xml"
        repomd.unlink(missing_ok=True)
        repomd.write_bytes(item.repomd)

    def current(self) -> bool:
        """Say whether dnf has seen the repositories with the content that they were fetched with."""
        places = [self.cache / _directory_name(item) / "repodata" / "repomd.xml" for item in self.fetched]
        return all(
            path.is_file() and path.read_bytes() == item.repomd
            for path, item in zip(places, self.fetched, strict=True)
        )

    def resolve(self, view: RootView, specs: Sequence[str]) -> list[Package] | None:
        """Return what would be installed; None if dnf cannot say (it then says why when installing)."""
        interpreter = _dnf_interpreter()
        if interpreter is None:
            return None
        output = self.top / "resolved.json"
        output.unlink(missing_ok=True)
        order = {
            "conf": str(self.top / "dnf.conf"),
            "installroot": str(view.path),
            "cachedir": str(self.cache),
            "releasever": self.config.releasever or "1",
            "forcearch": self.config.forcearch,
            "specs": list(specs),
            "output": str(output),
        }
        argv = [interpreter, "-I", str(resolver.__file__), json.dumps(order)]
        self.runner.run(view, self._job(argv), "root", 0, False, False)
        if not output.exists():
            return None
        return [Package(*entry) for entry in json.loads(output.read_text(encoding="utf-8"))]

    def install(
        self, view: RootView, specs: Sequence[str], packages: Sequence[Package] | None = None
    ) -> None:
        """Install packages, groups or dependencies; `packages` is what resolve() said, if it was asked.

        Raises PackagesFailed. Names come from users and from headers that their code wrote, and dnf runs as
        root over the host's files: one that it would take for an option is refused.
        """
        for spec in specs:
            if spec.startswith("-"):
                raise PackagesFailed(f"Not the name of a package: {spec}")
        self.run(view, ["install", *specs], packages)

    def run(self, view: RootView, args: Sequence[str], packages: Sequence[Package] | None = None) -> None:
        """Run dnf with arguments that the configuration has. Raises PackagesFailed."""
        self._stage(packages or ())
        conf = self.config
        argv = ["dnf", "-y", "--noplugins", "-c", str(self.top / "dnf.conf"), "--installroot", str(view.path)]
        argv += [f"--setopt=cachedir={self.cache}", "--releasever", conf.releasever or "1"]
        argv += [f"--forcearch={conf.forcearch}"] if conf.forcearch else []
        argv += args
        result = self.runner.run(view, self._job(argv), "root", 0, True, False)
        if result.code:
            tail = "\n".join(result.output.strip().splitlines()[-20:])
            raise PackagesFailed(f"Command failed: \n # {shlex.join(argv)}\n{tail}")
        self._harvest(packages or ())

    def _job(self, argv: Sequence[str]) -> Job:
        env = {"HOME": str(self.top), "PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
        return Job(argv=argv, env=env, inside=False, network=True, persona=self.config.persona)

    def _package_places(self) -> dict[str, Path]:
        """Return where dnf keeps the packages of each repository."""
        return {
            item.repository.name: self.cache / _directory_name(item) / "packages" for item in self.fetched
        }

    def _stage(self, packages: Sequence[Package]) -> None:
        """Put stored packages where dnf looks before it downloads them."""
        places = self._package_places()
        for package in packages:
            stored = self.store / "packages" / f"{package.checksum}.rpm"
            place = places.get(package.repository)
            # What is not in the store dnf downloads.
            with contextlib.suppress(FileNotFoundError):
                if place:
                    os.utime(stored)
                    place.mkdir(parents=True, exist_ok=True)
                    stores.link(stored, place / package.filename)

    def _harvest(self, packages: Sequence[Package]) -> None:
        """Keep new metadata and downloaded packages for other roots."""
        kept = self.store / "packages"
        kept.mkdir(parents=True, exist_ok=True)
        places = self._package_places()
        downloaded = []
        for package in packages:
            place = places.get(package.repository)
            if place and (place / package.filename).is_file():
                downloaded.append((place / package.filename, kept / f"{package.checksum}.rpm"))
        for source, target in downloaded:
            stores.link(source, target)
        if downloaded:
            stores.trim(kept, PACKAGE_ENTRIES, PACKAGE_BYTES)
        for item in self.fetched:
            self._harvest_metadata(item)

    def _harvest_metadata(self, item: Fetched) -> None:
        stored = self.store / "metadata" / item.digest
        source = self.cache / _directory_name(item)
        repomd = source / "repodata" / "repomd.xml"
        # The repository may have changed between our look and dnf's.
        if stored.is_dir() or not repomd.is_file() or repomd.read_bytes() != item.repomd:
            return
        partial = stored.with_name(f"{item.digest}.{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        stores.link_tree(source / "repodata", partial / "repository" / "repodata")
        for path in self.cache.glob(f"{item.repository.name}*.solv*"):
            stores.link(path, partial / path.name.replace(item.repository.name, "repository", 1))
        try:
            partial.rename(stored)
        except OSError:
            shutil.rmtree(partial)  # Another engine was faster.
        stores.trim(stored.parent, METADATA_ENTRIES, METADATA_BYTES)


def _dnf_interpreter() -> str | None:
    """Return the Python that the host's dnf runs on; None where dnf is no Python program."""
    program = shutil.which("dnf")
    if program is None:
        raise PackagesFailed("dnf is not installed on this machine")
    with open(program, "rb") as reader:
        line = reader.readline(256)
    words = line[2:].decode("utf-8", "replace").split() if line.startswith(b"#!") else []
    return words[0] if words and "python" in words[0] else None


def _directory_name(item: Fetched) -> str:
    """Return the name of dnf's cache directory for a repository at its first URL."""
    return f"{item.repository.name}-{hashlib.sha256(item.repository.urls[0].encode()).hexdigest()[:16]}"
