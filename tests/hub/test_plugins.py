"""Plugins of the hub: how they are loaded, and that those written for Koji run unchanged."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from moromi.errors import (
    ActionNotAllowed,
    CallbackError,
    Fault,
    GenericError,
    ParameterError,
    ServerOffline,
)
from moromi.policy import PolicyTest
from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_hub.worker import main as worker
from support import database
from support.hub import HubUnderTest, running_hub

pytest.importorskip("koji")

OURS = '''
from moromi.errors import GenericError
from moromi_hub.plugin_api import (
    ANYONE, LOGIN, Call, Configuration, PolicyTest, call_of, callback, exported, section
)

CONFIG = Configuration("brewery", lambda sections: section(sections, "brewery").integer("casks", 3))

@exported("casks", access=ANYONE)
@exported("host.casks", access=LOGIN)
def casks(call: Call, more: int = 0) -> int:
    """How many casks there are."""
    return CONFIG.of(call) + more

@exported("hello", access=ANYONE)
def hello(call: Call, *args) -> str:
    return f"Kanpai {call.session.user_name if call.session else 'all'}"

@callback("preTag")
def veto(call, kind, /, *, tag, build, **rest):
    if tag["name"] == "dry":
        raise GenericError(f"{call.method} of {build['nvr']} into a dry tag")

@callback("prePackageListChange")
def count(call, kind, /, **arguments):
    call.plugin_data["seen"] = call.plugin_data.get("seen", 0) + 1

class IsMondayTest(PolicyTest):
    """Always."""
    def run(self, data):
        return call_of(data).method == "evalPolicy"

class PackageTest(PolicyTest):
    name = "package"
    policy = "probe"
    def run(self, data):
        return True
'''

KOJI_CALLS = '''
import sys
import koji
from koji.context import context
sys.path.insert(0, "/usr/share/koji-hub/")
import kojihub

@koji.plugin.export
def pressCask(name, arches, opts=None, priority=None):
    """Press a cask"""
    context.session.assertPerm("image")
    if not isinstance(arches, list):
        raise koji.ParameterError("arches must be a list")
    if priority and priority < 0 and not context.session.hasPerm("admin"):
        raise koji.ActionNotAllowed("only admins may create high-priority tasks")
    if name == "leaky":
        raise koji.PreBuildError("it leaks")
    return kojihub.make_task("pressCask", [name, arches, opts], channel="image")

@koji.plugin.export_in("cellar", "look")
def look_around():
    user = kojihub.get_user() if context.session.logged_in else None
    return {
        "method": context.method, "user": user and user["name"], "id": context.session.user_id,
        "logged_in": context.session.logged_in, "port": context.environ["REMOTE_ADDR"],
        "host": kojihub.get_host("builder1.example.org")["id"], "top": "KojiDir" in context.opts,
        "none": kojihub.get_user("nobody"), "unset": hasattr(context, "unset"),
    }

@koji.plugin.export_as("taste")
def taste_(task_id):
    task = kojihub.Task(task_id)
    kept = [task.id, task.getRequest(), task.getInfo()["method"], task.getChildren(), task.isFinished()]
    return kept + [task.getState(), getattr(context, "counted", None)]

@koji.plugin.export
def count(methodName, *args, **kw):
    return 42
'''

KOJI_EVENTS = """
import koji
from koji.context import context
from koji.plugin import callback, callbacks, convert_datetime, ignore_error, register_callback
from koji.policy import BaseSimpleTest
import kojihub

sent = []
times = []

@callback(*[kind for kind in callbacks.keys() if kind.startswith("post") and kind != "postCommit"])
@ignore_error
def queue(cbtype, *args, **kws):
    waiting = getattr(context, "waiting", [])
    waiting.append((cbtype, context.method, kojihub.get_user("alice")["name"]))
    context.waiting = waiting
    if cbtype == "postBuildStateChange":
        times.append(kws["info"]["creation_time"])
    if cbtype == "postTaskStateChange":
        times.append(kws["info"]["create_time"])
        context.environ["SERVER_NAME"]

@callback("postCommit")
@ignore_error
def send(cbtype, *args, **kws):
    sent.extend(getattr(context, "waiting", []))

@callback("postBuildStateChange")
@convert_datetime
def as_text(cbtype, *args, **kws):
    times.append(kws["info"]["creation_time"])

def registered_by_hand(cbtype, *args, **kws):
    if kws["tag"]["name"] == "sour":
        raise koji.TagError("sour")

register_callback("preTag", registered_by_hand)

class ByAliceTest(BaseSimpleTest):
    name = "by_alice"
    def run(self, data):
        return kojihub.get_user()["name"] == self.str.split()[1]
"""

POLICY = {
    "probe": "IsMonday && package none :: monday\n by_alice alice :: hers",
    "other": "package none :: overridden\nall :: built-in",
    "hers": "by_alice alice :: hers\nall :: not hers",
}

Start = Callable[..., AbstractContextManager[HubUnderTest]]


@pytest.fixture(scope="module")
def plugin_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of plugins, the same for all tests: a process loads a plugin only once."""
    directory = tmp_path_factory.mktemp("plugins")
    plugins = {"brewery": OURS, "koji-casks": KOJI_CALLS, "kura_events": KOJI_EVENTS}
    plugins |= {"spilt": "import no_such_module\n", "foul": "def broken(:\n", "empty": ""}
    for name, text in plugins.items():
        (directory / f"{name}.py").write_text(text)
    return directory


@pytest.fixture
def start(postgres: EmbeddedPostgres, state: str, plugin_directory: Path, tmp_path: Path) -> Start:
    """Starts a hub with plugins: `start("a b", option=…)`."""

    @contextmanager
    def run(names: str, **options: Any) -> Iterator[HubUnderTest]:
        options = {"PluginPath": f"/nowhere:{plugin_directory}", "PluginConfigDir": str(tmp_path), **options}
        with (
            database.clone(postgres, state) as dsn,
            running_hub(dsn, tmp_path / "tree", Plugins=names, **options) as made,
        ):
            yield made

    return run


def test_calls_of_a_plugin(start: Start, tmp_path: Path) -> None:
    (tmp_path / "brewery.conf").write_text("[brewery]\ncasks = 7\n")
    with start("brewery") as hub:
        anonymous, alice = hub.client(), hub.client("alice")
        assert (anonymous("casks"), alice("host.casks", 2)) == (7, 9)
        with pytest.raises(ActionNotAllowed, match="must be logged in"):
            anonymous("host.casks")
        assert (anonymous("hello"), alice("hello")) == ("Kanpai all", "Kanpai alice")
        assert anonymous("system.methodHelp", "casks") == (
            "casks(more=0)\ndescription: How many casks there are.\n\nAccess: anyone"
        )
        with pytest.raises(ParameterError, match=r"casks\(\) takes from 0 to 1 positional arguments but 2"):
            anonymous("casks", 1, 2)
    (tmp_path / "brewery.conf").unlink()
    with start("brewery") as hub:
        assert hub.client()("casks") == 3, "each hub reads its own configuration"
    with start("") as hub, pytest.raises(GenericError, match="Invalid method: casks"):
        hub.client()("casks")


def test_callback_vetoes(start: Start) -> None:
    with start("brewery") as hub:
        admin = hub.client("kojiadmin")
        for tag in ("dry", "wet"):
            admin("createTag", tag)
            admin("packageListAdd", tag, "ale", "alice")
        admin("createEmptyBuild", "ale", "1", "1", None)
        with pytest.raises(CallbackError, match="tagBuildBypass of ale-1-1 into a dry tag"):
            admin("tagBuildBypass", "dry", "ale-1-1")
        assert admin("listTagged", "dry") == []
        admin("tagBuildBypass", "wet", "ale-1-1")
        assert [build["nvr"] for build in admin("listTagged", "wet")] == ["ale-1-1"]


def test_plugins_for_koji(start: Start) -> None:
    with start("koji-casks") as hub:
        admin, alice = hub.client("kojiadmin"), hub.client("alice")
        with pytest.raises(ActionNotAllowed, match=r"image permission required \(logged in as alice\)"):
            alice("pressCask", "oak", ["x86_64"])
        admin("grantPermission", "alice", "image")
        task_id = alice("pressCask", "oak", ["x86_64"])
        task = alice("getTaskInfo", task_id, request=True)
        assert (task["method"], task["request"]) == ("pressCask", ["oak", ["x86_64"], None])
        assert task["channel_id"] == alice("getChannel", "image")["id"]
        assert alice("taste", task_id) == [
            task_id,
            ["oak", ["x86_64"], None],
            "pressCask",
            [],
            False,
            0,
            None,
        ]
        assert alice("cellar.look") == {
            "method": "cellar.look",
            "user": "alice",
            "id": 2,
            "logged_in": True,
            "port": "127.0.0.1",
            "host": 1,
            "top": True,
            "none": None,
            "unset": False,
        }
        assert hub.client()("cellar.look")["logged_in"] is False
        assert alice("count", "getTag", 1) == 42, "a plugin's call replaces ours"


def test_errors_of_plugins_for_koji(start: Start) -> None:
    with start("koji-casks") as hub:
        admin, alice = hub.client("kojiadmin"), hub.client("alice")
        admin("grantPermission", "alice", "image")
        with pytest.raises(ParameterError, match=r"^arches must be a list$"):
            alice("pressCask", "oak", "x86_64")
        with pytest.raises(ActionNotAllowed, match=r"^only admins may create high-priority tasks$"):
            alice("pressCask", "oak", [], priority=-1)
        with pytest.raises(GenericError, match=r"^it leaks$") as caught:
            alice("pressCask", "leaky", [])
        assert caught.value.faultCode == 1010
        with pytest.raises(ParameterError, match=r"missing 1 required positional argument: 'arches'"):
            alice("pressCask", "oak")
        with pytest.raises(ParameterError, match=r"takes from 2 to 4 positional arguments but 5 were given"):
            alice("pressCask", 1, 2, 3, 4, 5)
        listed = {entry["name"]: entry for entry in alice("_listapi")}
        assert listed["pressCask"]["argdesc"] == "(name, arches, opts=None, priority=None)"
        assert listed["pressCask"]["doc"].startswith("Press a cask\n")
        with pytest.raises(RuntimeError, match="no call is at work"):
            sys.modules["kojihub"].make_task("build", [])


def test_events_for_plugins_for_koji(start: Start) -> None:
    with start("kura_events") as hub:
        module = sys.modules["_koji_plugin__kura_events"]
        admin = hub.client("kojiadmin")
        module.sent.clear()
        module.times.clear()
        for tag in ("sour", "sweet"):
            admin("createTag", tag)
        admin("packageListAdd", "sweet", "ale", "alice")
        admin("createEmptyBuild", "ale", "1", "1", None)
        admin("tagBuildBypass", "sweet", "ale-1-1")
        assert [entry[:2] for entry in module.sent] == [
            ("postPackageListChange", "packageListAdd"),
            ("postBuildStateChange", "createEmptyBuild"),
            ("postTag", "tagBuildBypass"),
        ]
        assert all(entry[2] == "alice" for entry in module.sent)
        moment, text = module.times
        assert isinstance(moment, datetime)
        assert text == moment.isoformat(" ")
        module.sent.clear()
        with pytest.raises(CallbackError, match=r"Error running preTag callback from .*kura_events:"):
            admin("tagBuildBypass", "sour", "ale-1-1", force=True)
        assert module.sent == []
        with hub.hub.call("a job") as call:
            call.hub.registry.find("getTag")(call, ["sweet"], {})
            assert module.sent == []
            call.tx.wrote = True
            call.run_callbacks("postTaskStateChange", info={"create_time": None})
        assert module.sent == [("postTaskStateChange", "a job", "alice")], "work of the hub itself counts too"


def test_policy_tests_of_plugins(start: Start) -> None:
    with start("brewery kura_events", policy=POLICY) as hub:
        alice, bob = hub.client("alice"), hub.client("bob")
        assert alice("evalPolicy", "probe", {}) == "monday"
        assert alice("evalPolicy", "other", {"package": "ale"}) == "built-in", "only known in one policy"
        assert alice("evalPolicy", "hers", {}) == "hers"
        assert bob("evalPolicy", "hers", {}) == "not hers"
        assert all(issubclass(kind, PolicyTest) for kind in hub.hub.plugins.tests)


@pytest.mark.parametrize("name", ["spilt", "foul", "no_such_plugin", "../brewery", "brewery"])
def test_a_failing_plugin(start: Start, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "brewery.conf").write_text("[brewery]\ncasks = many\n")
    with start(f"echo {name}", policy={"probe": "IsMonday :: yes"}) as hub:
        assert name in caplog.text
        for method in ("hello", "login"):
            with pytest.raises(ServerOffline, match=r"^configuration error$"):
                hub.client()(method)
        with pytest.raises(ServerOffline, match=r"^configuration error$"):
            hub.client().upload("cli-build", "x", b"x")
        assert hub.hub.plugin_failure is not None
        with pytest.raises(type(hub.hub.plugin_failure)):
            worker.run(hub.hub.settings)


def test_echo(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "moromi_hub.plugins.echo")
    with start("echo") as hub:
        admin = hub.client("kojiadmin")
        admin("createTag", "sweet")
        admin("packageListAdd", "sweet", "ale", "alice")
    told = [record.getMessage().partition(":")[0] for record in caplog.records if "echo" in record.name]
    assert told[-4:] == [
        "prePackageListChange in packageListAdd",
        "postPackageListChange in packageListAdd",
        "preCommit in packageListAdd",
        "postCommit in packageListAdd",
    ]


@dataclass
class Asked:
    """A request for a task: who makes it, of which call; what the task is to do."""

    user: str
    method: str
    arguments: list[Any]
    options: dict[str, Any]
    request: list[Any]
    priority: int = 20


ARCHES, SCM = ["x86_64"], "git://h/r#x"
ASKED = [
    Asked(
        "alice",
        "kiwiBuild",
        ["f40", ARCHES, SCM, "p"],
        {"profile": "tiny", "scratch": True},
        ["f40", ARCHES, SCM, "p", {"profile": "tiny", "scratch": True, "use_buildroot_repo": True}],
    ),
    Asked(
        "alice",
        "dudBuild",
        ["dd", "1", ["x86_64"], "f40", ["ale"]],
        {"alldeps": True, "priority": 5},
        [
            *("dd", "1", ["x86_64"], "f40", ["ale"]),
            {"scratch": False, "alldeps": True, "scmurl": None, "optional_arches": None},
        ],
    ),
    Asked(
        "bob",
        "buildContainer",
        ["git://h/c", "f40", {"scratch": True}, 3],
        {},
        ["git://h/c", "f40", {"scratch": True}],
        23,
    ),
    Asked("bob", "buildSourceContainer", ["f40"], {}, ["f40", {}]),
    Asked(
        "alice",
        "osbuildImage",
        ["img", "1", "fedora-40", "qcow2", "f40", ["x86_64"]],
        {},
        ["img", "1", "fedora-40", ["qcow2"], "f40", ["x86_64"], {}],
    ),
]
REFUSED: list[tuple[str, list[Any], type[Exception], str]] = [
    ("kiwiBuild", ["f41", [], "git://h/r", "p"], GenericError, "No such build target: f41"),
    ("kiwiBuild", ["f40", ["x/y"], "git://h/r", "p"], GenericError, "Architecture can be only"),
    ("kiwiBuild", ["f40", "x86_64", "git://h/r", "p"], ParameterError, "expected type <class 'list'>"),
    (
        "dudBuild",
        ["dd", "1", [], "f40", [], None, False, False, None, -1],
        ActionNotAllowed,
        "only admins",
    ),
]


def prepare_requests(hub: HubUnderTest) -> None:
    """A target, the channels, and alice may ask for images."""
    admin = hub.client("kojiadmin")
    admin("createTag", "f40", arches="x86_64")
    admin("createBuildTarget", "f40", "f40", "f40")
    admin("grantPermission", "alice", "image")
    for name in ("container-binary", "container-source"):
        admin("addHostToChannel", "builder1.example.org", name, create=True)


def test_requests(start: Start) -> None:
    with start("kiwi dud container_build osbuild_image") as hub:
        prepare_requests(hub)
        for asked in ASKED:
            client = hub.client(asked.user)
            task_id = client(asked.method, *asked.arguments, **asked.options)
            task = client("getTaskInfo", task_id, request=True)
            assert (task["request"], task["priority"]) == (asked.request, asked.priority)
        alice, bob = hub.client("alice"), hub.client("bob")
        for method, arguments, error, text in REFUSED:
            with pytest.raises(error, match=text):
                alice(method, *arguments)
            with pytest.raises(ActionNotAllowed, match="image permission required"):
                bob(method, *arguments)
        with pytest.raises(GenericError, match=r"task must have an owner|logged in"):
            hub.client()("buildContainer", "git://h/c", "f40")


def test_plain_exceptions_stay(start: Start) -> None:
    with start("koji-casks") as hub, pytest.raises(Fault) as caught:
        hub.client("alice")("taste", [])
    assert caught.value.faultCode in (1, 1019)
