"""`saveFailedTree`: the files of a failed task's buildroot, as a tarball (spec: builder, section 8.3)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from moromi.errors import BuildrootError, GenericError
from moromi_builder.plugin_api import (
    Handler,
    Mount,
    Section,
    find_engine,
    mounted,
    plugin_config,
    roots,
    task,
)

BUILDDIR = "./builddir"


@dataclass
class SaveFailedTreeParams:
    """`saveFailedTree(buildrootID, full=False)`."""

    buildrootID: int
    full: bool = False


@task("saveFailedTree", SaveFailedTreeParams, weight=3.0)
class SaveFailedTree(Handler[SaveFailedTreeParams]):
    """Packs and uploads."""

    def run(self) -> str:
        """Give the path of the tarball below the hub's work directory."""
        root = self._find()
        config = plugin_config(self.settings, "save_failed_tree")
        filters = config["filters"].get("paths", "") if "filters" in config else ""
        # Koji's sample names the section `global`.
        general = config.get("general") or config.get("global") or Section("general")
        tarball = self.context.workdir / f"broot-{self.params.buildrootID}.tar.gz"
        with mounted(self, _overlay(roots.layers(root)), "tar.log") as places:
            top = places[0] if places else Path(root.directory, "root")
            self._pack(tarball, top, filters.replace(",", " ").split())
        self.session.upload(
            str(tarball), self.context.upload_path, tarball.name, volume=general.get("volume")
        )
        return f"{self.context.upload_path}/{tarball.name}"

    def _find(self) -> roots.LocalRoot:
        """Find the buildroot on this machine."""
        wanted = self.params.buildrootID
        info = self.session.getBuildroot(wanted, strict=True)
        if info["host_id"] != self.context.host["id"]:
            raise GenericError("Task is run on wrong builder")
        directory = roots.config_dir(self.settings, find_engine(self.settings).is_mock)
        for root in roots.find(self.settings, directory):
            if root.buildroot_id == wanted and Path(root.directory, "root").is_dir():
                return root
        raise GenericError(f"Buildroot directory is missing on this builder: buildroot {wanted} is gone")

    def _pack(self, tarball: Path, top: Path, filters: list[str]) -> None:
        part = "." if self.params.full else BUILDDIR
        if not (top / part).is_dir():
            raise BuildrootError(f"There is no {part.removeprefix('.')} in the buildroot")
        words = ["tar", "--create", "--gzip", "--file", str(tarball), "--directory", str(top)]
        words += ["--one-file-system", "--sparse", "--anchored"]
        words += [f"--exclude=./{pattern.lstrip('/')}" for pattern in filters]
        status = self.command([*words, part], "tar.log")
        if not status:
            raise BuildrootError(f"Cannot pack the buildroot: {status.describe('tar')}; see tar.log")


def _overlay(layers: list[str]) -> list[Mount]:
    """How to see a chroot whole that has more than one layer."""
    if len(layers) == 1:
        return []
    lower = ":".join(path.replace("\\", "\\\\").replace(":", "\\:") for path in layers)
    return [Mount("the layers of the buildroot", "overlay", "overlay", f"ro,lowerdir={lower}")]
