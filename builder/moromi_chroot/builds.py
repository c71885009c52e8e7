"""Building packages in a root: --rebuild and --buildsrpm."""

from __future__ import annotations

import shlex
import stat
from pathlib import Path

from moromi_chroot import files, inroot, srpm
from moromi_chroot.buildroot import Buildroot
from moromi_chroot.errors import BuildFailed, ChrootError, GenerateFailed, Unpackable, UsageError

# rpmbuild -br's exit code where there are generated BuildRequires, met or not.
HAS_GENERATED = 11
# Generated BuildRequires may bring in more of them; nothing sane needs more rounds.
GENERATE_ROUNDS = 10

INSTALLED_FORMAT = "%{nevra} %{buildtime} %{size} installed\\n"


class Build:
    """One build in an initialised root, for one target architecture."""

    def __init__(self, broot: Buildroot, target: str) -> None:
        self.broot = broot
        self.config = broot.config
        self.logs = broot.logs
        self.target = target
        self.build_dir = f"{broot.config.home}/build"

    # --- source packages --------------------------------------------------------------------------------

    def buildsrpm(self, spec: Path, sources: Path | None) -> None:
        """Make a source package of a spec file and the files beside it."""
        if not spec.is_file():
            raise UsageError(f"Input specfile does not exist: {spec}")
        if sources and not sources.exists():
            raise UsageError(f"Source directory or file does not exist: {sources}")
        with self.logs.phase("buildsrpm"):
            with self.logs.phase("rpmbuild -bs"):
                self.broot.inside(inroot.reset_build_tree(self.config))
                self._put(spec, "SPECS")
                self._put_sources(sources)
                inside = f"{self.build_dir}/SPECS/{spec.name}"
                self._rpmbuild("-bs", inside)
            self._take("SRPMS", ".src.rpm")

    def _put_sources(self, sources: Path | None) -> None:
        if sources is None:
            return
        for path in sorted(sources.iterdir()) if sources.is_dir() else [sources]:
            # A link in a checkout could name any file of the host.
            if stat.S_ISREG(path.lstat().st_mode):
                self._put(path, "SOURCES")

    # --- binary packages --------------------------------------------------------------------------------

    def rebuild(self, source: srpm.SourcePackage) -> None:
        """Build the binary packages of a source package."""
        name = source.path.name
        with self.logs.phase(f"build phase for {name}"):
            with self.logs.phase(f"build setup for {name}"):
                self.broot.inside(inroot.reset_build_tree(self.config))
                spec = self._unpack(source.path)
                # With this root's macros the source package gets its dist tag and its dependencies.
                self._rpmbuild("-bs", spec)
                rebuilt = srpm.read(self._take_one("SRPMS", ".src.rpm"))
                self.broot.require(rebuilt.requires)
            with self.logs.phase(f"rpmbuild {name}"):
                modes = self._generate_requires(spec) if rebuilt.dynamic else ["-bb"]
                self._list_installed()
                self._rpmbuild(*modes, spec, timeout=self.config.timeout)
                self._take("SRPMS", ".src.rpm")
                self._take("RPMS", ".rpm")

    def _unpack(self, path: Path) -> str:
        """Unpack a source package in the root; return its spec file's path there."""
        self._put(path, "originals")
        inside = f"{self.build_dir}/originals/{path.name}"
        view, runner = self.broot.view, self.broot.runner
        argv = ["rpm", "-Uvh", "--nodeps", inside]
        if runner.command(view, argv).code:
            raise Unpackable(f"Source RPM is not installable: {path.name}")
        listed = runner.command(view, ["rpm", "-qpl", inside], capture=True).output.splitlines()
        spec = next((line for line in listed if line.endswith(".spec") and "/" not in line), None)
        if spec is None:
            raise Unpackable(f"No spec file in {path.name}")
        return f"{self.build_dir}/SPECS/{spec}"

    def _generate_requires(self, spec: str) -> list[str]:
        """Install what %generate_buildrequires asks for; return the options of the last rpmbuild."""
        modes = ["-br"]
        for _ in range(GENERATE_ROUNDS):
            code = self._rpmbuild_code(*modes, spec, timeout=self.config.timeout)
            if code not in (0, HAS_GENERATED):
                raise GenerateFailed(f"Command failed: \n # rpmbuild {' '.join(modes)} {spec}")
            generated = self._take("SRPMS", ".buildreqs.nosrc.rpm")
            # A list, since each file has to be installed from and removed.
            missing = [self.broot.require(srpm.read(path).requires) for path in generated]
            for path in generated:
                path.unlink()
            if not any(missing):
                break
            modes = ["-br", "--noprep"]
        return ["-ba", "--noprep"]

    def _list_installed(self) -> None:
        with self.logs.phase("Outputting list of installed packages"):
            argv = ["rpm", "-qa", "--qf", INSTALLED_FORMAT]
            listed = self.broot.runner.command(self.broot.view, argv, privileged=True, capture=True).output
            lines = sorted(line for line in listed.splitlines() if not line.startswith("gpg-pubkey"))
            text = "".join(f"{line}\n" for line in lines)
            (self.broot.result / "installed_pkgs.log").write_text(text, encoding="utf-8")

    # --- rpmbuild and files -----------------------------------------------------------------------------

    def _rpmbuild(self, *args: str, timeout: int = 0) -> None:
        code = self._rpmbuild_code(*args, timeout=timeout)
        if code:
            raise BuildFailed(f"Command failed: \n # rpmbuild {' '.join(args)}", code)

    def _rpmbuild_code(self, *args: str, timeout: int) -> int:
        command = [
            "/usr/bin/rpmbuild",
            *args[:-1],
            "--noclean",
            "--target",
            self.target,
            "--nodeps",
            args[-1],
        ]
        argv = ["bash", "--login", "-c", shlex.join(command)]
        return self.broot.runner.command(self.broot.view, argv, log="build", timeout=timeout).code

    def _put(self, source: Path, directory: str) -> None:
        where = f"{self.build_dir}/{directory}".lstrip("/")
        files.put(source, self.broot.root, where, self.config.uid, self.config.gid)

    def _take(self, directory: str, suffix: str) -> list[Path]:
        where = f"{self.build_dir}/{directory}".lstrip("/")
        return files.take(self.broot.root, where, suffix, self.broot.result)

    def _take_one(self, directory: str, suffix: str) -> Path:
        taken = self._take(directory, suffix)
        if len(taken) != 1:
            raise ChrootError(f"Expected one {suffix} file in {directory}, found {len(taken)}")
        return taken[0]
