"""Finished packages that people give: published as they are, without a task (copr.md, section 2.7).

On the hub they are a draft build without a source package, tagged into every repository that takes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from moromi.rpm import Header
from moromi_hub.plugin_api import Call, rpm_imports
from moromi_hub.plugin_api import builds as hub_builds

from . import build_queries, builds, intake, names, packages, policy, progress, sources
from .builds import Order
from .errors import BadRequest, WrongType
from .model import Build, Project
from .people import Person

KIND = "rpm_upload"
"""The type of source of such builds."""
ONLY_RPMS = "You can upload only .rpm files"


@dataclass(frozen=True)
class Binary:
    """What a binary package says of itself, and of the source package that it was made of."""

    name: str
    epoch: int | None
    version: str
    release: str
    arch: str
    source: tuple[str, str, str]
    """Name, version and release."""

    @property
    def file_name(self) -> str:
        """What its file has to be called."""
        return f"{self.name}-{self.version}-{self.release}.{self.arch}.rpm"

    @property
    def source_evr(self) -> str:
        """`[epoch:]version-release` of the source package."""
        text = "-".join(self.source[1:])
        return text if self.epoch is None else f"{self.epoch}:{text}"

    def fits(self, chroot: str) -> bool:
        """Whether it can be installed where a chroot's packages are."""
        parts = names.split_chroot(chroot)
        same = (self.arch, "i386") if self.arch in ("i486", "i586", "i686") else (self.arch,)
        return self.arch == "noarch" or (parts is not None and parts[2] in same)


def read(path: Path) -> Binary:
    """Read a binary package. Raises WrongType for anything else, and for one that is damaged or forged."""
    header = sources.read_sound(path, ONLY_RPMS, source=False)
    evr = (header.version, header.release)
    return Binary(header.name, header.epoch, *evr, header.arch, _source(header))


def _source(header: Header) -> tuple[str, str, str]:
    file = str(header["SOURCERPM"] or "")
    stem = file.removesuffix(".rpm").rpartition(".")[0]
    first, _, release = stem.rpartition("-")
    name, _, version = first.rpartition("-")
    found = (name, version, release)
    if all(found) and sources.are_sound(*found):
        return found
    raise WrongType(ONLY_RPMS)


def submit(call: Call, who: Person, project: Project, order: Order, path: Path, binary: Binary) -> Build:
    """A build of a package, whose file moves away; chroots of other arches skip it. Raises BadRequest."""
    chosen = builds.select(call, project, order)
    fitting = [name for name in chosen if binary.fits(name)]
    if not fitting:
        raise BadRequest(f"None of the chroots takes packages for {binary.arch}")
    package = packages.ensure(call, project, binary.source[0])
    kept = intake.keep(call, path, binary.file_name)
    given = Order(KIND, kept, order.options, order.dirname, package=package)
    build_id = builds.record(call, who, project, given, chosen)
    build_queries.change(call.tx, build_id, {"version": binary.source_evr})
    build = builds.get(call, build_id)
    koji_build_id = _import(call, who, build, binary)
    for chroot in build.chroots:
        if chroot.name in fitting:
            build_queries.change_chroot(call.tx, chroot.id, {"started_on": build_queries.now()})
            progress.publish_given(call, build, chroot, koji_build_id)
        else:
            progress.skip(call, chroot)
    return builds.get(call, build_id)


def _import(call: Call, who: Person, build: Build, binary: Binary) -> int:
    """The draft build of the hub that has the package."""
    call.plugin_data[policy.GIVEN] = build.id
    name, version, release = binary.source
    entry = {"name": name, "version": version, "release": release, "epoch": binary.epoch}
    koji_build_id = hub_builds.new_build(call, {**entry, "owner": who.id, "draft": True})
    made = hub_builds.require_build(call, koji_build_id)
    file = call.settings.topdir / "work" / intake.work_path(build.source)
    rpm_imports.import_rpms(call, made, [rpm_imports.Delivery(file)])
    del call.plugin_data[policy.GIVEN]
    return koji_build_id
