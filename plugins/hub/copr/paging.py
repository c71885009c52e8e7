"""The part of a list that is asked for (copr.md, section 2.4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select

from .errors import BadRequest


@dataclass(frozen=True)
class Page:
    """What to leave out, and the order."""

    limit: int | None = None
    offset: int = 0
    order: str = "id"
    order_type: str = "ASC"

    def checked(self, kind: str, orderable: Collection[str]) -> Page:
        """This, if the list can be in its order. Raises BadRequest; `name` may not be known everywhere."""
        if self.order in orderable:
            return self
        if self.order == "name" and kind == "build_chroot":
            return replace(self, order="id")
        raise BadRequest(f"Cannot order by {self.order}, {kind} doesn't have such property")


def paged(statement: Select[Any], page: Page, orderable: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    """A statement of that page; equal values are in the order of their ids."""
    columns = [orderable[page.order], orderable["id"]]
    ordered = [column.desc() if page.order_type == "DESC" else column.asc() for column in columns]
    return statement.order_by(*ordered).limit(page.limit).offset(page.offset)
