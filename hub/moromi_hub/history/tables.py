"""The versioned tables as `queryHistory` shows them (data-model.md section 1.3).

For each: its own columns, the names that are joined to them, and by which
columns the filters of the call narrow it. A table without a column for a filter
is left out of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table

from moromi_schema import tables as t

VERSION_COLUMNS = frozenset({"create_event", "revoke_event", "creator_id", "revoker_id", "active"})
Columns = tuple[ColumnElement[Any], ...]


@dataclass(frozen=True)
class Joined:
    """A table that gives names: joined where its `id` is `column`."""

    table: FromClause
    column: ColumnElement[Any]
    fields: Mapping[str, ColumnElement[Any]]


@dataclass(frozen=True)
class History:
    """One table of the answer."""

    table: Table
    joins: tuple[Joined, ...] = ()
    filters: Mapping[str, Columns] = field(default_factory=dict)
    """By the name of a filter, the columns of which one must have its value."""

    def own_fields(self) -> dict[str, ColumnElement[Any]]:
        """Result keys that are columns of the table itself."""
        return {column.name: column for column in self.table.c if column.name not in VERSION_COLUMNS}

    def joined_fields(self) -> dict[str, ColumnElement[Any]]:
        """Result keys of the joined tables."""
        return {key: column for join in self.joins for key, column in join.fields.items()}


def _named(table: Table, column: ColumnElement[Any], key: str) -> Joined:
    """The name of what `column` refers to, as `<key>.name`; each under an alias of its own."""
    alias = table.alias(f"named_{key}")
    return Joined(alias, column, {f"{key}.name": alias.c.name})


def _plain(table: Table, **filters: str) -> History:
    """A table whose references are filters and names at once: `tag="tag_id"`."""
    sources: Mapping[str, Table] = {
        "user": t.users,
        "permission": t.permissions,
        "cg": t.content_generator,
        "tag": t.tag,
        "build_target": t.build_target,
        "external_repo": t.external_repo,
        "host": t.host,
        "channel": t.channels,
        "package": t.package,
        "group": t.groups,
    }
    keys = {"cg": "content_generator", "channel": "channels"}
    joins = tuple(
        _named(sources[name], table.c[column], keys.get(name, name)) for name, column in filters.items()
    )
    return History(table, joins, {name: (table.c[column],) for name, column in filters.items()})


def _with(base: History, *joins: Joined, **filters: Columns) -> History:
    """`base` with more names and other columns for some filters."""
    return History(base.table, (*base.joins, *joins), {**base.filters, **filters})


def _tag_listing() -> History:
    listed = t.tag_listing
    base = _plain(listed, tag="tag_id")
    fields = {"version": t.build.c.version, "release": t.build.c.release, "epoch": t.build.c.epoch}
    return _with(
        base,
        Joined(t.build, listed.c.build_id, {**fields, "build.state": t.build.c.state}),
        Joined(t.package, t.build.c.pkg_id, {"name": t.package.c.name}),
        build=(listed.c.build_id,),
        package=(t.build.c.pkg_id,),
    )


@cache
def tables() -> dict[str, History]:
    """All by name."""
    links, targets = t.tag_inheritance, t.build_target_config
    members, owners, reqs = t.user_groups, t.tag_package_owners, t.group_req_listing
    every = (
        _plain(t.user_perms, user="user_id", permission="perm_id"),
        _with(
            _plain(members, user="user_id"),
            # The group of people, which is a user: the filter `group` means comps groups.
            _named(t.users, members.c.group_id, "group"),
            user=(members.c.user_id, members.c.group_id),
        ),
        _plain(t.cg_users, user="user_id", cg="cg_id"),
        _with(
            _plain(links, tag="tag_id"),
            _named(t.tag, links.c.parent_id, "parent"),
            tag=(links.c.tag_id, links.c.parent_id),
        ),
        _plain(t.tag_config, tag="tag_id", permission="perm_id"),
        _with(_plain(t.tag_extra, tag="tag_id"), xkey=(t.tag_extra.c.key,)),
        _with(
            _plain(targets, build_target="build_target_id"),
            _named(t.tag, targets.c.build_tag, "build_tag"),
            _named(t.tag, targets.c.dest_tag, "dest_tag"),
            tag=(targets.c.build_tag, targets.c.dest_tag),
        ),
        _plain(t.external_repo_config, external_repo="external_repo_id"),
        _plain(t.external_repo_data, external_repo="external_repo_id"),
        _plain(t.host_config, host="host_id"),
        _plain(t.host_channels, host="host_id", channel="channel_id"),
        _plain(t.tag_external_repos, tag="tag_id", external_repo="external_repo_id"),
        _tag_listing(),
        _plain(t.tag_packages, package="package_id", tag="tag_id"),
        _with(
            _plain(owners, package="package_id", tag="tag_id"),
            _named(t.users, owners.c.owner, "owner"),
            user=(owners.c.owner,),
        ),
        _plain(t.group_config, group="group_id", tag="tag_id"),
        _with(
            _plain(reqs, group="group_id", tag="tag_id"),
            _named(t.groups, reqs.c.req_id, "req"),
            group=(reqs.c.group_id, reqs.c.req_id),
        ),
        _with(
            _plain(t.group_package_listing, group="group_id", tag="tag_id"),
            package=(t.group_package_listing.c.package,),
        ),
    )
    return {entry.table.name: entry for entry in every}
