"""SQL of builds: what was asked for, and how far its tasks have come (copr.md, section 2.9)."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    case,
    delete,
    func,
    insert,
    literal,
    null,
    select,
    update,
)

from moromi.constants import FINISHED_TASKS, BuildState, TaskState, UserType
from moromi_hub.plugin_api import Transaction, t

from .model import FINAL, Build, BuildOptions, ChrootState, State, from_stored
from .paging import Page, paged
from .tables import batch, build, build_chroot, directory, package, project, repository, result

ORDERABLE: dict[str, ColumnElement[Any]] = {"id": build.c.id, "submitted_on": build.c.submitted_on}
CHROOT_ORDERABLE: dict[str, ColumnElement[Any]] = {"id": build_chroot.c.id}

_own = t.task.alias("own_task")
_child = t.task.alias("child_task")
_submitter = t.users.alias("submitter")
_owner = t.users.alias("owner")


def _number(state: State) -> ColumnElement[int]:
    return literal(int(state))


_BY_TASK = {
    TaskState.FREE: State.pending,
    TaskState.ASSIGNED: State.starting,
    TaskState.OPEN: State.running,
    TaskState.CANCELED: State.canceled,
    TaskState.FAILED: State.failed,
}


def _of_task(task: Any, closed: State) -> ColumnElement[int]:
    states = {int(key): int(value) for key, value in _BY_TASK.items()}
    return case(states | {int(TaskState.CLOSED): int(closed)}, value=task.c.state)


_lost = _own.c.state.in_(FINISHED_TASKS)
CHROOT_STATE: ColumnElement[int] = func.coalesce(
    build_chroot.c.state,
    case(
        # built, but who would have published it has ended
        (
            (_child.c.state == int(TaskState.CLOSED)) & build_chroot.c.published_in.is_(None) & _lost,
            _of_task(_own, State.failed),
        ),
        # the leader has ended it, as time is up, and is going to say so
        (
            (_child.c.state == int(TaskState.CANCELED)) & ~build.c.canceled & ~_lost,
            _number(State.running),
        ),
        (_child.c.id.is_not(None), _of_task(_child, State.running)),
        (build.c.canceled, _number(State.canceled)),
        (_lost, _of_task(_own, State.failed)),
        (build.c.version.is_not(None), _number(State.pending)),
        else_=_number(State.waiting),
    ),
)
"""Where a build has come in a chroot; needs the tables of `_CHROOTS`."""
SOURCE_STATE: ColumnElement[Any] = case(
    (build.c.version.is_not(None), _number(State.succeeded)),
    (build.c.canceled, _number(State.canceled)),
    (_own.c.id.is_(None), _number(State.pending)),
    else_=_of_task(_own, State.failed),
)
_CHROOTS = (
    build_chroot.join(build, build.c.id == build_chroot.c.build_id)
    .outerjoin(_own, _own.c.id == build.c.task_id)
    .outerjoin(_child, _child.c.id == build_chroot.c.task_id)
)
_ORDER = ("running", "starting", "pending", "waiting", "failed", "succeeded", "skipped", "forked", "canceled")
"""The first of these that any chroot has is the state of a build whose sources are there."""
_RANKS = {int(State[name]): rank for rank, name in enumerate(_ORDER)}
_first = (
    select(func.min(case(_RANKS, value=CHROOT_STATE)))
    .select_from(build_chroot.outerjoin(_child, _child.c.id == build_chroot.c.task_id))
    .where(build_chroot.c.build_id == build.c.id)
    .correlate(build, _own)
    .scalar_subquery()
)
_EARLY = [int(State[name]) for name in ("starting", "pending", "running", "importing", "failed")]
STATE: ColumnElement[Any] = case(
    (build.c.canceled, _number(State.canceled)),
    (SOURCE_STATE.in_(_EARLY), SOURCE_STATE),
    else_=case({rank: number for number, rank in _RANKS.items()}, value=_first),
)
"""The state of a build; needs its own task."""
_FROM = (
    build.join(project, project.c.id == build.c.project_id)
    .join(_owner, _owner.c.id == project.c.owner_id)
    .join(directory, directory.c.id == build.c.dir_id)
    .join(_submitter, _submitter.c.id == build.c.submitter_id)
    .outerjoin(package, package.c.id == build.c.package_id)
    .outerjoin(_own, _own.c.id == build.c.task_id)
)


# reading


def _builds() -> Select[Any]:
    return select(
        build,
        project.c.name.label("project"),
        _owner.c.name.label("owner"),
        _owner.c.usertype,
        directory.c.name.label("dirname"),
        package.c.name.label("package"),
        _submitter.c.name.label("submitter"),
        SOURCE_STATE.label("source_state"),
        STATE.label("state"),
    ).select_from(_FROM)


def _read(tx: Transaction, statement: Select[Any]) -> list[Build]:
    rows = tx.rows(statement)
    chroots = chroots_of(tx, [row["id"] for row in rows]) if rows else {}
    return [_build(row, chroots[row["id"]]) for row in rows]


def _build(row: Mapping[str, Any], chroots: Sequence[ChrootState]) -> Build:
    names = {each.name for each in dataclasses.fields(Build)}
    values = {key: value for key, value in row.items() if key in names}
    if row["usertype"] == UserType.GROUP:
        values["owner"] = f"@{row['owner']}"
    values |= {
        "options": from_stored(BuildOptions, row["options"]),
        "state": State(row["state"]),
        "source_state": State(row["source_state"]),
        "chroots": tuple(chroots),
    }
    return Build(**values)


def _chroots() -> Select[Any]:
    own = build_chroot.c
    started = func.coalesce(own.started_on, _child.c.start_time)
    ended = func.coalesce(own.ended_on, _child.c.completion_time, case((_lost, _own.c.completion_time)))
    final = CHROOT_STATE.in_([int(state) for state in FINAL])
    return select(
        own.id,
        own.build_id,
        own.repository_id,
        own.name,
        CHROOT_STATE.label("state"),
        own.task_id,
        own.koji_build_id,
        started.label("started_on"),
        case((final, ended), else_=null()).label("ended_on"),
    ).select_from(_CHROOTS)


def _chroot_state(row: Mapping[str, Any]) -> ChrootState:
    return ChrootState(**{**row, "state": State(row["state"])})


def chroots_of(tx: Transaction, build_ids: Collection[int]) -> dict[int, list[ChrootState]]:
    """The chroots of builds by name."""
    found: dict[int, list[ChrootState]] = defaultdict(list)
    statement = _chroots().where(build_chroot.c.build_id.in_(build_ids)).order_by(build_chroot.c.name)
    for row in tx.rows(statement):
        found[row["build_id"]].append(_chroot_state(row))
    return found


def chroot_page(tx: Transaction, build_id: int, page: Page) -> list[ChrootState]:
    """A page of the chroots of a build."""
    statement = _chroots().where(build_chroot.c.build_id == build_id)
    return [_chroot_state(row) for row in tx.rows(paged(statement, page, CHROOT_ORDERABLE))]


def get(tx: Transaction, build_id: int) -> Build | None:
    """A build."""
    found = _read(tx, _builds().where(build.c.id == build_id))
    return found[0] if found else None


def get_many(tx: Transaction, build_ids: Collection[int]) -> list[Build]:
    """Builds by id."""
    return _read(tx, _builds().where(build.c.id.in_(build_ids)).order_by(build.c.id))


def existing(tx: Transaction, build_ids: Collection[int]) -> set[int]:
    """Those of some ids that are of builds."""
    return set(tx.scalars(select(build.c.id).where(build.c.id.in_(build_ids))))


def lock(tx: Transaction, build_id: int) -> None:
    """Keep others from changing a build until the transaction ends."""
    tx.execute(select(build.c.id).where(build.c.id == build_id).with_for_update())


def lock_many(tx: Transaction, build_ids: Collection[int]) -> list[int]:
    """The same for several; the ids of those that are there."""
    statement = select(build.c.id).where(build.c.id.in_(build_ids)).order_by(build.c.id)
    return list(tx.scalars(statement.with_for_update()))


def overfull(tx: Transaction) -> dict[int, int]:
    """What packages may have in a directory that have more builds there, by the packages' ids."""
    most = package.c.options["max_builds"].as_integer()
    joined = package.join(build, build.c.package_id == package.c.id)
    statement = select(package.c.id, most.label("most")).select_from(joined).where(most > 0)
    statement = statement.group_by(package.c.id, build.c.dir_id).having(func.count() > most)
    return {row["id"]: row["most"] for row in tx.rows(statement)}


def by_task(tx: Transaction, task_id: int) -> Build | None:
    """The build that a task works for."""
    found = _read(tx, _builds().where(build.c.task_id == task_id))
    return found[0] if found else None


def listing(
    tx: Transaction, page: Page, project_id: int, package_name: str | None, state: State | None
) -> list[Build]:
    """Builds of a project, of a package, in a state."""
    statement = _builds().where(build.c.project_id == project_id)
    if package_name is not None:
        statement = statement.where(package.c.name == package_name)
    if state is not None:
        statement = statement.where(STATE.in_([int(state)]))
    return _read(tx, paged(statement, page, ORDERABLE))


def uploaded(tx: Transaction, project_id: int, package_id: int | None = None) -> list[Build]:
    """The builds of source packages that were uploaded to a project, newest first."""
    where = [
        build.c.project_id == project_id,
        build.c.source_type == "upload",
        build.c.package_id.is_not(None),
        build.c.version.is_not(None),
    ]
    if package_id is not None:
        where.append(build.c.package_id == package_id)
    return _read(tx, _builds().where(*where).order_by(build.c.id.desc()))


def built_nowhere_else(tx: Transaction, project_chroot_ids: Collection[int]) -> list[Build]:
    """The builds that have no chroots but some of projects."""
    joined = build_chroot.join(repository, repository.c.id == build_chroot.c.repository_id)
    inside = repository.c.project_chroot_id.in_(project_chroot_ids)
    statement = select(build_chroot.c.build_id).select_from(joined).group_by(build_chroot.c.build_id)
    ids = tx.scalars(statement.having(func.bool_and(inside)))
    return get_many(tx, ids)


def latest(tx: Transaction, package_ids: Collection[int], *, succeeded: bool) -> dict[int, Build]:
    """The newest build, or the newest that succeeded, of each package."""
    statement = select(func.max(build.c.id)).where(build.c.package_id.in_(package_ids))
    if succeeded:
        joined = build.outerjoin(_own, _own.c.id == build.c.task_id)
        statement = statement.select_from(joined).where(STATE.in_([int(State.succeeded)]))
    ids = tx.scalars(statement.group_by(build.c.package_id))
    return {each.package_id: each for each in get_many(tx, ids) if each.package_id is not None}


def of_package(tx: Transaction, package_id: int) -> list[int]:
    """The ids of the builds of a package, newest first."""
    statement = select(build.c.id).where(build.c.package_id == package_id).order_by(build.c.id.desc())
    return list(tx.scalars(statement))


def unfinished(
    tx: Transaction,
    *,
    project_id: int | None = None,
    package_id: int | None = None,
    ids: Collection[int] | None = None,
) -> list[int]:
    """The ids of the builds of something, or of these, that are not finished."""
    joined = build.outerjoin(_own, _own.c.id == build.c.task_id)
    final = [int(state) for state in FINAL]
    statement = select(build.c.id).select_from(joined).where(STATE.not_in(final)).order_by(build.c.id)
    if project_id is not None:
        statement = statement.where(build.c.project_id == project_id)
    if package_id is not None:
        statement = statement.where(build.c.package_id == package_id)
    if ids is not None:
        statement = statement.where(build.c.id.in_(ids))
    return list(tx.scalars(statement))


def unfinished_in(tx: Transaction, project_chroot_ids: Collection[int]) -> list[int]:
    """The ids of the builds that are not finished in some chroots of projects."""
    final = [int(state) for state in FINAL]
    joined = _CHROOTS.join(repository, repository.c.id == build_chroot.c.repository_id)
    where = (repository.c.project_chroot_id.in_(project_chroot_ids), CHROOT_STATE.not_in(final))
    statement = select(build.c.id).distinct().select_from(joined).where(*where).order_by(build.c.id)
    return list(tx.scalars(statement))


def newest_by_package(tx: Transaction, project_id: int, dir_id: int | None) -> list[dict[str, Any]]:
    """For each package and chroot of a project the newest build: `{package, chroot, build_id, …}`."""
    where = [build.c.project_id == project_id]
    if dir_id is not None:
        where.append(build.c.dir_id == dir_id)
    columns = (
        package.c.name.label("package"),
        build_chroot.c.name.label("chroot"),
        build.c.id.label("build_id"),
        build.c.version,
        directory.c.name.label("dirname"),
        CHROOT_STATE.label("state"),
        build_chroot.c.published_in,
    )
    joined = _CHROOTS.join(package, package.c.id == build.c.package_id).join(
        directory, directory.c.id == build.c.dir_id
    )
    newest = (
        select(func.max(build_chroot.c.id))
        .join(build, build.c.id == build_chroot.c.build_id)
        .where(*where)
        .group_by(build.c.package_id, build_chroot.c.name)
    )
    statement = select(*columns).select_from(joined).where(build_chroot.c.id.in_(newest))
    return tx.rows(statement.order_by(package.c.name, build_chroot.c.name))


# writing


def add(tx: Transaction, values: Mapping[str, Any], options: BuildOptions) -> int:
    """The id of a new build."""
    statement = insert(build).values(**values, options=dataclasses.asdict(options)).returning(build.c.id)
    return int(tx.scalar(statement))


def add_chroots(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """The chroots of a build."""
    if rows:
        tx.execute(insert(build_chroot), list(rows))


def change(tx: Transaction, build_id: int, values: Mapping[str, Any]) -> None:
    """Write columns of a build."""
    tx.execute(update(build).where(build.c.id == build_id).values(**values))


def change_chroot(tx: Transaction, chroot_id: int, values: Mapping[str, Any]) -> None:
    """Write columns of a chroot of a build."""
    tx.execute(update(build_chroot).where(build_chroot.c.id == chroot_id).values(**values))


def now() -> ColumnElement[Any]:
    """The time of the transaction, for `change_chroot`."""
    return func.now()


def remove(tx: Transaction, build_ids: Collection[int]) -> None:
    """Forget builds with their chroots."""
    tx.execute(delete(build).where(build.c.id.in_(build_ids)))


# what was built


def published(tx: Transaction, repository_id: int) -> list[Build]:
    """The builds that a repository publishes, oldest first."""
    ids = select(build_chroot.c.build_id).where(
        build_chroot.c.repository_id == repository_id, build_chroot.c.published_in.is_not(None)
    )
    return _read(tx, _builds().where(build.c.id.in_(ids)).order_by(build.c.id))


def finish_published(tx: Transaction, repository_id: int, number: int) -> None:
    """The chroots that this metadata of a repository shows have succeeded."""
    where = (
        build_chroot.c.repository_id == repository_id,
        build_chroot.c.published_in <= number,
        build_chroot.c.state.is_(None),
    )
    values = {"state": int(State.succeeded), "ended_on": func.now()}
    tx.execute(update(build_chroot).where(*where).values(**values))


def koji_builds(tx: Transaction, repository_id: int) -> list[int]:
    """The ids of the hub's builds that a repository has."""
    where = (build_chroot.c.koji_build_id.is_not(None), build_chroot.c.repository_id == repository_id)
    statement = select(build_chroot.c.koji_build_id).distinct().where(*where)
    return list(tx.scalars(statement.order_by(build_chroot.c.koji_build_id)))


def put_results(tx: Transaction, chroot_id: int, packages: Sequence[Mapping[str, Any]]) -> None:
    """Write the packages that a build made in a chroot."""
    tx.execute(delete(result).where(result.c.build_chroot_id == chroot_id))
    if packages:
        tx.execute(insert(result), [{**each, "build_chroot_id": chroot_id} for each in packages])


def results_of(tx: Transaction, chroot_ids: Collection[int]) -> dict[int, list[dict[str, Any]]]:
    """What builds made in chroots: `{name, epoch, version, release, arch}` each."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    statement = select(result).where(result.c.build_chroot_id.in_(chroot_ids)).order_by(result.c.id)
    for row in tx.rows(statement):
        found[row.pop("build_chroot_id")].append({key: row[key] for key in row if key != "id"})
    return found


# of the hub


def koji_build_of(tx: Transaction, task_id: int) -> int | None:
    """The complete build that a task of the hub has made."""
    where = (t.build.c.task_id == task_id, t.build.c.state == int(BuildState.COMPLETE))
    found: int | None = tx.scalar(select(t.build.c.id).where(*where).order_by(t.build.c.id.desc()))
    return found


def rpms_of(tx: Transaction, koji_build_id: int) -> list[dict[str, Any]]:
    """The packages of a build of the hub: `{name, epoch, version, release, arch}`, the source last."""
    rpm = t.rpminfo.c
    columns = (rpm.name, rpm.epoch, rpm.version, rpm.release, rpm.arch)
    statement = select(*columns).where(rpm.build_id == koji_build_id)
    return tx.rows(statement.order_by(rpm.arch == "src", rpm.name, rpm.arch))


# batches


def add_batch(tx: Transaction, after_id: int | None) -> int:
    """The number of a new batch, which may have to wait for another."""
    return int(tx.scalar(insert(batch).values(after_id=after_id).returning(batch.c.id)))


def batch_before(tx: Transaction, number: int) -> int | None:
    """The batch that one waits for."""
    found: int | None = tx.scalar(select(batch.c.after_id).where(batch.c.id == number))
    return found


def of_batch(tx: Transaction, number: int) -> list[int]:
    """The ids of the builds of a batch."""
    return list(tx.scalars(select(build.c.id).where(build.c.batch_id == number)))


def without_task(tx: Transaction) -> list[Build]:
    """The builds that wait for their batch."""
    where = (build.c.task_id.is_(None), build.c.canceled.is_(False), build.c.version.is_(None))
    return _read(tx, _builds().where(*where).order_by(build.c.id))
