"""Uploads and downloads with their progress lines (command-line spec, "Common behaviour")."""

import os
import random
import string
import sys
import time
from typing import TYPE_CHECKING

from moromi_cli.output import in_background, on_terminal, say, size_text

if TYPE_CHECKING:
    from moromi.client import ClientSession
    from moromi.client.download import Observer

BAR = 36


def unique_path(prefix: str) -> str:
    """A new directory name below the hub's work directory: `<prefix>/<time>.<8 letters>`."""
    letters = "".join(random.choice(string.ascii_letters) for _ in range(8))
    return f"{prefix}/{time.time()!r}.{letters}"


def bar(done: int, total: int) -> str:
    """`[====      ]  30%`: at least two digits."""
    share = done / total if total else 1.0
    return f"[{'=' * int(share * BAR):<{BAR}s}] {f'{int(share * 100):02d}%':>4s}"


def upload_line(done: int, total: int, piece: int, lap: float, elapsed: float) -> None:
    """One state of an upload, on the same line as the last."""
    whole = time.strftime("%H:%M:%S", time.gmtime(elapsed))
    speed = f"{size_text(piece / lap) if lap else '- B'}/sec"
    sys.stdout.write(f"{bar(done, total)} {whole:>8s} {size_text(done):>10s} {speed:>14s}\r")
    sys.stdout.flush()


def upload(session: "ClientSession", localfile: str, directory: str, *, silent: bool) -> str:
    """Send a file to `directory`; `<directory>/<name>`, as later calls want it. Shows a bar unless
    `silent`.
    """
    if not silent and on_terminal():
        _send_with_bar(session, localfile, directory)
    else:
        show = None if silent or in_background() else upload_line
        session.upload(localfile, directory, callback=show)
    return f"{directory}/{os.path.basename(localfile)}"


def _send_with_bar(session: "ClientSession", localfile: str, directory: str) -> None:
    from moromi_cli.bars import Bar

    with Bar(localfile) as shown:
        session.upload(localfile, directory, callback=shown.sent)


def send(session: "ClientSession", localfile: str, directory: str) -> None:
    """Send one of many files: `uploading NAME... done` in a pipe, a bar for a person."""
    if on_terminal():
        _send_with_bar(session, localfile, directory)
        return
    say(f"uploading {localfile}... ", end="")
    session.upload(localfile, directory)
    say("done")


def download_observer(silent: bool, noprogress: bool) -> "Observer":
    """Prints what happens to a download."""
    from moromi.client.download import Observer

    class Printer(Observer):
        """On stdout, a line for the bar."""

        def finished(self) -> None:
            """End the bar's line."""
            if not (silent or noprogress):
                say()

        def present(self, path: str) -> None:
            if not silent:
                say(f"File {path} already downloaded, skipping")

        def resuming(self, path: str) -> None:
            if not silent:
                say(f"Appending to existing file {path}")

        def progress(self, done: int, total: int) -> None:
            if silent or noprogress:
                return
            amount = f"{size_text(done)} / {size_text(total or done)}"
            sys.stdout.write(f"{bar(done, total or done)} {amount:>10s}\r")
            sys.stdout.flush()

    return Printer()


def download(
    session: "ClientSession",
    url: str,
    path: str,
    *,
    number: tuple[int, int] | None = None,
    size: int | None = None,
    silent: bool = False,
    noprogress: bool = False,
) -> None:
    """Fetch `url` into `path`, making its directory. `number`: this one's place and how many there are; a
    file of `size` bytes is there already.
    """
    from moromi.client.download import fetch

    if os.path.dirname(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    if not silent:
        place = f" [{number[0]}/{number[1]}]" if number else ""
        say(f"Downloading{place}: {path}")
    if size is not None and os.path.isfile(path) and os.path.getsize(path) == size:
        download_observer(silent, noprogress).present(path)
        return
    if silent or noprogress or not on_terminal():
        fetch(url, path, options=session.opts, observer=download_observer(silent, noprogress))
        return
    from moromi_cli.bars import Bar, BarObserver

    with Bar(path) as shown:
        fetch(url, path, options=session.opts, observer=BarObserver(shown))
