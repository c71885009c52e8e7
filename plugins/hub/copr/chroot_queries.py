"""SQL of chroots, of what projects do with them, and of the repositories that follow from that."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from moromi_hub.plugin_api import Transaction

from .model import Chroot, ChrootSettings, ProjectChroot, Repository, from_stored
from .tables import chroot, directory, project_chroot, repository


def _chroot(row: Mapping[str, Any]) -> Chroot:
    keys = ("name", "os", "version", "arch", "active", "comment")
    return Chroot(row["chroot_id"], *(row[key] for key in keys))


_CHROOT = (
    chroot.c.id.label("chroot_id"),
    chroot.c.name,
    chroot.c.os,
    chroot.c.version,
    chroot.c.arch,
    chroot.c.active,
    chroot.c.comment,
)


def chroots(tx: Transaction, *, all: bool = False) -> list[Chroot]:
    """The active chroots, or all, by name."""
    statement = select(*_CHROOT).order_by(chroot.c.name)
    return [_chroot(row) for row in tx.rows(statement if all else statement.where(chroot.c.active))]


def find(tx: Transaction, name: str) -> Chroot | None:
    """A chroot by its name."""
    row = tx.row(select(*_CHROOT).where(chroot.c.name == name))
    return None if row is None else _chroot(row)


def put(tx: Transaction, values: Mapping[str, Any]) -> None:
    """Make a chroot, or change the one of that name."""
    statement = insert(chroot).values(**values)
    tx.execute(statement.on_conflict_do_update(index_elements=["name"], set_=dict(values)))


# of projects


def _of_projects() -> Select[Any]:
    own = (project_chroot.c.id, project_chroot.c.project_id, project_chroot.c.options)
    joined = project_chroot.join(chroot, chroot.c.id == project_chroot.c.chroot_id)
    return select(*own, project_chroot.c.disabled_on, *_CHROOT).select_from(joined).order_by(chroot.c.name)


def _project_chroot(row: Mapping[str, Any]) -> ProjectChroot:
    settings = from_stored(ChrootSettings, row["options"])
    return ProjectChroot(row["id"], row["project_id"], _chroot(row), settings, row["disabled_on"])


def of_project(tx: Transaction, project_id: int, *, disabled: bool = False) -> list[ProjectChroot]:
    """The enabled and active chroots of a project by name; with `disabled` all it has."""
    statement = _of_projects().where(project_chroot.c.project_id == project_id)
    if not disabled:
        statement = statement.where(project_chroot.c.disabled_on.is_(None), chroot.c.active)
    return [_project_chroot(row) for row in tx.rows(statement)]


def of_repository(tx: Transaction, repository: Repository) -> ProjectChroot:
    """The chroot of a project that a repository is for."""
    row = tx.row(_of_projects().where(project_chroot.c.id == repository.project_chroot_id))
    assert row is not None, "a repository goes with its chroot"
    return _project_chroot(row)


def names_of_projects(tx: Transaction, project_ids: Collection[int]) -> dict[int, list[str]]:
    """The names of the enabled and active chroots of many projects."""
    joined = project_chroot.join(chroot, chroot.c.id == project_chroot.c.chroot_id)
    where = (
        project_chroot.c.project_id.in_(project_ids),
        project_chroot.c.disabled_on.is_(None),
        chroot.c.active,
    )
    statement = select(project_chroot.c.project_id, chroot.c.name).select_from(joined).where(*where)
    found: dict[int, list[str]] = {project_id: [] for project_id in project_ids}
    for row in tx.rows(statement.order_by(chroot.c.name)):
        found[row["project_id"]].append(row["name"])
    return found


def enable(tx: Transaction, project_id: int, chroot_id: int) -> None:
    """Give a project a chroot, or one back that it had."""
    statement = insert(project_chroot).values(project_id=project_id, chroot_id=chroot_id, options={})
    keys = ["project_id", "chroot_id"]
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_={"disabled_on": None}))


def disable(tx: Transaction, ids: Collection[int]) -> None:
    """Disable chroots of a project from now on."""
    tx.execute(update(project_chroot).where(project_chroot.c.id.in_(ids)).values(disabled_on=func.now()))


def store(tx: Transaction, project_chroot_id: int, settings: ChrootSettings) -> None:
    """Write what a project sets for a chroot."""
    statement = update(project_chroot).where(project_chroot.c.id == project_chroot_id)
    tx.execute(statement.values(options=dataclasses.asdict(settings)))


def outlived(tx: Transaction, days: int) -> list[ProjectChroot]:
    """The chroots that were disabled more than so many days ago."""
    age = func.make_interval(0, 0, 0, days)
    statement = _of_projects().where(project_chroot.c.disabled_on < func.now() - age)
    return [_project_chroot(row) for row in tx.rows(statement)]


def remove(tx: Transaction, project_chroot_id: int) -> None:
    """Forget a chroot of a project with its builds there."""
    tx.execute(delete(project_chroot).where(project_chroot.c.id == project_chroot_id))


# repositories


def _repositories() -> Select[Any]:
    joined = (
        repository.join(directory, directory.c.id == repository.c.dir_id)
        .join(project_chroot, project_chroot.c.id == repository.c.project_chroot_id)
        .join(chroot, chroot.c.id == project_chroot.c.chroot_id)
    )
    columns = (directory.c.name.label("dir_name"), chroot.c.name.label("chroot_name"))
    return select(repository, *columns).select_from(joined)


def _repository(row: Mapping[str, Any]) -> Repository:
    return Repository(**row)


def repositories(
    tx: Transaction,
    *,
    project_id: int | None = None,
    dir_id: int | None = None,
    project_chroot_id: int | None = None,
) -> list[Repository]:
    """Repositories of a project, a directory, a chroot of a project; of what is disabled too."""
    statement = _repositories().order_by(repository.c.id)
    if project_id is not None:
        statement = statement.where(directory.c.project_id == project_id)
    if dir_id is not None:
        statement = statement.where(repository.c.dir_id == dir_id)
    if project_chroot_id is not None:
        statement = statement.where(repository.c.project_chroot_id == project_chroot_id)
    return [_repository(row) for row in tx.rows(statement)]


def repository_of(tx: Transaction, repository_id: int, *, lock: bool = False) -> Repository | None:
    """One repository."""
    statement = _repositories().where(repository.c.id == repository_id)
    row = tx.row(statement.with_for_update(of=repository) if lock else statement)
    return None if row is None else _repository(row)


def repository_of_tag(tx: Transaction, dest_tag_id: int) -> Repository | None:
    """The repository whose builds a destination tag has."""
    row = tx.row(_repositories().where(repository.c.dest_tag_id == dest_tag_id))
    return None if row is None else _repository(row)


def project_of_tag(tx: Transaction, dest_tag_id: int) -> int | None:
    """The id of the project that a destination tag belongs to."""
    joined = repository.join(directory, directory.c.id == repository.c.dir_id)
    statement = select(directory.c.project_id).select_from(joined)
    found: int | None = tx.scalar(statement.where(repository.c.dest_tag_id == dest_tag_id))
    return found


def add_repository(tx: Transaction, values: Mapping[str, Any]) -> int:
    """The id of a new repository."""
    return int(tx.scalar(insert(repository).values(**values).returning(repository.c.id)))


def want(tx: Transaction, repository_id: int, *, everything: bool) -> int:
    """Note a change of a repository; the number of the metadata that will show it."""
    values: dict[str, Any] = {"wanted": repository.c.wanted + 1}
    if everything:
        values["publish_all"] = True
    statement = update(repository).where(repository.c.id == repository_id).values(**values)
    return int(tx.scalar(statement.returning(repository.c.wanted)))


def made(tx: Transaction, repository_id: int, number: int) -> None:
    """Note that metadata are published."""
    newest = repository.c.wanted > number
    values = {"made": number, "publish_all": repository.c.publish_all & newest}
    where = (repository.c.id == repository_id, repository.c.made < number)
    tx.execute(update(repository).where(*where).values(**values))


def due(tx: Transaction) -> list[int]:
    """The ids of the repositories whose metadata are old."""
    statement = select(repository.c.id).where(repository.c.made < repository.c.wanted)
    return list(tx.scalars(statement.order_by(repository.c.id)))
