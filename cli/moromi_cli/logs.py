"""The logs of tasks: which there are, where, and how the one that tells why a task failed ends."""

import re
from typing import TYPE_CHECKING, NamedTuple

from moromi.paths import PathInfo

if TYPE_CHECKING:
    from moromi.client import ClientSession

LOG_LINES = 12
LOG_BYTES = 8192
LONG = 200
"""So many characters of a line are shown: there are command lines with their environment in them."""
LOGS_FIRST = ("build.log", "root.log", "checkout.log")
WELL = "Child return code was: 0"
"""How a log ends whose last command did not fail, so that another one says what did."""


_MARK = re.compile(r"^DEBUG \w+\.py:\d+:\s*")
_LOG = re.compile(r"[\w.-]+\.log\b")
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


def log_end(session: "ClientSession", task_id: int, topurl: str | None, error: str) -> LogEnd:
    """The end of the log that most likely says why a task failed with this error; no lines when there is
    none.
    """
    logs = dict(list_logs(session, task_id))
    named = [name for name in (*_LOG.findall(error), *LOGS_FIRST) if name in logs]
    found = LogEnd("", "", [])
    for name in dict.fromkeys(named or sorted(logs)):
        data = session.downloadTaskOutput(task_id, name, -LOG_BYTES, LOG_BYTES, volume=logs[name])
        lines = tail(data)
        if not lines:  # a build's own log is empty when its chroot could not be made
            continue
        end = LogEnd(name, log_url(topurl, task_id, name, logs[name]) if topurl else "", lines)
        if not lines[-1].endswith(WELL):
            return end
        found = found if found.lines else end
    return found


def tail(text: bytes, lines: int = LOG_LINES) -> list[str]:
    """The last lines of a log, without colours, other control characters and mock's own marks."""
    clean = _COLOURS.sub("", text.decode("utf-8", "replace")).replace("\t", "    ").replace("\r", "\n")
    printable = ("".join(char for char in line if char.isprintable()) for line in clean.splitlines())
    plain = (_MARK.sub("", line) for line in printable)
    found = [line for line in plain if line.strip()][-lines:]
    return [line if len(line) <= LONG else line[: LONG - 1] + "…" for line in found]
