"""Requests become parameters, or a ParameterError."""

from typing import Any

import pytest

import moromi_builder.handlers  # noqa: F401 - registers the handlers
from moromi.errors import ParameterError
from moromi.plugins import Loader, shipped
from moromi.tasks import parse_task_params
from moromi_builder import plugins
from moromi_builder.tasks.registry import AnyParams, Registration, bind, lookup, methods

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
    "distRepo": ["tag", 3, ["key"], {"arch": ["x86_64"]}],
    "createdistrepo": ["tag", 3, "x86_64", ["key"], {"latest": True}],
    "buildNotification": [["a@x.example"], {"id": 1}, None, "http://x"],
    "tagNotification": [["a@x.example"], True, 1, None, 2, 3, False, ""],
    "restartHosts": [{"channel": "default"}],
    "restartVerify": [4, {"id": 1}],
    "runroot": ["tag", "x86_64", "true", {"new_chroot": True, "__starstar": True}],
    "saveFailedTree": [7, {"full": True, "__starstar": True}],
    "waittest": [2, 1],
    "dependantTask": [[1], [["sleep", [1]]]],
    "restart": [{"id": 1}],
    "shutdown": [],
    "sleep": [3],
}


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> None:
    """Register what comes as plugins too, as the daemon does when it is told to."""
    directory = shipped("builder")
    assert directory is not None
    for name in ("runroot", "save_failed_tree"):
        Loader(str(directory), prefix=plugins.FILE_MODULE).load(name)


def handled() -> dict[str, Registration]:
    """What is registered, but for tasks of projects: other tests may have loaded that plugin before."""
    found = {method: registered for method in methods() if (registered := lookup(method))}
    return {
        method: registered
        for method, registered in found.items()
        if "copr" not in registered.handler.__module__
    }


@pytest.mark.parametrize("method", sorted(SAMPLES))
def test_agrees_with_the_signatures_that_clients_know(method: str) -> None:
    found = lookup(method)
    assert found is not None
    params = bind(method, found.params, SAMPLES[method])
    for name, value in parse_task_params(method, SAMPLES[method]).items():
        if value is not None:
            assert getattr(params, name) == value


def test_every_method_of_the_rpm_world_is_handled() -> None:
    """Maven, Windows and image tasks are left to builders that are made for them."""
    others = {"fork", "subtask", "someMethod", "default"}
    assert set(SAMPLES) | others == set(handled())


def test_weights_are_those_that_hosts_are_chosen_by() -> None:
    wanted = {
        0.0: "shutdown",
        0.1: "chainbuild newRepo distRepo tagNotification buildNotification restart restartVerify "
        "restartHosts waittest subtask default",
        0.2: "build waitrepo dependantTask",
        0.25: "sleep",
        1.0: "tagBuild rebuildSRPM buildSRPMFromSCM fork someMethod",
        1.5: "buildArch createrepo createdistrepo",
        2.0: "runroot",
        3.0: "saveFailedTree",
    }
    found = {method: registered.weight for method, registered in handled().items()}
    assert found == {method: weight for weight, names in wanted.items() for method in names.split()}


def test_a_method_without_a_signature_takes_anything() -> None:
    params = bind("someMethod", AnyParams, [1, 2, {"three": 3, "__starstar": True}])
    assert (params.args, params.opts) == ([1, 2], {"three": 3})


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
