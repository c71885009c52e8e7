"""SIGKILL of the hub before every step of the calls that move files.

Each call is killed once before each of its steps that finds something else than the one before
(see support.crash), from the same state every time, and a new hub looks at what is left: either
nothing has happened or everything has, every complete build has all its files with the right
checksums, and the same call can be made again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from moromi.constants import BuildState
from moromi.errors import GenericError
from moromi.rpm import get_sighdr_key, rip_rpm_sighdr
from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_hub.fsck import service as fsck
from support import database
from support.builds import BUILDER, RPM, RPMS, SRPM, TaskBuild, data, generated, import_rpm, open_task, stated
from support.crash import CALL, die_at
from support.hub import Client, HubUnderTest, running_hub, state_template

NVR = "fermenter-1.2-3.mr1"
SIGNED = RPMS / "fermenter-1.2-3.mr1.x86_64.signed.rpm"
Arguments = Sequence[Any]


@dataclass(frozen=True)
class Scene:
    """A call to be killed: `prepare` makes the state it starts from, and returns its arguments."""

    user: str
    method: str
    prepare: Callable[[HubUnderTest, Client, Path], Arguments]


def _upload(_hub: HubUnderTest, admin: Client, _top: Path) -> Arguments:
    admin.upload("imports/killed", SRPM, data(SRPM))
    return ["imports/killed", SRPM]


def _build(hub: HubUnderTest, admin: Client, _top: Path) -> Arguments:
    return TaskBuild(admin, hub.client(BUILDER)).arguments


def _delivered(_hub: HubUnderTest, admin: Client, top: Path) -> Arguments:
    admin("grantCGAccess", "kojiadmin", "kiln", create=True)
    image = {"type": "image", "extra": {"image": {"arch": "x86_64"}}}
    outputs = [*(stated(RPMS / name) for name in (SRPM, RPM))]
    for name, more in (("vat.tar", image), ("root.log", {"type": "log"})):
        (top / name).write_bytes(b"a vat")
        outputs.append(stated(top / name, **more))
        admin.upload("cg", name, b"a vat")
        (top / name).unlink()
    for name in (SRPM, RPM):
        admin.upload("cg", name, data(name))
    build = {"name": "fermenter", "version": "1.2", "release": "3.mr1", "extra": {"image": {}}}
    return [generated(outputs, **build), "cg"]


def _artifact(_hub: HubUnderTest, admin: Client, _top: Path) -> Arguments:
    build = {"name": "org.example-culture", "version": "1.0", "release": "1", "epoch": None}
    gav = {"group_id": "org.example", "artifact_id": "culture", "version": "1.0"}
    admin("createMavenBuild", build, gav)
    admin.upload("imports/killed", "culture-1.0.jar", b"a jar")
    return ["imports/killed/culture-1.0.jar", "org.example-culture-1.0-1", "maven", gav]


def _draft(hub: HubUnderTest, admin: Client, _top: Path) -> Arguments:
    builder = hub.client(BUILDER)
    task_id = open_task(admin, builder)
    entry = {"name": "fermenter", "version": "1.2", "release": "3.mr1", "epoch": 0, "draft": True}
    build_id = builder("host.initBuild", entry | {"task_id": task_id})
    directory = f"tasks/{task_id}/{task_id}"
    for name in (SRPM, RPM):
        builder.upload(directory, name, data(name))
    builder("host.completeBuild", task_id, build_id, f"{directory}/{SRPM}", [f"{directory}/{RPM}"])
    return [build_id]


def _imported(_hub: HubUnderTest, admin: Client, _top: Path) -> Arguments:
    import_rpm(admin, SRPM)
    return [import_rpm(admin, RPM)["build_id"]]


def _to_attic(hub: HubUnderTest, admin: Client, top: Path) -> Arguments:
    (top / "vol" / "attic").mkdir(parents=True)
    admin("addVolume", "attic")
    return [*_imported(hub, admin, top), "attic"]


def _from_attic(hub: HubUnderTest, admin: Client, top: Path) -> Arguments:
    arguments = _to_attic(hub, admin, top)
    admin("changeBuildVolume", *arguments)
    return [arguments[0], "DEFAULT"]


def _signed(hub: HubUnderTest, admin: Client, top: Path) -> Arguments:
    _imported(hub, admin, top)
    sighdr = rip_rpm_sighdr(SIGNED)
    admin("addRPMSig", f"{NVR}.x86_64", sighdr)
    return [f"{NVR}.x86_64", get_sighdr_key(sighdr)]


def _unsigned(hub: HubUnderTest, admin: Client, top: Path) -> Arguments:
    _imported(hub, admin, top)
    return [f"{NVR}.x86_64", rip_rpm_sighdr(SIGNED)]


def _copied(hub: HubUnderTest, admin: Client, top: Path) -> Arguments:
    arguments = _signed(hub, admin, top)
    admin("writeSignedRPM", *arguments)
    return arguments


SCENES = {
    "import": Scene("kojiadmin", "importRPM", _upload),
    "import archive": Scene("kojiadmin", "importArchive", _artifact),
    "import generated": Scene("kojiadmin", "CGImport", _delivered),
    "complete": Scene(BUILDER, "host.completeBuild", _build),
    "promote": Scene("kojiadmin", "promoteBuild", _draft),
    "move": Scene("kojiadmin", "changeBuildVolume", _to_attic),
    "move back": Scene("kojiadmin", "changeBuildVolume", _from_attic),
    "delete": Scene("kojiadmin", "deleteBuild", _imported),
    "reset": Scene("kojiadmin", "resetBuild", _imported),
    "add signature": Scene("kojiadmin", "addRPMSig", _unsigned),
    "write signed copy": Scene("kojiadmin", "writeSignedRPM", _signed),
    "delete signature": Scene("kojiadmin", "deleteRPMSig", _copied),
}


@dataclass(frozen=True)
class Start:
    """The state that a scene starts from, to be copied."""

    server: EmbeddedPostgres
    database: str
    tree: Path
    arguments: Arguments
    headers: Mapping[str, str]
    """Of a session; to log in for every step would take most of the time."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    with database.running_server() as server:
        yield server


@pytest.fixture(scope="module")
def state(postgres: EmbeddedPostgres) -> Iterator[str]:
    with database.template(postgres) as plain, state_template(postgres, plain) as name:
        yield name


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest) -> Scene:
    return SCENES[request.param]


@pytest.fixture
def start(postgres: EmbeddedPostgres, state: str, scene: Scene, tmp_path: Path) -> Iterator[Start]:
    with database.clone(postgres, state) as dsn:
        top = tmp_path / "start"
        with running_hub(dsn, top) as hub:
            arguments = scene.prepare(hub, hub.client("kojiadmin"), top)
            headers = hub.client(scene.user).headers
        yield Start(postgres, str(make_url(dsn).database), top, arguments, headers)


def seen(hub: HubUnderTest) -> list[Any]:
    """What people see of all builds; what hangs on the clock and on sequences is left out."""
    anyone = hub.client()
    found: list[Any] = []
    for build in sorted(anyone("listBuilds"), key=lambda build: str(build["nvr"])):
        rpms = sorted(
            anyone("listBuildRPMs", build["build_id"]), key=lambda rpm: str(rpm["nvr"] + rpm["arch"])
        )
        complete = build["state"] == BuildState.COMPLETE
        found.append(
            {
                "build": (build["nvr"], build["state"], build["draft"], build["volume_name"]),
                "completed": build["completion_ts"] is not None,
                "types": sorted(anyone("getBuildType", build["build_id"])),
                "logs": complete and anyone("getBuildLogs", build["build_id"]),
                "archives": sorted(
                    (archive["filename"], archive["size"], archive["checksum"])
                    for archive in anyone("listArchives", build["build_id"])
                ),
                "rpms": [(rpm["nvr"], rpm["arch"], rpm["size"], rpm["payloadhash"]) for rpm in rpms],
                "signatures": [
                    sorted((row["sigkey"], row["sighash"]) for row in anyone("queryRPMSigs", rpm["id"]))
                    for rpm in rpms
                ],
                "checksums": [
                    anyone("getRPMChecksums", rpm["id"], cacheonly=True) for rpm in rpms if complete
                ],
            }
        )
    return found


def check_promise(hub: HubUnderTest) -> None:
    """Whatever is promised is there; there may be more."""
    with hub.hub.call("check") as call:
        problems = list(fsck.check(call, checksums=True))
    assert [problem for problem in problems if not problem.orphan and problem.link_to is None] == []


def check_repair(hub: HubUnderTest) -> None:
    """Once `moromi-hub fsck --repair` has done its work nothing is wrong, nor too many."""
    with hub.hub.call("repair") as call:
        for problem in list(fsck.check(call)):
            fsck.repair(problem, min_age=0)
        assert list(fsck.check(call, checksums=True)) == []


@dataclass(frozen=True)
class Place:
    """A copy of the start: a database and a tree of its own."""

    start: Start
    dsn: str
    top: Path

    def client(self, hub: HubUnderTest) -> Client:
        """The session again, after the call that was killed."""
        return Client(hub.application, dict(self.start.headers), CALL + 1)


def fresh_copies(start: Start, place: Path) -> Generator[Place]:
    """One copy after the other, each gone when the next is asked for."""
    while True:
        with database.clone(start.server, start.database) as dsn:
            shutil.copytree(start.tree, place, symlinks=True)
            yield Place(start, dsn, place)
            shutil.rmtree(place)


def outcomes(scene: Scene, copies: Iterator[Place]) -> tuple[list[Any], list[Any]]:
    """What is seen before the call and after it."""
    place = next(copies)
    with running_hub(place.dsn, place.top) as hub:
        before = seen(hub)
        place.client(hub)(scene.method, *place.start.arguments)
        after = seen(hub)
        check_repair(hub)
    return before, after


def test_a_killed_call_has_happened_or_not_and_can_be_made_again(
    scene: Scene, start: Start, tmp_path: Path
) -> None:
    copies = fresh_copies(start, tmp_path / "copy")
    before, after = outcomes(scene, copies)
    assert before != after
    steps: list[str] = []
    for number, place in enumerate(copies, 1):
        step = die_at(number, place.dsn, place.top, start.headers, scene.method, start.arguments)
        if step is None:
            break
        steps.append(step)
        try:
            _check_remains(scene, place, before, after)
        except Exception as error:
            error.add_note(f"killed before step {number}, {step}; the steps were {steps}")
            raise
    copies.close()
    assert "commit" in steps and steps[-1] == "answer"
    print(scene.method, len(steps), "steps")


def _check_remains(scene: Scene, place: Place, before: list[Any], after: list[Any]) -> None:
    with running_hub(place.dsn, place.top) as hub:
        check_promise(hub)
        happened = seen(hub)
        assert happened in (before, after)
        try:
            place.client(hub)(scene.method, *place.start.arguments)
        except GenericError:
            assert happened == after, "the call was undone, so it can be made again"
        assert seen(hub) == after
        check_promise(hub)
        check_repair(hub)
        assert seen(hub) == after
