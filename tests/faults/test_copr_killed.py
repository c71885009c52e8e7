"""`kill -9` of a hub that makes a project: at every step there is either the whole of it, or nothing."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Any

from werkzeug.test import Client

from support import database
from support.copr import CHROOT, CHROOTS, PROJECT, Api, copr_hub
from support.crash import Fuse
from support.hub import running_hub, state_template

BODY = {**PROJECT, "chroots": [CHROOTS[0], CHROOTS[2]], "additional_repos": ["http://example.org/"]}
MOST = 400


def create(dsn: str, place: Path, api: Api, step: int) -> bool:
    """Let a child process make the project, and die before a step of that; whether it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            _create(dsn, place, api, step)
        except BaseException:
            traceback.print_exc()
            os._exit(3)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child has failed by itself"
    return not os.WIFSIGNALED(status)


def _create(dsn: str, place: Path, api: Api, step: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    options: dict[str, Any] = {"Plugins": "copr", "PluginConfigDir": str(place / "config")}
    with running_hub(dsn, place / "tree", **options) as hub:
        fuse = Fuse(step, hub.hub.engine)
        client = Client(hub.application)
        fuse.lit = True
        answer = client.post("/api_3/project/add/alice", json=BODY, auth=api.auth)
        fuse.lit = False
        assert answer.status_code == 200, answer.text


def test_no_half_made_project(tmp_path: Path) -> None:
    with (
        database.running_server() as postgres,
        database.template(postgres) as plain,
        state_template(postgres, plain) as state,
        database.clone(postgres, state) as dsn,
        copr_hub(dsn, tmp_path) as copr,
    ):
        alice, admin = copr.user("alice"), copr.admin()
        published = copr.topdir / "copr/alice/proj"
        where = "/project?ownername=alice&projectname=proj"
        step = 1
        while not create(dsn, tmp_path, alice, step):
            made = alice("GET", where)
            if made.status_code == 200:
                # killed after the commit: it is whole, and whoever asks again is told so
                break
            assert admin("getTag", "copr+alice+proj") is None
            assert admin("getBuildTarget", f"copr+alice+proj+{CHROOT}") is None
            assert alice.ok("GET", "/project/list")["items"] == []
            step += 1
            assert step < MOST
        assert step > 10, "the steps are not counted"
        for chroot in BODY["chroots"]:
            assert (published / chroot / "repodata/repomd.xml").is_file()
            assert admin("getBuildTarget", f"copr+alice+proj+{chroot}") is not None
        # what the attempts have left is in nobody's way
        alice.ok("DELETE", "/project/delete/alice/proj")
        assert alice.ok("POST", "/project/add/alice", BODY)["full_name"] == "alice/proj"
        assert sorted(path.name for path in published.iterdir()) == sorted(BODY["chroots"])
