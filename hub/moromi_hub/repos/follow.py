"""Following the tags: noting which repositories are out of date, and asking for new ones.

The worker calls this when tags have changed, with their ids, and now and then
for all tags, since a push message may be lost. A change of a tag is one of every
tag that inherits from it.
"""

from __future__ import annotations

from collections.abc import Collection

from moromi.constants import PRIO_DEFAULT
from moromi_hub.call import Call
from moromi_hub.history import service as history
from moromi_hub.repos import queries, requests
from moromi_hub.tags import inheritance
from moromi_hub.tags import service as tags

_MANY = 50
"""From so many changed tags on it is cheaper to look at everything."""


def follow(call: Call, changed: Collection[int] | None = None) -> None:
    """Do what the change of some tags (None: of any) asks for."""
    tag_ids = affected(call, changed)
    if call.settings.RepoAuto:
        regenerate(call, tag_ids)
    requests.update_end_events(call, tag_ids)


def affected(call: Call, changed: Collection[int] | None) -> set[int] | None:
    """The tags with all that inherit from them; None is every tag."""
    if changed is None or len(changed) > _MANY:
        return None
    found = set(changed)
    for tag_id in changed:
        found.update(link["tag_id"] for link in inheritance.full_inheritance(call, tag_id, reverse=True))
    return found


def regenerate(call: Call, tag_ids: Collection[int] | None) -> None:
    """Ask for a repository of each build tag of a live target that has changed since the last one.

    Automatic requests come after everybody else's. A tag without arches can have no repository.
    """
    build_tags = queries.live_build_tags(call.tx, tag_ids)
    covered = queries.covered_events(call.tx, build_tags) if build_tags else {}
    for tag_id in build_tags:
        change = history.tag_last_change_event(call, tag_id)
        if change is None or change <= covered.get(tag_id, 0):
            continue
        if tags.build_config(call, tag_id)["arches"]:
            requests.place(call, tag_id, change, None, {}, PRIO_DEFAULT + requests.AUTO_PRIORITY)
