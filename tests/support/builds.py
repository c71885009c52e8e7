"""What tests of builds do again and again: uploads, tasks under way, imported packages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from support.hub import Client

RPMS = Path(__file__).parents[1] / "data" / "rpms"
BUILDER = "builder1.example.org"
SRPM = "fermenter-1.2-3.mr1.src.rpm"
RPM = "fermenter-1.2-3.mr1.x86_64.rpm"
YEAST = "yeast-7-1.mr1.noarch.rpm"


def data(name: str) -> bytes:
    """The content of a sample package."""
    return (RPMS / name).read_bytes()


def import_rpm(admin: Client, name: str, directory: str = "imports/test") -> dict[str, Any]:
    """Upload and import a sample package."""
    admin.upload(directory, name, data(name))
    found: dict[str, Any] = admin("importRPM", directory, name)
    return found


def open_task(admin: Client, builder: Client, host: str = BUILDER) -> int:
    """A build task that `builder` has open."""
    task_id = int(admin("makeTask", "build", ["git://x/fermenter#1", None, {}], assign=host))
    assert builder("host.openTask", task_id)["id"] == task_id
    return task_id


def stated(path: Path, **more: Any) -> dict[str, Any]:
    """What a content generator says of a file that it delivers, a package unless `more` says otherwise."""
    content = path.read_bytes()
    arch = path.name.rsplit(".", 2)[1]
    about = {"buildroot_id": 1, "type": "rpm", "arch": arch, "filename": path.name}
    about |= {"filesize": len(content), "checksum_type": "sha256"}
    return {**about, "checksum": hashlib.sha256(content).hexdigest(), **more}


def generated(outputs: Iterable[Mapping[str, Any]], **build: Any) -> dict[str, Any]:
    """Metadata of a build of the content generator `kiln`; `build` has at least name, version, release."""
    root = {
        "id": 1,
        "host": {"os": "fedora-40", "arch": "x86_64"},
        "content_generator": {"name": "kiln", "version": "1"},
        "container": {"type": "none", "arch": "x86_64"},
        "tools": [],
        "components": [],
    }
    entry: dict[str, Any] = {"source": "git://scm.example.org/kiln#1", "extra": {}, "epoch": None}
    entry |= {"start_time": 1700000000, "end_time": 1700000600, **build}
    return {"metadata_version": 0, "build": entry, "buildroots": [root], "output": list(outputs)}


class TaskBuild:
    """A build of fermenter under way on a builder, its results uploaded."""

    def __init__(self, admin: Client, builder: Client) -> None:
        self.builder = builder
        self.task_id = open_task(admin, builder)
        self.directory = f"tasks/{self.task_id % 10000}/{self.task_id}"
        entry = {"name": "fermenter", "version": "1.2", "release": "3.mr1", "epoch": 0}
        self.build_id = int(builder("host.initBuild", entry | {"task_id": self.task_id}))
        for name in (SRPM, RPM):
            builder.upload(self.directory, name, data(name))
        builder.upload(self.directory, "build.log", b"all went well\n")

    @property
    def arguments(self) -> list[Any]:
        """Of `host.completeBuild`."""
        logs = {"x86_64": [f"{self.directory}/build.log"]}
        files = [f"{self.directory}/{name}" for name in (SRPM, RPM)]
        return [self.task_id, self.build_id, files[0], files[1:], {}, logs]

    def complete(self) -> dict[str, Any]:
        """Call `host.completeBuild`."""
        found: dict[str, Any] = self.builder("host.completeBuild", *self.arguments)
        return found
