"""Source packages: what a task must know of one, and the frame shared by the tasks that make one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moromi.errors import BuildError, GenericError
from moromi.rpm import Header, read_header
from moromi_builder.beneath import check_inside

FORBIDDEN_TAGS = ("Packager", "Distribution", "Vendor")
REQUIRED_TAGS = ("packager", "vendor", "distribution")


@dataclass(frozen=True)
class SourcePackage:
    """The facts of a source package that decide how it is built."""

    name: str
    version: str
    release: str
    epoch: int | None
    build_arches: tuple[str, ...]
    exclusive_arches: tuple[str, ...]
    exclude_arches: tuple[str, ...]

    @property
    def file_name(self) -> str:
        """Give the name its file must have."""
        return f"{self.name}-{self.version}-{self.release}.src.rpm"


def read_source(path: Path, name: str | None = None) -> SourcePackage:
    """Read a source package; `name` is for the message. Raises GenericError if it is none."""
    header = _read(path, name or path.name)
    if not header.is_source:
        raise GenericError(f"{name or path.name} is not a source package")
    return SourcePackage(
        header.name,
        header.version,
        header.release,
        header.epoch,
        tuple(header["BUILDARCHS"]),
        tuple(header["EXCLUSIVEARCH"]),
        tuple(header["EXCLUDEARCH"]),
    )


def _read(path: Path, name: str) -> Header:
    try:
        return read_header(path)
    except GenericError as exc:
        raise GenericError(f"{name} is not a source package: {exc}") from exc


def only_result(directory: Path) -> Path:
    """Find the one source package in a result directory and check its name. BuildError if there is not
    one.
    """
    found = sorted(directory.glob("*.src.rpm"))
    if not found:
        raise BuildError(f"No srpms found in {directory}")
    if len(found) > 1:
        raise BuildError(f"Multiple srpms found in {directory}: {', '.join(path.name for path in found)}")
    expected = read_source(found[0]).file_name
    if found[0].name != expected:
        raise BuildError(f"srpm name mismatch: {expected} != {found[0].name}")
    return found[0]


def check_build_tags(path: Path) -> None:
    """Check that the build system put its name into a source package."""
    header = read_header(path)
    for name in REQUIRED_TAGS:
        if not header[name]:
            raise BuildError(f"The build system failed to set the {name} tag")


def find_spec(checkout: Path, source_layout: bool) -> Path:
    """Find the spec file of a checkout. BuildError if it cannot be told, or leads out of the checkout."""
    found = sorted(checkout.glob("*.spec"))
    if not found and source_layout:
        found = sorted((checkout / "SPECS").glob("*.spec"))
    if not found:
        raise BuildError("No spec file found")
    if len(found) == 1:
        return check_inside(found[0], checkout)
    for path in found:
        if path.name == f"{checkout.name}.spec":
            return check_inside(path, checkout)
    names = ", ".join(path.name for path in found)
    raise BuildError(f"Multiple spec files found but none is matching SCM checkout dir name: {names}")


def check_spec(path: Path) -> None:
    """Refuse a spec that sets what belongs to the build system, on any of its lines."""
    text = path.read_text(encoding="utf-8", errors="replace")
    for tag in FORBIDDEN_TAGS:
        if re.search(rf"^{tag}\s*:", text, re.IGNORECASE | re.MULTILINE):
            raise BuildError(f"{tag} is not allowed to be set in spec file")
        if re.search(rf"^%(?:define|global)\s+{tag.lower()}\s", text, re.MULTILINE):
            raise BuildError(f"{tag.lower()} is not allowed to be defined in spec file")


def sources_directory(checkout: Path, source_layout: bool) -> Path:
    """Say where a checkout's sources are. BuildError if that leads out of the checkout."""
    if source_layout and (checkout / "SOURCES").is_dir():
        return check_inside(checkout / "SOURCES", checkout)
    return checkout


def result_of(
    handler_logs: Sequence[str], srpm: str, buildroot_id: int, source: dict[str, str]
) -> dict[str, Any]:
    """Give the result of a task that made a source package; paths are below the hub's work directory."""
    return {"srpm": srpm, "logs": list(handler_logs), "brootid": buildroot_id, "source": source}
