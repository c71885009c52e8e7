"""Hosts and channels: configuration, check-ins, and who may do what."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, event

from moromi.errors import ActionNotAllowed, AuthError, GenericError, ParameterError
from support.hub import Client, HubUnderTest, count_statements

ONE = "builder1.example.org"


def test_a_new_host_is_enabled_not_ready_and_in_default(admin: Client) -> None:
    host_id = admin("addHost", "kiln.example.org", ["x86_64", "i686"])
    host = admin("getHost", host_id)
    assert host["arches"] == "x86_64 i686"
    assert (host["enabled"], host["ready"], host["capacity"]) == (True, False, 2.0)
    assert [channel["name"] for channel in admin("listChannels", hostID=host_id)] == ["default"]


def test_a_person_becomes_a_host_only_by_force(admin: Client) -> None:
    with pytest.raises(GenericError, match="user alice already exists and it is not a host"):
        admin("addHost", "alice", ["x86_64"])
    admin("addHost", "alice", ["x86_64"], force=True)
    assert admin("getUser", "alice")["usertype"] == 1


def test_editing_keeps_history_and_says_whether_anything_changed(admin: Client) -> None:
    before = admin("getLastEvent")["id"]
    assert admin("editHost", ONE, capacity=8.5, comment="rack 4") is True
    assert admin("editHost", ONE, capacity=8.5) is False
    with pytest.raises(GenericError, match=r"^Invalid capacity: 1\.0 "):
        admin("editHost", ONE, capacity=1)
    assert admin("getHost", ONE)["comment"] == "rack 4"
    assert admin("getHost", ONE, event=before)["capacity"] == 2.0


def test_arches_are_whole_words(admin: Client) -> None:
    assert [host["name"] for host in admin("listHosts", arches="i686")] == [ONE]
    assert admin("listHosts", arches=["86"]) == []
    with pytest.raises(GenericError, match="arches option cannot be empty"):
        admin("listHosts", arches=[])


def test_list_hosts_takes_query_options(admin: Client) -> None:
    assert admin("listHosts", queryOpts={"countOnly": True}) == 2
    names = [host["name"] for host in admin("listHosts", queryOpts={"order": "-name", "limit": 1})]
    assert names == ["builder2.example.org"]
    assert len(admin("listHosts", enabled=1, ready=0)) == 2
    first, _second = admin("listHosts", queryOpts={"asList": True, "order": "id"})
    assert first == [value for _key, value in sorted(admin("getHost", 1).items())]


def test_a_disabled_channel_is_joined_only_by_force(admin: Client) -> None:
    admin("disableChannel", "image", comment="broken")
    with pytest.raises(GenericError, match="channel image is disabled"):
        admin("addHostToChannel", ONE, "image")
    admin("addHostToChannel", ONE, "image", force=True)
    admin("removeHostFromChannel", ONE, "image")
    with pytest.raises(GenericError, match="is not subscribed"):
        admin("removeHostFromChannel", ONE, "image")


def test_users_change_no_hosts(hub: HubUnderTest) -> None:
    alice = hub.client("alice")
    for name, *args in (
        ("addHost", "x", ["x86_64"]),
        ("editHost", ONE),
        ("disableHost", ONE),
        ("addHostToChannel", ONE, "image"),
        ("disableChannel", "image"),
    ):
        with pytest.raises(ActionNotAllowed, match="host permission required"):
            alice(name, *args)
    with pytest.raises(ActionNotAllowed, match="admin permission required"):
        alice("addChannel", "heavy")


def test_check_in(hub: HubUnderTest) -> None:
    builder = hub.client(ONE)
    builder("host.updateHost", 1.5, True, {"methods": ["build"], "maxjobs": 4})
    host = builder("getHost", ONE)
    assert (host["task_load"], host["ready"]) == (1.5, True)
    assert host["update_ts"] > 0
    assert builder("scheduler.getHostData", host["id"]) == [
        {"host_id": host["id"], "data": {"methods": ["build"], "maxjobs": 4}}
    ]
    builder("host.updateHost", 0.0, False)
    assert builder("scheduler.getHostData")[0]["data"]["maxjobs"] == 4
    with pytest.raises(ParameterError, match="Host data should be a dictionary"):
        builder("host.updateHost", 0.0, True, ["x"])


def test_a_check_in_costs_three_statements(hub: HubUnderTest) -> None:
    builder = hub.client(ONE)
    data = {"methods": ["build"], "maxjobs": 4}
    builder("host.updateHost", 0.0, True, data)
    with count_statements(hub.hub.engine) as seen:
        builder("host.updateHost", 0.0, True, data)
    assert len(seen) <= 3, seen
    builder("host.getTasks")
    with count_statements(hub.hub.engine) as seen:
        builder("host.getTasks")
    assert len(seen) <= 3, seen


def test_only_a_mere_check_in_does_not_wait_for_the_disk(hub: HubUnderTest) -> None:
    """How a commit waits is a setting of the transaction, which lasts until its end."""
    check_in = {"methodName": "host.updateHost", "params": [1.0, True]}
    with hub.hub.engine.begin() as connection:
        # the tests' server does not wait for anything
        wait = "EXECUTE format('ALTER DATABASE %I SET synchronous_commit = on', current_database())"
        connection.exec_driver_sql(f"DO $$ BEGIN {wait}; END $$".replace("%", "%%"))
    hub.hub.engine.dispose()
    builder = hub.client(ONE)
    task_id = hub.client("kojiadmin")("makeTask", "sleep", [1], assign=ONE)
    found: list[str] = []

    def note(connection: Connection) -> None:
        found.append(str(connection.exec_driver_sql("SHOW synchronous_commit").scalar()))

    event.listen(hub.hub.engine, "commit", note)
    builder("multiCall", [check_in])
    builder("multiCall", [check_in, {"methodName": "host.openTask", "params": [task_id]}])
    builder("host.closeTask", task_id, "")
    assert found == ["off", "on", "on"]


def test_only_an_exclusive_session_of_a_host_is_a_host(hub: HubUnderTest) -> None:
    with pytest.raises(AuthError, match="Not logged-in"):
        hub.client()("host.getID")
    with pytest.raises(AuthError, match="User 2 is not a host"):
        hub.client("alice")("host.getID")
