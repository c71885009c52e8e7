"""`groups/comps.xml` of a repository (spec: builder.md section 5.4).

Groups that a group requires are expanded into its package list, since tools of
old knew no list of groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

Group = Mapping[str, Any]

_HEAD = """<?xml version="1.0"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">

<comps>
"""


def render(groups: Sequence[Group]) -> str:
    """The comps file of a tag's groups (shape `Group`), ordered by name."""
    by_name = {group["name"]: group for group in sorted(groups, key=lambda group: group["name"])}
    return _HEAD + "".join(_group(group, by_name) for group in by_name.values()) + "</comps>\n"


def _group(group: Group, by_name: Mapping[str, Group]) -> str:
    def flag(value: Any) -> str:
        return "true" if value else "false"

    biarch = "    <biarchonly>true</biarchonly>\n" if group["biarchonly"] else ""
    return (
        "  <group>\n"
        f"    <id>{escape(group['name'])}</id>\n"
        f"    <name>{escape(group['display_name'] or group['name'])}</name>\n"
        f"    <description>{escape(group['description'] or '')}</description>\n"
        f"    <default>{flag(group['is_default'])}</default>\n"
        f"    <uservisible>{flag(group['uservisible'])}</uservisible>\n"
        f"{biarch}"
        "    <packagelist>\n"
        f"{''.join(_packages(group, by_name, {group['name']}))}"
        "    </packagelist>\n"
        "  </group>\n"
    )


def _packages(group: Group, by_name: Mapping[str, Group], seen: set[str]) -> Iterator[str]:
    for package in sorted(group["packagelist"], key=lambda each: each["package"]):
        optional = "".join(
            f" {key}={quoteattr(str(value))}"
            for key, value in (("basearchonly", package["basearchonly"]), ("requires", package["requires"]))
            if value
        )
        kind = quoteattr(package["type"] or "mandatory")
        yield f"      <packagereq type={kind}{optional}>{escape(package['package'])}</packagereq>\n"
    for name in sorted(required["name"] for required in group["grouplist"]):
        if name in seen:
            continue
        seen.add(name)
        if name not in by_name:
            yield f"      <!-- MISSING GROUP: {escape(name).replace('--', '- -')} -->\n"
            continue
        yield f"      <!-- Expanding Group: {escape(name).replace('--', '- -')} -->\n"
        yield from _packages(by_name[name], by_name, seen)
