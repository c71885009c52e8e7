"""Tags and inheritance: statement counts, the walk against the text of its rules, copies, permissions."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moromi.errors import ActionNotAllowed, GenericError
from moromi_hub.tags.inheritance import walk_up
from support.hub import Client, HubUnderTest, count_statements

TAG_CALLS: dict[str, list[Any]] = {
    "createTag": ["new"],
    "editTag": ["base", "base", "", True, None],
    "editTag2": ["base"],
    "deleteTag": ["base"],
    "setInheritanceData": ["base", []],
    "snapshotTag": ["base", "copy"],
    "snapshotTagModify": ["base", "copy"],
}


def link(parent: int, priority: int = 0, **changes: Any) -> dict[str, Any]:
    plain = {
        "parent_id": parent,
        "priority": priority,
        "maxdepth": None,
        "intransitive": False,
        "noconfig": False,
        "pkg_filter": "",
    }
    return plain | changes


def chain(admin: Client, length: int) -> list[int]:
    """Tags `chain0` to `chain<length>`, each the child of the one before; their ids."""
    ids = [admin("createTag", "chain0", arches="x86_64", extra={"depth": 0})]
    for number in range(1, length + 1):
        ids.append(admin("createTag", f"chain{number}", parent=f"chain{number - 1}"))
    return ids


def test_tags_are_changed_only_with_permission(hub: HubUnderTest, admin: Client) -> None:
    admin("createTag", "base")
    for client in (hub.client(), hub.client("alice")):
        for method, arguments in TAG_CALLS.items():
            with pytest.raises(ActionNotAllowed, match="tag permission required"):
                client(method, *arguments)


def test_statements_do_not_grow_with_the_inheritance(hub: HubUnderTest, admin: Client) -> None:
    ids = chain(admin, 12)
    anonymous = hub.client()
    for call, limit in (("getTag", 1), ("getFullInheritance", 2), ("getBuildConfig", 3)):
        with count_statements(hub.hub.engine) as seen:
            anonymous(call, "chain12")
        assert len(seen) <= limit, call
    assert [found["parent_id"] for found in anonymous("getFullInheritance", ids[12])] == ids[11::-1]


def test_a_build_config_inherits_arches_and_extra_over_a_chain(admin: Client) -> None:
    ids = chain(admin, 3)
    config = admin("getBuildConfig", "chain3")
    assert config["arches"] == "x86_64", "an empty list of arches counts as missing"
    assert config["config_inheritance"]["arches"] == {"id": ids[0], "name": "chain0"}
    assert config["extra"] == {"depth": 0}


def test_extra_data_tells_true_from_one(admin: Client) -> None:
    admin("createTag", "base", extra={"flag": 1})
    admin("editTag2", "base", extra={"flag": True})
    assert admin("getTag", "base")["extra"]["flag"] is True


def test_a_diamond_is_walked_once_and_again_where_the_way_brings_more(admin: Client) -> None:
    base, left, right, top = (admin("createTag", name) for name in ("base", "left", "right", "top"))
    admin("setInheritanceData", left, link(base))
    admin("setInheritanceData", right, link(base))
    admin("setInheritanceData", top, [link(left, 0), link(right, 5)])
    parents = [found["parent_id"] for found in admin("getFullInheritance", top)]
    assert parents == [left, base, right]
    admin("setInheritanceData", top, link(left, 0, pkg_filter="^a"))
    again = admin("getFullInheritance", top)
    assert [(found["parent_id"], found["filter"]) for found in again] == [
        (left, ["^a"]),
        (base, ["^a"]),
        (right, []),
        (base, []),
    ]


def test_a_loop_ends(admin: Client) -> None:
    one, two = admin("createTag", "one"), admin("createTag", "two", parent="one")
    admin("setInheritanceData", one, link(two))
    assert [found["parent_id"] for found in admin("getFullInheritance", one)] == [two]
    assert [found["tag_id"] for found in admin("getFullInheritance", one, reverse=True)] == [two]


def test_what_would_make_a_tag_unreadable_is_refused(admin: Client) -> None:
    base, top = admin("createTag", "base"), admin("createTag", "top")
    with pytest.raises(GenericError, match="Invalid package filter"):
        admin("setInheritanceData", top, link(base, pkg_filter="("))


def test_the_inheritance_is_fresh_within_a_multicall(admin: Client) -> None:
    base, top = admin("createTag", "base"), admin("createTag", "top")
    calls = [
        {"methodName": "getFullInheritance", "params": [top]},
        {"methodName": "setInheritanceData", "params": [top, link(base)]},
        {"methodName": "getFullInheritance", "params": [top]},
        {"methodName": "deleteTag", "params": [base]},
        {"methodName": "getFullInheritance", "params": [top]},
    ]
    before, _, linked, _, after = admin("multiCall", calls)
    assert (before, [found["parent_id"] for found in linked[0]], after) == ([[]], [base], [[]])


def test_a_brought_in_line_copy_loses_what_the_source_lost(admin: Client) -> None:
    admin("createTag", "source")
    for package in ("ale", "stout"):
        admin("packageListAdd", "source", package, "alice")
    admin("groupListAdd", "source", "build")
    admin("groupPackageListAdd", "source", "build", "bash")
    admin("groupPackageListAdd", "source", "build", "make")
    admin("snapshotTag", "source", "copy")
    admin("packageListRemove", "source", "stout")
    admin("groupPackageListRemove", "source", "build", "make")
    admin("snapshotTagModify", "source", "copy", remove=True)
    blocked = {entry["package_name"]: entry["blocked"] for entry in admin("listPackages", "copy")}
    assert blocked == {"ale": False, "stout": True}
    (group,) = admin("getTagGroups", "copy")
    assert [entry["package"] for entry in group["packagelist"]] == ["bash"]


def test_a_copy_takes_the_order_of_the_source(admin: Client) -> None:
    admin("createTag", "source")
    admin("packageListAdd", "source", "ale", "alice")
    for version in "123":
        admin("createEmptyBuild", "ale", version, "1", None)
    admin("massTag", "source", ["ale-1-1", "ale-2-1", "ale-3-1"])
    admin("snapshotTag", "source", "copy", latest_only=False)
    admin("massTag", "source", ["ale-1-1"])
    admin("untagBuildBypass", "source", "ale-2-1")
    admin("snapshotTagModify", "source", "copy", latest_only=False, remove=True)
    assert [build["version"] for build in admin("listTagged", "copy")] == ["1", "3"]


Edges = dict[int, list[dict[str, Any]]]


def by_the_book(edges: Edges, start: int) -> list[tuple[int, int, int | None, list[str]]]:
    """The walk as data-model.md 4.4 words it, recursion and all."""
    out: list[tuple[int, int, int | None, list[str]]] = []
    hits: dict[int, list[tuple[int | None, list[str], bool]]] = defaultdict(list)

    def enough(hit: tuple[int | None, list[str], bool], nextdepth: int | None, noconfig: bool) -> bool:
        covers = hit[0] is None or (nextdepth is not None and nextdepth <= hit[0])
        return covers and not hit[1] and (not hit[2] or noconfig)

    def walk(
        tag: int, path: frozenset[int], depth: int, budget: int | None, filters: list[str], noconfig: bool
    ) -> None:
        if budget is not None and budget < 1:
            return
        depth += 1
        path |= {tag}
        for edge in edges.get(tag, []):
            parent = edge["parent_id"]
            if parent in path or (edge["intransitive"] and len(path) > 1):
                continue
            if budget is None:
                following = edge["maxdepth"]
            elif edge["maxdepth"] is None:
                following = budget - 1
            else:
                following = min(edge["maxdepth"], budget) - 1
            noconfig = noconfig or edge["noconfig"]
            found = filters + ([edge["pkg_filter"]] if edge["pkg_filter"] else [])
            if any(enough(hit, following, noconfig) for hit in hits[parent]):
                continue
            hits[parent].append((following, found, edge["noconfig"]))
            out.append((parent, depth, following, found))
            walk(parent, path, depth, following, found, noconfig)

    walk(start, frozenset(), 0, None, [], False)
    return out


some_links = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 5),
        st.none() | st.integers(0, 3),
        st.booleans(),
        st.booleans(),
        st.sampled_from(["", "", "^a", "^b"]),
    ),
    max_size=12,
    unique_by=lambda edge: edge[:2],
)


@given(some_links)
def test_the_walk_goes_by_the_book(links: list[tuple[int, int, int | None, bool, bool, str]]) -> None:
    edges: Edges = defaultdict(list)
    for child, parent, maxdepth, intransitive, noconfig, pkg_filter in links:
        found = link(
            parent,
            maxdepth=maxdepth,
            intransitive=intransitive,
            noconfig=noconfig,
            pkg_filter=pkg_filter,
        )
        edges[child].append({"tag_id": child, "name": str(parent), **found})
    walked = [
        (step["parent_id"], step["currdepth"], step["nextdepth"], step["filter"])
        for step in walk_up(edges, 0)
    ]
    assert walked == by_the_book(edges, 0)
