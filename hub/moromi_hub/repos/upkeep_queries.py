"""SQL that finds the repositories whose time has come (see `upkeep`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, cast, exists, func, not_, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from moromi.constants import UNFINISHED_TASKS, BuildrootState, RepoState, TaskState
from moromi_hub.db import versions
from moromi_hub.db.transaction import Transaction
from moromi_hub.settings import Settings
from moromi_schema import tables as t

_r = t.repo
_newer = t.repo.alias("newer")
_NO_OPTIONS = cast({}, JSONB)
_REPO_METHODS = ("newRepo", "createrepo", "distRepo", "createdistrepo", "waitrepo")
"""Tasks that are no users of a finished repository."""


def _older_than(column: ColumnElement[Any], lifetime: int) -> ColumnElement[bool]:
    return column < func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, lifetime)


def _plain(repo: Any) -> ColumnElement[bool]:
    return func.coalesce(repo.c.custom_opts, _NO_OPTIONS) == _NO_OPTIONS


def _replaced(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is a READY repository of the kind with a later event."""
    return exists().where(
        _newer.c.tag_id == _r.c.tag_id,
        _newer.c.dist == _r.c.dist,
        _newer.c.state == RepoState.READY,
        _newer.c.create_event > _r.c.create_event,
        or_(_r.c.dist, _plain(_newer)),
        *where,
    )


def _in_use() -> ColumnElement[bool]:
    """Whether buildroots made from it live."""
    live = t.standard_buildroot.c
    return exists().where(
        live.repo_id == _r.c.id, live.retire_event.is_(None), live.state != BuildrootState.EXPIRED
    )


def _superseded(lifetime: int) -> ColumnElement[bool]:
    """A plain build repository that another has replaced for so long, and that no buildroot uses.

    It must show the tag as it was when it was made: one of an older event was asked for on purpose.
    """
    made, event = _r.c.creation_time, t.events.c
    of_its_time = event.time > made - func.make_interval(0, 0, 0, 0, 0, 1)
    return and_(
        _r.c.dist.is_(False),
        _plain(_r),
        exists().where(event.id == _r.c.create_event, of_its_time),
        _replaced(_older_than(_newer.c.state_time, lifetime)),
        not_(_in_use()),
    )


def stale_inits(tx: Transaction, settings: Settings) -> list[int]:
    """INIT repositories that nobody will finish: by a dead task, or for too long without one at work."""
    dead = t.task.c.state.in_((TaskState.CANCELED, TaskState.FAILED))
    unattended = or_(t.task.c.id.is_(None), t.task.c.state == TaskState.CLOSED)
    query = (
        select(_r.c.id)
        .select_from(_r.outerjoin(t.task, t.task.c.id == _r.c.task_id))
        .where(
            _r.c.state == RepoState.INIT,
            or_(dead, and_(unattended, _older_than(_r.c.creation_time, settings.RepoInitTimeout))),
        )
    )
    return list(tx.scalars(query.order_by(_r.c.id)))


def to_expire(tx: Transaction, settings: Settings) -> list[int]:
    """READY repositories that nobody needs any more (builder.md section 6.3)."""
    current = and_(_r.c.end_event.is_(None), _plain(_r))
    config = t.build_target_config
    wanted = exists().where(config.c.build_tag == _r.c.tag_id, versions.visible(config))
    latest = and_(not_(_replaced()), or_(_r.c.dist, and_(_plain(_r), wanted)))
    old = or_(
        and_(_r.c.dist, _older_than(_r.c.state_time, settings.DistRepoLifetime)),
        and_(_r.c.dist.is_(False), _older_than(_r.c.state_time, settings.RepoLifetime)),
    )
    due = and_(not_(current), not_(latest), old)
    if settings.RepoAuto:
        due = or_(due, _superseded(settings.RepoSupersededLifetime))
    query = select(_r.c.id).where(_r.c.state == RepoState.READY, due)
    return list(tx.scalars(query.order_by(_r.c.id)))


def to_delete(tx: Transaction, settings: Settings, limit: int) -> list[int]:
    """EXPIRED and PROBLEM repositories without buildroots whose time of grace is over.

    A superseded one goes sooner, if every task is finished that may have chosen it while it was READY.
    """
    due: ColumnElement[bool] = and_(
        _older_than(_r.c.state_time, settings.ExpiredRepoLifetime), not_(_in_use())
    )
    if settings.RepoAuto:
        chooser = exists().where(
            t.task.c.state.in_(UNFINISHED_TASKS),
            t.task.c.method.not_in(_REPO_METHODS),
            t.task.c.create_time < _r.c.state_time,
        )
        soon = settings.RepoSupersededLifetime
        quick = and_(_r.c.state == RepoState.EXPIRED, _older_than(_r.c.state_time, soon), _superseded(soon))
        due = or_(due, and_(quick, not_(chooser)))
    ended = _r.c.state.in_((RepoState.EXPIRED, RepoState.PROBLEM))
    return list(tx.scalars(select(_r.c.id).where(ended, due).order_by(_r.c.id).limit(limit)))


def known(tx: Transaction, repo_ids: list[int]) -> dict[int, dict[str, Any]]:
    """By id: `{id, tag_id, tag_name, state, dist, gone_for}`, the last in seconds since the state began."""
    query = (
        select(
            _r.c.id,
            _r.c.tag_id,
            t.tag.c.name.label("tag_name"),
            _r.c.state,
            _r.c.dist,
            func.date_part("epoch", func.clock_timestamp() - _r.c.state_time).label("gone_for"),
        )
        .join_from(_r, t.tag, t.tag.c.id == _r.c.tag_id)
        .where(_r.c.id.in_(repo_ids))
    )
    return {row["id"]: row for row in tx.rows(query)} if repo_ids else {}
