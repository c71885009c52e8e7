"""The page that mail about builds links to: files of tasks, over HTTP."""

from __future__ import annotations

import http.client
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from moromi.paths import PathInfo
from samplesite.site import Site

LOG = b"".join(b"line %05d\n" % number for number in range(200_000))
PAGE = b"<script>alert(1)</script>"


@pytest.fixture(scope="module")
def directory(bare_site: Site) -> Path:
    """What a task has written; links lead to a log that is kept elsewhere, and out of the tree."""
    with bare_site.session() as session:
        task_id = session.makeTask("sleep", [0])
    place = Path(PathInfo(str(bare_site.tree)).task(task_id))
    (place / "below").mkdir(parents=True)
    (place / "build.log").write_bytes(LOG)
    (place / "page.html").write_bytes(PAGE)
    (place / "below" / "é.log").write_bytes("ü\n".encode())
    (place / "root.log.gz").write_bytes(b"packed")
    (place / "a.rpm").write_bytes(b"rpm")
    (place / ".user").write_text("1")
    (bare_site.tree / "packages").mkdir(exist_ok=True)
    (bare_site.tree / "packages" / "kept.log").write_bytes(b"kept\n")
    (place / "kept.log").symlink_to(os.path.relpath(bare_site.tree / "packages" / "kept.log", place))
    (place / "passwords.log").symlink_to("/etc/passwd")
    return place


@pytest.fixture(scope="module")
def task_id(directory: Path) -> int:
    return int(directory.name)


def get(site: Site, method: str = "GET", /, **asked: Any) -> requests.Response:
    return requests.request(method, f"{site.url}/getfile?{urlencode(asked)}", timeout=60)


def test_a_log_is_shown_as_text(bare_site: Site, task_id: int) -> None:
    answer = get(bare_site, taskID=task_id, name="build.log", volume="DEFAULT")
    assert (answer.status_code, answer.content) == (200, LOG)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Content-Disposition" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    head = get(bare_site, "HEAD", taskID=task_id, name="build.log")
    assert (head.headers["Content-Length"], head.content) == (str(len(LOG)), b"")
    assert get(bare_site, taskID=task_id, name="below/é.log").text == "ü\n"
    assert get(bare_site, taskID=task_id, name="kept.log").text == "kept\n"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"offset": 11, "size": 22}, LOG[11:33]),
        ({"offset": -22}, LOG[-22:]),
        ({"offset": -22, "size": 11}, LOG[-22:-11]),
        ({"offset": -(10**12), "size": 5}, LOG[:5]),
        ({"offset": len(LOG) - 3, "size": 16384}, LOG[-3:]),
        ({"offset": 10**12}, b""),
        ({"size": 0}, b""),
    ],
)
def test_parts_of_it(bare_site: Site, task_id: int, asked: dict[str, Any], expected: bytes) -> None:
    answer = get(bare_site, taskID=task_id, name="build.log", **asked)
    assert (answer.status_code, answer.content) == (200, expected)


@pytest.mark.parametrize("name", ["page.html", "root.log.gz", "a.rpm"])
def test_nothing_else_is_shown_in_a_browser(bare_site: Site, task_id: int, name: str) -> None:
    answer = get(bare_site, taskID=task_id, name=name)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{name}"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"name": "other.log"}, 404),
        ({"name": ""}, 404),
        ({"name": "below"}, 404),
        ({"name": ".user"}, 404),
        ({"name": "passwords.log"}, 404),
        ({"name": "../../../../../etc/passwd"}, 404),
        ({"name": "below/../build.log"}, 404),
        ({"name": "/etc/passwd"}, 404),
        ({"name": "build.log\0"}, 404),
        ({"volume": "../.."}, 404),
        ({"volume": "nowhere"}, 404),
        ({"taskID": 999_999}, 404),
        ({"taskID": "1/../2"}, 400),
        ({"taskID": 10**12}, 400),
        ({"taskID": ""}, 400),
        ({"offset": "x"}, 400),
        ({"size": "١"}, 400),
    ],
)
def test_what_is_not_there_or_no_request(
    bare_site: Site, task_id: int, changed: dict[str, Any], status: int
) -> None:
    answer = get(bare_site, **{"taskID": task_id, "name": "build.log", **changed})
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_other_methods_and_places(bare_site: Site, task_id: int) -> None:
    assert get(bare_site, "POST", taskID=task_id, name="build.log").status_code == 405
    assert requests.get(f"{bare_site.url}/getfile/x", timeout=60).status_code == 404


def test_a_reader_that_goes_away_does_no_harm(bare_site: Site, task_id: int, directory: Path) -> None:
    for _ in range(20):
        connection = http.client.HTTPConnection(urlsplit(bare_site.url).netloc)
        connection.request("GET", f"/getfile?taskID={task_id}&name=build.log")
        assert connection.getresponse().read(10) == LOG[:10]
        connection.close()
    assert get(bare_site, taskID=task_id, name="build.log", offset=-11).content == LOG[-11:]
