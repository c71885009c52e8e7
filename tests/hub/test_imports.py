"""Files come in: whole or not at all, whatever happens in between."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from moromi.constants import BuildState
from moromi.errors import BuildError, GenericError
from moromi.rpm import read_header
from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_hub.imports import noarch
from moromi_schema import tables as t
from support import database
from support.builds import BUILDER, RPM, RPMS, SRPM, YEAST, TaskBuild, data, generated, import_rpm, stated
from support.hub import Client, HTTPError, HubUnderTest, count_statements, running_hub

BUILD = Path("packages/fermenter/1.2/3.mr1")
PACKAGES = Path(__file__).parents[1] / "conformance" / "data"


@pytest.fixture
def builder(hub: HubUnderTest) -> Client:
    return hub.client(BUILDER)


@pytest.fixture
def under_way(admin: Client, builder: Client) -> TaskBuild:
    return TaskBuild(admin, builder)


def tree(top: Path) -> set[str]:
    """Every file and link of the build's directory."""
    return {
        str(Path(directory, name).relative_to(top))
        for directory, _subdirectories, names in os.walk(top)
        for name in names
    }


def promised(hub: HubUnderTest) -> int:
    with hub.hub.engine.connect() as connection:
        return len(connection.execute(select(t.rpminfo.c.id)).all())


def test_a_completed_build_has_its_files_in_place(
    hub: HubUnderTest, under_way: TaskBuild, tmp_path: Path
) -> None:
    done = under_way.complete()
    assert done["state"] == BuildState.COMPLETE
    found = tree(tmp_path / BUILD)
    metadata = {name for name in found if name.startswith("data/repodata/")}
    assert len(metadata) == 2, "what repositories say of the packages of each arch"
    assert found - metadata == {
        f"src/{SRPM}",
        f"x86_64/{RPM}",
        f"data/sigcache/src/{SRPM}.sig",
        f"data/sigcache/x86_64/{RPM}.sig",
        "data/logs/x86_64/build.log",
    }
    uploaded = tmp_path / "work" / under_way.directory / RPM
    assert uploaded.is_symlink() and not os.readlink(uploaded).startswith("/")
    assert uploaded.read_bytes() == data(RPM)
    logs = under_way.builder("getBuildLogs", done["id"])
    assert logs == [{"name": "build.log", "dir": "x86_64", "path": f"{BUILD}/data/logs/x86_64/build.log"}]


def test_a_failure_in_the_middle_takes_everything_back(
    hub: HubUnderTest, under_way: TaskBuild, tmp_path: Path
) -> None:
    before = tree(tmp_path / "work")

    def refuse(*_arguments: Any, **_details: Any) -> None:
        raise RuntimeError("no space left in the message queue")

    hub.hub.callbacks.register("preCommit", refuse)
    with pytest.raises(HTTPError, match="500"):
        under_way.complete()
    assert tree(tmp_path / BUILD) == set()
    assert tree(tmp_path / "work") == before
    assert not any(path.is_symlink() for path in (tmp_path / "work").rglob("*"))
    assert promised(hub) == 0


DIE = """
import os, sys
from pathlib import Path
from support.hub import running_hub
from support.builds import BUILDER

dsn, top, kind, *arguments = sys.argv[1:]
with running_hub(dsn, Path(top)) as hub:
    builder = hub.client(BUILDER)
    hub.hub.callbacks.register(kind, lambda call, kind, **details: os._exit(9))
    builder("host.completeBuild", *eval(arguments[0]))
"""


@pytest.mark.parametrize("moment", ["preRPMSign", "postImport", "preCommit"])
def test_a_crash_does_not_keep_a_build_from_being_completed(
    hub: HubUnderTest, under_way: TaskBuild, tmp_path: Path, moment: str
) -> None:
    dsn = hub.hub.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", DIE, dsn, str(tmp_path), moment, repr(under_way.arguments)]
    paths = [str(Path(__file__).parents[1]), *sys.path]
    child = subprocess.run(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)}, check=False)
    assert child.returncode == 9
    assert tree(tmp_path / BUILD), "the crash left files behind"
    assert promised(hub) == 0
    again = hub.client(BUILDER)
    done = again("host.completeBuild", *under_way.arguments)
    assert done["state"] == BuildState.COMPLETE
    assert (tmp_path / BUILD / "x86_64" / RPM).read_bytes() == data(RPM)
    assert (tmp_path / BUILD / "src" / SRPM).read_bytes() == data(SRPM)
    assert promised(hub) == 2


def test_what_a_crash_left_behind_is_replaced(under_way: TaskBuild, tmp_path: Path) -> None:
    orphan = tmp_path / BUILD / "x86_64" / RPM
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"half a package")
    under_way.complete()
    assert orphan.read_bytes() == data(RPM)


def test_a_promised_file_is_never_overwritten(
    admin: Client, hub: HubUnderTest, under_way: TaskBuild, tmp_path: Path
) -> None:
    under_way.complete()
    promised_file = tmp_path / BUILD / "x86_64" / RPM
    inode = promised_file.stat().st_ino
    admin.upload("imports/again", RPM, data(RPM).replace(b"Keeps a mash", b"Spoils a mash"[:12]))
    with pytest.raises(GenericError, match="rpm already exists"):
        admin("importRPM", "imports/again", RPM)
    assert promised_file.stat().st_ino == inode
    assert promised_file.read_bytes() == data(RPM)
    with pytest.raises(GenericError, match="state is COMPLETE"):
        under_way.complete()


def test_a_link_out_of_the_tree_is_not_imported(under_way: TaskBuild, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.rpm"
    outside.write_bytes(data(RPM))
    uploaded = tmp_path / "work" / under_way.directory / RPM
    uploaded.unlink()
    uploaded.symlink_to(outside)
    with pytest.raises(GenericError, match="No such file"):
        under_way.complete()
    assert outside.read_bytes() == data(RPM)


def test_a_link_to_another_build_is_not_imported(admin: Client, under_way: TaskBuild, tmp_path: Path) -> None:
    admin("createEmptyBuild", "yeast", "7", "1.mr1", None)
    import_rpm(admin, YEAST)
    theirs = tmp_path / "packages/yeast/7/1.mr1/noarch" / YEAST
    uploaded = tmp_path / "work" / under_way.directory / "root.log"
    uploaded.symlink_to(theirs)
    arguments = under_way.arguments
    arguments[5] = {"": [f"{under_way.directory}/root.log"]}
    with pytest.raises(GenericError, match="not a regular file"):
        under_way.builder("host.completeBuild", *arguments)
    assert theirs.read_bytes() == data(YEAST)


def test_two_logs_of_one_name_are_refused(under_way: TaskBuild) -> None:
    arguments = under_way.arguments
    arguments[5] = {"x86_64": [f"{under_way.directory}/build.log"] * 2}
    with pytest.raises(GenericError, match=r"Error importing build log\. .*build\.log already exists\."):
        under_way.builder("host.completeBuild", *arguments)


def test_scratch_results_are_moved_and_not_overwritten(under_way: TaskBuild, tmp_path: Path) -> None:
    task_id, _build_id, srpm, rpms, _roots, logs = under_way.arguments
    under_way.builder("host.moveBuildToScratch", task_id, srpm, rpms, logs)
    top = tmp_path / "scratch" / "kojiadmin" / f"task_{task_id}"
    assert tree(top) == {SRPM, RPM, "logs/x86_64/build.log"}
    under_way.builder("host.moveBuildToScratch", task_id, srpm, rpms, logs)
    assert (top / RPM).read_bytes() == data(RPM)
    uploaded = tmp_path / "work" / under_way.directory / RPM
    uploaded.unlink()
    uploaded.write_bytes(b"another")
    with pytest.raises(GenericError):
        under_way.builder("host.moveBuildToScratch", task_id, srpm, rpms, {})
    assert (top / RPM).read_bytes() == data(RPM)


def test_a_binary_package_needs_its_build(admin: Client) -> None:
    with pytest.raises(GenericError, match="No such build"):
        import_rpm(admin, RPM)
    source = import_rpm(admin, SRPM)
    imported = import_rpm(admin, RPM)
    assert imported["build_id"] == source["build_id"]
    assert imported["payloadhash"] == read_header(RPMS / RPM).sigmd5


def test_an_import_is_noted_on_the_tags_of_the_build(admin: Client, hub: HubUnderTest) -> None:
    import_rpm(admin, SRPM)
    admin("createTag", "f40")
    admin("massTag", "f40", ["fermenter-1.2-3.mr1"])
    import_rpm(admin, RPM)
    with hub.hub.engine.connect() as connection:
        assert len(connection.execute(select(t.tag_updates.c.id)).all()) == 1


# how much it takes


def packages_alike(count: int) -> list[Path]:
    """The first packages of fermenter-1.2-3.mr1, of which there are four."""
    names = (SRPM, RPM, "fermenter-1.2-3.mr1.i686.rpm", "fermenter-data-1.2-3.mr1.noarch.rpm")
    return [PACKAGES / name for name in names[:count]]


def components(count: int) -> Iterator[dict[str, Any]]:
    """Of a buildroot: so many packages and files, which the hub does not know."""
    for number in range(count):
        yield {"type": "rpm", "name": f"p{number}", "version": "1", "release": "1", "arch": "noarch"}
        file = {"filename": f"f{number}.jar", "filesize": number, "checksum": "0", "checksum_type": "sha256"}
        yield {"type": "file", **file}


def statements_of(client: Client, hub: HubUnderTest, method: str, *arguments: Any) -> int:
    with count_statements(hub.hub.engine) as statements:
        client(method, *arguments)
    return len(statements)


@pytest.fixture
def dsns(postgres: EmbeddedPostgres, state: str) -> Iterator[list[str]]:
    """Two databases."""
    with database.clone(postgres, state) as first, database.clone(postgres, state) as second:
        yield [first, second]


def test_a_generated_build_takes_as_many_statements_as_one_package(dsns: list[str], tmp_path: Path) -> None:
    taken = []
    for dsn, count in zip(dsns, (1, 4), strict=True):
        with running_hub(dsn, tmp_path / str(count)) as hub:
            admin = hub.client("kojiadmin")
            admin("grantCGAccess", "kojiadmin", "kiln", create=True)
            packages = packages_alike(count)
            for path in packages:
                admin.upload("imports/cg", path.name, path.read_bytes())
            build = {"name": "fermenter", "version": "1.2", "release": "3.mr1"}
            metadata = generated(map(stated, packages), **build)
            metadata["buildroots"][0]["components"] = [*components(count)]
            taken.append(statements_of(admin, hub, "CGImport", metadata, "imports/cg"))
            assert len(admin("listBuildRPMs", "fermenter-1.2-3.mr1")) == count
    assert taken[0] == taken[1] <= 40


def test_a_built_one_too(dsns: list[str], tmp_path: Path) -> None:
    taken = []
    for dsn, count in zip(dsns, (1, 4), strict=True):
        with running_hub(dsn, tmp_path / str(count)) as hub:
            admin, builder = hub.client("kojiadmin"), hub.client(BUILDER)
            build = TaskBuild(admin, builder)
            packages = packages_alike(count)
            for path in packages:
                builder.upload(build.directory, path.name, path.read_bytes())
            arguments = build.arguments
            arguments[3] = [f"{build.directory}/{path.name}" for path in packages[1:]]
            taken.append(statements_of(builder, hub, "host.completeBuild", *arguments))
            assert len(admin("listBuildRPMs", "fermenter-1.2-3.mr1")) == count
    assert taken[0] == taken[1] <= 40


# noarch packages of several arches


def test_equal_noarch_packages_count_once(tmp_path: Path) -> None:
    first = tmp_path / YEAST
    first.write_bytes(data(YEAST))
    assert noarch.one_of_each([(f"a/{YEAST}", first), (f"b/{YEAST}", first)]) == [f"a/{YEAST}"]


def test_noarch_packages_must_agree(tmp_path: Path) -> None:
    first, second = tmp_path / "first.rpm", tmp_path / "second.rpm"
    first.write_bytes(data(YEAST))
    second.write_bytes(data(YEAST).replace(b"A noarch package.", b"A native package."))
    with pytest.raises(
        BuildError, match=rf"different architectures: {YEAST}\nrpmdiff output was:\n.*DESCRIPTION"
    ):
        noarch.one_of_each([(f"a/{YEAST}", first), (f"b/{YEAST}", second)])
