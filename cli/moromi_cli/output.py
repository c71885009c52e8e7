"""What commands print: rows, times, JSON, warnings, and the ways to end with an error."""

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class Failure(Exception):
    """End the command: the text on stderr (nothing when empty), then this exit code."""

    def __init__(self, text: str = "", code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def say(text: str = "", end: str = "\n") -> None:
    """One line, or several, on stdout."""
    sys.stdout.write(text + end)
    if not end:
        sys.stdout.flush()


def say_all(lines: Iterable[str]) -> None:
    """Many lines at once."""
    text = "\n".join(lines)
    if text:
        sys.stdout.write(text + "\n")


def warn(text: str) -> None:
    """A line on stderr."""
    sys.stdout.flush()
    sys.stderr.write(text + "\n")


def for_person() -> bool:
    """Whether somebody reads what goes wrong; else it is for a log or a script, in Koji's form."""
    return sys.stderr.isatty()


def log_error(error: BaseException) -> None:
    """An exception, in the form of a log line."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    sys.stdout.flush()
    sys.stderr.write(f"{stamp},{int(now % 1 * 1000):03d} [ERROR] koji: {describe(error)}\n")


def describe(error: BaseException) -> str:
    """`<Class>: <text>`."""
    return f"{type(error).__name__}: {error}"


def dashes(*widths: int, sep: str = "  ") -> str:
    """The line below a header."""
    return sep.join("-" * width for width in widths)


def say_json(data: Any) -> None:
    """The data itself, for programs."""
    import json

    sys.stdout.write(json.dumps(data, indent=2, default=str, ensure_ascii=False) + "\n")


@dataclass
class Shown:
    """What a listing command found: `data` for `--json`, `lines` as Koji prints it, and the exit code.

    `lines` may be a generator: it does not run for JSON.
    """

    data: Any
    lines: Iterable[str]
    code: int = 0

    def print(self, as_json: bool) -> int:
        """Put one of the two on stdout; the exit code."""
        if as_json:
            say_json(self.data)
        else:
            for line in self.lines:
                say(line)
        return self.code


def asctime(ts: float | None) -> str:
    """`Sun Jun 15 15:06:40 2025`, local time; '' for none."""
    return "" if ts is None else time.asctime(time.localtime(ts))


def long_time(ts: float | None) -> str:
    """`Sun, 15 Jun 2025 15:06:40 UTC`, local time; '' for none."""
    return "" if not ts else time.strftime("%a, %d %b %Y %H:%M:%S %Z", time.localtime(ts))


def yes_no(flag: Any) -> str:
    """`yes` or `no`."""
    return "yes" if flag else "no"


def truncate(text: str | None, length: int = 47) -> str:
    """One line of at most `length` characters and `...`."""
    flat = " ".join((text or "").splitlines())
    return flat if len(flat) <= length else flat[:length] + "..."


def span(seconds: float) -> str:
    """`7s`, `3:05`, `2:03:05`, `3 days`."""
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole}s"
    if whole >= 2 * 86400:
        return f"{whole // 86400} days"
    minutes, left = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def size_text(size: float) -> str:
    """`1.50 MiB`."""
    for unit in ("B", "KiB", "MiB"):
        if abs(size) < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} GiB"


def join_words(words: list[str]) -> str:
    """`a`, `a and b`, `a, b, and c`."""
    if len(words) < 3:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"


def in_background() -> bool:
    """True when nobody watches: stdin is no terminal, or this process is not in its foreground group."""
    import os

    try:
        return not sys.stdin.isatty() or os.getpgrp() != os.tcgetpgrp(sys.stdin.fileno())
    except (OSError, ValueError):
        return True


def on_terminal() -> bool:
    """True when a person looks: output and input are terminals that can move the cursor, in the
    foreground.
    """
    import os

    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not in_background()


def build_label(build: dict[str, Any]) -> str:
    """`name-version-release`."""
    name = build.get("package_name") or build.get("name")
    return f"{name}-{build['version']}-{build['release']}"


def convert(text: str) -> Any:
    """An argument as int, float, None, True, False, else the text itself."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"None": None, "True": True, "False": False}.get(text, text)
