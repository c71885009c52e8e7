"""Tasks: their making, their life, their waiting, their results."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from moromi.constants import TaskState
from moromi.errors import ActionNotAllowed, BuildError, GenericError, ParameterError
from moromi.wire import xmlrpc
from moromi_hub.tasks import model
from support.hub import Client, HubUnderTest, count_statements
from support.worker import eventually

ONE, TWO = "builder1.example.org", "builder2.example.org"


def closed(value: Any) -> str:
    return xmlrpc.encode_response(value).decode()


def failed(code: int, text: str) -> str:
    return xmlrpc.encode_fault(code, text).decode()


@pytest.fixture
def builder(hub: HubUnderTest) -> Client:
    return hub.client(ONE)


@pytest.fixture
def opened(admin: Client, builder: Client) -> Callable[[], int]:
    """Makes a task and lets the builder open it."""

    def make() -> int:
        task_id = int(admin("makeTask", "sleep", [1], assign=ONE))
        assert builder("host.openTask", task_id)["id"] == task_id
        return task_id

    return make


def state(client: Client, task_id: int) -> TaskState:
    return TaskState(client("getTaskInfo", task_id)["state"])


def test_a_request_survives_its_way_through_the_database(admin: Client) -> None:
    request = ["ünï", {"k": [1, 2.5, None, True, 2**40]}, b"\x00\xff"]
    task_id = admin("makeTask", "odd", request)
    assert admin("getTaskRequest", task_id) == request
    assert admin("getTaskInfo", task_id, request=True)["request"] == request


def test_base64_requests_of_old_rows_are_read() -> None:
    text = model.encode_request("build", ["a", None])
    assert model.decode_request(base64.b64encode(text.encode()).decode()) == ["a", None]


def test_priorities_and_channels(hub: HubUnderTest, admin: Client) -> None:
    alice = hub.client("alice")
    low = alice("getTaskInfo", alice("build", "a.src.rpm", "f40", {}, 5, "image"))
    assert (low["priority"], low["channel_id"]) == (25, 7)
    with pytest.raises(ActionNotAllowed, match="only admins may create high-priority tasks"):
        alice("build", "a.src.rpm", "f40", {}, -1)
    with pytest.raises(GenericError, match="No such channel: nowhere"):
        alice("build", "a.src.rpm", "f40", channel="nowhere")
    admin("disableChannel", "image")
    with pytest.raises(GenericError, match=r"Channel image is disabled\."):
        alice("build", "a.src.rpm", "f40", channel="image")


def test_wrong_types_are_parameter_errors(admin: Client) -> None:
    for name, args in (
        ("build", [5, "f40"]),
        ("chainBuild", ["x", "f40"]),
        ("getTaskInfo", ["abc"]),
        ("getTaskInfo", [None]),
        ("makeTask", [7, [1]]),
        ("setTaskPriority", [1, "high"]),
    ):
        with pytest.raises(ParameterError, match="Invalid type"):
            admin(name, *args)


def test_a_child_inherits_and_its_label_makes_it_unique(builder: Client, opened: Callable[[], int]) -> None:
    parent = opened()
    child = builder("host.subtask", "buildArch", ["a"], parent, label="x86_64", arch="x86_64")
    info = builder("getTaskInfo", child)
    assert (info["parent"], info["priority"], info["owner"], info["arch"]) == (parent, 19, 1, "x86_64")
    assert builder("host.subtask", "buildArch", ["b"], parent, label="x86_64") == child
    with pytest.raises(ActionNotAllowed, match="The owner option is not allowed here"):
        builder("host.subtask", "sleep", [1], parent, owner="bob")


def test_only_one_of_many_opens_a_task(hub: HubUnderTest, admin: Client) -> None:
    """Two builders ask at the same time for the same free task, again and again."""
    clients = [hub.client(ONE), hub.client(TWO)]
    for _ in range(15):
        task_id = admin("makeTask", "sleep", [1])
        answers: list[Any] = [None, None]
        barrier = threading.Barrier(2)

        def ask(
            number: int, task_id: int = task_id, answers: list[Any] = answers, gate: Any = barrier
        ) -> None:
            gate.wait()
            answers[number] = clients[number]("host.openTask", task_id)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [answer is None for answer in answers].count(True) == 1


def test_a_late_report_is_refused(hub: HubUnderTest, admin: Client, opened: Callable[[], int]) -> None:
    task_id = opened()
    admin("freeTask", task_id)
    other = hub.client(TWO)
    assert other("host.openTask", task_id)["host_id"] == 2
    late = hub.client(ONE)
    for report in ("host.closeTask", "host.failTask"):
        with pytest.raises(ActionNotAllowed, match=f"host 1 does not own task {task_id}"):
            late(report, task_id, closed("late"))
    other("host.closeTask", task_id, closed("mine"))
    assert admin("getTaskResult", task_id) == "mine"


def test_results_and_faults(admin: Client, builder: Client, opened: Callable[[], int]) -> None:
    good, bad = opened(), opened()
    builder("host.closeTask", good, closed({"rpms": []}))
    builder("host.failTask", bad, failed(1005, "it broke"))
    assert admin("getTaskResult", good) == {"rpms": []}
    with pytest.raises(BuildError, match="it broke"):
        admin("getTaskResult", bad)
    assert admin("getTaskResult", bad, raise_fault=False) == {
        "faultCode": 1005,
        "faultString": "it broke",
    }
    listed = admin("listTasks", {"decode": True, "method": "sleep"}, {"order": "id"})
    assert [row["result"] for row in listed] == [
        [{"rpms": []}],
        {"faultCode": 1005, "faultString": "it broke"},
    ]


def test_waiting_for_children(admin: Client, builder: Client, opened: Callable[[], int]) -> None:
    parent = opened()
    first, second = (builder("host.subtask", "sleep", [n], parent, assign=ONE) for n in (1, 2))
    builder("host.taskSetWait", parent, None)
    assert builder("host.taskWait", parent) == [[], [first, second]]
    builder("host.openTask", first)
    builder("host.closeTask", first, closed(7))
    alert = next(row for row in builder("host.getHostTasks") if row["id"] == parent)
    assert alert == {"id": parent, "waiting": True, "weight": 1.0, "alert": True}
    assert builder("host.taskWait", parent) == [[first], [second]]
    assert builder("host.taskWait", parent) == [[], [second]]
    admin("cancelTask", second)
    assert builder("host.taskWait", parent) == [[second], []]
    with pytest.raises(GenericError, match=f"Task {second} is canceled"):
        builder("host.taskWaitResults", parent, [first, second])
    assert builder("host.taskWaitResults", parent, None, [second]) == [
        [first, 7],
        [second, {"faultCode": 1000, "faultString": f"Task {second} is canceled"}],
    ]
    assert builder("getTaskInfo", parent)["waiting"] is False


def test_cancelling_reaches_the_whole_tree_in_few_statements(
    hub: HubUnderTest, admin: Client, builder: Client, opened: Callable[[], int]
) -> None:
    parent = opened()
    for number in range(20):
        builder("host.subtask", "sleep", [number], parent, label=str(number))
    with count_statements(hub.hub.engine) as seen:
        admin("cancelTask", parent)
    assert len(seen) <= 9, seen
    tree = admin("getTaskDescendents", parent)
    assert len(tree[str(parent)]) == 20
    assert {row["state"] for row in tree[str(parent)]} == {TaskState.CANCELED}
    assert state(admin, parent) == TaskState.CANCELED


def test_who_may_cancel(hub: HubUnderTest, builder: Client, admin: Client) -> None:
    alice = hub.client("alice")
    task_id = alice("build", "a.src.rpm", "f40")
    for client in (hub.client("bob"), hub.client(), hub.client(TWO)):
        with pytest.raises(ActionNotAllowed, match="Cannot cancel task, not owner"):
            client("cancelTask", task_id)
    admin("assignTask", task_id, ONE)
    builder("host.openTask", task_id)
    builder("cancelTask", task_id)
    assert state(admin, task_id) == TaskState.CANCELED


def test_every_change_is_told(hub: HubUnderTest, admin: Client, builder: Client) -> None:
    """The push messages of a task's life, as a listener hears them."""
    listener = hub.hub.engine.raw_connection()
    raw: Any = listener.driver_connection
    raw.autocommit = True
    with raw.cursor() as cursor:
        cursor.execute('LISTEN "moromi"')
    task_id = admin("makeTask", "sleep", [1])
    admin("assignTask", task_id, ONE)
    admin("assignTask", task_id, TWO, force=True)
    admin("assignTask", task_id, ONE, force=True)
    builder("host.openTask", task_id)
    builder("host.freeTasks", [task_id])
    admin("cancelTask", task_id)
    # the last change that is told
    canceled = f'"state":{TaskState.CANCELED:d}'
    eventually(lambda: raw.poll() or any(canceled in note.payload for note in raw.notifies))
    heard = [json.loads(note.payload) for note in raw.notifies]
    listener.close()
    told = [(m["old"], m["state"], m["host"]) for m in heard if m["type"] == "task"]
    assert told == [
        (None, 0, None),
        (0, 4, 1),
        (4, 0, 1),
        (4, 4, 2),
        (4, 0, 2),
        (4, 4, 1),
        (4, 1, 1),
        (1, 0, 1),
        (0, 3, None),
    ]


def test_callbacks_see_and_may_replace(hub: HubUnderTest, admin: Client, builder: Client) -> None:
    seen: list[tuple[str, str, Any, Any]] = []

    def note(call: Any, kind: str, attribute: str, old: Any, new: Any, info: dict[str, Any]) -> None:
        seen.append((kind, attribute, old, new if attribute == "state" else type(new).__name__))
        if kind == "preTaskStateChange" and new == "CLOSED":
            info["result"] = closed("replaced")
        if kind == "postTaskStateChange" and new == "CLOSED":
            assert info["result"] == "replaced"
            assert info["request"] == [1]

    for kind in ("preTaskStateChange", "postTaskStateChange"):
        hub.hub.callbacks.register(kind, note)
    task_id = admin("makeTask", "sleep", [1])
    builder("host.openTask", task_id)
    builder("host.closeTask", task_id, closed("original"))
    assert admin("getTaskResult", task_id) == "replaced"
    assert [entry[:4] for entry in seen] == [
        ("preTaskStateChange", "state", None, "FREE"),
        ("postTaskStateChange", "state", None, "FREE"),
        ("preTaskStateChange", "state", "FREE", "OPEN"),
        ("preTaskStateChange", "host_id", None, "int"),
        ("postTaskStateChange", "state", "FREE", "OPEN"),
        ("postTaskStateChange", "host_id", None, "int"),
        ("preTaskStateChange", "state", "OPEN", "CLOSED"),
        ("preTaskStateChange", "completion_ts", None, "float"),
        ("postTaskStateChange", "state", "OPEN", "CLOSED"),
        ("postTaskStateChange", "completion_ts", None, "float"),
    ]


def test_output_stays_inside_the_task(hub: HubUnderTest, builder: Client, opened: Callable[[], int]) -> None:
    task_id = opened()
    builder.upload(f"tasks/{task_id}/{task_id}", "build.log", b"one\ntwo\n")
    assert builder("listTaskOutput", task_id) == ["build.log"]
    assert builder("listTaskOutput", task_id, stat=True)["build.log"]["st_size"] == "8"
    assert builder("downloadTaskOutput", task_id, "build.log", -4) == "dHdvCg=="
    for name in ("../1/build.log", "/etc/passwd", "a/../../x"):
        with pytest.raises(GenericError, match="Invalid file name"):
            builder("downloadTaskOutput", task_id, name)
    with pytest.raises(GenericError, match=r'no file "none.log" output by task'):
        builder("downloadTaskOutput", task_id, "none.log")


def test_resubmitting(hub: HubUnderTest, admin: Client) -> None:
    alice = hub.client("alice")
    task_id = alice("build", "a.src.rpm", "f40", {"scratch": True}, 3, "image")
    with pytest.raises(GenericError, match="only canceled or failed tasks may be resubmitted"):
        alice("resubmitTask", task_id)
    alice("cancelTask", task_id)
    with pytest.raises(GenericError, match="only the task owner or an admin"):
        hub.client("bob")("resubmitTask", task_id)
    again = admin("getTaskInfo", alice("resubmitTask", task_id), request=True)
    assert (again["priority"], again["channel_id"]) == (23, 7)
    assert again["request"] == ["a.src.rpm", "f40", {"scratch": True}]


def test_an_odd_request_is_a_task_all_the_same(admin: Client) -> None:
    """What is wrong with a request is for the builder to say."""
    for method, request in (
        ("createImage", ["disk", "1", "1", "x86_64", {}, {}, {}, "http://t/", {}]),
        ("buildArch", ["a"]),
        ("buildArch", ["a.src.rpm", {"odd": 1}, "noarch", True]),
        ("buildSRPMFromSCM", ["git://u", {"id": "x"}]),
        ("wrapperRPM", ["git://u", "text", None, None]),
    ):
        assert admin("getTaskRequest", admin("makeTask", method, request)) == request


def test_numbers_that_cannot_be_ids_or_loads(
    admin: Client, builder: Client, opened: Callable[[], int]
) -> None:
    huge = 2**40
    assert admin("getTaskInfo", huge) is None
    assert admin("getTaskChildren", huge) == []
    for name in ("freeTask", "cancelTask", "getTaskResult"):
        with pytest.raises(GenericError, match="No such task"):
            admin(name, huge)
    assert not admin("listTasks", {"parent": huge})
    task_id = opened()
    for weight in ("nan", "inf", "heavy"):
        with pytest.raises(ParameterError, match="Invalid type"):
            builder("host.setTaskWeight", task_id, weight)


def test_the_build_path_is_cheap(hub: HubUnderTest, admin: Client, builder: Client) -> None:
    """Statements, session check and call number included."""

    def cost(client: Client, name: str, *args: Any, **kwargs: Any) -> int:
        with count_statements(hub.hub.engine) as seen:
            client(name, *args, **kwargs)
        return len(seen)

    alice = hub.client("alice")
    assert cost(alice, "build", "a.src.rpm", "f40") <= 6
    task_id = admin("makeTask", "sleep", [1], assign=ONE)
    assert cost(builder, "getTaskInfo", task_id, request=True) <= 2
    assert cost(builder, "host.openTask", task_id) <= 6
    assert cost(builder, "host.subtask", "sleep", [1], task_id, label="x") <= 9
    assert cost(builder, "host.taskSetWait", task_id, None) <= 5
    assert cost(builder, "host.taskWait", task_id) <= 2
    assert cost(builder, "host.getHostTasks") <= 2
    assert cost(builder, "host.closeTask", task_id, closed(None)) <= 6
