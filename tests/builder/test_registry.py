"""Requests become parameters, or a ParameterError."""

from typing import Any

import pytest

import moromi_builder.handlers  # noqa: F401 - registers the handlers
from moromi.errors import ParameterError
from moromi.tasks import parse_task_params
from moromi_builder.tasks.registry import bind, lookup, methods

SAMPLES: dict[str, Any] = {
    "build": ["src", "target", {"scratch": True}],
    "buildArch": ["x.src.rpm", 3, "noarch", True, {"repo_id": 1}],
    "buildSRPMFromSCM": ["git://h/r#1", 3, None],
    "rebuildSRPM": ["a/x.src.rpm", 3, {"repo_id": 1}],
    "chainbuild": [[["a"], ["b"]], "target"],
    "tagBuild": [1, 2, False, None, True],
    "waitrepo": ["tag", None, ["a-1-1"], 7],
    "newRepo": ["tag", {"event": 5, "opts": {"src": True}, "__starstar": True}],
    "createrepo": [1, "x86_64", None],
    "dependantTask": [[1], [["sleep", [1]]]],
    "restart": [{"id": 1}],
    "shutdown": [],
    "sleep": [3],
}


@pytest.mark.parametrize("method", sorted(SAMPLES))
def test_agrees_with_the_signatures_that_clients_know(method: str) -> None:
    found = lookup(method)
    assert found is not None
    params = bind(method, found.params, SAMPLES[method])
    for name, value in parse_task_params(method, SAMPLES[method]).items():
        if value is not None:
            assert getattr(params, name) == value


def test_every_method_of_a_build_is_handled() -> None:
    assert set(SAMPLES) <= set(methods())


def test_request_as_a_dict() -> None:
    found = lookup("waitrepo")
    assert found is not None
    params = bind("waitrepo", found.params, {"__method__": "waitrepo", "tag": 4, "nvrs": None})
    assert (params.tag, params.nvrs) == (4, [])


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ([1], "missing a required argument: 'arch'"),
        ([1, "x", None, 4], "too many positional arguments"),
        (
            [1, {"arch": "x", "oldrepo": None, "colour": 1, "__starstar": True}],
            "unexpected keyword argument 'colour'",
        ),
        (
            [1, "x", {"repo_id": 2, "oldrepo": None, "__starstar": True}],
            "multiple values for argument 'repo_id'",
        ),
    ],
)
def test_what_does_not_fit(request_: list[Any], text: str) -> None:
    found = lookup("createrepo")
    assert found is not None
    with pytest.raises(ParameterError, match=r"Invalid signature for createrepo: .*" + text):
        bind("createrepo", found.params, request_)
