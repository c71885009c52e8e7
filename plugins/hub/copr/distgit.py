"""Where packages of dist-git instances are: their repositories, and the files that are in none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from moromi_hub.plugin_api import Call

from .settings import CONFIG, DistGit

_SLASHES = re.compile("(?<!:)//+")


def clone_url(instance: DistGit, package: str, namespace: str) -> str:
    """The address of the repository of a package."""
    return _filled(instance.clone_url, pkgname=package, namespace=namespace)


def lookaside(call: Call, source: Mapping[str, Any]) -> str:
    """The pattern of the addresses of files of a source; empty where its instance has none, or is no more.

    `{filename}`, `{hashtype}` and `{hash}` are left to be filled in.
    """
    for instance in CONFIG.of(call).distgit:
        if instance.name == source["distgit"] and instance.lookaside_url:
            path = urlsplit(source["clone_url"]).path.rstrip("/")
            rest = {name: f"{{{name}}}" for name in ("filename", "hashtype", "hash")}
            package = path.rpartition("/")[2].removesuffix(".git")
            where = {"pkgname": package, "namespace": source.get("namespace", "")}
            return _filled(instance.lookaside_url, **where, **rest)
    return ""


def _filled(pattern: str, **given: str) -> str:
    """A pattern with what is given; an empty part leaves no second slash."""
    return _SLASHES.sub("/", pattern.format(**given))
