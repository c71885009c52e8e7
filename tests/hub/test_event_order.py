"""Repositories while changes with earlier events are not committed yet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moromi_hub.history import queries
from moromi_hub.history import service as history
from moromi_hub.repodata import making
from moromi_hub.tagging import service as tagging
from moromi_hub.tags import service as tags
from support.builds import RPM, SRPM, import_rpm
from support.hub import Client, HubUnderTest, count_statements

NVR = "fermenter-1.2-3.mr1"
SHORT = 1.0
"""Seconds: far more than a repository without a change under way takes."""


@pytest.fixture
def tag_id(admin: Client) -> int:
    """A build tag with a complete build that is not in it."""
    found = int(admin("createTag", "f40-build", arches="x86_64"))
    admin("packageListAdd", "f40-build", "fermenter", "alice")
    for name in (SRPM, RPM):
        import_rpm(admin, name)
    return found


@pytest.mark.parametrize("commit", [True, False])
def test_a_repository_knows_all_changes_up_to_its_event(
    hub: HubUnderTest, admin: Client, tag_id: int, commit: bool
) -> None:
    alice = admin("getUser", "alice")["id"]
    with ThreadPoolExecutor(1) as pool:
        with hub.hub.call("slow") as slow:
            tagging.put(slow, tags.require_tag(slow, tag_id), admin("getBuild", NVR), alice)
            event = slow.tx.event()
            # a later event of the same tag is committed first, and a repository of it asked for
            admin("editTag2", "f40-build", extra={"mock.x": 1})
            later = admin("getLastEvent")["id"]
            repo = pool.submit(making.make, hub.hub, tag_id, None, {})
            with pytest.raises(TimeoutError):
                repo.result(SHORT)
            if not commit:
                slow.tx.rollback()
        made = admin("repoInfo", repo.result(100))
    assert event < later < made["create_event"]
    listed = Path(hub.hub.paths.repo(made["id"], "f40-build"), "x86_64", "pkglist").read_text()
    assert (RPM in listed) == commit
    assert admin("tagLastChangeEvent", tag_id) == later


def test_repositories_wait_neither_for_each_other_nor_for_imports(
    hub: HubUnderTest, admin: Client, tag_id: int
) -> None:
    with hub.hub.call("slow") as slow, ThreadPoolExecutor(1) as pool:
        slow.tx.fresh_event()
        assert pool.submit(making.make, hub.hub, tag_id, None, {}).result(100)


def test_a_forgotten_connection_does_not_stop_repositories(
    hub: HubUnderTest,
    tag_id: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(history, "_PATIENCE_SECONDS", 0.1)
    with hub.hub.call("stuck") as stuck, ThreadPoolExecutor(1) as pool:
        stuck.tx.event()
        assert pool.submit(making.make, hub.hub, tag_id, None, {}).result(100)
        stuck.tx.rollback()
    assert "changes that have begun earlier may be missing" in caplog.text


def test_all_that_are_under_way_are_seen_and_no_others(hub: HubUnderTest) -> None:
    with hub.hub.call("a") as one, hub.hub.call("b") as two, hub.hub.call("c") as other:
        assert other.tx.event_among_others()[1] == set()
        events = [one.tx.event(), two.tx.event()]
        last, others = other.tx.event_among_others()
        assert last > max(events)
        assert len(others) == 2
        assert queries.under_way(other.tx) == others
        one.tx.rollback()
        assert len(others & queries.under_way(other.tx)) == 1
        assert len(queries.under_way(two.tx)) == 0


def test_changes_pay_one_statement_for_their_event(hub: HubUnderTest, admin: Client, tag_id: int) -> None:
    with hub.hub.call("count") as call, count_statements(hub.hub.engine) as seen:
        assert call.tx.event() == call.tx.event()
    assert len(seen) == 1
