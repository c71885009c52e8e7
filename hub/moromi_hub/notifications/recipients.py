"""Who gets mail about what happened to a build (data-model.md section 2.2, builder.md section 9.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moromi.constants import BuildState
from moromi_hub.call import Call
from moromi_hub.notifications import recipient_queries as queries
from moromi_hub.packages import service as packages


def recipients(
    call: Call, build: Mapping[str, Any], tag_id: int | None = None, state: int | None = None
) -> list[str]:
    """Addresses, each once. `state` is what to report; the build's own unless given."""
    successful = (build["state"] if state is None else state) == BuildState.COMPLETE
    package_id = build["package_id"]
    found = [
        (row["user_id"], row["email"]) for row in queries.subscribed(call.tx, package_id, tag_id, successful)
    ]
    if not successful or call.settings.NotifyOnSuccess:
        found += _owners(call, build, tag_id)
    unwanted = queries.opted_out(call.tx, package_id, tag_id)
    return list(dict.fromkeys(email for user_id, email in found if user_id not in unwanted))


def _owners(call: Call, build: Mapping[str, Any], tag_id: int | None) -> list[tuple[int, str]]:
    """The owner of the build, and that of the package in the tag."""
    domain = call.settings.EmailDomain
    found = [(build["owner_id"], f"{build['owner_name']}@{domain}")]
    if tag_id is None:
        return found
    entry = packages.package_config(call, tag_id, build["package_id"])
    if entry is None or entry["blocked"]:
        return found
    person = queries.active_person(call.tx, entry["owner_id"])
    return [*found, (person["id"], f"{person['name']}@{domain}")] if person else found
