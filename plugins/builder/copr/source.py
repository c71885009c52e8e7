"""`coprSource`: a source package out of whatever a build is made from (copr.md, section 2.8).

What is downloaded is code of somebody else's: it runs in a chroot only, and its files are opened with care.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from moromi.errors import BuildError
from moromi_builder.plugin_api import (
    BuildRoot,
    MakesSRPM,
    Section,
    check_inside,
    give,
    open_beneath,
    plugin_config,
    srpm,
    task,
)

from . import digests, lookaside, pypi, rubygems, tito
from .checkout import Git, fetch_svn

_INSIDE = "copr"
"""Directory of the sources below the chroot's temporary directory."""


@dataclass
class CoprSourceParams:
    """`coprSource(kind, source, build_tag, opts)`; opts: repo_id."""

    kind: str
    source: dict[str, Any]
    build_tag: int | str
    opts: dict[str, Any] = field(default_factory=dict)


@task("coprSource", CoprSourceParams)
class CoprSource(MakesSRPM[CoprSourceParams]):
    """Makes a source package out of what is none yet."""

    checks_host = True

    def build_tag(self) -> Any:
        """Name the tag of the chroot."""
        return self.params.build_tag

    def run(self) -> dict[str, Any]:
        """Make it."""
        makers = {
            "scm": self._from_scm,
            "distgit": self._from_scm,
            "upload": self._from_spec,
            "custom": self._from_script,
            "pypi": self._from_pypi,
            "rubygems": self._from_gem,
        }
        make = makers.get(self.params.kind)
        if make is None:
            raise BuildError(f"sources of type {self.params.kind} are not supported")
        return make(self.params.source)

    def _root(self) -> tuple[BuildRoot, Path]:
        """A chroot, and the place in it for sources."""
        root = self.make_root(self.params.build_tag, self.params.opts.get("repo_id"), dns=True)
        root.begin()
        return root, root.make_directory(f"{self.settings.chroot_tmpdir}/{_INSIDE}")

    def _inside(self, root: BuildRoot, path: Path) -> str:
        """How a path of the chroot is called in there."""
        return f"/{path.relative_to(root.root)}"

    # -- from a repository

    def _from_scm(self, source: Mapping[str, Any]) -> dict[str, Any]:
        method = source.get("source_build_method") or "rpkg"
        svn = source.get("type") == "svn"
        if svn and method.startswith("tito"):
            raise BuildError("tito works with git only")
        root, place = self._root()
        git = Git(self._run, place / "clone")
        clone, revision = git.directory, source.get("committish") or ""
        if svn:
            fetch_svn(self._run, source["clone_url"], revision, clone)
        else:
            git.fetch(source["clone_url"], revision)
        subdirectory, spec = source.get("subdirectory") or "", source.get("spec") or ""
        directory = check_inside(clone / (subdirectory or "."), clone)
        if method == "make_srpm":
            give(place, *root.engine.owner)
            return self._by_make(root, place, clone, directory, spec)
        if method.startswith("tito"):
            sources = place / "tito"
            sources.mkdir()
            path = tito.render(git, subdirectory, spec, sources, test=method == "tito_test")
        else:
            path = check_inside(directory / spec, clone) if spec else srpm.find_spec(directory, True)
            sources = srpm.sources_directory(directory, True)
            if self.params.kind == "distgit":
                self._look_aside(directory, source.get("lookaside") or "", sources)
        give(place, *root.engine.owner)
        root.build_srpm(path, sources)
        return self.finish(root, {"source": source["clone_url"], "url": source["clone_url"]})

    def _run(self, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> bool:
        return bool(self.command(words, "checkout.log", cwd=cwd, env=env))

    def _look_aside(self, checkout: Path, pattern: str, target: Path) -> None:
        """Fetch what the package has in the lookaside cache."""
        private = self.context.workdir / "lookaside"
        private.mkdir(exist_ok=True)
        lookaside.fetch(lookaside.read(checkout), pattern, target, private, self.files.download)

    def _by_make(
        self, root: BuildRoot, place: Path, clone: Path, directory: Path, spec: str
    ) -> dict[str, Any]:
        """Have the package's own makefile do it, in the chroot."""
        if not (root.root / "usr/bin/make").exists():
            root.install(["make"])
        out = root.make_directory(f"{self.settings.chroot_tmpdir}/{_INSIDE}/out")
        makefile = f"{self._inside(root, clone)}/.copr/Makefile"
        words = ["make", "-f", makefile, "srpm", f"outdir={self._inside(root, out)}"]
        if spec:
            words.append(f"spec={self._inside(root, check_inside(directory / spec, clone))}")
        root.run_source_command(words, self._inside(root, directory))
        return self._take(root, out)

    def _take(self, root: BuildRoot, out: Path) -> dict[str, Any]:
        """Take the source package that code of the package has left in the chroot."""
        names = sorted(path.name for path in out.glob("*.src.rpm"))
        if len(names) != 1:
            raise BuildError(f"one source package was expected, and there are {len(names)}")
        with (
            open_beneath(root.root, f"{out.relative_to(root.root)}/{names[0]}") as made,
            open(root.result / names[0], "wb") as target,
        ):
            shutil.copyfileobj(made, target)
        return self.finish(root, None)

    # -- from a spec file, from a script

    def _from_spec(self, source: Mapping[str, Any]) -> dict[str, Any]:
        given = self.files.fetch(f"work/{source['path']}")
        root, place = self._root()
        spec = place / Path(source["path"]).name
        shutil.copyfile(given, spec)
        give(place, *root.engine.owner)
        root.build_srpm(spec, place)
        return self.finish(root, None)

    def _from_pypi(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """A release of the Python Package Index, with a spec file of our own making."""
        index = self._index("pypi", "https://pypi.org")
        name, version = source["pypi_package_name"], source.get("pypi_package_version")
        release = pypi.read(self._told(pypi.document_url(index, name, version)))
        root, place = self._root()
        path = place / release.file
        self._download(release.url, path)
        digests.check(path, release.digest)
        return self._from_text(root, place, release.spec, release.url)

    def _from_gem(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """A gem, with a spec file of our own making."""
        index = self._index("rubygems", "https://rubygems.org")
        gem = rubygems.read(self._told(rubygems.document_url(index, source["gem_name"])))
        root, place = self._root()
        path = place / gem.file
        self._download(gem.url, path)
        digests.check(path, gem.digest)
        return self._from_text(root, place, rubygems.spec(path, gem), gem.url)

    def _index(self, name: str, usual: str) -> str:
        """The address of an index of packages."""
        config = plugin_config(self.settings, "copr").get(name) or Section(name)
        return str(config.get("url", usual))

    def _told(self, url: str) -> Any:
        """What an index says."""
        target = self.context.workdir / "index.json"
        self.files.download(url, target)
        try:
            return json.loads(target.read_bytes())
        except ValueError as error:
            raise BuildError(f"{url} does not answer as an index does") from error

    def _download(self, url: str, target: Path) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise BuildError(f"cannot download {url}")
        self.files.download(url, target)

    def _from_text(self, root: BuildRoot, place: Path, text: str, url: str) -> dict[str, Any]:
        """Make a source package of a spec file and what has been downloaded from somewhere."""
        spec = place / "package.spec"
        spec.write_text(text, encoding="utf-8")
        give(place, *root.engine.owner)
        root.build_srpm(spec, place)
        return self.finish(root, {"source": url, "url": url})

    def _from_script(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """Run a script in the chroot; what it leaves is a spec file with its sources, or a source package."""
        root, place = self._root()
        root.install(str(source.get("builddeps") or "").split())
        work = place / "work"
        work.mkdir()
        (place / "script").write_text(source["script"], encoding="utf-8")
        give(place, *root.engine.owner)
        inside = self._inside(root, place)
        root.run_source_command(["/bin/sh", "-c", f"chmod +x ../script; {inside}/script"], f"{inside}/work")
        # `work` may be a link now: the script could change all that is in `place`
        out = check_inside(work / (source.get("resultdir") or "."), place)
        if list(out.glob("*.src.rpm")):
            return self._take(root, out)
        root.build_srpm(srpm.find_spec(out, False), out)
        return self.finish(root, None)
