"""What is cleared up, and what is not."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, insert, update
from sqlalchemy.engine import make_url

from moromi.errors import AuthError
from moromi_hub.commands.sweep import sweep as command
from moromi_hub.sweep import service
from moromi_schema import tables as t
from support.hub import Client, HubUnderTest

DAY = 86400


def run(hub: HubUnderTest) -> None:
    with hub.hub.call("test") as call:
        service.run(call)


def age_sessions(hub: HubUnderTest, client: Client, days: float) -> None:
    """Let a session have been idle for so long."""
    session_id = int(client.headers["HTTP_KOJI_SESSION_ID"])
    moment = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, days * DAY)
    with hub.hub.call("test") as call:
        statement = update(t.sessions).where(t.sessions.c.id == session_id)
        call.tx.execute(statement.values(update_time=moment))


def alive(client: Client) -> bool:
    try:
        return bool(client("getLoggedInUser"))
    except AuthError:
        return False


def subsession(hub: HubUnderTest, parent: Client) -> Client:
    made = parent("subsession")
    child = Client(parent.application)
    child.headers = {
        "HTTP_KOJI_SESSION_ID": str(made["session-id"]),
        "HTTP_KOJI_SESSION_KEY": made["session-key"],
    }
    return child


def test_idle_sessions_end_but_not_under_a_working_one(hub: HubUnderTest) -> None:
    idle, busy, master = (hub.client("alice") for _ in range(3))
    child = subsession(hub, master)
    for client in (idle, master):
        age_sessions(hub, client, 1.1)
    run(hub)
    assert [alive(client) for client in (idle, busy, child, master)] == [False, True, True, True]
    age_sessions(hub, master, 3)
    age_sessions(hub, child, 2)
    run(hub)
    assert [alive(client) for client in (child, master)] == [False, False]


def test_old_messages_and_reservations_go(hub: HubUnderTest, admin: Client) -> None:
    builds = [admin("createEmptyBuild", "ale", version, "1", None) for version in ("1", "2")]
    moments = [func.now() - func.make_interval(0, 0, 0, 8), func.now()]
    with hub.hub.call("test") as call:
        for build, moment in zip(builds, moments, strict=True):
            call.tx.execute(insert(t.scheduler_log_messages).values(msg="text", msg_time=moment))
            reserved = insert(t.build_reservations).values(build_id=build, token="secret", created=moment)
            call.tx.execute(reserved)
    run(hub)
    with hub.hub.call("test") as call:
        for table in (t.scheduler_log_messages, t.build_reservations):
            assert len(call.tx.rows(table.select())) == 1


def make_upload(top: Path, name: str, days: float) -> Path:
    path = top / "work" / name
    path.mkdir(parents=True)
    for each in (path / "ale.src.rpm", path):
        each.touch()
        os.utime(each, (time.time() - days * DAY,) * 2)
    return path


def test_uploads_go_as_a_whole_and_task_output_stays(hub: HubUnderTest) -> None:
    top = hub.hub.settings.topdir
    old, young = make_upload(top, "cli-build/1", 15), make_upload(top, "cli-build/2", 13)
    half = make_upload(top, "cli-build/3", 15)
    (half / "new.rpm").touch()
    task = make_upload(top, "tasks/17/17", 100)
    elsewhere = make_upload(top / "vol" / "big", "cli-import/1", 15)
    (young / "link").symlink_to(old)
    run(hub)
    assert [path.exists() for path in (old, young, half, task, elsewhere)] == [
        *(False, True, True, True, False)
    ]
    assert (half / "ale.src.rpm").exists()


@pytest.fixture
def config(hub: HubUnderTest, tmp_path: Path) -> Path:
    """The hub's configuration file."""
    dsn = make_url(hub.hub.settings.DBConnectionString or "").render_as_string(hide_password=False)
    path = tmp_path / "hub.conf"
    path.write_text(f"[hub]\nDBConnectionString = {dsn}\nKojiDir = {hub.hub.settings.topdir}\n")
    return path


def test_the_command_says_what_it_does(hub: HubUnderTest, config: Path) -> None:
    client = hub.client("alice")
    age_sessions(hub, client, 0.5)
    upload = make_upload(hub.hub.settings.topdir, "cli-build/1", 15)
    arguments = ["--config", str(config), "--sessions-age", "0.4"]

    tried = CliRunner().invoke(command, [*arguments, "--test"], catch_exceptions=False)
    assert "would delete sessions: 1" in tried.output
    assert "would delete uploads: 1" in tried.output
    assert upload.exists()
    with hub.hub.call("test") as call:
        assert call.tx.rows(t.sessions.select())

    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert "deleted sessions: 1" in done.output
    assert not upload.exists()
    assert not alive(client)
