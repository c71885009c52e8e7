"""SQL of buildroots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.sql.expression import FromClause

from moromi.constants import BuildrootState
from moromi_hub.db.columns import decoded, integer_array, seconds
from moromi_hub.db.transaction import Transaction
from moromi_schema import tables as t

_root, _standard = t.buildroot, t.standard_buildroot
_created = t.events.alias("created")
_retired = t.events.alias("retired")
_repo_created = t.events.alias("repo_created")

FIELDS: dict[str, ColumnElement[Any]] = {
    "id": _root.c.id,
    "br_type": _root.c.br_type,
    "cg_id": _root.c.cg_id,
    "cg_name": t.content_generator.c.name,
    "cg_version": _root.c.cg_version,
    "container_arch": _root.c.container_arch,
    "arch": _root.c.container_arch,
    "container_type": _root.c.container_type,
    "host_os": _root.c.host_os,
    "host_arch": _root.c.host_arch,
    "extra": decoded(_root.c.extra),
    "state": _standard.c.state,
    "task_id": _standard.c.task_id,
    "host_id": _standard.c.host_id,
    "host_name": t.host.c.name,
    "repo_id": _standard.c.repo_id,
    "repo_state": t.repo.c.state,
    "tag_id": t.repo.c.tag_id,
    "tag_name": t.tag.c.name,
    "create_event_id": _standard.c.create_event,
    "create_event_time": _created.c.time,
    "create_ts": seconds(_created.c.time),
    "retire_event_id": _standard.c.retire_event,
    "retire_event_time": _retired.c.time,
    "retire_ts": seconds(_retired.c.time),
    "repo_create_event_id": t.repo.c.create_event,
    "repo_create_event_time": _repo_created.c.time,
}


def _joined() -> FromClause:
    return (
        _root.outerjoin(_standard, _standard.c.buildroot_id == _root.c.id)
        .outerjoin(t.content_generator, t.content_generator.c.id == _root.c.cg_id)
        .outerjoin(t.host, t.host.c.id == _standard.c.host_id)
        .outerjoin(t.repo, t.repo.c.id == _standard.c.repo_id)
        .outerjoin(t.tag, t.tag.c.id == t.repo.c.tag_id)
        .outerjoin(_created, _created.c.id == _standard.c.create_event)
        .outerjoin(_retired, _retired.c.id == _standard.c.retire_event)
        .outerjoin(_repo_created, _repo_created.c.id == t.repo.c.create_event)
    )


def find(tx: Transaction, buildroot_id: int) -> dict[str, Any] | None:
    """One buildroot with `FIELDS`."""
    columns = [column.label(key) for key, column in FIELDS.items()]
    return tx.row(select(*columns).select_from(_joined()).where(_root.c.id == buildroot_id))


def listing(
    *,
    host_id: int | None = None,
    tag_id: int | None = None,
    states: Sequence[int] | None = None,
    rpm_id: int | None = None,
    archive_id: int | None = None,
    task_id: int | None = None,
    ids: Sequence[int] | None = None,
    repo_id: int | None = None,
) -> Select[Any]:
    """Statement of `listBuildroots`, to be run with `FIELDS`."""
    where: list[ColumnElement[bool]] = []
    pairs = (
        (_standard.c.host_id, host_id),
        (t.repo.c.tag_id, tag_id),
        (_standard.c.task_id, task_id),
        (_standard.c.repo_id, repo_id),
    )
    where += [column == value for column, value in pairs if value is not None]
    if states is not None:
        where.append(_standard.c.state.in_(states))
    if ids is not None:
        where.append(_root.c.id.in_(ids))
    if rpm_id is not None:
        inside = t.buildroot_listing
        where.append(_root.c.id.in_(select(inside.c.buildroot_id).where(inside.c.rpm_id == rpm_id)))
    if archive_id is not None:
        held = t.buildroot_archives
        where.append(_root.c.id.in_(select(held.c.buildroot_id).where(held.c.archive_id == archive_id)))
    return select(_root.c.id).select_from(_joined()).where(*where)


def contents(tx: Transaction, buildroot_id: int) -> tuple[list[str], Select[Any]]:
    """Column names and statement of what was in a buildroot, by rpm id."""
    inside, rpm = t.buildroot_listing, t.rpminfo
    fields: dict[str, ColumnElement[Any]] = {
        "rpm_id": inside.c.rpm_id,
        "is_update": inside.c.is_update,
        **{key: rpm.c[key] for key in ("name", "version", "release", "epoch", "arch", "build_id", "draft")},
        "external_repo_id": rpm.c.external_repo_id,
        "external_repo_name": t.external_repo.c.name,
    }
    query = (
        select(*(column.label(key) for key, column in fields.items()))
        .join_from(inside, rpm, rpm.c.id == inside.c.rpm_id)
        .join(t.external_repo, t.external_repo.c.id == rpm.c.external_repo_id)
        .where(inside.c.buildroot_id == buildroot_id)
        .order_by(inside.c.rpm_id)
    )
    return list(fields), query


def lock(tx: Transaction, buildroot_id: int, task_id: int | None = None) -> dict[str, Any] | None:
    """What the rules for changes look at; a standard buildroot's row stays locked.

    `standard` says whether it is one; `asking_state` and `asking_host` are those of the task `task_id`.
    """
    asking = t.task.alias("asking")
    found = tx.row(
        select(
            _standard.c.buildroot_id,
            _standard.c.state,
            _standard.c.host_id,
            _standard.c.task_id,
            asking.c.state.label("asking_state"),
            asking.c.host_id.label("asking_host"),
            literal(True).label("standard"),
        )
        .select_from(_standard.outerjoin(asking, asking.c.id == task_id))
        .where(_standard.c.buildroot_id == buildroot_id)
        .with_for_update(of=_standard)
    )
    if found is not None:
        return found
    other = tx.scalar(select(_root.c.id).where(_root.c.id == buildroot_id))
    return None if other is None else {"buildroot_id": other, "standard": False}


def of_task(tx: Transaction, task_id: int) -> int | None:
    """The id of the newest buildroot of a task."""
    query = select(func.max(_standard.c.buildroot_id)).where(_standard.c.task_id == task_id)
    found: int | None = tx.scalar(query)
    return found


def existing(tx: Transaction, ids: Sequence[int]) -> set[int]:
    """Those of `ids` that are buildroots."""
    return set(tx.scalars(select(_root.c.id).where(_root.c.id == func.any(integer_array(ids)))))


def add(tx: Transaction, values: Mapping[str, Any]) -> int:
    """Make a buildroot and return its id."""
    return int(tx.scalar(insert(_root).values(**values).returning(_root.c.id)))


def add_standard(tx: Transaction, values: Mapping[str, Any]) -> None:
    """Make the part of a buildroot that builders' have, in an event of its own."""
    tx.execute(insert(_standard).values(**values, create_event=tx.fresh_event()))


def set_state(tx: Transaction, buildroot_id: int, state: BuildrootState) -> None:
    """Take a standard buildroot to a state; expiry is stamped with an event of its own."""
    values: dict[str, Any] = {"state": int(state)}
    if state == BuildrootState.EXPIRED:
        values["retire_event"] = tx.fresh_event()
    tx.execute(update(_standard).where(_standard.c.buildroot_id == buildroot_id).values(**values))


def add_rpms(tx: Transaction, buildroot_id: int, rpm_ids: Sequence[int], *, update: bool) -> None:
    """Note rpms as contents in one statement; those that are noted are left as they are."""
    inside = t.buildroot_listing
    ids = func.unnest(integer_array(sorted(set(rpm_ids)))).column_valued("rpm_id")
    rows = insert_or_skip(inside).from_select(
        ["buildroot_id", "rpm_id", "is_update"],
        select(literal(buildroot_id), ids, literal(update)),
    )
    tx.execute(rows.on_conflict_do_nothing())


def add_archives(tx: Transaction, buildroot_id: int, archive_ids: Sequence[int], *, project: bool) -> None:
    """Note archives as contents; those that are noted are left as they are."""
    held = t.buildroot_archives
    ids = func.unnest(integer_array(sorted(set(archive_ids)))).column_valued("archive_id")
    rows = insert_or_skip(held).from_select(
        ["buildroot_id", "archive_id", "project_dep"],
        select(literal(buildroot_id), ids, literal(project)),
    )
    tx.execute(rows.on_conflict_do_nothing())


def add_tools(tx: Transaction, buildroot_id: int, tools: Sequence[Mapping[str, Any]]) -> None:
    """Note the tools of a content generator's buildroot."""
    rows = [
        {"buildroot_id": buildroot_id, "tool": tool["name"], "version": tool["version"]} for tool in tools
    ]
    if rows:
        tx.execute(insert(t.buildroot_tools_info), rows)
