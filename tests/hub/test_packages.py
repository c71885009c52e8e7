"""Package lists: what they cost, filters of the inheritance, who may change them."""

from __future__ import annotations

from typing import Any

import pytest

from moromi.errors import ActionNotAllowed, CallbackError, GenericError
from support.hub import Client, HubUnderTest, count_statements
from support.worker import eventually

LIST_CALLS = {
    "packageListAdd": ["cellar", "ale", "bob"],
    "packageListRemove": ["cellar", "ale"],
    "packageListBlock": ["cellar", "ale"],
    "packageListUnblock": ["cellar", "ale"],
    "packageListSetOwner": ["cellar", "ale", "bob"],
    "packageListSetArches": ["cellar", "ale", "x86_64"],
}


@pytest.fixture
def cellar(admin: Client) -> Client:
    """`cellar` lists `ale` of alice and `stout` of bob; `bar` inherits from it."""
    admin("createTag", "cellar")
    admin("createTag", "bar", parent="cellar")
    admin("packageListAdd", "cellar", "ale", "alice")
    admin("packageListAdd", "cellar", "stout", "bob")
    return admin


def test_lists_are_changed_only_by_those_the_policy_lets(hub: HubUnderTest, cellar: Client) -> None:
    anonymous, alice = hub.client(), hub.client("alice")
    for method, arguments in LIST_CALLS.items():
        with pytest.raises(ActionNotAllowed, match="you must be logged in"):
            anonymous(method, *arguments)
        for force in (False, True):
            with pytest.raises(ActionNotAllowed, match=r"policy violation \(package_list\)"):
                alice(method, *arguments, force=force)


def test_a_list_is_three_statements_whatever_it_inherits(hub: HubUnderTest, cellar: Client) -> None:
    for number in range(10):
        cellar("createTag", f"bar{number}", parent=f"bar{number - 1}" if number else "bar")
    with count_statements(hub.hub.engine) as seen:
        listed = hub.client()("listPackages", "bar9", inherited=True)
    assert sorted(entry["package_name"] for entry in listed) == ["ale", "stout"]
    assert len(seen) <= 3
    with count_statements(hub.hub.engine) as seen:
        assert hub.client()("checkTagPackage", "bar9", "ale") is True
    assert len(seen) <= 4


def test_the_filters_of_a_way_must_all_match(cellar: Client) -> None:
    bar, cellar_id = cellar("getTagID", "bar"), cellar("getTagID", "cellar")
    found = cellar("getInheritanceData", "bar")[0] | {"pkg_filter": "st"}
    cellar("setInheritanceData", bar, found)
    names = [entry["package_name"] for entry in cellar("listPackages", bar, inherited=True)]
    assert names == ["stout"]
    assert cellar("getPackageConfig", "bar", "ale") is None
    assert cellar("getPackageConfig", cellar_id, "ale")["owner_name"] == "alice"


def test_nobody_makes_packages_by_looking(hub: HubUnderTest) -> None:
    assert hub.client()("getPackage", "never", create=True) is None
    assert hub.client()("getTagID", "never", create=True) is None
    assert hub.client()("listPackagesSimple") == []


def test_a_prefix_is_no_pattern(cellar: Client) -> None:
    assert cellar("listPackagesSimple", "_") == []
    assert cellar("listPackages", "cellar", prefix="%") == []


def test_the_owner_row_outlives_the_entry(cellar: Client) -> None:
    cellar("packageListRemove", "cellar", "ale")
    owners = cellar("queryHistory", tables=["tag_package_owners"], package="ale", active=True)
    assert [row["owner.name"] for row in owners["tag_package_owners"]] == ["alice"]
    cellar("packageListAdd", "cellar", "ale", "carol")
    assert cellar("getPackageConfig", "cellar", "ale")["owner_name"] == "carol"


def test_callbacks_see_the_change_and_may_veto_it(hub: HubUnderTest, cellar: Client) -> None:
    seen: list[tuple[str, str, str, str]] = []

    def note(call: object, kind: str, **info: object) -> None:
        tag, package, user = info["tag"], info["package"], info["user"]
        assert isinstance(tag, dict) and isinstance(package, dict) and isinstance(user, dict)
        seen.append((kind, str(info["action"]), package["name"], user["name"]))
        if package["name"] == "poison":
            raise GenericError("not here")

    for kind in ("prePackageListChange", "postPackageListChange"):
        hub.hub.callbacks.register(kind, note)
    cellar("packageListBlock", "bar", "ale")
    assert seen == [
        ("prePackageListChange", "block", "ale", "kojiadmin"),
        ("postPackageListChange", "block", "ale", "kojiadmin"),
    ]
    with pytest.raises(CallbackError):
        cellar("packageListAdd", "cellar", "poison", "alice")
    assert cellar("getPackage", "poison") is None


def test_changes_are_told_to_listeners(hub: HubUnderTest, cellar: Client) -> None:
    connection = hub.hub.engine.raw_connection()
    try:
        connection.cursor().execute("LISTEN moromi")
        connection.commit()
        cellar("packageListAdd", "cellar", "porter", "alice")
        listener: Any = connection.dbapi_connection
        # the commit does not wait for its listeners
        eventually(lambda: listener.poll() or listener.notifies)
        told = [note.payload for note in listener.notifies]
    finally:
        connection.invalidate()
    assert told == [f'{{"type":"tag","id":{cellar("getTagID", "cellar")}}}']
