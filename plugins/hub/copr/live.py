"""What can be seen of a build where its results will be, before they are published (copr.md, section 4.4).

While a step runs, its logs are those of its tasks: they are read from there, growing, at the addresses that
clients know. What has been published can be read without its compression too, so that the address of a log
that has come to its end stays good.
"""

from __future__ import annotations

import gzip
import html
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flask import Response

from moromi_hub.plugin_api import Call

from . import build_queries, logs, results
from .logs import Logs
from .model import FINAL

_PLACE = re.compile(
    r"(?P<owner>[^/.][^/]*)/(?P<dirname>[^/.][^/]*)/(?P<chroot>[^/.][^/]*)/"
    r"(?P<id>\d{8,9})(?:-(?P<package>[^/]+))?/"
    r"(?P<log>[a-z_-]+\.log)?(?P<packed>(?<=\.log)\.gz)?"
)
_PAGE = '<!DOCTYPE html><meta charset="utf-8"><title>{0}</title><h1>{0}</h1><ul>{1}</ul>\n'
_BLOCK = 1 << 16
_GZIP = 31
"""The number by which zlib knows the format of gzip."""


@dataclass(frozen=True)
class _Step:
    """A step of a build that has published nothing yet."""

    logs: Logs
    ended: bool


def answer(call: Call, path: str) -> Response | None:
    """The answer to a request for something below the results, None if it is as the files there are."""
    place = _PLACE.fullmatch(path)
    target = results.top(call) / path
    if place is None or target.exists():
        return None
    name = place["log"]
    if name and target.parent.is_dir():
        packed = target.with_name(f"{target.name}.gz")
        return _text(_unpacked(packed)) if packed.is_file() else None
    step = _step(call, place)
    if step is None:
        return None
    if name is None:
        return _index(path, step)
    if name not in step.logs.names() or (place["packed"] and not step.ended):
        return None
    return _packed(step.logs, name) if place["packed"] else _text(step.logs.read(name))


def _step(call: Call, place: re.Match[str]) -> _Step | None:
    build = build_queries.get(call.tx, int(place["id"]))
    if build is None or (build.owner, build.dirname) != (place["owner"], place["dirname"]):
        return None
    if (place["chroot"], place["package"]) == (results.SOURCES, None):
        if results.source_url(call, build) is None:
            return None
        found = logs.of_task(call, build.task_id, logs.SOURCE_METHODS)
        return _Step(found, build.source_state in FINAL)
    for each in build.chroots:
        begun = results.result_url(call, build, each) is not None
        if begun and (each.name, build.package) == (place["chroot"], place["package"]):
            return _Step(logs.of_task(call, each.task_id, logs.CHROOT_METHODS), each.state in FINAL)
    return None


def _text(parts: Iterator[bytes]) -> Response:
    return Response(parts, mimetype="text/plain", headers={"Cache-Control": "no-store"})


def _unpacked(path: Path) -> Iterator[bytes]:
    with gzip.open(path) as file:
        while block := file.read(_BLOCK):
            yield block


def _packed(found: Logs, name: str) -> Response:
    packer = zlib.compressobj(wbits=_GZIP)

    def parts() -> Iterator[bytes]:
        yield from map(packer.compress, found.read(name))
        yield packer.flush()

    return Response(parts(), mimetype="application/gzip", headers={"Cache-Control": "no-store"})


def _index(path: str, step: _Step) -> Response:
    """What there is, as a directory; links are relative."""
    names = [f"{name}.gz" if step.ended else name for name in step.logs.names()]
    rows = "".join(f'<li><a href="{name}">{name}</a></li>' for name in names)
    return Response(_PAGE.format(html.escape(f"Index of /{path}"), rows), mimetype="text/html")
