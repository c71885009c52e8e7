"""SQL of projects, their directories and their permissions."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from moromi.constants import UserType
from moromi_hub.plugin_api import Transaction, t

from .model import PERMISSIONS, Directory, Level, Owner, Project, Settings, from_stored
from .paging import Page, paged
from .tables import directory, permission, project

ORDERABLE: dict[str, ColumnElement[Any]] = {
    "id": project.c.id,
    "name": project.c.name,
    "created_on": project.c.created_on,
}
_FROM = project.join(t.users, t.users.c.id == project.c.owner_id)


def _projects() -> Select[Any]:
    return select(project, t.users.c.name.label("owner"), t.users.c.usertype).select_from(_FROM)


def _project(row: Mapping[str, Any]) -> Project:
    is_group = row["usertype"] == UserType.GROUP
    owner = Owner(row["owner_id"], f"@{row['owner']}" if is_group else row["owner"], is_group)
    return Project(
        id=row["id"],
        owner=owner,
        name=row["name"],
        created_on=row["created_on"],
        description=row["description"],
        unlisted_on_hp=row["unlisted_on_hp"],
        settings=from_stored(Settings, row["options"]),
        delete_on=row["delete_on"],
        webhook_secret=row["webhook_secret"],
        tag_id=row["tag_id"],
    )


def find(tx: Transaction, owner_id: int, name: str, *, lock: bool = False) -> Project | None:
    """The project of an owner with a name; `lock` keeps others from changing it meanwhile."""
    statement = _projects().where(project.c.owner_id == owner_id, project.c.name == name)
    row = tx.row(statement.with_for_update(of=project) if lock else statement)
    return None if row is None else _project(row)


def get(tx: Transaction, project_id: int) -> Project | None:
    """The project of an id."""
    row = tx.row(_projects().where(project.c.id == project_id))
    return None if row is None else _project(row)


def listing(tx: Transaction, page: Page, owner_id: int | None) -> list[Project]:
    """Projects of an owner, or all that are listed."""
    statement = _projects()
    if owner_id is None:
        statement = statement.where(project.c.unlisted_on_hp.is_(False))
    else:
        statement = statement.where(project.c.owner_id == owner_id)
    return [_project(row) for row in tx.rows(paged(statement, page, ORDERABLE))]


def search(tx: Transaction, page: Page, text: str) -> list[Project]:
    """Listed projects by a part of their own or their owner's name, or of their description."""
    columns = (project.c.name, t.users.c.name, project.c.description)
    where = or_(*(column.icontains(text, autoescape=True) for column in columns))
    statement = _projects().where(where, project.c.unlisted_on_hp.is_(False))
    return [_project(row) for row in tx.rows(paged(statement, page, ORDERABLE))]


def search_names(tx: Transaction, page: Page, owner: str, name: str) -> list[Project]:
    """Projects by a part of their owner's name (`@`: of a group) and of their own."""
    part = owner.removeprefix("@")
    where = [
        t.users.c.name.icontains(part, autoescape=True),
        project.c.name.icontains(name, autoescape=True),
    ]
    if part != owner:
        where.append(t.users.c.usertype == UserType.GROUP)
    return [_project(row) for row in tx.rows(paged(_projects().where(*where), page, ORDERABLE))]


def dependents(tx: Transaction, reference: str) -> list[Project]:
    """The projects that name a repository among those they build with."""
    where = project.c.options["additional_repos"].contains([reference])
    return [_project(row) for row in tx.rows(_projects().where(where).order_by(project.c.id))]


def add(tx: Transaction, values: Mapping[str, Any], settings: Settings) -> int | None:
    """The id of a new project; None if its owner has one of that name."""
    statement = upsert(project).values(**values, options=dataclasses.asdict(settings))
    statement = statement.on_conflict_do_nothing(constraint="copr_project_owner_name_key")
    found: int | None = tx.scalar(statement.returning(project.c.id))
    return found


def change(tx: Transaction, project_id: int, values: Mapping[str, Any]) -> None:
    """Write columns of a project."""
    tx.execute(update(project).where(project.c.id == project_id).values(**values))


def remove(tx: Transaction, project_id: int) -> None:
    """Forget a project with everything in it."""
    tx.execute(delete(project).where(project.c.id == project_id))


def due(tx: Transaction) -> list[Project]:
    """The projects whose time has come."""
    return [_project(row) for row in tx.rows(_projects().where(project.c.delete_on < func.now()))]


def pruned(tx: Transaction) -> list[Project]:
    """The projects whose old builds go by themselves."""
    where = project.c.options["auto_prune"].as_boolean()
    return [_project(row) for row in tx.rows(_projects().where(where).order_by(project.c.id))]


# directories


def _directory(row: Mapping[str, Any]) -> Directory:
    return Directory(row["id"], row["project_id"], row["name"], row["last_build_on"])


def directories(tx: Transaction, project_id: int) -> list[Directory]:
    """The directories of a project, the main one first."""
    statement = select(directory).where(directory.c.project_id == project_id).order_by(directory.c.id)
    return [_directory(row) for row in tx.rows(statement)]


def find_directory(tx: Transaction, project_id: int, name: str) -> Directory | None:
    """A directory of a project by its name."""
    row = tx.row(select(directory).where(directory.c.project_id == project_id, directory.c.name == name))
    return None if row is None else _directory(row)


def add_directory(tx: Transaction, project_id: int, name: str) -> Directory | None:
    """A new directory; None if there is one of the name."""
    statement = upsert(directory).values(project_id=project_id, name=name)
    row = tx.row(statement.on_conflict_do_nothing().returning(directory))
    return None if row is None else _directory(row)


def directory_of(tx: Transaction, dir_id: int) -> Directory:
    """The directory of an id that a row names."""
    row = tx.row(select(directory).where(directory.c.id == dir_id))
    assert row is not None, "rows that name a directory go with it"
    return _directory(row)


def touch_directory(tx: Transaction, dir_id: int) -> None:
    """Note that something is built in a directory now."""
    tx.execute(update(directory).where(directory.c.id == dir_id).values(last_build_on=func.now()))


def remove_directory(tx: Transaction, dir_id: int) -> None:
    """Forget a directory with its builds."""
    tx.execute(delete(directory).where(directory.c.id == dir_id))


def stale_directories(tx: Transaction, days: int) -> list[Directory]:
    """The directories of pull requests in which nothing was built for so many days."""
    age = func.make_interval(0, 0, 0, days)
    where = (directory.c.name.like("%:pr:%"), directory.c.last_build_on < func.now() - age)
    return [_directory(row) for row in tx.rows(select(directory).where(*where))]


def lock_place(tx: Transaction, name: str) -> None:
    """Be the only one who makes or removes the files of a directory, until the transaction ends."""
    tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"copr:{name}", 0))))


def place_is_taken(tx: Transaction, owner: str, dirname: str) -> bool:
    """Whether there is a directory of that name."""
    joined = directory.join(_FROM, project.c.id == directory.c.project_id)
    where = (t.users.c.name == owner, directory.c.name == dirname)
    return tx.scalar(select(directory.c.id).select_from(joined).where(*where)) is not None


# permissions


def levels(tx: Transaction, project_id: int, *, lock: bool = False) -> dict[str, dict[str, Level]]:
    """What is stored about users: `{user: {permission: level}}`."""
    columns = (t.users.c.name, permission.c.admin, permission.c.builder)
    joined = permission.join(t.users, t.users.c.id == permission.c.user_id)
    statement = select(*columns).select_from(joined).where(permission.c.project_id == project_id)
    statement = statement.order_by(t.users.c.name)
    rows = tx.rows(statement.with_for_update(of=permission) if lock else statement)
    return {row["name"]: {"admin": Level(row["admin"]), "builder": Level(row["builder"])} for row in rows}


def approved(tx: Transaction, project_ids: Collection[int]) -> dict[int, list[tuple[str, str]]]:
    """The users that have a permission on many projects: `(user, permission)` by the projects' ids."""
    columns = (permission.c.project_id, t.users.c.name, permission.c.admin, permission.c.builder)
    joined = permission.join(t.users, t.users.c.id == permission.c.user_id)
    statement = select(*columns).select_from(joined).where(permission.c.project_id.in_(project_ids))
    found: dict[int, list[tuple[str, str]]] = {project_id: [] for project_id in project_ids}
    for row in tx.rows(statement.order_by(t.users.c.name)):
        has = [name for name in PERMISSIONS if row[name] == Level.approved]
        found[row["project_id"]] += [(row["name"], name) for name in has]
    return found


def level(tx: Transaction, project_id: int, user_id: int) -> dict[str, Level]:
    """What one user has: nothing where nothing is stored."""
    where = (permission.c.project_id == project_id, permission.c.user_id == user_id)
    row = tx.row(select(permission.c.admin, permission.c.builder).where(*where)) or {"admin": 0, "builder": 0}
    return {name: Level(value) for name, value in row.items()}


def store_levels(tx: Transaction, project_id: int, user_id: int, values: Mapping[str, Level]) -> None:
    """Write both levels of a user."""
    numbers = {name: int(value) for name, value in values.items()}
    statement = upsert(permission).values(project_id=project_id, user_id=user_id, **numbers)
    keys = ["project_id", "user_id"]
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=numbers))


def admins(tx: Transaction, project_id: int) -> set[int]:
    """The ids of the users who have the permission `admin`."""
    where = (permission.c.project_id == project_id, permission.c.admin == int(Level.approved))
    return set(tx.scalars(select(permission.c.user_id).where(*where)))


def lock_all(tx: Transaction, project_ids: Collection[int]) -> None:
    """Keep others from changing some projects until the transaction ends."""
    statement = select(project.c.id).where(project.c.id.in_(project_ids)).order_by(project.c.id)
    tx.execute(statement.with_for_update())
