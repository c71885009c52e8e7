"""Pages of long listings: all together they are the whole, whatever way they are found."""

from __future__ import annotations

import pytest

from support.hub import HubUnderTest, count_statements

BUILDS = [f"{name}-{version}-1" for version in (1, 2, 3) for name in ("ale", "bock", "cider")]


@pytest.mark.parametrize(
    "order", ["build_id", "-build_id", "-completion_time,build_id", "-nvr", "package_name,nvr"]
)
@pytest.mark.parametrize("filters", [{}, {"state": 1}, {"prefix": "b"}, {"createdAfter": 1}])
def test_pages_of_builds(hub: HubUnderTest, order: str, filters: dict[str, object]) -> None:
    admin = hub.client("kojiadmin")
    for nvr in BUILDS:
        admin("createEmptyBuild", *nvr.split("-"), None)
    whole = admin("listBuilds", **filters, queryOpts={"order": order})
    assert len(whole) == (3 if "prefix" in filters else 9)
    pages = [
        admin("listBuilds", **filters, queryOpts={"order": order, "offset": at, "limit": 2})
        for at in range(0, 10, 2)
    ]
    assert [build for page in pages for build in page] == whole


@pytest.mark.parametrize("order", ["id", "-id", "method,-id", "owner_name,id"])
def test_pages_of_tasks(hub: HubUnderTest, order: str) -> None:
    admin = hub.client("kojiadmin")
    for number in range(7):
        admin("makeTask", ("sleep", "shutdown")[number % 2], [number])
    whole = admin("listTasks", {}, {"order": order})
    assert len(whole) == 7
    pages = [admin("listTasks", {}, {"order": order, "offset": at, "limit": 3}) for at in (0, 3, 6)]
    assert [task for page in pages for task in page] == whole
    decoded = admin("listTasks", {"decode": True}, {"order": order, "offset": 3, "limit": 3})
    assert [task["id"] for task in decoded] == [task["id"] for task in pages[1]]


def test_a_deep_page_is_one_statement_and_unknown_orders_are_faults(hub: HubUnderTest) -> None:
    nobody = hub.client()
    options = {"order": "-build_id", "offset": 100, "limit": 50}
    with count_statements(hub.hub.engine) as statements:
        assert nobody("listBuilds", queryOpts=options) == []
    assert len(statements) == 1
    assert "page" in statements[0]
    with pytest.raises(Exception, match="Invalid order: nothing"):
        nobody("listBuilds", queryOpts={**options, "order": "nothing"})
