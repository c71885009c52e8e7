"""On which arches a package is built, and which arch a subtask is given (spec: builder, section 2.3.1)."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from moromi.arches import canonical
from moromi.errors import BuildError
from moromi_builder.srpm import SourcePackage


def build_arches(
    package: SourcePackage, tag: Mapping[str, Any], extra_arches: str | None, override: str | None
) -> list[str]:
    """List the arches to build on, without duplicates. BuildError if there are none.

    `tag` is the build tag's configuration, `override` the scratch build's own list.
    """
    tag_arches = (tag["arches"] or "").split()
    if not tag_arches:
        raise BuildError(f"No arches for tag {tag['name']} [{tag['id']}]")
    allowed = {canonical(arch) for arch in tag_arches}
    if override:
        wanted = override.split()
    else:
        wanted = list(package.build_arches) or [*tag_arches, *(extra_arches or "").split()]
        if package.exclusive_arches:
            wanted = [arch for arch in wanted if arch in package.exclusive_arches]
        wanted = [arch for arch in wanted if arch not in package.exclude_arches]
        named = "noarch" in package.build_arches or "noarch" in package.exclusive_arches
        if named and "noarch" not in package.exclude_arches:
            wanted.append("noarch")
    kept = [arch for arch in wanted if arch == "noarch" or canonical(arch) in allowed]
    if not kept:
        raise BuildError("No matching arches were found")
    return list(dict.fromkeys(kept))


def task_arch(arch: str, package: SourcePackage | None, tag: Mapping[str, Any], literal: str) -> str:
    """Choose the arch of a subtask, which decides what hosts may take it.

    `literal` are globs of arches that stay as they are. A noarch task whose package or tag restricts where
    it may be built gets one of the arches left, at random; BuildError if there is none.
    """
    if any(fnmatchcase(arch, pattern) for pattern in literal.split()):
        return arch
    if arch != "noarch":
        return canonical(arch)
    extra = (tag.get("extra") or {}).get("noarch_arches")
    exclusive = _without_noarch(package.exclusive_arches if package else ())
    exclude = _without_noarch(package.exclude_arches if package else ())
    if not (extra or exclusive or exclude):
        return "noarch"
    tag_arches = {canonical(item) for item in (tag["arches"] or "").split()}
    choices = {canonical(item) for item in extra.split()} & tag_arches if extra else set(tag_arches)
    if exclusive:
        choices &= {canonical(item) for item in exclusive}
    choices -= {canonical(item) for item in exclude}
    if not choices:
        raise BuildError(
            f"No valid arches were found. tag {sorted(tag_arches)}, extra {extra},"
            f"exclusive {list(exclusive)}, exclude {list(exclude)}"
        )
    return "noarch" if choices == tag_arches else random.choice(sorted(choices))


def _without_noarch(arches: Sequence[str]) -> tuple[str, ...]:
    return tuple(arch for arch in arches if arch != "noarch")
