"""Names, arches, paths, checksums."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moromi import arches, checksums, names, paths
from moromi.errors import BuildError, GenericError
from moromi.paths import PathInfo

PART = st.text("abcXYZ0123456789._+~", min_size=1).filter(lambda text: text.strip("."))


@given(st.text("ab-.+0", min_size=1), PART, PART)
def test_nvr_round_trip(name: str, version: str, release: str) -> None:
    parsed = names.parse_NVR(f"{name}-{version}-{release}")
    assert parsed == {"name": name, "version": version, "release": release, "epoch": ""}
    assert names.nvr(parsed) == f"{name}-{version}-{release}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a-1-2", {"release": "2", "version": "1", "name": "a", "epoch": ""}),
        ("1:a-b-1-2", {"release": "2", "version": "1", "name": "a-b", "epoch": "1"}),
        ("1:a-b:c-1-2", {"release": "2", "version": "1", "name": "a-b:c", "epoch": "1"}),
        ("a-1:2-3", {"release": "3", "version": "1:2", "name": "a", "epoch": ""}),
    ],
)
def test_parse_nvr(text: str, expected: dict[str, str]) -> None:
    # The order of the keys is seen by clients, in `No such rpm: {...}`.
    assert repr(names.parse_NVR(text)) == repr(expected)


@pytest.mark.parametrize("text", ["", "a", "a-1", "a--2", "a-1-"])
def test_bad_nvr(text: str) -> None:
    with pytest.raises(GenericError, match=f"^invalid format: {text}$"):
        names.parse_NVR(text)
    assert not names.check_NVR(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a-1-2.x86_64", {"arch": "x86_64", "src": False}),
        ("a-1-2.src.rpm", {"arch": "src", "src": True}),
        ("a-1-2.nosrc", {"arch": "nosrc", "src": False}),
        ("a-1-2.noarch@repo", {"arch": "noarch", "src": False, "location": "repo"}),
        ("a-1-2.x.rpm@r.rpm", {"arch": "x", "src": False, "location": "r.rpm"}),
        ("a-1-2.src@", {"arch": "src", "src": True}),
    ],
)
def test_parse_nvra(text: str, expected: dict[str, Any]) -> None:
    nvr = {"release": "2", "version": "1", "name": "a", "epoch": ""}
    assert repr(names.parse_NVRA(text)) == repr({**nvr, **expected})


@pytest.mark.parametrize("text", ["a-1-2", "a-1-2.", "a-1-2.rpm", "a.x86_64"])
def test_bad_nvra(text: str) -> None:
    with pytest.raises(GenericError, match=r"^invalid format: "):
        names.parse_NVRA(text)
    assert not names.check_NVRA(text)


def test_checks() -> None:
    good = {"name": "a", "version": "1", "release": "2", "arch": "x"}
    assert names.check_NVR("a-1-2") and names.check_NVRA("a-1-2.x") and names.check_NVRA(good)
    for field in ("version", "release"):
        with pytest.raises(GenericError, match=f'The "-" character not allowed in {field} field'):
            names.check_NVR({**good, field: "1-2"}, strict=True)
    with pytest.raises(GenericError, match=r'The "\." character not allowed in arch field'):
        names.check_NVRA({**good, "arch": "a.b"}, strict=True)
    assert not names.check_NVR({"name": "a"})
    assert not names.check_NVR({**good, "release": 3})


def test_labels() -> None:
    build = {"package_name": "p", "version": "1", "release": "2", "epoch": 0}
    assert names.build_label(build) == "p-1-2"
    assert names.build_label(build, show_epoch=True) == "0:p-1-2"
    assert names.build_label({}) == "None-None-None"
    assert names.maven_label({"group_id": "g", "artifact_id": "a", "version": "v"}) == "g-a-v"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a-debuginfo", True),
        ("a-debugsource", True),
        ("a-debuginfo-common", True),
        ("debuginfo", False),
        ("a-debugsource-x", False),
    ],
)
def test_debuginfo(name: str, expected: bool) -> None:
    assert names.is_debuginfo(name) is expected


def test_drafts() -> None:
    assert names.draft_release("3.d40", 5012) == "3.d40,draft_5012"
    assert names.target_release("3.d40,draft_5012") == "3.d40"
    for bad in ("3.d40", "3,dra_1", "a,b,draft_1"):
        with pytest.raises(GenericError, match=f"draft release: {bad} is not in valid format"):
            names.target_release(bad)


@pytest.mark.parametrize(
    ("last", "following"),
    [(None, "1"), ("7", "8"), ("7.mr1", "8.mr1"), ("a.b.9", "a.b.10"), ("1.2.3", "1.2.4")],
)
def test_next_release(last: str | None, following: str) -> None:
    assert names.next_release(last) == following


@pytest.mark.parametrize("last", ["a", "a.1", "1.2.a", "1.2.3.4", "\u0663"])
def test_no_next_release(last: str) -> None:
    with pytest.raises(BuildError, match=f"Unable to increment release value: {last}"):
        names.next_release(last)


def test_name_rules() -> None:
    rules = names.NameRules(max_length=5)
    assert rules.check_internal("a/b+") == "a/b+"
    assert rules.check_user("a@b") == "a@b"
    for check, name, text in (
        (rules.check_internal, 5, "Name should be string"),
        (rules.check_internal, "abcdef", "Name abcdef is too long. Max length is 5 characters"),
        (rules.check_internal, "a b", "Name a b does not match RegexNameInternal value"),
        (rules.check_internal, "ab\n", "Name ab\n does not match RegexNameInternal value"),
        (rules.check_user, "a+b", "Name a+b does not match RegexUserName value"),
        (rules.check_host, "a@b", "Name a@b does not match RegexNameInternal value"),
        (rules.check_host, "a+b", "Name a+b does not match RegexUserName value"),
        (rules.check_principal, None, "Kerberos principal should be string"),
        (rules.check_principal, "a b", "Kerberos principal a b does not match RegexUserName value"),
    ):
        with pytest.raises(GenericError) as caught:
            check(name)
        assert str(caught.value) == text
    assert names.NameRules(0, "", "").check_host("any thing" * 99)


@pytest.mark.parametrize(
    ("arch", "family"),
    [
        *(("i486", "i386"), ("athlon", "i386"), ("i86", "i86"), ("ia32e", "x86_64"), ("ppc64le", "ppc64le")),
        *(("ppc64p7", "ppc64"), ("ppc", "ppc"), ("sparc64v", "sparc64"), ("sparcv9", "sparc")),
        *(("alphaev6", "alpha"), ("armv7hl", "armhfp"), ("armv7l", "arm"), ("x86_64", "x86_64")),
    ],
)
def test_canonical_arch(arch: str, family: str) -> None:
    assert arches.canonical(arch) == family


def test_arch_lists() -> None:
    assert arches.parse_list("i386,x86_64  noarch\n") == ["i386", "x86_64", "noarch"]
    assert arches.parse_text(["a", "b"]) == "a b"
    assert arches.parse_text(None, allow_none=True) == ""
    for bad in ("a/b", "\u00e9", ["a b"], [5]):
        with pytest.raises(GenericError, match=r"Architecture can be only \[a-zA-Z0-9_-\]"):
            arches.parse_list(bad)  # type: ignore[arg-type]  # what callers send
    with pytest.raises(GenericError):
        arches.parse_list("a,b", strict=True)
    with pytest.raises(GenericError):
        arches.parse_list(None)
    assert arches.repo_arches("i686 x86_64 i386 noarch src") == ["i386", "x86_64"]
    assert arches.repo_arches("i686", separate_src=True) == ["i386", "src"]
    assert arches.repo_arches(None) == []


BUILD = {"name": "n", "version": "v", "release": "r", "volume_name": "vol"}
RPM = {"name": "n", "version": "v", "release": "r", "arch": "x"}


def test_paths() -> None:
    info = PathInfo("/t")
    assert info.build(BUILD) == "/t/vol/vol/packages/n/v/r"
    assert info.build({**BUILD, "volume_name": "DEFAULT"}) == "/t/packages/n/v/r"
    assert info.build({**BUILD, "name": "a/b"}) == "/t/vol/vol/packages/a/b/v/r"
    assert info.mavenbuild(BUILD) == "/t/vol/vol/packages/n/v/r/maven"
    assert info.winbuild(BUILD).endswith("/r/win")
    assert info.imagebuild(BUILD).endswith("/r/images")
    assert info.typedir(BUILD, "image").endswith("/r/images")
    assert info.typedir(BUILD, "foo").endswith("/r/files/foo")
    assert info.build_logs(BUILD).endswith("/r/data/logs")
    assert info.rpm(RPM) == "x/n-v-r.x.rpm"
    assert info.signed(RPM, "k") == "data/signed/k/x/n-v-r.x.rpm"
    assert info.sighdr(RPM, "k") == "data/sigcache/k/x/n-v-r.x.rpm.sig"
    assert info.sighdr(RPM, "") == "data/sigcache/x/n-v-r.x.rpm.sig"
    assert info.repo(1, "t") == "/t/repos/t/1"
    assert info.repocache("t") == "/t/repos/t/cache"
    assert info.distrepo(1, "t", "v") == "/t/vol/v/repos-dist/t/1"
    assert info.work("v") == "/t/vol/v/work"
    assert info.taskrelpath(123456) == "tasks/3456/123456"
    assert info.task(5) == "/t/work/tasks/5/5"
    assert info.scratch() == "/t/scratch"
    maven = {"group_id": "a.b", "artifact_id": "c", "version": "1", "filename": "f"}
    assert info.mavenfile(maven) == "a/b/c/1/f"
    assert info.winfile({"relpath": "p/q", "filename": "f"}) == "p/q/f"
    assert info.winfile({"relpath": None, "filename": "f"}) == "f"
    assert PathInfo("http://h/kojifiles").repo(1, "t") == "http://h/kojifiles/repos/t/1"


@pytest.mark.parametrize("bad", ["", ".", "..", "../x", "/x", "a/../b", "a//b", "x/", "a\0b", "x/.."])
def test_names_that_are_no_path(bad: str) -> None:
    info = PathInfo("/t")
    calls: list[Callable[[], str]] = [
        lambda: info.build({**BUILD, "name": bad}),
        lambda: info.build({**BUILD, "release": bad}),
        lambda: info.volumedir(bad),
        lambda: info.repo(1, bad),
        lambda: info.repocache(bad),
        lambda: info.typedir(BUILD, bad),
        lambda: info.mavenfile({"group_id": "g", "artifact_id": bad, "version": "1", "filename": "f"}),
        lambda: info.winfile({"relpath": "", "filename": bad}),
    ]
    for make in calls:
        with pytest.raises(GenericError, match="Invalid path segment"):
            make()


def test_arch_and_key_that_are_no_path() -> None:
    with pytest.raises(GenericError):
        PathInfo("/t").rpm({**RPM, "arch": "../x"})
    with pytest.raises(GenericError):
        PathInfo("/t").sighdr(RPM, "..")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["b"], "/a/b"),
        (["b/c", "d"], "/a/b/c/d"),
        (["b/../c"], "/a/c"),
        (["b/./c/"], "/a/b/c"),
        (["", "."], "/a"),
        (["..b"], "/a/..b"),
    ],
)
def test_join(parts: list[str], expected: str) -> None:
    assert paths.join("/a", *parts) == expected


@given(st.lists(st.text("ab./\0", max_size=8), max_size=3))
def test_join_stays_below(parts: list[str]) -> None:
    try:
        joined = paths.join("/top", *parts)
    except GenericError:
        return
    assert joined == "/top" or joined.startswith("/top/")
    assert ".." not in joined.split("/") and "\0" not in joined


@pytest.mark.parametrize("bad", ["..", "../b", "/b", "b/../../c", "//b", "a\0"])
def test_join_refuses(bad: str) -> None:
    with pytest.raises(GenericError, match="Invalid path segment"):
        paths.join("/a", bad)


@given(st.binary())
def test_digests(data: bytes) -> None:
    size, found = checksums.file_digests(io.BytesIO(data), "md5", "sha256", "adler32")
    assert size == len(data)
    assert found["sha256"] == hashlib.sha256(data).hexdigest()
    assert found["adler32"] == f"{zlib.adler32(data):08x}"
    assert checksums.hexdigest("md5", data) == found["md5"]


def test_unknown_digest() -> None:
    with pytest.raises(GenericError, match="Unsupported verify type: crc"):
        checksums.new_digest("crc")
