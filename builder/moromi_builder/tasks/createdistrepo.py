"""`createdistrepo`: one arch of a dist repository, packages and metadata (spec: builder, section 5.7).

The packages themselves stay on the hub: what is uploaded is metadata, and the list by which the hub puts its
own copies into the repository. On a mount of the hub's tree they are read in place, otherwise downloaded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from moromi.arches import canonical
from moromi.constants import RepoState
from moromi.errors import GenericError
from moromi.repodata import Entry, write_repository
from moromi.rpm import read_header
from moromi_builder import plugins
from moromi_builder.hubfiles import MissingFile
from moromi_builder.repos import commands as repo_commands
from moromi_builder.repos import distcontent, joined, multilib
from moromi_builder.repos.distcontent import DistPackage
from moromi_builder.repos.source import PROBE, metadata_files
from moromi_builder.tasks.base import Handler
from moromi_builder.tasks.registry import task

BATCH = 1000
"""Signed copies to write with one request."""


@dataclass
class CreateDistRepoParams:
    """`createdistrepo(tag, repo_id, arch, keys, opts)`."""

    tag: int | str
    repo_id: int
    arch: str
    keys: list[str]
    opts: dict[str, Any]


@task("createdistrepo", CreateDistRepoParams, weight=1.5)
class CreateDistRepo(Handler[CreateDistRepoParams]):
    """Makes one arch."""

    def run(self) -> None:
        """Select packages, make metadata, upload."""
        opts, arch = self.params.opts, self.params.arch
        old_packages = [place for repo_id in opts.get("delta") or () for place in self._delta_base(repo_id)]
        packages = self._select()
        self._localise(packages)
        if opts.get("multilib") and arch in multilib.PARTNERS:
            packages.update(self._partners(packages))
        directory = self.context.workdir / "repo"
        directory.mkdir()
        distcontent.write_lists(packages, directory, Path(self.settings.topdir))
        for subrepo in distcontent.subrepos(packages.values()):
            self._createrepo(directory, subrepo, packages, old_packages)
        plugins.run_callbacks(
            "postCreateDistRepo",
            tag=self.params.tag,
            repodir=str(directory),
            repo_id=self.repo["id"],
            arch=arch,
            keys=self.params.keys,
            opts=opts,
            taskinfo=self.context.info,
            session=self.session,
        )
        self._upload(directory)

    @cached_property
    def repo(self) -> dict[str, Any]:
        """The repository that is being made."""
        found: dict[str, Any] = self.session.repoInfo(self.params.repo_id, strict=True)
        state = RepoState(found["state"])
        if state is not RepoState.INIT:
            raise GenericError(f"Repo {found['id']} not in INIT state (got {state.name})")
        return found

    # -- the hub's files

    @cached_property
    def _mounted(self) -> bool:
        """Whether the hub's tree is mounted here."""
        return self.files.mounted_tree(_repo_path(self.repo), PROBE) is not None

    def _fetch(self, path: str) -> Path:
        """Give a local copy of a file of the hub. MissingFile."""
        if not self._mounted:
            return self.files.fetch(path)
        place = self.files.topdir / path
        if not place.is_file():
            raise MissingFile(f"Missing file: {path}")
        return place

    # -- packages

    def _select(self) -> dict[str, DistPackage]:
        """Choose the packages; those without a wanted signature are reported, and maybe an error."""
        opts, keys = self.params.opts, self.params.keys
        listed: list[dict[str, Any]] = []
        builds: list[dict[str, Any]] = []
        for arch in distcontent.compatible_arches(self.params.arch):
            rpms, of_builds = self.session.listTaggedRPMS(
                self.params.tag,
                event=opts.get("event"),
                arch=arch,
                latest=opts.get("latest", True),
                inherit=opts.get("inherit", True),
                rpmsigs=True,
            )
            listed += rpms
            builds += of_builds
        found = distcontent.select(
            listed,
            builds,
            keys,
            split_debuginfo=bool(opts.get("split_debuginfo")),
            skip_unsigned=bool(opts.get("skip_missing_signatures")),
        )
        if found.unsigned:
            lines = [f"requested keys: {', '.join(keys)}"]
            lines += [f"{each.nvra}: {each.available}" for each in found.unsigned]
            self._log("missing_signatures.log", lines)
            if not (opts.get("skip_missing_signatures") or opts.get("allow_missing_signatures")):
                raise GenericError("Unsigned packages found. See missing_signatures.log")
        return found.packages

    def _localise(self, packages: Mapping[str, DistPackage]) -> None:
        """See that the packages are there, and make readable here those that are opened.

        Their signed copies are written first where that is asked for.
        """
        if self.params.opts.get("write_signed_rpms"):
            self._write_signed([package for package in packages.values() if package.sigkey])
        missing = []
        opened = not self._joins or self.params.opts.get("multilib")
        for package in packages.values():
            try:
                if opened or self._mounted:
                    package.local = self._fetch(package.path)
                elif not self.files.exists(package.path):
                    missing.append(package.path)
            except MissingFile:
                missing.append(package.path)
        if missing:
            self._log("missing_files.log", missing)
            raise GenericError("Packages missing from the filesystem. See missing_files.log.")

    def _write_signed(self, packages: list[DistPackage]) -> None:
        with self.session.multicall(strict=True, batch=BATCH) as calls:
            for package in packages:
                calls.host.writeSignedRPM(package.rpm["id"], package.sigkey)
        self._log("written_signed_rpms.log", [f"{each.nvra}: {each.sigkey}" for each in packages])

    def _partners(self, packages: Mapping[str, DistPackage]) -> dict[str, DistPackage]:
        """Find the packages of the 32-bit partner that belong here too."""
        partner = multilib.PARTNERS[self.params.arch]
        path = f"work/{self.params.opts['multilib']}"
        config = self.files.fetch(path, expected=f"Missing multilib configuration: {path}")
        self.upload(config, "multilib.conf")
        method = multilib.Method.read(config)
        theirs = self._packages_of(canonical(partner))
        wanted = []
        for package in packages.values():
            assert package.local is not None, "every package has been made local"
            if package.rpm["arch"] == self.params.arch and not package.subrepo:
                header = read_header(package.local)
                if method.selects(header):
                    wanted.append(f"{header.nvr}.{partner}.rpm")
        missing = sorted(set(wanted) - set(theirs))
        if missing:
            self._log("missing_multilib.log", missing)
            raise GenericError("multilib packages missing. See missing_multilib.log")
        headers = {name: read_header(each.local) for name, each in theirs.items() if each.local is not None}
        needed = multilib.Closure(headers).of(wanted) - set(packages)
        return {name: theirs[name] for name in needed}

    def _packages_of(self, arch: str) -> dict[str, DistPackage]:
        """Read what the finished repository of another arch holds."""
        top = f"{_repo_path(self.repo)}/{arch}"
        data = self.files.read(f"{top}/kojipkgs")
        if data is None:
            raise GenericError(f"Missing kojipkgs file of the multilib arch {arch}")
        found = {}
        for name, record in json.loads(data).items():
            rpm = {key: value for key, value in record.items() if not key.startswith("_")}
            package = DistPackage(rpm, "", rpm.pop("sigkey", "") or "", multilib=True)
            package.path = f"{top}/{package.place}"
            if not record.get("_subrepo"):
                package.local = self._fetch(package.path)
                found[name] = package
        return found

    def _delta_base(self, repo_id: int) -> Iterator[Path]:
        """Make the packages of an earlier dist repository local; give their directories."""
        repo = self.session.repoInfo(repo_id, strict=True)
        if not repo["dist"]:
            raise GenericError("Base repo for deltas must also be a dist repo")
        top = f"{_repo_path(repo)}/{canonical(self.params.arch)}"
        data = self.files.read(f"{top}/kojipkgs")
        if data is None:
            raise GenericError(f"Base drpm repo missing: {top}")
        places = {self._fetch(f"{top}/Packages/{name[0].lower()}/{name}").parent for name in json.loads(data)}
        yield from sorted(places)

    # -- metadata

    @cached_property
    def _groups(self) -> Path | None:
        """The comps file, if the repository has one."""
        data = self.files.read(f"{_repo_path(self.repo)}/groups/comps.xml")
        if data is None:
            return None
        path = self.context.workdir / "comps.xml"
        path.write_bytes(data)
        return path

    @cached_property
    def _old_repo(self) -> str | None:
        """The directory of the tag's present dist repository, whose metadata may be used again."""
        if not self.settings.createrepo_update:
            return None
        found = self.session.getRepo(self.params.tag, dist=True, state=int(RepoState.READY))
        return f"{_repo_path({**found, 'tag_name': self.repo['tag_name']})}" if found else None

    def _createrepo(
        self, top: Path, subrepo: str, packages: Mapping[str, DistPackage], old_packages: list[Path]
    ) -> None:
        directory = top / subrepo
        inside = [package for package in packages.values() if package.subrepo == subrepo]
        if self._joins:
            self._join(directory, inside, None if subrepo else self._groups)
            return
        words = repo_commands.dist_createrepo(
            self.settings,
            directory,
            self.params.opts,
            groups=None if subrepo else self._groups,
            update=self._copy_old(subrepo, directory / "repodata"),
            old_packages=old_packages,
        )
        status = self.command(words, f"createrepo_{subrepo}.log" if subrepo else "createrepo.log")
        if not status:
            raise GenericError(f"failed to create repo: {status.describe(' '.join(words))}")
        if not inside:
            (directory / "repodata" / "EMPTY_REPO").touch()

    @cached_property
    def _joins(self) -> bool:
        """Whether the metadata is joined from what the hub keeps. Deltas and zchunk need createrepo_c."""
        needing = ("delta", "zck", "zck_dict_dir")
        return not any(self.params.opts.get(key) for key in needing) and joined.supported(self.session)

    def _join(self, directory: Path, packages: list[DistPackage], groups: Path | None) -> None:
        files = [(int(package.rpm["id"]), package.sigkey) for package in packages]
        tag = self.session.getBuildConfig(self.params.tag, event=self.params.opts.get("event"))
        workshop = joined.Workshop(self.settings, self.files, self._mounted)

        def write(found: list[Entry]) -> None:
            pairs = zip(found, packages, strict=True)
            write_repository(
                [entry._replace(href=package.href).line() for entry, package in pairs],
                workshop.store,
                workshop.cache,
                directory / "repodata",
                # the clients of a dist repository may be old ones
                compression=str(tag["extra"].get("repo.compression", "gzip")),
                comps=groups,
                sqlite=bool(tag["extra"].get("repo.sqlite")),
            )

        joined.join(self.session, files, write)
        workshop.tidy()

    def _copy_old(self, subrepo: str, target: Path) -> bool:
        """Begin with the metadata of the previous repository; False if there is none."""
        if self._old_repo is None:
            return False
        parts = (self._old_repo, canonical(self.params.arch), subrepo, "repodata")
        source = "/".join(part for part in parts if part)
        repomd = self.files.read(f"{source}/repomd.xml")
        if repomd is None:
            return False
        target.mkdir(parents=True)
        (target / "repomd.xml").write_bytes(repomd)
        for name in metadata_files(repomd):
            self.files.download(self.files.url(f"{source}/{name}"), target / name)
        return True

    # -- results

    def _log(self, name: str, lines: list[str]) -> None:
        path = self.context.workdir / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        self.upload(path)

    def _upload(self, directory: Path) -> None:
        """Upload all but the packages, which the hub has, then the list of it."""
        names = []
        for path in sorted(directory.rglob("*")):
            if path.is_file() and not path.is_symlink():
                name = path.relative_to(directory)
                names.append(str(name))
                self.upload(path, subdir="" if name.parent == Path() else str(name.parent))
        manifest = self.context.workdir / "repo_manifest"
        manifest.write_text(json.dumps(names), encoding="utf-8")
        self.upload(manifest)


def _repo_path(repo: Mapping[str, Any]) -> str:
    """Give a dist repository's directory below the hub's tree; on another volume a link leads there."""
    return f"repos-dist/{repo['tag_name']}/{repo['id']}"
