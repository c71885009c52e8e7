"""Batches: builds that begin when others have finished (copr.md, section 2.8).

A build of a batch that waits has no task; the background process makes one when it may begin.
"""

from __future__ import annotations

from dataclasses import dataclass

from moromi_hub.plugin_api import Call

from . import access, build_queries, projects
from .errors import BadRequest
from .model import Build
from .people import Person


@dataclass(frozen=True)
class Batch:
    """A batch that a new build goes into."""

    id: int
    waits: bool
    """Whether another batch has to finish first."""


def find(call: Call, who: Person, build_id: int, *, along: bool) -> Batch:
    """The batch of a build, or with `along` off a new one after that. Raises BadRequest.

    Others wait for all of a batch, so it takes the right to build where that build is to join it.
    """
    build = build_queries.get(call.tx, build_id) if 0 < build_id < 2**31 else None
    if build is None:
        raise BadRequest(f"Build {build_id} not found")
    if along:
        _assert_allowed(call, who, build)
    number = _number(call, build)
    if _finished(call, number):
        raise BadRequest(f"Batch {number} is already finished")
    if along:
        return Batch(number, _blocked(call, number))
    return Batch(build_queries.add_batch(call.tx, number), waits=True)


def _assert_allowed(call: Call, who: Person, build: Build) -> None:
    project = projects.by_id(call, build.project_id)
    if not access.may_build(call, who, project):
        raise BadRequest(f"User '{who.name}' is not allowed to build in '{project.full_name}'")


def _number(call: Call, build: Build) -> int:
    if build.batch_id is not None:
        return build.batch_id
    if build.finished:
        raise BadRequest(
            f"Build {build.id} is not yet in any batch, and new batch can not be created because the build"
            " has already finished"
        )
    number = build_queries.add_batch(call.tx, None)
    build_queries.change(call.tx, build.id, {"batch_id": number})
    return number


def _finished(call: Call, number: int) -> bool:
    ids = build_queries.of_batch(call.tx, number)
    return bool(ids) and not build_queries.unfinished(call.tx, ids=ids)


def _blocked(call: Call, number: int) -> bool:
    before = build_queries.batch_before(call.tx, number)
    return before is not None and not _finished(call, before)


def ready(call: Call) -> list[Build]:
    """The builds without a task that may begin."""
    waiting = build_queries.without_task(call.tx)
    return [each for each in waiting if each.batch_id is None or not _blocked(call, each.batch_id)]
