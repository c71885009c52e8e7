"""A hub of the test process over HTTP, and programs beside it that log in there, in a time that can pass."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server

from sqlalchemy import func, update

from harness import QuietHandler, ThreadingServer
from moromi_schema import tables as t
from support.hub import HubUnderTest

BIN = Path(sys.executable).parent
_TIMES = (
    t.events.c.time,
    t.build.c.start_time,
    t.build.c.completion_time,
    t.repo.c.creation_time,
    t.repo.c.state_time,
)


@contextlib.contextmanager
def over_http(hub: HubUnderTest) -> Iterator[str]:
    """The URL of a hub's API."""
    server = make_server("127.0.0.1", 0, hub.application, ThreadingServer, QuietHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/kojihub"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def let_pass(hub: HubUnderTest, days: float) -> None:
    """Move all that has happened into the past."""
    with hub.hub.call("test") as call:
        for column in _TIMES:
            moment = column - func.make_interval(0, 0, 0, 0, 0, 0, days * 86400)
            call.tx.execute(update(column.table).values({column.name: moment}))


def write_config(path: Path, sections: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write a configuration file."""
    lines = []
    for section, options in sections.items():
        lines += [f"[{section}]", *(f"{key} = {value}" for key, value in options.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run_here(main: Callable[[Sequence[str]], int], *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of our programs to its end in this process, which spares its start."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def run(program: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of our programs to its end."""
    argv = [str(BIN / program), *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=200)
