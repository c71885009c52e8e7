"""Who may make which call: every one, as declared, as recorded from Koji, and as tried.

tests/data/api-shapes.json is the recorded interface; its field `auth` says what Koji demands.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Text, cast, func, literal_column, select

from moromi.errors import ActionNotAllowed, AuthError, GenericError
from moromi_hub.rpc.registry import ANYONE, HOST, LOGIN, Export
from moromi_schema import tables as t
from support.builds import BUILDER, open_task
from support.hub import Client, HubUnderTest
from support.made_up import arguments

SHAPES = json.loads((Path(__file__).parents[1] / "data" / "api-shapes.json").read_text())
OTHER = "builder2.example.org"

OURS = {
    "host.getRPMMetadata",
    "getMoromiVersion",
    "getPushInfo",
    "multiCallAtomic",
    "rpc.discover",
    "scheduler.explain",
    "scheduler.getReasons",
}
"""Calls that Koji has not."""

LATER = {"renameRPMSig": "permission sign"}
"""Calls of Koji that came after the recording, and what they demand."""

OWNER = "the user it is for, or permission admin"
DECLARED_OTHERWISE = {
    "buildImage": ("permission of the image type", "the first argument says which permission"),
    "importArchive": ("permission maven-import, win-import or image-import, by type", "as buildImage"),
    "newRepo": ("permission repo or regen-repo", "one of two"),
    "cancelBuild": ("any logged-in user", "the call asks for the owner once it knows the build"),
    "resubmitTask": ("any logged-in user", "the call asks for the owner once it knows the task"),
    "distRepo": ("any logged-in user", "stricter: without a policy dist_repo Koji asks for no login"),
    "editSideTag": ("any logged-in user", "the call asks for the owner once it knows the tag"),
    "removeSideTag": ("any logged-in user", "the call asks for the owner once it knows the tag"),
    "saveFailedTree": ("the owner of the failed task, or an admin", "the buildroot says which task"),
    "cancelTask": ("owner, its host, or admin", "the task says who that is"),
    "cancelTaskChildren": ("owner, its host, or admin", "the task says who that is"),
    "createNotification": (OWNER, "an argument names the user"),
    "createNotificationBlock": (OWNER, "an argument names the user"),
    "deleteNotification": (OWNER, "the row names the user"),
    "deleteNotificationBlock": (OWNER, "the row names the user"),
    "updateNotification": (OWNER, "the row names the user"),
    "CGImport": ("users with access to the content generator", "the metadata name the generator"),
    "CGInitBuild": ("users with access to the content generator", "an argument names the generator"),
    "CGRefundBuild": ("users with access to the content generator", "an argument names the generator"),
    "getSessionInfo": ("own sessions; those of others: permission admin", "nil for anonymous callers"),
    "logout": ("owner of the session, or permission admin", "an argument may name another session"),
    "logoutChild": ("any logged-in user, for subsessions of the session", "AuthError, not the usual fault"),
    "count": ("anyone", "the called method decides"),
    "countAndFilterResults": ("anyone", "the called method decides"),
    "filterResults": ("anyone", "the called method decides"),
    "multiCall": ("anyone", "each called method decides"),
    "system.multicall": ("anyone", "each called method decides"),
    "host.importImage": ("the builder that runs the task task_id", "stricter: Koji looks at each result"),
    "host.initBuild": (HOST.words, "the task is named inside a struct"),
    "host.newBuildRoot": (HOST.words, "the task is optional"),
    "host.setBuildRootList": (HOST.words, "the buildroot says whose it is"),
    "host.setBuildRootState": (HOST.words, "the buildroot says whose it is"),
    "host.updateBuildRootList": (HOST.words, "the buildroot says whose it is"),
    "host.updateBuildrootArchives": (HOST.words, "the buildroot says whose it is"),
    "host.updateMavenBuildRootList": ("the builder that runs the task task_id", "and the buildroot is its"),
    "host.writeSignedRPM": (HOST.words, "stricter: Koji asks nobody, by an oversight"),
}
"""Declarations that do not follow from the recorded word, and why."""

SIGNED_OTHERWISE = {
    "addRPMSig": "takes a key, which came after the recording",
    "importRPM": "takes a key, which came after the recording",
    "host.repoInit": "takes the positional arguments of older builders too",
    "host.subtask2": "marks what cannot be given by name",
}


def recorded(hub: HubUnderTest) -> list[Export]:
    """The calls that Koji has too."""
    return [export for export in hub.hub.registry if export.name in SHAPES]


def words_of(auth: str) -> str | None:
    """Our words for a recorded demand; None where they cannot follow from it."""
    if auth.startswith("none"):
        return ANYONE.words
    if auth in ("login", "login + policy") or auth.startswith("login (tasks/"):
        return LOGIN.words
    if auth == "admin" or (auth.startswith("perm:") and "|" not in auth):
        return "permission " + auth.removeprefix("perm:").removesuffix(" + policy")
    return {"host": HOST.words, "host owning the task": "the builder that runs the task"}.get(auth)


def test_the_recorded_calls_are_there_with_their_signatures(hub: HubUnderTest) -> None:
    """Names, order and defaults of the arguments, which clients pass by name."""
    found = {export.name: _signature(export) for export in recorded(hub)}
    expected = {name: SHAPES[name]["params"] for name in found if name not in SIGNED_OTHERWISE}
    assert {name: found[name] for name in expected} == expected
    plugins = {name for name, shape in SHAPES.items() if shape_of_plugin(name, shape)}
    assert {name for name in SHAPES if not name.startswith("$")} - plugins <= set(found)


def shape_of_plugin(name: str, shape: Any) -> bool:
    """Whether a recorded call comes from a plugin."""
    return not name.startswith("$") and "plugin" in shape


def _signature(export: Export) -> str:
    bare = [each.replace(annotation=each.empty) for each in export.signature.parameters.values()]
    return str(inspect.Signature(bare))[1:-1]


def test_the_declared_access_is_the_recorded_one(hub: HubUnderTest) -> None:
    """Each declaration says what Koji demands, or is explained above."""
    wrong = []
    for export in recorded(hub):
        expected, reason = DECLARED_OTHERWISE.get(export.name, (None, ""))
        expected = expected or words_of(SHAPES[export.name]["auth"])
        declared = export.access.words
        if declared != expected and not declared.startswith(f"{expected} "):
            wrong.append(f"{export.name}: {declared!r}, recorded {SHAPES[export.name]['auth']!r} {reason}")
    assert wrong == []


def test_every_other_call_is_known_here(hub: HubUnderTest) -> None:
    """A call that Koji has not is ours on purpose, and tells nothing but public facts, or builders."""
    others = {export.name: export.access for export in hub.hub.registry if export.name not in SHAPES}
    assert {name: others.pop(name).words for name in LATER} == LATER
    assert set(others) == OURS
    assert {access for name, access in others.items() if not name.startswith("host.")} == {ANYONE}
    assert {access for name, access in others.items() if name.startswith("host.")} == {HOST}


def fault(client: Client, export: Export) -> tuple[int, str]:
    """The fault that a call with made-up arguments gives; code 0 for an answer."""
    try:
        answer = client(export.name, *arguments(export))
    except GenericError as error:
        return error.faultCode, str(error)
    return 0, repr(answer)


def state(engine: Engine) -> str:
    """A digest of every row, but those of the sessions that a login makes."""
    digest = hashlib.sha256()
    with engine.connect() as connection:
        for table in t.metadata.sorted_tables:
            if table.name == "sessions":
                continue
            row = cast(literal_column(table.name), Text)
            rows = connection.execute(select(func.string_agg(row, "\n")).select_from(table)).scalar()
            digest.update(f"{table.name}:{rows}".encode())
    return digest.hexdigest()


def refusal(words: str, name: str | None, user_id: int) -> tuple[int, str] | None:
    """How a declaration refuses a user (None: nobody); None where the call itself must decide."""
    if words.startswith("permission ") and " or " not in words and words != "permission of the image type":
        who = f"logged in as {name}" if name else "user not logged in"
        return 1004, f"{words.removeprefix('permission ')} permission required ({who})"
    if words.startswith(("a builder", "the builder")):
        return 1002, f"User {user_id} is not a host" if name else "Not logged-in"
    if words == LOGIN.words and name is None:
        return 1004, "you must be logged in for this operation"
    return None


ANONYMOUS_ANSWERS = {"getSessionInfo": (0, "None")}
"""Calls for somebody in particular that answer anonymous callers: with nothing."""

LOGS_IN = {"login", "sslLogin"}
LOGS_OUT = {"logout"}
OWN_SESSION = {"exclusiveSession", "sharedSession", "subsession", "logoutChild"}


def test_anonymous_callers_are_refused_and_change_nothing(hub: HubUnderTest) -> None:
    """Every call, without a session: the declared refusal, and not one row different afterwards."""
    anonymous = hub.client()
    before = state(hub.hub.engine)
    wrong = []
    for export in hub.hub.registry:
        got = fault(anonymous, export) if export.name != "fault" else (0, "")
        if export.access is ANYONE:
            fine = export.name in LOGS_IN or got[0] in (0, 1000, 1019)
        elif (expected := refusal(export.access.words, None, 0)) is not None:
            fine = got == expected or (export.name in OWN_SESSION and got == (1002, "Not logged in"))
        else:
            fine = got[0] in (1000, 1002, 1004) or got == ANONYMOUS_ANSWERS.get(export.name)
        if not fine:
            wrong.append(f"{export.name} ({export.access.words}): {got}")
    assert wrong == []
    assert state(hub.hub.engine) == before


MAKES_TASKS = {"build", "chainBuild", "mavenBuild"}
"""Calls that any user may make, and that leave what they are given to the task."""


def test_ordinary_users_are_refused_and_change_nothing(hub: HubUnderTest) -> None:
    """Every call, as a user without any permission."""
    alice = hub.client("alice")
    user_id = int(alice("getLoggedInUser")["id"])
    before = state(hub.hub.engine)
    wrong = []
    for export in hub.hub.registry:
        if export.name in LOGS_OUT | MAKES_TASKS | {"fault"}:
            continue
        got = fault(alice, export)
        expected = refusal(export.access.words, "alice", user_id)
        fine = got == expected if expected else "must be logged in" not in got[1]
        if not fine:
            wrong.append(f"{export.name} ({export.access.words}): {got}")
    assert wrong == []
    assert state(hub.hub.engine) == before
    sources = {"chainBuild": [["source"]]}
    made = [alice(name, sources.get(name, "source"), "target") for name in sorted(MAKES_TASKS)]
    assert {alice("getTaskInfo", task_id)["owner"] for task_id in made} == {user_id}


def test_builders_are_refused_the_tasks_of_others(hub: HubUnderTest, admin: Client) -> None:
    """Every call that names a task, made by the builder that does not run it."""
    task_id = open_task(admin, hub.client(BUILDER))
    other = hub.client(OTHER)
    host_id = int(other("host.getID"))
    before = state(hub.hub.engine)
    wrong = []
    for export in hub.hub.registry:
        if not export.access.words.startswith("the builder that runs the task"):
            continue
        parameter = export.access.words.split()[-1]
        values = arguments(export)
        values[list(export.signature.parameters).index(parameter)] = task_id
        try:
            other(export.name, *values)
            wrong.append(f"{export.name} answered")
        except ActionNotAllowed as error:
            if str(error) != f"host {host_id} does not own task {task_id}":
                wrong.append(f"{export.name}: {error}")
    assert wrong == []
    assert state(hub.hub.engine) == before


@dataclass(frozen=True)
class Belongings:
    """What kojiadmin and the first builder own, and others want."""

    user: int
    session: int
    task: int
    cancelled: int
    build: int
    repo: int
    root: int
    notification: int
    block: int


@pytest.fixture
def things(admin: Client, hub: HubUnderTest) -> Belongings:
    """One of each."""
    builder = hub.client(BUILDER)
    task_id = open_task(admin, builder)
    admin("createTag", "f40-build", arches="x86_64")
    repo_id, _event = builder("host.repoInit", "f40-build")
    user_id = admin("getLoggedInUser")["id"]
    admin("createNotification", user_id, None, None, False)
    admin("createNotificationBlock", user_id)
    cancelled = admin("makeTask", "sleep", [1])
    admin("cancelTask", cancelled)
    admin("grantCGAccess", "kojiadmin", "meadery", True)
    entry = {"name": "mead", "version": "1", "release": "1", "epoch": 0, "task_id": task_id}
    return Belongings(
        user=user_id,
        session=admin("getSessionInfo", True)["id"],
        task=task_id,
        cancelled=cancelled,
        build=builder("host.initBuild", entry),
        repo=repo_id,
        root=builder("host.newBuildRoot", repo_id, "x86_64", task_id),
        notification=admin("getBuildNotifications")[0]["id"],
        block=admin("getBuildNotificationBlocks")[0]["id"],
    )


METADATA = {
    "metadata_version": 0,
    "build": {
        "name": "ale",
        "version": "1",
        "release": "1",
        "source": "x",
        "start_time": 1,
        "end_time": 2,
        "owner": "alice",
        "extra": {},
    },
    "buildroots": [
        {
            "id": 1,
            "host": {"os": "x", "arch": "x86_64"},
            "content_generator": {"name": "meadery", "version": "1"},
            "container": {"type": "none", "arch": "x86_64"},
            "tools": [],
            "components": [],
            "extra": {},
        }
    ],
    "output": [],
}

WANTED: dict[str, Callable[[Belongings], tuple[Any, ...]]] = {
    "CGImport": lambda its: (METADATA, "cli-build/ale"),
    "CGInitBuild": lambda its: ("meadery", {"name": "ale", "version": "1", "release": "1"}),
    "CGRefundBuild": lambda its: ("meadery", its.build, "token"),
    "buildImage": lambda its: ("ale", "1", "x86_64", "f40", "ale.ks", "livecd"),
    "cancelBuild": lambda its: (its.build,),
    "cancelTask": lambda its: (its.task,),
    "cancelTaskChildren": lambda its: (its.task,),
    "createNotification": lambda its: (its.user, None, None, True),
    "createNotificationBlock": lambda its: (its.user, "mead"),
    "deleteNotification": lambda its: (its.notification,),
    "deleteNotificationBlock": lambda its: (its.block,),
    "getSessionInfo": lambda its: (False, its.user),
    "importArchive": lambda its: ("x.jar", its.build, "maven", {}),
    "logout": lambda its: (its.session,),
    "newRepo": lambda its: ("f40-build",),
    "resubmitTask": lambda its: (its.cancelled,),
    "updateNotification": lambda its: (its.notification, None, None, True),
}
"""Arguments that name what is somebody else's, for the calls that decide by themselves."""

REFUSALS: tuple[type[GenericError], ...] = (ActionNotAllowed, AuthError)
GENERIC_FAULTS: dict[str, tuple[tuple[type[GenericError], ...], str]] = {
    "createNotification": ((GenericError,), r"user \S+ cannot create"),
    "deleteNotification": ((GenericError,), r"user \S+ cannot delete"),
    "updateNotification": ((GenericError,), r"user \S+ cannot update"),
    "resubmitTask": ((GenericError,), "only the task owner or an admin may"),
}
"""Calls whose recorded refusal has the general fault code, and its text."""

FREE = {"exclusiveSession", "logoutChild", "sharedSession", "subsession"}
"""Calls that decide by themselves and concern the caller's own session only."""


@pytest.mark.parametrize("name", sorted(WANTED))
def test_calls_that_decide_by_themselves_refuse_others(
    hub: HubUnderTest, things: Belongings, name: str
) -> None:
    """Neither an anonymous caller nor a user gets at what belongs to somebody else."""
    values = WANTED[name](things)
    alice = hub.client("alice")
    before = state(hub.hub.engine)
    kinds, words = GENERIC_FAULTS.get(name.removesuffix("Block"), (REFUSALS, None))
    with pytest.raises(kinds, match=words):
        alice(name, *values)
    if name in ANONYMOUS_ANSWERS:
        assert hub.client()(name, *values) is None
    else:
        with pytest.raises((*kinds, *REFUSALS), match=r"logged.in|not owner"):
            hub.client()(name, *values)
    assert state(hub.hub.engine) == before


def test_each_call_that_decides_by_itself_is_tried(hub: HubUnderTest) -> None:
    """A new one needs an entry above."""
    deciding = {
        export.name
        for export in hub.hub.registry
        if export.access.check is None and export.access is not ANYONE and "plugin" not in SHAPES[export.name]
    }
    assert deciding <= WANTED.keys() | FREE


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "host.initBuild",
            lambda its: ({"name": "ale", "version": "1", "release": "1", "task_id": its.task},),
        ),
        ("host.newBuildRoot", lambda its: (its.repo, "x86_64", its.task)),
        ("host.setBuildRootList", lambda its: (its.root, [])),
        ("host.setBuildRootState", lambda its: (its.root, "BUILDING")),
        ("host.updateBuildRootList", lambda its: (its.root, [])),
        ("host.updateBuildrootArchives", lambda its: (its.root, its.task, [])),
    ],
)
def test_builders_are_refused_the_buildroots_of_others(
    hub: HubUnderTest, things: Belongings, name: str, values: Callable[[Belongings], tuple[Any, ...]]
) -> None:
    """The other builder, with the names of what is not its own."""
    other = hub.client(OTHER)
    before = state(hub.hub.engine)
    with pytest.raises(ActionNotAllowed):
        other(name, *values(things))
    assert state(hub.hub.engine) == before
