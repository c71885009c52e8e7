"""The logs of tasks: which there are, where, and how the one that tells why a task failed ends."""

import re
from typing import TYPE_CHECKING, NamedTuple

from moromi.paths import PathInfo

if TYPE_CHECKING:
    from moromi.client import ClientSession

LOG_LINES = 12
LOG_BYTES = 8192
LOGS_FIRST = ("build.log", "root.log", "checkout.log")


_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class LogEnd(NamedTuple):
    """The end of a log: its name, where it is ('' without a topurl), its last lines."""

    name: str
    url: str
    lines: list[str]


def list_logs(session: "ClientSession", task_id: int) -> list[tuple[str, str]]:
    """Name and volume of each log of a task."""
    outputs = session.listTaskOutput(task_id, all_volumes=True)
    return [(name, volume) for name in sorted(outputs) if name.endswith("log") for volume in outputs[name]]


def log_url(topurl: str, task_id: int, name: str, volume: str) -> str:
    """Where a log can be fetched."""
    return f"{PathInfo(topurl).task(task_id, volume)}/{name}"


def log_end(session: "ClientSession", task_id: int, topurl: str | None) -> LogEnd:
    """The end of the log that most likely says why a task failed; no lines when there is none."""
    logs = dict(list_logs(session, task_id))
    # the build's own log is empty or missing when its chroot could not be made
    for name in [name for name in LOGS_FIRST if name in logs] or sorted(logs):
        data = session.downloadTaskOutput(task_id, name, -LOG_BYTES, LOG_BYTES, volume=logs[name])
        lines = tail(data)
        if lines:
            return LogEnd(name, log_url(topurl, task_id, name, logs[name]) if topurl else "", lines)
    return LogEnd("", "", [])


def tail(text: bytes, lines: int = LOG_LINES) -> list[str]:
    """The last lines of a log, without colours and other control characters."""
    clean = _COLOURS.sub("", text.decode("utf-8", "replace")).replace("\t", "    ").replace("\r", "\n")
    printable = ("".join(char for char in line if char.isprintable()) for line in clean.splitlines())
    return [line for line in printable if line.strip()][-lines:]
