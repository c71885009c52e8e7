"""Package groups of a tag: `list-groups` and `show-groups`."""

from pprint import pformat
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import click

from moromi_cli import options
from moromi_cli.lazy import command
from moromi_cli.output import say, say_all, say_json
from moromi_cli.session import Cli

DOCTYPE = "<!DOCTYPE comps PUBLIC '-//Red Hat, Inc.//DTD Comps info//EN' 'comps.dtd'>"


@command("list-groups", "[options] <tag> [<group>]", anonymous=True)
@options.event
@click.option("--show-blocked", is_flag=True, help="also blocked groups and packages")
@options.as_json
@click.argument("tag")
@click.argument("group", required=False)
def list_groups(
    cli: Cli, tag: str, group: str | None, show_blocked: bool, as_json: bool, **at: int | None
) -> None:
    """Package groups of a tag, all or one."""
    arguments: dict[str, Any] = options.event_arguments(
        cli, at["event"], at["ts"], at["repo"], silent=as_json
    )
    if show_blocked:
        arguments["incl_blocked"] = True
    groups = cli.session.getTagGroups(tag, **arguments)
    groups = sorted((item for item in groups if group in (None, item["name"])), key=lambda g: str(g["name"]))
    if as_json:
        say_json(groups)
        return
    names = tag_names(cli, groups)
    for item in groups:
        say_all(group_lines(item, names))


def tag_names(cli: Cli, groups: list[dict[str, Any]]) -> dict[int, str]:
    """Names of all tags that groups and their parts are from."""
    ids = {item["tag_id"] for group in groups for item in (group, *group["packagelist"], *group["grouplist"])}
    with cli.session.multicall() as calls:
        tags = {tag_id: calls.getTag(tag_id) for tag_id in ids}
    return {tag_id: (call.result or {"name": str(tag_id)})["name"] for tag_id, call in tags.items()}


def group_lines(group: dict[str, Any], names: dict[int, str]) -> list[str]:
    """A group, its required groups, its packages."""
    blocked = " [BLOCKED]"
    lines = [f"{group['name']}  [{names[group['tag_id']]}]{blocked if group['blocked'] else ''}"]
    for req in sorted(group["grouplist"], key=lambda item: str(item["name"])):
        lines.append(f"  @{req['name']}  [{names[req['tag_id']]}]{blocked if req['blocked'] else ''}")
    for pkg in sorted(group["packagelist"], key=lambda item: str(item["package"])):
        text = f"  {pkg['package']}: {pkg['basearchonly']}, {pkg['type']}  [{names[pkg['tag_id']]}]"
        lines.append(text + (blocked if pkg["blocked"] else ""))
    return lines


@command("show-groups", "[options] <tag>", anonymous=True)
@click.option("--comps", is_flag=True, help="comps XML")
@click.option("-x", "--expand", is_flag=True, help="with comps: required groups as packages")
@click.option("--spec", is_flag=True, help="a spec file that requires the packages of the group build")
@click.option("--show-blocked", is_flag=True, help="include blocked entries")
@options.as_json
@click.argument("tag")
def show_groups(cli: Cli, tag: str, as_json: bool, **given: bool) -> None:
    """Groups of a tag, as comps XML or a spec file."""
    raw = not (given["comps"] or given["spec"])
    groups = cli.session.getTagGroups(
        tag, **({"incl_blocked": True} if given["show_blocked"] and raw else {})
    )
    if as_json:
        say_json(groups)
    elif given["comps"]:
        say(comps_xml(groups, given["expand"]))
    elif given["spec"]:
        say(spec_text(groups))
    else:
        say(pformat(groups))


def comps_xml(groups: list[dict[str, Any]], expand: bool) -> str:
    """The groups as a comps file."""
    by_name = {group["name"]: group for group in groups}
    lines = ['<?xml version="1.0"?>', DOCTYPE, "", "<comps>"]
    for group in groups:
        lines += ["  <group>", f"    <id>{escape(group['name'])}</id>"]
        lines.append(f"    <name>{escape(group['display_name'] or group['name'])}</name>")
        lines.append(f"    <description>{escape(group['description'] or '')}</description>")
        lines.append(f"    <default>{'true' if group['is_default'] else 'false'}</default>")
        lines.append(f"    <uservisible>{'true' if group['uservisible'] else 'false'}</uservisible>")
        if group["biarchonly"]:
            lines.append("    <biarchonly>true</biarchonly>")
        if group["grouplist"] and not expand:
            lines.append("    <grouplist>")
            lines += [f"      <groupreq>{escape(req['name'])}</groupreq>" for req in group["grouplist"]]
            lines.append("    </grouplist>")
        packages = expanded(group, by_name) if expand else group["packagelist"]
        lines.append("    <packagelist>")
        lines += [package_xml(pkg) for pkg in packages]
        lines += ["    </packagelist>", "  </group>"]
    lines.append("</comps>")
    return "\n".join(lines)


def package_xml(pkg: dict[str, Any]) -> str:
    """One `<packagereq>`."""
    attributes = f" type={quoteattr(pkg['type'])}"
    if pkg["basearchonly"]:
        attributes += ' basearchonly="true"'
    if pkg["requires"]:
        attributes += f" requires={quoteattr(pkg['requires'])}"
    return f"      <packagereq{attributes}>{escape(pkg['package'])}</packagereq>"


def expanded(group: dict[str, Any], by_name: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The packages of a group and of all that it requires, each once."""
    seen: set[str] = set()
    pending = [group["name"]]
    packages: dict[str, dict[str, Any]] = {}
    while pending:
        name = pending.pop()
        if name in seen or name not in by_name:
            continue
        seen.add(name)
        pending += [req["name"] for req in by_name[name]["grouplist"]]
        for pkg in by_name[name]["packagelist"]:
            packages.setdefault(pkg["package"], pkg)
    return list(packages.values())


def spec_text(groups: list[dict[str, Any]]) -> str:
    """An empty package that pulls in the group `build`."""
    by_name = {group["name"]: group for group in groups}
    name = "buildsys-build"
    requires = expanded(by_name["build"], by_name) if "build" in by_name else []
    lines = [f"Name: {name}", "Version: 1", "Release: 1", "Summary: The base set of packages of a buildroot"]
    lines += ["License: GPL", "BuildArch: noarch"]
    lines += [f"Requires: {pkg['package']}" for pkg in requires]
    return "\n".join([*lines, "", "%description", "Requires the packages of a build.", "", "%files", ""])
