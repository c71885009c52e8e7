"""A hub with the Copr interfaces over real HTTP, in the test process, and what speaks to it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from werkzeug.serving import make_server

from support.hub import Client, HubUnderTest, running_hub

CHROOTS = ("mini-1-x86_64", "mini-1-aarch64", "mini-2-x86_64")
CHROOT = CHROOTS[0]
FINAL = ("succeeded", "failed", "canceled", "skipped", "forked")
PROJECT = {"name": "proj", "chroots": [CHROOT]}
LOGIN_INVALID = "Login invalid/expired. Please visit {}/api to get or renew your API token."


@dataclass
class Api:
    """A user, or nobody, who speaks API v3."""

    url: str
    auth: tuple[str, str] | None = None
    session: requests.Session = field(default_factory=requests.Session)

    def __call__(self, method: str, path: str, json: Any = None, **options: Any) -> requests.Response:
        """Make a request."""
        options.setdefault("timeout", 60)
        return self.session.request(
            method, f"{self.url}/api_3{path}", json=json, auth=self.auth, allow_redirects=False, **options
        )

    def ok(self, method: str, path: str, json: Any = None, **options: Any) -> Any:
        """The answer to a request that must work."""
        answer = self(method, path, json, **options)
        assert answer.status_code == 200, (method, path, answer.status_code, answer.text)
        return answer.json()

    def error(self, method: str, path: str, json: Any = None, **options: Any) -> tuple[int, str]:
        """Status and text of a request that must not work."""
        answer = self(method, path, json, **options)
        assert answer.status_code != 200, (method, path, answer.text)
        return answer.status_code, answer.json()["error"]

    def finished(self, number: int, seconds: float = 400) -> dict[str, Any]:
        """A build, once it has ended."""
        deadline = time.monotonic() + seconds
        while (build := self.ok("GET", f"/build/{number}"))["state"] not in FINAL:
            assert time.monotonic() < deadline, build
            time.sleep(0.2)
        return dict(build)

    def form(self, path: str, fields: dict[str, Any], **files: tuple[str, bytes]) -> requests.Response:
        """A request with files, as the published client makes it."""
        import json

        parts: dict[str, Any] = {"json": ("json", json.dumps(fields), "application/json")}
        parts |= {name: (file, data, "application/x-rpm") for name, (file, data) in files.items()}
        return self("POST", path, files=parts)


@dataclass
class CoprHub:
    """The hub, where it listens, and its users."""

    hub: HubUnderTest
    url: str
    topdir: Path

    def anonymous(self) -> Api:
        """Nobody."""
        return Api(self.url)

    def user(self, name: str) -> Api:
        """A user with a token of its own; passwords are the names."""
        answer = requests.post(f"{self.url}/api_3/api-token", auth=(name, name), timeout=60)
        assert answer.status_code == 200, answer.text
        pair = answer.json()
        return Api(self.url, (pair["api_login"], pair["api_token"]))

    def admin(self) -> Client:
        """The administrator's session of the hub itself."""
        return self.hub.client("kojiadmin")


@contextlib.contextmanager
def copr_hub(
    dsn: str, place: Path, hub_options: Mapping[str, Any] | None = None, sections: str = "", /, **options: Any
) -> Iterator[CoprHub]:
    """A hub with the chroots of `CHROOTS`; `options` are those of copr.conf, `sections` what it has more."""
    config = place / "config"
    config.mkdir()
    given = {"url": "http://copr.example.org", **options}
    text = "".join(f"{key} = {value}\n" for key, value in given.items())
    (config / "copr.conf").write_text(f"[copr]\n{text}{sections}", encoding="utf-8")
    settings = {"Plugins": "copr", "PluginConfigDir": str(config), **(hub_options or {})}
    with running_hub(dsn, place / "tree", **settings) as hub:
        server = make_server("127.0.0.1", 0, hub.application, threaded=True)
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            made = CoprHub(hub, f"http://127.0.0.1:{server.port}", place / "tree")
            admin = made.admin()
            admin("createTag", "distribution", arches="x86_64 aarch64")
            for chroot in CHROOTS:
                admin("editCoprChroot", chroot, parent="distribution")
            yield made
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
