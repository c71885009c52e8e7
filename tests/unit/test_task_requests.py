"""Task signatures and labels."""

from __future__ import annotations

from typing import Any

import pytest

from moromi.errors import ParameterError
from moromi.tasks import parse_task_params, task_label

STAR = {"__starstar": True}
NVR = {"name": "n", "version": "v", "release": "r"}


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("build", ["s", "t"], {"src": "s", "target": "t", "opts": None}),
        (
            "build",
            ["s", {"target": "x", "opts": {"a": 1}, **STAR}],
            {"src": "s", "target": "x", "opts": {"a": 1}},
        ),
        ("build", [{"__method__": "build", "x": 1}], {"x": 1}),
        ("build", {"__method__": "build", "x": 1}, {"x": 1}),
        ("plugin", [{"__method__": "plugin", "x": 1}], {"x": 1}),
        (
            "buildArch",
            ["p", "r", "a", True, {"repo_id": 1}],
            {"pkg": "p", "root": "r", "arch": "a", "keep_srpm": True, "opts": {"repo_id": 1}},
        ),
        (
            "newRepo",
            ["t"],
            {"tag": "t", "event": None, "src": False, "debuginfo": False, "separate_src": False},
        ),
        (
            "newRepo",
            ["t", {"opts": {}, **STAR}],
            {"tag": "t", "opts": {}, "event": None, "src": None, "debuginfo": None, "separate_src": None},
        ),
        ("default", [1, {"a": 2, **STAR}], {"args": (1,), "opts": {"a": 2}}),
        ("someMethod", [1, 2], {"args": (1, 2)}),
        ("shutdown", [], {}),
        ("fork", [], {"n": 5, "m": 37}),
    ],
)
def test_parameters(method: str, params: Any, expected: dict[str, Any]) -> None:
    assert parse_task_params(method, params) == expected


def test_defaults_are_not_shared() -> None:
    first = parse_task_params("runroot", ["root", "arch", "command"])
    first["packages"].append("x")
    assert parse_task_params("runroot", ["root", "arch", "command"])["packages"] == []


@pytest.mark.parametrize(
    ("method", "params", "text"),
    [
        ("build", ["s"], "Invalid signature for build: missing required argument 'target' (#1)"),
        ("build", ["s", "t", {}, 1], "Invalid signature for build: too many args"),
        (
            "build",
            ["s", "t", {"bogus": 1, **STAR}],
            "Invalid signature for build: unexpected keyword argument 'bogus'",
        ),
        ("shutdown", [1], "Invalid signature for shutdown: too many args"),
        ("newRepo", [], "Invalid signature for newRepo: missing required argument 'tag' (#0)"),
        ("newRepo", ["a", 1, 2, 3, 4, 5, 6], "Invalid signature for newRepo: too many args"),
        (
            "someMethod",
            [1, {"a": 1, **STAR}],
            "Invalid signature for someMethod: unexpected keyword argument 'a'",
        ),
        (
            "build",
            ["s", {"src": 1, **STAR}],
            "Invalid signature for build: got multiple values for argument 'src'",
        ),
    ],
)
def test_what_does_not_fit(method: str, params: list[Any], text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parse_task_params(method, params)
    assert str(caught.value) == text


def test_unknown_method() -> None:
    with pytest.raises(TypeError, match="No legacy signature for foo"):
        parse_task_params("foo", [])


STEP = ["n", "v", "r", "x86_64", {"name": "tg"}, {}, {}]


@pytest.mark.parametrize(
    ("method", "request_", "label"),
    [
        ("build", ["git+https://h/p/r.git?mod#rev", "target"], "build (target, /p/r.git:mod:rev)"),
        ("build", ["git+ssh://u@h:22/a/b.git?x#y", "t"], "build (t, /a/b.git:x:y)"),
        ("build", ["git://h/p#", "t"], "build (t, /p:)"),
        ("build", ["cli-build/1/a-1-1.src.rpm", "t"], "build (t, a-1-1.src.rpm)"),
        ("build", ["a/b.rpm", None], "build (None, b.rpm)"),
        ("build", [{"__method__": "build", "src": "a/b", "target": "t"}], "build (t, b)"),
        ("maven", ["git://h/a#b", "t"], "maven (t, /a:b)"),
        ("buildSRPMFromSCM", ["git://h/p?m/n#r", {"name": "x"}], "buildSRPMFromSCM (/p:m/n:r)"),
        ("buildArch", ["tasks/1/1/a.src.rpm", 5, "x86_64", True], "buildArch (a.src.rpm, x86_64)"),
        ("buildMaven", ["u", {"name": "bt"}], "buildMaven (bt)"),
        ("wrapperRPM", ["u", {"name": "tg"}, NVR, None], "wrapperRPM (tg, n-v-r)"),
        ("wrapperRPM", ["u", {"name": "tg"}, None, None], "wrapperRPM (tg)"),
        ("winbuild", ["n", "git://h/p?m#r", "tg", {}], "winbuild (tg, /p:m:r)"),
        ("vmExec", ["vm", [], {}], "vmExec (vm)"),
        ("buildNotification", [[], NVR, {}, "w"], "buildNotification (n-v-r)"),
        ("newRepo", ["tag"], "newRepo (tag)"),
        ("newRepo", [5], "newRepo (5)"),
        ("distRepo", ["tag", 1, [], {}], "distRepo (tag)"),
        ("createrepo", [1, "x86_64", None], "createrepo (x86_64)"),
        ("createdistrepo", ["t", 1, "x", "k", {}], "createdistrepo (1, x)"),
        ("dependantTask", [[1], [["build", [], {}], ["foo", [], {}]]], "dependantTask (build, foo)"),
        ("chainbuild", [[], "tg"], "chainbuild (tg)"),
        ("waitrepo", ["tag"], "waitrepo (tag)"),
        ("waitrepo", ["tag", None, ["a-1-1", "b-1-1"]], "waitrepo (tag, a-1-1, b-1-1)"),
        ("livecd", ["n", "v", "x86_64", "t", "p/ks.ks"], "livecd (x86_64, n-v, p/ks.ks)"),
        ("image", ["n", "v", ["x", "y"], "t", "http://tree"], "image (['x', 'y'], n-v, http://tree)"),
        ("createLiveCD", [*STEP, "a/b.ks"], "createLiveCD (tg, n-v-r, a/b.ks, x86_64)"),
        ("createImage", [*STEP, "http://a"], "createImage (tg, n-v-r, http://a, x86_64)"),
        ("indirectionimage", [NVR], "indirectionimage (n, v, r)"),
        ("restart", [{"name": "h", "id": 1}], "restart (h)"),
        ("restartVerify", [1, {"name": "h"}], "restartVerify (h)"),
        ("foo", [1], "foo (noarch)"),
        ("foo", None, "foo (noarch)"),
        ("tagBuild", [1, 2], "tagBuild (noarch)"),
        ("build", [], "build (noarch, unknown args)"),
        ("build", None, "malformed task"),
        ("build", [None, "t"], "malformed task"),
        ("build", ["http://[", "t"], "malformed task"),
        ("createImage", [*STEP[:4], "tg", {}, {}, "x"], "malformed task"),
    ],
)
def test_labels(method: str, request_: Any, label: str) -> None:
    assert task_label({"method": method, "request": request_, "arch": "noarch"}) == label


def test_labels_of_incomplete_tasks() -> None:
    assert task_label({}) == "malformed task"
    assert task_label({"method": "build", "request": ["a", "b"]}) == "malformed task"
