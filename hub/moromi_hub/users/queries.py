"""SQL of users, user groups, permissions, principals and content generators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
    update,
)

from moromi_hub.db import versions
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_u, _k, _p, _up, _ug = t.users, t.user_krb_principals, t.permissions, t.user_perms, t.user_groups
_group = t.users.alias("group_user")


def principals() -> ColumnElement[Any]:
    """The principals of the user of a row, as an array."""
    mine = select(_k.c.krb_principal).where(_k.c.user_id == _u.c.id).order_by(_k.c.krb_principal)
    return func.array(mine.correlate(_u).scalar_subquery())


def group_names() -> ColumnElement[Any]:
    """The names of the groups of the user of a row, as an array."""
    mine = (
        select(_group.c.name)
        .join(_ug, _ug.c.group_id == _group.c.id)
        .where(_ug.c.user_id == _u.c.id, _ug.c.active.is_(True))
        .order_by(_group.c.id)
    )
    return func.array(mine.correlate(_u).scalar_subquery())


def has_principal(principal: str) -> ColumnElement[bool]:
    """Whether the user of a row has that principal."""
    mine = select(_k.c.user_id).where(_k.c.user_id == _u.c.id, _k.c.krb_principal == principal)
    return mine.correlate(_u).exists()


def user(tx: Transaction, where: Mapping[str, Any], krb_princs: bool, groups: bool) -> dict[str, Any] | None:
    """One user by `id`, `name`, `krb_principal`, or `either` of the last two, all that are given ANDed."""
    columns: list[ColumnElement[Any]] = [_u.c.id, _u.c.name, _u.c.status, _u.c.usertype]
    if krb_princs:
        columns.append(principals().label("krb_principals"))
    if groups:
        columns.append(group_names().label("groups"))
    conditions: list[ColumnElement[bool]] = []
    for key, value in where.items():
        if key == "either":
            conditions.append(or_(_u.c.name == value, has_principal(value)))
        elif key == "krb_principal":
            conditions.append(has_principal(value))
        else:
            conditions.append(_u.c[key] == value)
    return tx.row(select(*columns).where(*conditions).order_by(_u.c.id).limit(1))


def listing_fields() -> dict[str, ColumnElement[Any]]:
    """The keys of `listUsers`."""
    return {
        "id": _u.c.id,
        "name": _u.c.name,
        "status": _u.c.status,
        "usertype": _u.c.usertype,
        "krb_principals": principals(),
    }


def listing(
    types: Iterable[int] | None, prefix: str | None, perm_id: int | None, inherited: bool
) -> Select[Any]:
    """FROM and WHERE of `listUsers`."""
    query = select(_u.c.id)
    if types is not None:
        query = query.where(_u.c.usertype.in_(list(types)))
    if prefix:
        query = query.where(_u.c.name.istartswith(prefix, autoescape=True))
    if perm_id is not None:
        holders = select(_up.c.user_id).where(_up.c.perm_id == perm_id, _up.c.active.is_(True))
        condition: ColumnElement[bool] = _u.c.id.in_(holders)
        if inherited:
            members = select(_ug.c.user_id).where(_ug.c.group_id.in_(holders), _ug.c.active.is_(True))
            condition = or_(condition, _u.c.id.in_(members))
        query = query.where(condition)
    return query


def permissions(tx: Transaction, user_id: int, with_groups: bool) -> list[tuple[str, str | None]]:
    """(permission, group that gives it or None) of a user."""
    own = (
        select(_p.c.name, literal(None).label("group_name"))
        .join(_up, _up.c.perm_id == _p.c.id)
        .where(_up.c.user_id == user_id, _up.c.active.is_(True))
    )
    if not with_groups:
        return [(name, None) for name in tx.scalars(own)]
    inherited = (
        select(_p.c.name, _group.c.name)
        .join(_up, _up.c.perm_id == _p.c.id)
        .join(_ug, _ug.c.group_id == _up.c.user_id)
        .join(_group, _group.c.id == _ug.c.group_id)
        .where(_ug.c.user_id == user_id, _ug.c.active.is_(True), _up.c.active.is_(True))
    )
    rows = tx.rows(union_all(own, inherited))
    return [(row["name"], row["group_name"]) for row in rows]


def groups_of(tx: Transaction, user_id: int) -> list[dict[str, Any]]:
    """`{id, name}` of the groups that a user is in."""
    return tx.rows(
        select(_u.c.id, _u.c.name)
        .join(_ug, _ug.c.group_id == _u.c.id)
        .where(_ug.c.user_id == user_id, _ug.c.active.is_(True))
        .order_by(_u.c.id)
    )


def members_of(tx: Transaction, group_id: int) -> list[dict[str, Any]]:
    """The members of a group."""
    return tx.rows(
        select(_u.c.id, _u.c.name, _u.c.usertype, principals().label("krb_principals"))
        .join(_ug, _ug.c.user_id == _u.c.id)
        .where(_ug.c.group_id == group_id, _ug.c.active.is_(True))
        .order_by(_u.c.id)
    )


def insert_user(tx: Transaction, name: str, status: int, usertype: int) -> int:
    """A new user's id."""
    values = {"name": name, "status": status, "usertype": usertype}
    return int(tx.execute(insert(_u).values(values).returning(_u.c.id)).scalar_one())


def update_user(tx: Transaction, user_id: int, **values: Any) -> None:
    """Change columns of a user."""
    tx.execute(update(_u).where(_u.c.id == user_id).values(**values))


def principal_owners(tx: Transaction, wanted: Iterable[str]) -> dict[str, int]:
    """User ids by principal, for those of `wanted` that exist."""
    query = select(_k.c.krb_principal, _k.c.user_id).where(_k.c.krb_principal.in_(list(wanted)))
    return {row["krb_principal"]: row["user_id"] for row in tx.rows(query)}


def add_principal(tx: Transaction, user_id: int, principal: str) -> None:
    """Give a user a principal."""
    tx.execute(insert(_k).values(user_id=user_id, krb_principal=principal))


def drop_principal(tx: Transaction, user_id: int, principal: str) -> bool:
    """Take a principal from a user; whether there was one."""
    found = tx.execute(delete(_k).where(_k.c.user_id == user_id, _k.c.krb_principal == principal))
    return found.rowcount > 0


def all_permissions(tx: Transaction) -> list[dict[str, Any]]:
    """Every permission there is."""
    return tx.rows(select(_p.c.id, _p.c.name, _p.c.description).order_by(_p.c.id))


def insert_permission(tx: Transaction, name: str, description: str | None) -> int:
    """A new permission's id."""
    query = insert(_p).values(name=name, description=description).returning(_p.c.id)
    return int(tx.execute(query).scalar_one())


def describe_permission(tx: Transaction, perm_id: int, description: str) -> None:
    """Change what is said of a permission."""
    tx.execute(update(_p).where(_p.c.id == perm_id).values(description=description))


def grant(tx: Transaction, by: int, user_id: int, perm_id: int) -> None:
    """Give a user a permission."""
    versions.create(tx, _up, by, {"user_id": user_id, "perm_id": perm_id})


def revoke(tx: Transaction, by: int, user_id: int, perm_id: int) -> None:
    """Take a permission from a user."""
    versions.revoke(tx, _up, by, _up.c.user_id == user_id, _up.c.perm_id == perm_id)


def add_member(tx: Transaction, by: int, group_id: int, user_id: int) -> None:
    """Put a user into a group."""
    versions.create(tx, _ug, by, {"user_id": user_id, "group_id": group_id})


def drop_member(tx: Transaction, by: int, group_id: int, user_id: int) -> int:
    """Take a user out of a group; the number of rows that ended."""
    return versions.revoke(tx, _ug, by, _ug.c.user_id == user_id, _ug.c.group_id == group_id)


def insert_generator(tx: Transaction, name: str) -> int:
    """A new content generator's id."""
    cg = t.content_generator
    return int(tx.execute(insert(cg).values(name=name).returning(cg.c.id)).scalar_one())


def has_generator(tx: Transaction, user_id: int, cg_id: int) -> bool:
    """Whether a user may import for a content generator."""
    access = t.cg_users
    found = select(access.c.user_id).where(
        access.c.user_id == user_id, access.c.cg_id == cg_id, access.c.active.is_(True)
    )
    return tx.scalar(found) is not None


def grant_generator(tx: Transaction, by: int, user_id: int, cg_id: int) -> None:
    """Let a user import for a content generator."""
    versions.create(tx, t.cg_users, by, {"user_id": user_id, "cg_id": cg_id})


def revoke_generator(tx: Transaction, by: int, user_id: int, cg_id: int) -> None:
    """End a user's access to a content generator."""
    access = t.cg_users
    versions.revoke(tx, access, by, and_(access.c.user_id == user_id, access.c.cg_id == cg_id))


def generators(tx: Transaction) -> list[dict[str, Any]]:
    """`{id, name, user}` of every live access."""
    cg, access = t.content_generator, t.cg_users
    return tx.rows(
        select(cg.c.id, cg.c.name, _u.c.name.label("user"))
        .join(access, access.c.cg_id == cg.c.id)
        .join(_u, _u.c.id == access.c.user_id)
        .where(access.c.active.is_(True))
        .order_by(cg.c.id, _u.c.id)
    )


def first_administrator(tx: Transaction) -> dict[str, Any] | None:
    """The `{id, name}` of the oldest user with permission `admin`: who acts where nobody is logged in."""
    query = (
        select(_u.c.id, _u.c.name)
        .join(_up, _up.c.user_id == _u.c.id)
        .join(_p, _p.c.id == _up.c.perm_id)
        .where(_p.c.name == "admin", _up.c.active.is_(True))
        .order_by(_u.c.id)
        .limit(1)
    )
    return tx.row(query)
