"""The options of `hub.conf` do what Koji's documentation says of them (hub-protocol.md section 6.2)."""

from __future__ import annotations

import logging
import resource
from pathlib import Path
from typing import Any

import pytest

from moromi.errors import AuthExpired, ConfigurationError, Fault, GenericError
from moromi.wire.xmlrpc import decode_response, encode_request
from moromi_hub import limits, logs
from moromi_hub import settings as configuration
from moromi_hub.rpc import faults
from moromi_hub.settings import Settings
from support.builds import BUILDER
from support.hub import Client, HubUnderTest


def set_options(hub: HubUnderTest, **changes: Any) -> None:
    hub.hub.settings = hub.hub.settings.replace(**changes)


def fault(client: Client, method: str, *args: Any, **kwargs: Any) -> str:
    with pytest.raises((GenericError, Fault)) as error:
        client(method, *args, **kwargs)
    return error.value.faultString if isinstance(error.value, Fault) else str(error.value)


def sql(hub: HubUnderTest, statement: str) -> None:
    with hub.hub.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_no_database_among_the_files_that_everybody_may_read(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(tmp_path / "koji" / "db")
    for place in ("koji/db", "elsewhere"):
        options = {"KojiDir": str(tmp_path / "koji"), "EmbeddedDatabase": str(tmp_path / place)}
        with pytest.raises(ConfigurationError, match="EmbeddedDatabase is below KojiDir"):
            configuration.from_options(options)


def test_names_and_principals(hub: HubUnderTest, admin: Client) -> None:
    set_options(hub, MaxNameLengthInternal=13, HostPrincipalFormat="host/%s@MASH")
    assert (
        fault(admin, "createTag", "mashes-of-2026")
        == "Name mashes-of-2026 is too long. Max length is 13 characters"
    )
    admin("addHost", "tun", ["x86_64"])
    assert admin("getUser", "tun")["krb_principals"] == ["host/tun@MASH"]
    set_options(hub, MaxNameLengthInternal=0, RegexNameInternal="", AllowedKrbRealms="MASH, WORT")
    admin("createTag", "a mash of any name" * 20)
    text = "Kerberos principal's realm: BEER is not allowed"
    assert fault(admin, "createUser", "dave", None, "dave@BEER") == text
    admin("createUser", "dave", None, "dave@WORT")


def test_sessions_in_the_url_and_their_age(hub: HubUnderTest) -> None:
    carol = hub.client("carol")
    session = carol("getSessionInfo", details=True)["id"]
    query = f"session-id={session}&session-key={carol.headers['HTTP_KOJI_SESSION_KEY']}"
    body = encode_request("getLoggedInUser", [])
    assert decode_response(hub.client().post(body, query=query)[1])["name"] == "carol"
    set_options(hub, DisableURLSessions=True, SessionRenewalTimeout=0)
    assert decode_response(hub.client().post(body, query=query)[1]) is None
    sql(hub, "UPDATE sessions SET start_time = start_time - interval '2 days'")
    assert carol("getLoggedInUser")["name"] == "carol"
    set_options(hub, SessionRenewalTimeout=2881)
    assert carol("getLoggedInUser")["name"] == "carol"
    set_options(hub, SessionRenewalTimeout=2879)
    with pytest.raises(AuthExpired, match=f'session "{session}" has expired'):
        carol("getLoggedInUser")


def test_what_faults_tell(hub: HubUnderTest) -> None:
    alice = hub.client("alice")
    alice_adds = ("packageListAdd", "no", "ale", "alice")
    set_options(hub, VerbosePolicy=True)
    hub.client("kojiadmin")("createTag", "no")
    assert fault(alice, *alice_adds).endswith(
        "default policy [rule: all :: deny Only admin/tag can do this via default policy]"
    )
    set_options(hub, KojiDebug=True)
    assert fault(alice, "getTag", "zz", True).startswith("Traceback (most recent call last):")
    set_options(hub, KojiDebug=False, KojiTraceback=None)
    assert fault(alice, "fault") == "<class 'Exception'>: test exception"
    assert fault(alice, "listTags", queryOpts={"order": "zz"}) == "<class 'Exception'>: Invalid order: zz"
    set_options(hub, KojiTraceback="extended")
    text = fault(alice, "filterResults", "getTag", password="barley") + fault(alice, "fault")
    assert "Locals by frame, innermost last" in text
    assert "Frame fault in " in text
    set_options(hub, ServerOffline=True, OfflineMessage="brewing")
    assert fault(alice, "hello") == "brewing"


def test_locals_hide_secrets() -> None:
    password = "barley"
    try:
        raise ValueError(len(password))
    except ValueError as error:
        text = faults.fault_of(error, Settings(KojiTraceback="extended"))[1]
    assert "password = ***" in text.split("Locals by frame, innermost last")[1]
    assert password not in repr(Settings(DBPass=password, DBConnectionString=password))


def test_repository_options_of_tags(hub: HubUnderTest, admin: Client) -> None:
    set_options(hub, SourceTags="x src-*", DebuginfoTags="*-dbg", SeparateSourceTags="*", EnableMaven=False)
    for name in ("src-dbg", "plain"):
        admin("createTag", name)
    builder = hub.client(BUILDER)
    opts = [admin("repoInfo", builder("host.repoInit", name)[0])["opts"] for name in ("src-dbg", "plain")]
    assert opts == [
        {"src": True, "debuginfo": True, "separate_src": True, "maven": False},
        {"src": False, "debuginfo": False, "separate_src": True, "maven": False},
    ]
    set_options(hub, AllowNewRepo=False)
    assert fault(admin, "newRepo", "plain") == "newRepo api call is disabled"


def test_the_queue_of_repositories(hub: HubUnderTest, admin: Client) -> None:
    for name in ("one", "two", "three"):
        admin("createTag", name, maven_support=True)
        admin("repo.request", name, opts={"maven": name != "three"})
    set_options(hub, MaxRepoTasks=2, MaxRepoTasksMaven=1, RepoQueueUser="carol", RequestCleanTime=60)
    sql(
        hub,
        "UPDATE repo_queue SET active = FALSE, update_time = now() - interval '61 minutes' WHERE id = 3",
    )
    admin("repo.request", "three")
    admin("repo.checkQueue")
    queue = admin("repo.queryQueue", fields=["tag_name", "task_id"], opts={"order": "id"})
    assert [(each["tag_name"], each["task_id"] is None) for each in queue] == [
        ("one", False),
        ("two", True),
        ("three", False),
    ]
    assert admin("getTaskInfo", queue[0]["task_id"])["owner"] == admin("getUser", "carol")["id"]


def test_how_far_behind_a_repository_may_be(hub: HubUnderTest, admin: Client) -> None:
    tag = admin("createTag", "mash")
    sql(hub, "UPDATE events SET time = time - interval '3 hours'")
    first = admin("getLastEvent")["id"]
    admin("editTag2", tag, extra={"changed": 1})
    changed = admin("tagLastChangeEvent", tag)
    # the last change is too fresh: what was there before it does
    set_options(hub, RepoLag=3600, RepoLagWindow=600)
    assert admin("repo.request", "mash")["request"]["min_event"] == first
    set_options(hub, RepoLag=-60, RepoLagWindow=0)
    assert admin("repo.request", "mash")["request"]["min_event"] == changed
    # rounding down goes back further than there are events: to the beginning of the tag
    set_options(hub, RepoLagWindow=10**9)
    tag = admin("createTag", "wort")
    admin("editTag2", tag, extra={"changed": 1})
    assert admin("repo.request", "wort")["request"]["min_event"] == admin("tagFirstChangeEvent", tag)


def test_hosts_take_what_they_have_room_for(hub: HubUnderTest, admin: Client) -> None:
    builder = hub.client(BUILDER)
    admin("editHost", BUILDER, capacity=1.5)
    first, second = (admin("makeTask", "sleep", [n], arch="x86_64") for n in (1, 2))
    set_options(hub, CapacityOvercommit=0, RunInterval=0)
    builder("host.updateHost", 0, True, data={"maxjobs": 9})
    assert [task["id"] for task in builder("host.getTasks")] == [first]
    builder("host.openTask", first)
    assert builder("host.getTasks") == []
    set_options(hub, CapacityOvercommit=5)
    assert [task["id"] for task in builder("host.getTasks")] == [second]


def test_lines_say_whose_request_they_are_about(hub: HubUnderTest) -> None:
    settings = Settings(
        LogFormat="%(method)s %(user_name)s %(user_id)s %(callnum)s %(remoteaddr)s %(message)s"
    )
    lines = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler, root = Handler(), logging.getLogger()
    handler.setFormatter(logging.Formatter(settings.LogFormat))
    root.addHandler(handler)
    levels = {name: logging.getLogger(name).level for name in ("moromi_hub", "koji")}
    try:
        logs.configure(settings.replace(LogLevel="koji.rpc:INFO"))
        with pytest.raises(GenericError):
            hub.client("alice")("error")
        logging.getLogger("koji.plugin").warning("of a plugin")
    finally:
        root.removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        for name in ("moromi_hub.rpc", "koji.rpc"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    assert "error alice 2 0 127.0.0.1 error failed: test error" in lines
    assert "- - - - - of a plugin" in lines


def test_memory_of_a_request_is_watched(hub: HubUnderTest, caplog: pytest.LogCaptureFixture) -> None:
    set_options(hub, MemoryWarnThreshold=-1)
    hub.client()("hello")
    assert any("KiB in hello" in message for message in caplog.messages)


def test_what_a_login_takes_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    for method in ("login", "listBuilds"):
        with limits.memory_watched(5000, method):
            held = b"x" * ((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + 20_000) * 1024)
            del held
    assert [message.rpartition(" in ")[2] for message in caplog.messages] == ["listBuilds"]


def test_limits_of_the_process(caplog: pytest.LogCaptureFixture) -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        limits.apply(Settings(RLIMIT_CORE="0", RLIMIT_STACK="much", RLIMIT_NPROC="1 2 3"))
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    assert [message.split(":")[0] for message in caplog.messages] == [
        "RLIMIT_NPROC = 1 2 3 is not set",
        "RLIMIT_STACK = much is not set",
    ]


def test_what_the_system_refuses_is_told_without_our_paths() -> None:
    full = OSError(28, "No space left on device", "/mnt/koji/work/x")
    assert faults.fault_of(full, Settings()) == (1, "<class 'OSError'>: No space left on device")


def test_what_a_file_may_say(tmp_path: Path) -> None:
    main = tmp_path / "hub.conf"
    main.write_text("[hub]\nDBName = koji\nDBhost = db.example.org\nRLIMIT_OFILE = 99 100\nmaxjobs = 3\n")
    settings = configuration.load(main)
    assert (settings.DBHost, settings.RLIMIT_OFILE, settings.MaxJobs) == ("db.example.org", "99 100", 3)
