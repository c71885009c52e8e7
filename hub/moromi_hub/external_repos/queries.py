"""SQL of external repositories."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, insert, select, update

from moromi_hub.db import versions
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_repo, _config, _used = t.external_repo, t.external_repo_config, t.tag_external_repos


def fields() -> dict[str, ColumnElement[Any]]:
    """The keys of `listExternalRepos`."""
    return {"id": _repo.c.id, "name": _repo.c.name, "url": _config.c.url}


def listing(info: Mapping[str, Any] | None, url: str | None, event: int | None) -> Select[Any]:
    """FROM and WHERE of `listExternalRepos`; `info` is `{id}` or `{name}`."""
    query = select(_repo.c.id).join(_config, _config.c.external_repo_id == _repo.c.id)
    query = query.where(versions.visible(_config, event))
    for key, value in (info or {}).items():
        query = query.where(_repo.c[key] == value)
    return query.where(_config.c.url == url) if url else query


def tag_repos(
    tx: Transaction, tag_ids: Collection[int] | None, repo_id: int | None, event: int | None
) -> list[dict[str, Any]]:
    """Which repositories tags use (shape `TagExternalRepo`), by priority."""
    query = (
        select(
            _used.c.tag_id,
            t.tag.c.name.label("tag_name"),
            _used.c.external_repo_id,
            _repo.c.name.label("external_repo_name"),
            _config.c.url,
            _used.c.priority,
            _used.c.merge_mode,
            _used.c.arches,
        )
        .join(t.tag, t.tag.c.id == _used.c.tag_id)
        .join(_repo, _repo.c.id == _used.c.external_repo_id)
        .join(_config, _config.c.external_repo_id == _repo.c.id)
        .where(versions.visible(_used, event), versions.visible(_config, event))
        .order_by(_used.c.priority, _used.c.tag_id)
    )
    if tag_ids is not None:
        query = query.where(_used.c.tag_id.in_(tag_ids))
    if repo_id is not None:
        query = query.where(_used.c.external_repo_id == repo_id)
    return tx.rows(query)


def insert_name(tx: Transaction, name: str) -> int:
    """A new repository row's id."""
    return int(tx.execute(insert(_repo).values(name=name).returning(_repo.c.id)).scalar_one())


def rename(tx: Transaction, repo_id: int, name: str) -> None:
    """Change the name, which is not versioned."""
    tx.execute(update(_repo).where(_repo.c.id == repo_id).values(name=name))


def create_config(tx: Transaction, by: int, repo_id: int, url: str) -> None:
    """Write where a repository is."""
    versions.create(tx, _config, by, {"external_repo_id": repo_id, "url": url})


def revoke_config(tx: Transaction, by: int, repo_id: int) -> None:
    """End a repository."""
    versions.revoke(tx, _config, by, _config.c.external_repo_id == repo_id)


def create_use(tx: Transaction, by: int, values: Mapping[str, Any]) -> None:
    """Let a tag use a repository."""
    versions.create(tx, _used, by, values)


def revoke_use(tx: Transaction, by: int, tag_id: int, repo_id: int) -> None:
    """End a tag's use of a repository."""
    versions.revoke(tx, _used, by, _used.c.tag_id == tag_id, _used.c.external_repo_id == repo_id)
