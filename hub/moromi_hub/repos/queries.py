"""SQL of repositories and their requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, cast, delete, func, insert, or_, select, union_all, update
from sqlalchemy.dialects.postgresql import JSONB

from moromi.constants import BuildrootState, RepoState
from moromi_hub.db import versions
from moromi_hub.db.clauses import ClauseQuery
from moromi_hub.db.columns import seconds
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_repo, _queue = t.repo, t.repo_queue
_create, _begin, _end = (t.events.alias(name) for name in ("create_ev", "begin_ev", "end_ev"))

REPOS = ClauseQuery(
    source=_repo.join(t.tag, t.tag.c.id == _repo.c.tag_id)
    .join(_create, _create.c.id == _repo.c.create_event)
    .outerjoin(_begin, _begin.c.id == _repo.c.begin_event)
    .outerjoin(_end, _end.c.id == _repo.c.end_event)
    .outerjoin(t.task, t.task.c.id == _repo.c.task_id),
    own={
        "id": _repo.c.id,
        "tag_id": _repo.c.tag_id,
        "state": _repo.c.state,
        "dist": _repo.c.dist,
        "task_id": _repo.c.task_id,
        "opts": _repo.c.opts,
        "custom_opts": _repo.c.custom_opts,
        "creation_time": _repo.c.creation_time,
        "creation_ts": seconds(_repo.c.creation_time),
        "state_time": _repo.c.state_time,
        "state_ts": seconds(_repo.c.state_time),
        "create_event": _repo.c.create_event,
        "begin_event": _repo.c.begin_event,
        "end_event": _repo.c.end_event,
    },
    joined={
        "tag_name": t.tag.c.name,
        "task_state": t.task.c.state,
        "create_ts": seconds(_create.c.time),
        "begin_ts": seconds(_begin.c.time),
        "end_ts": seconds(_end.c.time),
    },
    default=("id", "tag_id", "create_event", "state", "dist", "task_id", "opts", "custom_opts"),
)

REQUESTS = ClauseQuery(
    source=_queue.join(t.tag, t.tag.c.id == _queue.c.tag_id)
    .join(t.users, t.users.c.id == _queue.c.owner)
    .outerjoin(t.task, t.task.c.id == _queue.c.task_id),
    own={
        "id": _queue.c.id,
        "create_time": _queue.c.create_time,
        "create_ts": seconds(_queue.c.create_time),
        "owner": _queue.c.owner,
        "priority": _queue.c.priority,
        "tag_id": _queue.c.tag_id,
        "at_event": _queue.c.at_event,
        "min_event": _queue.c.min_event,
        "opts": _queue.c.opts,
        "update_time": _queue.c.update_time,
        "update_ts": seconds(_queue.c.update_time),
        "active": _queue.c.active,
        "task_id": _queue.c.task_id,
        "tries": _queue.c.tries,
        "repo_id": _queue.c.repo_id,
    },
    joined={
        "owner_name": t.users.c.name,
        "tag_name": t.tag.c.name,
        "task_state": t.task.c.state,
    },
    default=(
        "id",
        "tag_id",
        "at_event",
        "min_event",
        "create_ts",
        "task_id",
        "tries",
        "repo_id",
        "opts",
        "active",
        "update_ts",
    ),
)


def _repo_select(*where: ColumnElement[bool]) -> Any:
    columns = [column.label(name) for name, column in REPOS.fields.items()]
    return select(*columns).select_from(REPOS.source).where(*where)


def repo(tx: Transaction, repo_id: int) -> dict[str, Any] | None:
    """One repository, shape `Repo`."""
    return tx.row(_repo_select(_repo.c.id == repo_id))


def lock_state(tx: Transaction, repo_id: int) -> dict[str, Any] | None:
    """`{id, tag_id, state, dist, create_event, opts, custom_opts}` with the row locked."""
    columns = ("id", "tag_id", "state", "dist", "create_event", "opts", "custom_opts")
    query = select(*(_repo.c[name] for name in columns)).where(_repo.c.id == repo_id).with_for_update()
    return tx.row(query)


def newest(
    tx: Transaction, tag_id: int, dist: bool, state: int | None, event: int | None, min_event: int | None
) -> dict[str, Any] | None:
    """What the older `getRepo` picks: by creation time."""
    where = [_repo.c.tag_id == tag_id, _repo.c.dist.is_(dist)]
    if event is not None:
        where.append(_repo.c.create_event <= event)
    else:
        where.append(_repo.c.state == (RepoState.READY if state is None else state))
    if min_event is not None:
        where.append(_repo.c.create_event >= min_event)
    order = (_repo.c.creation_time.desc(), _repo.c.id.desc())
    return tx.row(_repo_select(*where).order_by(*order).limit(1))


def fitting(
    tx: Transaction, tag_id: int, opts: Mapping[str, bool], min_event: int | None, at_event: int | None
) -> dict[str, Any] | None:
    """The READY repository with the highest event that has all asked options and no other custom ones."""
    asked = cast(dict(opts), JSONB)
    where = [
        _repo.c.tag_id == tag_id,
        _repo.c.dist.is_(False),
        _repo.c.state == RepoState.READY,
        _repo.c.opts.op("@>")(asked),
        asked.op("@>")(func.coalesce(_repo.c.custom_opts, cast({}, JSONB))),
    ]
    if at_event is not None:
        where.append(_repo.c.create_event == at_event)
    if min_event is not None:
        where.append(_repo.c.create_event >= min_event)
    order = (_repo.c.create_event.desc(), _repo.c.id.desc())
    return tx.row(_repo_select(*where).order_by(*order).limit(1))


def active_repos(tx: Transaction) -> list[dict[str, Any]]:
    """All that are not deleted, shape `ActiveRepo`."""
    names = (
        "id",
        "tag_id",
        "tag_name",
        "create_event",
        "create_ts",
        "creation_ts",
        "state",
        "state_ts",
        "dist",
        "task_id",
        "end_event",
        "opts",
    )
    columns = [REPOS.fields[name].label(name) for name in names]
    query = select(*columns).select_from(REPOS.source).where(_repo.c.state != RepoState.DELETED)
    return tx.rows(query.order_by(_repo.c.id))


def insert_repo(tx: Transaction, values: Mapping[str, Any]) -> int:
    """A new repository's id."""
    return int(tx.execute(insert(_repo).values(**values).returning(_repo.c.id)).scalar_one())


def set_state(tx: Transaction, repo_id: int, state: RepoState) -> None:
    """Store a state and when it began."""
    tx.execute(
        update(_repo).where(_repo.c.id == repo_id).values(state=int(state), state_time=func.clock_timestamp())
    )


def has_later(tx: Transaction, tag_id: int, dist: bool, create_event: int, repo_id: int) -> bool:
    """Whether a READY repository of the kind (with default options) has a later event."""
    where = [
        _repo.c.tag_id == tag_id,
        _repo.c.dist.is_(dist),
        _repo.c.state == RepoState.READY,
        _repo.c.create_event > create_event,
        _repo.c.id != repo_id,
    ]
    if not dist:
        where.append(func.coalesce(_repo.c.custom_opts, cast({}, JSONB)) == cast({}, JSONB))
    return tx.scalar(select(_repo.c.id).where(*where).limit(1)) is not None


def references(tx: Transaction, repo_id: int) -> list[dict[str, Any]]:
    """Live buildroots made from a repository, shape `RepoReference`."""
    live = t.standard_buildroot
    query = (
        select(
            live.c.buildroot_id.label("id"),
            live.c.host_id,
            live.c.task_id,
            live.c.create_event,
            live.c.state,
        )
        .where(
            live.c.repo_id == repo_id,
            live.c.retire_event.is_(None),
            live.c.state != BuildrootState.EXPIRED,
        )
        .order_by(live.c.buildroot_id)
    )
    return tx.rows(query)


def open_ended(tx: Transaction, tag_ids: Collection[int] | None = None) -> list[dict[str, Any]]:
    """READY repositories (of some tags) without an end: `{id, tag_id, create_event}`."""
    query = select(_repo.c.id, _repo.c.tag_id, _repo.c.create_event).where(
        _repo.c.state == RepoState.READY, _repo.c.end_event.is_(None)
    )
    if tag_ids is not None:
        query = query.where(_repo.c.tag_id.in_(tag_ids))
    return tx.rows(query.order_by(_repo.c.id))


def set_end_event(tx: Transaction, repo_id: int, event: int) -> None:
    """Note when the tag stopped looking like a repository."""
    tx.execute(update(_repo).where(_repo.c.id == repo_id).values(end_event=event))


# requests


def request(tx: Transaction, request_id: int) -> dict[str, Any] | None:
    """One request, shape `RepoRequest`."""
    columns = [column.label(name) for name, column in REQUESTS.fields.items()]
    return tx.row(select(*columns).select_from(REQUESTS.source).where(_queue.c.id == request_id))


def duplicate(
    tx: Transaction, tag_id: int, opts: Mapping[str, bool], min_event: int | None, at_event: int | None
) -> dict[str, Any] | None:
    """An active request that covers another one: `{id, priority}`."""
    if at_event is not None:
        fits: ColumnElement[bool] = _queue.c.at_event == at_event
    else:
        fits = _queue.c.min_event >= min_event
    where = (_queue.c.active, _queue.c.tag_id == tag_id, _queue.c.opts == cast(dict(opts), JSONB), fits)
    return tx.row(select(_queue.c.id, _queue.c.priority).where(*where).order_by(_queue.c.id).limit(1))


def insert_request(tx: Transaction, values: Mapping[str, Any]) -> int:
    """A new request's id."""
    return int(tx.execute(insert(_queue).values(**values).returning(_queue.c.id)).scalar_one())


def update_request(tx: Transaction, request_id: int, **values: Any) -> None:
    """Change columns of a request and note when."""
    tx.execute(
        update(_queue).where(_queue.c.id == request_id).values(**values, update_time=func.clock_timestamp())
    )


def count_tries(tx: Transaction, request_ids: Collection[int]) -> None:
    """Note one more attempt for active requests."""
    values = {"tries": _queue.c.tries + 1, "update_time": func.clock_timestamp()}
    tx.execute(update(_queue).where(_queue.c.id.in_(request_ids), _queue.c.active).values(**values))


def set_priority(tx: Transaction, request_id: int, priority: int) -> None:
    """Change a priority, which is no progress of the request."""
    tx.execute(update(_queue).where(_queue.c.id == request_id).values(priority=priority))


def satisfy(tx: Transaction, ready: Mapping[str, Any]) -> list[int]:
    """Give a READY repository to every active request that it fits; their ids."""
    event = ready["create_event"]
    fits = or_(
        _queue.c.at_event == event,
        and_(_queue.c.at_event.is_(None), func.coalesce(_queue.c.min_event, 0) <= event),
    )
    opts, custom = cast(ready["opts"] or {}, JSONB), cast(ready["custom_opts"] or {}, JSONB)
    statement = (
        update(_queue)
        .where(
            _queue.c.active,
            _queue.c.tag_id == ready["tag_id"],
            fits,
            opts.op("@>")(_queue.c.opts),
            _queue.c.opts.op("@>")(custom),
        )
        .values(repo_id=ready["id"], active=False, update_time=func.clock_timestamp())
        .returning(_queue.c.id)
    )
    return list(tx.execute(statement).scalars())


def active_requests(tx: Transaction) -> list[dict[str, Any]]:
    """All active requests in the order in which they are served, shape `RepoRequest`."""
    columns = [column.label(name) for name, column in REQUESTS.fields.items()]
    query = select(*columns).select_from(REQUESTS.source).where(_queue.c.active)
    return tx.rows(query.order_by(_queue.c.priority, _queue.c.id))


def forget_requests(tx: Transaction, minutes: int) -> None:
    """Delete requests that ended so long ago."""
    limit = func.now() - func.make_interval(0, 0, 0, 0, 0, minutes)
    tx.execute(delete(_queue).where(_queue.c.active.is_(False), _queue.c.update_time < limit))


def queue_lock(tx: Transaction, wait: bool) -> bool:
    """Take the lock `repo-queue` until the end of the transaction; without `wait` only if it is free."""
    held = select(t.locks.c.name).where(t.locks.c.name == "repo-queue")
    return tx.scalar(held.with_for_update(skip_locked=not wait)) is not None


def begun_tasks(tx: Transaction, task_ids: Collection[int]) -> set[int]:
    """Those of the newRepo tasks that have read their tag: a repository names them."""
    if not task_ids:
        return set()
    return set(tx.scalars(select(_repo.c.task_id).where(_repo.c.task_id.in_(task_ids))))


def auto_tags(tx: Transaction) -> list[int]:
    """Tags whose own extra `repo.auto` is true."""
    extra = t.tag_extra
    query = select(extra.c.tag_id).where(
        versions.visible(extra), extra.c.key == "repo.auto", extra.c.value == "true"
    )
    return [int(tag_id) for tag_id in tx.scalars(query.order_by(extra.c.tag_id))]


def live_build_tags(tx: Transaction, tag_ids: Collection[int] | None = None) -> list[int]:
    """Those of the tags (None: of all) that are the build tag of a live target."""
    config = t.build_target_config
    query = select(config.c.build_tag).where(versions.visible(config)).distinct().order_by(config.c.build_tag)
    if tag_ids is not None:
        query = query.where(config.c.build_tag.in_(tag_ids))
    return list(tx.scalars(query))


def covered_events(tx: Transaction, tag_ids: Collection[int]) -> dict[int, int]:
    """By tag, the event up to which a repository with default options is there or was asked for.

    A request counts even when it has failed: the same tag would fail again.
    """
    no_options = cast({}, JSONB)
    there = select(_repo.c.tag_id, _repo.c.create_event.label("event")).where(
        _repo.c.tag_id.in_(tag_ids),
        _repo.c.dist.is_(False),
        _repo.c.state == RepoState.READY,
        func.coalesce(_repo.c.custom_opts, no_options) == no_options,
    )
    asked = select(_queue.c.tag_id, _queue.c.min_event).where(
        _queue.c.tag_id.in_(tag_ids), _queue.c.opts == no_options, _queue.c.min_event.is_not(None)
    )
    both = union_all(there, asked).subquery()
    query = select(both.c.tag_id, func.max(both.c.event).label("event")).group_by(both.c.tag_id)
    return {row["tag_id"]: row["event"] for row in tx.rows(query)}


# external repositories' scratchpad


def external_data(tx: Transaction, external_repo_id: int) -> Any:
    """What the repository daemon keeps about an external repository."""
    data = t.external_repo_data
    return tx.scalar(
        select(data.c.data).where(versions.visible(data), data.c.external_repo_id == external_repo_id)
    )


def set_external_data(tx: Transaction, user_id: int, external_repo_id: int, data: Any) -> None:
    """Replace it."""
    table = t.external_repo_data
    versions.revoke(tx, table, user_id, table.c.external_repo_id == external_repo_id)
    versions.create(tx, table, user_id, {"external_repo_id": external_repo_id, "data": data})
