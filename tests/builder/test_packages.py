"""Package lists of chroots: what rpm says, and where each package came from."""

from typing import Any

import pytest

from moromi.errors import BuildError, BuildrootError
from moromi_builder.packages import (
    RepoPlace,
    mark_origins,
    match_internal,
    parse_origins,
    parse_query,
    read_rpmlist,
)

PLACE = RepoPlace(3, "f1-build", 77, "x86_64")
LOCAL = "file:///var/tmp/koji/tasks/9/9/repo_3_premerge/"


def rpm(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "version": "1", "release": "2", "arch": "x86_64", "payloadhash": "aa", **more}


def test_query() -> None:
    text = (
        "bash\t5.2\t3\t(none)\tx86_64\t1000\t(none)\t1700000000\tabcd\n"
        "gpg-pubkey\t1\t1\t(none)\t(none)\t0\t(none)\t1\t(none)\n"
        "big\t1\t1\t2\tnoarch\t(none)\t5000000000\t1\tef\n"
    )
    first, second = parse_query(text)
    assert first == {
        "name": "bash",
        "version": "5.2",
        "release": "3",
        "epoch": None,
        "arch": "x86_64",
        "size": 1000,
        "buildtime": 1700000000,
        "payloadhash": "abcd",
    }
    assert (second["epoch"], second["size"]) == (2, 5000000000)


def test_origins() -> None:
    origins = parse_origins("0:a-1-2.x86_64\thttp://one/\n3:b-1-2.noarch\thttp://two\nc-1-2.x86_64\tx\n")
    assert origins == {"a-1-2.x86_64": "http://one/", "b-1-2.noarch": "http://two", "c-1-2.x86_64": "x"}


def test_external_packages_are_marked() -> None:
    repo = {"external_repo_id": 5, "url": "http://distro/$arch/os/", "external_repo_name": "distro"}
    rpms = [rpm("ours"), rpm("theirs")]
    origins = {"ours-1-2.x86_64": LOCAL, "theirs-1-2.x86_64": "http://distro/x86_64/os"}
    mark_origins(rpms, PLACE, [repo], origins)
    assert "location" not in rpms[0]
    assert rpms[1]["location"] == 5
    assert rpms[1]["external_repo"] == repo


def test_packages_from_nowhere_are_errors() -> None:
    with pytest.raises(BuildError, match=r"No origin for a-1-2\.x86_64"):
        mark_origins([rpm("a")], PLACE, [], {})
    with pytest.raises(BuildError, match=r"Unknown origin for a-1-2\.x86_64: http://evil/"):
        mark_origins([rpm("a")], PLACE, [], {"a-1-2.x86_64": "http://evil/"})


def test_our_packages_get_their_ids() -> None:
    known = read_rpmlist(
        b'{"name":"a","version":"1","release":"2","arch":"x86_64","id":9,"payloadhash":"aa"}\n'
    )
    rpms = [rpm("a"), rpm("unknown"), rpm("outside", location=5)]
    match_internal(rpms, known, "rpmlist.jsonl")
    assert [item.get("id") for item in rpms] == [9, None, None]
    with pytest.raises(BuildrootError) as caught:
        match_internal([rpm("a", payloadhash="bb")], known, "rpmlist.jsonl")
    assert str(caught.value) == ("RPM: a-1-2.x86_64: payloadhash: bb mismatch expected aa in rpmlist.jsonl")
