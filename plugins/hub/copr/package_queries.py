"""SQL of the packages of projects."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from moromi_hub.plugin_api import Transaction

from .model import Package, PackageSettings, from_stored
from .paging import Page, paged
from .tables import package

ORDERABLE: dict[str, ColumnElement[Any]] = {"id": package.c.id, "name": package.c.name}


def _package(row: Mapping[str, Any]) -> Package:
    settings = from_stored(PackageSettings, row["options"])
    return Package(row["id"], row["project_id"], row["name"], row["source_type"], row["source"], settings)


def find(tx: Transaction, project_id: int, name: str, *, lock: bool = False) -> Package | None:
    """A package of a project by its name."""
    statement = select(package).where(package.c.project_id == project_id, package.c.name == name)
    row = tx.row(statement.with_for_update() if lock else statement)
    return None if row is None else _package(row)


def listing(tx: Transaction, page: Page, project_id: int) -> list[Package]:
    """Packages of a project."""
    statement = select(package).where(package.c.project_id == project_id)
    return [_package(row) for row in tx.rows(paged(statement, page, ORDERABLE))]


def count(tx: Transaction, project_id: int) -> int:
    """How many packages a project has."""
    where = package.c.project_id == project_id
    return int(tx.scalar(select(func.count()).select_from(package).where(where)))


def add(
    tx: Transaction,
    project_id: int,
    name: str,
    source_type: str,
    source: Mapping[str, Any],
    settings: PackageSettings,
) -> Package | None:
    """A new package; None if there is one of the name."""
    values = {
        "project_id": project_id,
        "name": name,
        "source_type": source_type,
        "source": dict(source),
        "options": dataclasses.asdict(settings),
    }
    statement = (
        insert(package).values(**values).on_conflict_do_nothing(constraint="copr_package_project_name_key")
    )
    row = tx.row(statement.returning(package))
    return None if row is None else _package(row)


def change(
    tx: Transaction, package_id: int, source_type: str, source: Mapping[str, Any], settings: PackageSettings
) -> None:
    """Write source and settings of a package."""
    values = {"source_type": source_type, "source": dict(source), "options": dataclasses.asdict(settings)}
    tx.execute(update(package).where(package.c.id == package_id).values(**values))


def remove(tx: Transaction, package_id: int) -> None:
    """Forget a package with its builds."""
    tx.execute(delete(package).where(package.c.id == package_id))
