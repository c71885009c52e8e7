"""Side tags: what the recorded conversations do not show (limits, suffixes, policies, empty ones)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moromi.errors import ActionNotAllowed, CallbackError, GenericError, ServerOffline
from moromi_hub.db.embedded import EmbeddedPostgres
from support import database
from support.hub import Client, HubUnderTest, count_statements, running_hub

CONFIG = """[sidetag]
remove_empty = on
allowed_suffixes = boot, stack-gate
name_template = {basetag}+{tag_id}
trigger_new_repo = yes
"""
POLICY = {
    "sidetag": "tag trunk && compare number_of_tags < 2 :: allow\nall :: deny no more side tags",
    "tag": """
        is_sidetag && is_sidetag_owner :: allow
        operation untag && is_sidetag_owner fromtag :: allow
        operation move && is_sidetag_owner both :: allow
        is_sidetag :: deny not yours
        all :: deny only side tags
    """,
}


@pytest.fixture
def hub(postgres: EmbeddedPostgres, state: str, tmp_path: Path) -> Iterator[HubUnderTest]:
    """A hub with base tag `trunk` (and `other`), package ale in it, build ale-1-1."""
    (tmp_path / "sidetag.conf").write_text(CONFIG)
    options: dict[str, Any] = {"PluginConfigDir": str(tmp_path), "Plugins": "sidetag_hub", "policy": POLICY}
    with database.clone(postgres, state) as dsn, running_hub(dsn, tmp_path / "tree", **options) as made:
        admin = made.client("kojiadmin")
        admin("createTag", "trunk", arches="x86_64")
        admin("createTag", "other", arches="x86_64")
        admin("packageListAdd", "trunk", "ale", "alice")
        admin("createEmptyBuild", "ale", "1", "1", None)
        yield made


@pytest.fixture
def alice(hub: HubUnderTest) -> Client:
    """A session of alice."""
    return hub.client("alice")


def test_names_and_repositories(alice: Client) -> None:
    plain = alice("createSideTag", "trunk")
    assert plain["name"] == f"trunk+{plain['id']}"
    assert plain["request"]["tag_id"] == plain["id"]
    with_suffix = alice("createSideTag", "trunk", suffix="stack-gate")
    assert with_suffix["name"] == f"trunk+{with_suffix['id']}-stack-gate"
    with pytest.raises(GenericError, match="gate suffix is not allowed for sidetag"):
        alice("createSideTag", "trunk", suffix="gate")
    assert alice("getBuildConfig", plain["id"])["arches"] == "x86_64"


def test_policy_limits(hub: HubUnderTest, alice: Client) -> None:
    first = alice("createSideTag", "trunk")
    alice("createSideTag", "trunk")
    denied = r"^policy violation \(sidetag\): no more side tags$"
    with pytest.raises(ActionNotAllowed, match=denied):
        alice("createSideTag", "trunk")
    with pytest.raises(ActionNotAllowed, match=denied):
        hub.client("bob")("createSideTag", "other")
    alice("removeSideTag", first["name"])
    alice("createSideTag", "trunk")
    assert len(alice("listSideTags", user="alice")) == 2
    assert alice("listSideTags", "other") == alice("listSideTags", user="bob") == []


def test_policy_tests(hub: HubUnderTest, alice: Client) -> None:
    mine = [alice("createSideTag", "trunk")["name"] for _ in range(2)]
    bob, admin = hub.client("bob"), hub.client("kojiadmin")
    others = bob("createSideTag", "trunk")["name"]
    ask: list[tuple[Client, dict[str, Any], str]] = [
        (alice, {"tag": mine[0], "fromtag": None, "operation": "tag"}, "allow"),
        (alice, {"tag": "trunk", "fromtag": None, "operation": "tag"}, "deny only side tags"),
        (alice, {"tag": "no-such-tag", "fromtag": None, "operation": "tag"}, "deny only side tags"),
        (bob, {"tag": mine[0], "fromtag": None, "operation": "tag"}, "deny not yours"),
        (admin, {"tag": mine[0], "fromtag": None, "operation": "tag"}, "allow"),
        (bob, {"tag": mine[0], "operation": "tag", "user_id": 2}, "allow"),
        (alice, {"tag": None, "fromtag": mine[0], "operation": "untag"}, "allow"),
        (bob, {"tag": None, "fromtag": mine[0], "operation": "untag"}, "deny only side tags"),
        (bob, {"tag": others, "fromtag": mine[0], "operation": "move"}, "allow"),
        (hub.client(), {"tag": mine[0], "fromtag": None, "operation": "tag"}, "deny not yours"),
    ]
    assert [client("evalPolicy", "tag", data) for client, data, _ in ask] == [answer for _, _, answer in ask]
    both = {"tag": mine[0], "fromtag": others, "operation": "move"}
    with hub.hub.call("test") as call:
        make = {kind.name: kind for kind in hub.hub.plugins.tests}["is_sidetag_owner"]
        for words, user, answer in (
            ("", 2, True),
            ("fromtag", 3, True),
            ("both", 2, False),
            ("both", 1, True),
        ):
            question = {**both, "user_id": user, "_call": call}
            assert make(f"is_sidetag_owner {words}").run(question) is answer
        with pytest.raises(GenericError, match="Invalid arguments of is_sidetag_owner: neither"):
            make("is_sidetag_owner neither")


def test_empty_ones_go(hub: HubUnderTest, alice: Client) -> None:
    admin = hub.client("kojiadmin")
    admin("createEmptyBuild", "ale", "1", "2", None)
    tag = admin("createSideTag", "trunk")
    for build in ("ale-1-1", "ale-1-2"):
        admin("tagBuildBypass", tag["name"], build)
    admin("untagBuild", tag["name"], "ale-1-1")
    assert admin("getTag", tag["id"]) is not None
    admin("untagBuild", tag["name"], "ale-1-2")
    assert admin("getTag", tag["id"]) is None
    assert admin("getBuildTarget", tag["name"]) is None
    kept = admin("createSideTag", "trunk")
    admin("tagBuildBypass", kept["name"], "ale-1-1")
    admin("editBuildTarget", kept["name"], kept["name"], "trunk", kept["id"])
    admin("untagBuild", kept["name"], "ale-1-1")
    assert admin("getTag", kept["id"]) is not None, "its target is no longer that of a side tag"
    admin("tagBuildBypass", "trunk", "ale-1-1", force=True)
    admin("untagBuildBypass", "trunk", "ale-1-1", force=True)
    assert admin("getTag", "trunk") is not None


def test_what_base_tags_allow(hub: HubUnderTest, alice: Client) -> None:
    admin = hub.client("kojiadmin")
    tag = alice("createSideTag", "trunk")["id"]
    for allowed, text in (
        (["dist", 3], r"^Allowed rpm macro list \['dist', 3\] is invalid for trunk\.$"),
        ({"dist": 1}, "^rpm_macros_allowed in trunk has invalid type: <class 'dict'>$"),
        (["_*"], "^RPM macro dist editing is not allowed via parent tag$"),
    ):
        admin("editTag2", "trunk", extra={"sidetag_rpm_macros_allowed": allowed})
        with pytest.raises(GenericError, match=text):
            alice("editSideTag", tag, rpm_macros={"dist": ".x"})
    admin("editTag2", "trunk", extra={"sidetag_rpm_macros_allowed": ["dist", "_with*"]})
    alice("editSideTag", tag, rpm_macros={"dist": ".x", "_without_tests": "1"})
    extra = alice("getTag", tag)["extra"]
    assert (extra["rpm.macro.dist"], extra["rpm.macro._without_tests"]) == (".x", "1")
    for name in ("", "a b", "1st", "dist\n"):
        with pytest.raises(GenericError, match="Invalid macro name"):
            alice("editSideTag", tag, rpm_macros={name: "1"})
    # a second line would define another macro
    with pytest.raises(GenericError, match="The value of a macro is one line"):
        alice("editSideTag", tag, rpm_macros={"dist": ".x\n%vendor me"})
    admin("grantPermission", "alice", "sidetag_admin", create=True)
    alice("editSideTag", tag, extra={"note": [1]}, remove_extra=["rpm.macro.dist"])
    extra = alice("getTag", tag)["extra"]
    assert extra["note"] == [1] and "rpm.macro.dist" not in extra
    with pytest.raises(ActionNotAllowed, match="This is not your sidetag"):
        alice("editSideTag", hub.client("bob")("createSideTag", "trunk")["id"], extra={"x": 1})


def test_listing_survives_odd_owners(hub: HubUnderTest) -> None:
    admin = hub.client("kojiadmin")
    odd: dict[str, Any] = {"zero": {}, "no": 0, "name": "alice", "huge": 2**40, "gone": 4711}
    for name, owner in odd.items():
        admin("createTag", name, extra={"sidetag": True, "sidetag_user_id": owner})
    admin("createTag", "not-one", extra={"sidetag": False, "sidetag_user_id": 1})
    rows = admin("listSideTags", queryOpts={"order": "name"})
    assert [(row["name"], row["user_name"]) for row in rows] == [(name, None) for name in sorted(odd)]


def test_statements(hub: HubUnderTest, alice: Client) -> None:
    alice("createSideTag", "trunk")
    call = hub.client()
    with count_statements(hub.hub.engine) as seen:
        assert len(call("listSideTags", "trunk", "alice")) == 1
    assert len(seen) <= 3, seen


@pytest.mark.parametrize("line", ["remove_empty = perhaps", "name_template = {basetag}-{number}"])
def test_bad_configuration(postgres: EmbeddedPostgres, state: str, tmp_path: Path, line: str) -> None:
    (tmp_path / "sidetag.conf").write_text(f"[sidetag]\n{line}\n")
    options: dict[str, Any] = {"PluginConfigDir": str(tmp_path), "Plugins": "sidetag_hub"}
    with (
        database.clone(postgres, state) as dsn,
        running_hub(dsn, tmp_path / "tree", **options) as hub,
        pytest.raises(ServerOffline, match=r"^configuration error$"),
    ):
        hub.client()("hello")


def test_a_veto_keeps_the_build(hub: HubUnderTest) -> None:
    """The removal of an empty side tag is part of the call that untags: what undoes one undoes both."""

    def veto(call: Any, kind: str, /, **arguments: Any) -> None:
        raise GenericError("stays")

    admin = hub.client("kojiadmin")
    tag = admin("createSideTag", "trunk")
    admin("tagBuildBypass", tag["name"], "ale-1-1")
    hub.hub.callbacks.register("postUntag", veto)
    with pytest.raises(CallbackError, match="stays"):
        admin("untagBuild", tag["name"], "ale-1-1")
    assert [build["nvr"] for build in admin("listTagged", tag["name"])] == ["ale-1-1"]
