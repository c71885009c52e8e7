"""The walk from a tag to its ancestors, on which listings, package lists, groups and repositories stand.

Spec: data-model.md section 4.4. The links that can be reached are read with one
statement and walked in memory; they are remembered for the rest of the call
until something in it changes a link.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moromi_hub.call import Call
from moromi_hub.db import versions
from moromi_hub.tags import queries

Link = dict[str, Any]
_CACHE = "tags.links"


@dataclass(frozen=True)
class Step:
    """One tag of the order in which content is looked for; a tag may come twice."""

    tag_id: int
    filters: tuple[str, ...]
    """Regular expressions that a package's name must all match at its start."""


def ordered_tag_ids(call: Call, tag_id: int, event: int | None = None, inherit: bool = True) -> list[Step]:
    """The tag itself (no filters), then its ancestors in the order of the walk."""
    steps = [Step(tag_id, ())]
    if inherit:
        links = full_inheritance(call, tag_id, event)
        steps += [Step(link["parent_id"], tuple(link["filter"])) for link in links]
    return steps


def full_inheritance(call: Call, tag_id: int, event: int | None = None, reverse: bool = False) -> list[Link]:
    """Every link of the walk in order: shape `FullLink`, or `ReverseLink` with `reverse`.

    At most one statement. The links are the caller's own copies.
    """
    edges = _edges(call, tag_id, event, reverse)
    return list(_walk_down(edges, tag_id) if reverse else walk_up(edges, tag_id))


def forget(call: Call) -> None:
    """Drop what is remembered: a link has changed."""
    call.cache.pop(_CACHE, None)


def _edges(call: Call, tag_id: int, event: int | None, reverse: bool) -> dict[int, list[Link]]:
    """Links by the tag they are followed from, in the order of their priority."""
    versions.check_event(event)
    cache = call.cache.setdefault(_CACHE, {})
    key = (tag_id, event, reverse)
    if key not in cache:
        edges: dict[int, list[Link]] = defaultdict(list)
        near = "parent_id" if reverse else "tag_id"
        for link in queries.reachable_links(call.tx, tag_id, event, reverse):
            edges[link[near]].append(link)
        cache[key] = edges
    found: dict[int, list[Link]] = cache[key]
    return found


@dataclass
class _Level:
    """A tag being walked: what its links inherit from the way to it."""

    links: Iterator[Link]
    tag_id: int
    budget: int | None
    filters: list[str]
    noconfig: bool


def walk_up(edges: dict[int, list[Link]], start: int) -> Iterator[Link]:
    """Depth first, by priority, with the rules for depth, loops, filters and repeated tags.

    A stack of our own: the depth of a site's inheritance is not bound by the interpreter's.
    """
    emitted: dict[int, list[Link]] = defaultdict(list)
    stack = [_Level(iter(edges.get(start, ())), start, None, [], False)]
    path = {start}
    while stack:
        level = stack[-1]
        link = next(level.links, None)
        if link is None:
            path.discard(level.tag_id)
            stack.pop()
            continue
        parent = link["parent_id"]
        if parent in path or (link["intransitive"] and len(stack) > 1):
            continue
        budget = _next_budget(link["maxdepth"], level.budget)
        # Kept for the links that follow on this level too: so do the builders that walk for themselves.
        level.noconfig = level.noconfig or link["noconfig"]
        filters = level.filters + ([link["pkg_filter"]] if link["pkg_filter"] else [])
        if any(_enough(earlier, budget, level.noconfig) for earlier in emitted[parent]):
            continue
        found = _shaped(link, len(stack), budget, filters)
        emitted[parent].append(found)
        yield found
        if budget is None or budget >= 1:
            path.add(parent)
            stack.append(_Level(iter(edges.get(parent, ())), parent, budget, filters, level.noconfig))


def _next_budget(maxdepth: int | None, budget: int | None) -> int | None:
    """How many more levels may follow; None is no limit. The first limit on a way counts in full."""
    if budget is None:
        return maxdepth
    if maxdepth is None:
        return budget - 1
    return min(maxdepth, budget) - 1


def _enough(earlier: Link, budget: int | None, noconfig: bool) -> bool:
    """Whether an earlier visit of a tag brought all that another one could."""
    if earlier["nextdepth"] is not None and (budget is None or budget > earlier["nextdepth"]):
        return False
    return not earlier["filter"] and (noconfig or not earlier["noconfig"])


def _shaped(link: Link, depth: int, budget: int | None, filters: list[str]) -> Link:
    shaped = dict(link)
    shaped["child_id"] = shaped.pop("tag_id")
    return shaped | {"currdepth": depth, "nextdepth": budget, "filter": filters}


def _walk_down(edges: dict[int, list[Link]], start: int) -> Iterator[Link]:
    """The way to the descendants: no budget, only each link's own depth against the distance walked."""
    emitted: dict[int, list[Link]] = defaultdict(list)
    stack = [_Level(iter(edges.get(start, ())), start, None, [], False)]
    path = {start}
    while stack:
        level = stack[-1]
        link = next(level.links, None)
        if link is None:
            path.discard(level.tag_id)
            stack.pop()
            continue
        child, depth = link["tag_id"], len(stack)
        if child in path or (link["maxdepth"] is not None and link["maxdepth"] < depth - 1):
            continue
        level.noconfig = level.noconfig or link["noconfig"]
        filters = level.filters + ([link["pkg_filter"]] if link["pkg_filter"] else [])
        if any(_enough(earlier, None, level.noconfig) for earlier in emitted[child]):
            continue
        found = link | {"currdepth": depth, "nextdepth": None, "filter": filters}
        emitted[child].append(found)
        yield found
        if not link["intransitive"]:
            path.add(child)
            stack.append(_Level(iter(edges.get(child, ())), child, None, filters, level.noconfig))
