"""Rows of the error tables that need a site in some state: full, stuck, broken, protected."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text

from moromi_hub.db.embedded import EmbeddedPostgres
from support import database
from support.copr import PROJECT, Api, CoprHub, copr_hub
from support.worker import eventually

QUERY = "ownername=alice&projectname=proj"
WHERE = {"ownername": "alice", "projectname": "proj"}
SRPM_URL = "http://example.org/x-1-1.src.rpm"


def test_too_many_packages(copr: CoprHub, alice: Api) -> None:
    """10,000 may be had at once, one more only in pages."""
    from _koji_plugin__copr import tables  # type: ignore[import-not-found]  # as the hub has loaded it

    project_id = alice.ok("GET", f"/project?{QUERY}")["id"]
    own = {"project_id": project_id, "source_type": "unset", "source": {}, "options": {}}
    with copr.hub.hub.call("test") as call:
        rows = [{**own, "name": f"p{number:05d}"} for number in range(10_001)]
        call.tx.execute(insert(tables.package), rows)
    refusal = "Too many packages, please use pagination. Requests are limited to only 10000 packages at once."
    assert alice.error("GET", f"/package/list?{QUERY}") == (413, refusal)
    page = alice.ok("GET", f"/package/list?{QUERY}&limit=3&offset=9999&order=name")
    assert [each["name"] for each in page["items"]] == ["p09999", "p10000"]
    assert page["meta"] == {"limit": 3, "offset": 9999, "order": "name", "order_type": "ASC"}
    unknown = "Cannot order by {}, {} doesn't have such property"
    assert alice.error("GET", f"/package/list?{QUERY}&limit=3&order=color") == (
        400,
        unknown.format("color", "package"),
    )
    assert alice.error("GET", "/build-chroot/list?build_id=1&order=state") == (
        400,
        unknown.format("state", "build_chroot"),
    )
    with copr.hub.hub.call("test") as call:
        call.tx.execute(delete(tables.package).where(tables.package.c.name == "p00000"))
    assert len(alice.ok("GET", f"/package/list?{QUERY}")["items"]) == 10_000


def give_up_waiting(copr: CoprHub) -> bool:
    """Do what the database does by itself after a minute: end a wait for a lock; whether there was one."""
    ended = (
        "select pg_cancel_backend(pid) from pg_stat_activity"
        " where wait_event_type = 'Lock' and datname = current_database()"
    )
    # what is shown of others does not change within a transaction
    with copr.hub.hub.engine.connect() as connection:
        return bool(connection.scalar(text(ended)))


def test_a_request_that_waits_too_long(copr: CoprHub, alice: Api) -> None:
    """It is given up, nothing is changed, and the next one works."""
    from _koji_plugin__copr import tables

    answers: list[tuple[int, str]] = []

    def edit() -> None:
        body = {"description": "Mine"}
        answers.append(alice.error("PUT", "/project/edit/alice/proj", body))

    with copr.hub.hub.call("test") as call:
        call.tx.execute(select(tables.project.c.id).with_for_update())
        asking = threading.Thread(target=edit)
        asking.start()
        eventually(lambda: give_up_waiting(copr))
        asking.join(60)
    assert answers == [(504, "The API request timeouted")]
    assert alice.ok("GET", f"/project?{QUERY}")["description"] == ""
    assert alice.ok("PUT", "/project/edit/alice/proj", {"description": "Mine"})["description"] == "Mine"


def test_what_nobody_expects(copr: CoprHub, alice: Api) -> None:
    """A broken database: the text tells nothing of it, and the client reads it as an error."""
    with copr.hub.hub.engine.begin() as connection:
        connection.execute(text("alter table copr_package rename to elsewhere"))
    bug = "Request wasn't successful, there is probably a bug in the Copr code."
    assert alice.error("GET", f"/package/list?{QUERY}") == (500, bug)
    assert alice.error("POST", "/package/add/alice/proj/kit/rubygems", {"gem_name": "x"}) == (500, bug)
    assert alice.ok("GET", f"/project?{QUERY}")["name"] == "proj"


def test_protected_builds(copr: CoprHub, alice: Api) -> None:
    """Builds of a persistent project stay, whoever asks, and auto-prune stays with administrators."""
    admin = copr.user("kojiadmin")
    kept = {"ownername": "alice", "projectname": "kept"}
    admin.ok(
        "POST",
        "/project/add/alice",
        {**PROJECT, "name": "kept", "persistent": True, "auto_prune": False},
    )
    build = alice.ok("POST", "/build/create/url", {**kept, "pkgs": [SRPM_URL]})["items"][0]["id"]
    alice.ok("PUT", f"/build/cancel/{build}")
    for who, name in ((alice, "alice"), (admin, "kojiadmin")):
        refusal = f"User '{name}' can not delete a persistent build {build}"
        assert who.error("DELETE", f"/build/delete/{build}") == (403, refusal)
        refusal = f"You don't have permissions to delete build(s) {build}.\n"
        assert who.error("DELETE", "/build/delete/list", {"builds": [build]}) == (400, refusal)
        refusal = "This project is protected against deletion."
        assert who.error("DELETE", "/project/delete/alice/kept") == (403, refusal)
    # what an administrator has switched off is nobody's obstacle
    assert alice.ok("PUT", "/project/edit/alice/kept", {"description": "x"})["auto_prune"] is False
    refusal = "Non-admin cannot disable auto-prunning."
    assert alice.error("PUT", "/project/edit/alice/kept", {"auto_prune": False}) == (403, refusal)


@pytest.fixture
def breweries(postgres: EmbeddedPostgres, state: str, tmp_path: Path) -> Iterator[CoprHub]:
    """A hub that knows two instances of dist-git."""
    sections = "".join(
        f"[distgit {name}]\nclone_url = https://{name}.example.org/{{namespace}}/{{pkgname}}\n"
        for name in ("stout", "ale")
    )
    with database.clone(postgres, state) as dsn, copr_hub(dsn, tmp_path, {}, sections) as made:
        yield made


def test_unknown_instance_of_distgit(breweries: CoprHub) -> None:
    api = breweries.user("alice")
    api.ok("POST", "/project/add/alice", PROJECT)
    fields: dict[str, Any] = {**WHERE, "package_name": "kit", "distgit": "wine"}
    messages = {"distgit": ["Not a valid choice.", "DistGit ID must be one of: ale, stout"]}
    assert api.error("POST", "/build/create/distgit", fields) == (400, f"Bad request parameters: {messages}")
    lines = "distgit: Not a valid choice.\ndistgit: DistGit ID must be one of: ale, stout"
    assert api.error("POST", "/package/add/alice/proj/kit/distgit", fields) == (400, lines)
