"""Package groups of tags: making, blocking, removing."""

from typing import Any

import click

from moromi_cli.commands.admin_tags import need_permission, need_tag
from moromi_cli.lazy import MoromiCommand, command
from moromi_cli.output import Failure, say
from moromi_cli.session import Cli


def find_group(cli: Cli, tag: dict[str, Any], name: str, **query: bool) -> dict[str, Any] | None:
    """The group as the tag sees it, blocked or not."""
    groups = cli.session.getTagGroups(tag["id"], incl_blocked=True, **query)
    found: dict[str, Any] | None = next((group for group in groups if group["name"] == name), None)
    return found


@command("add-group", "<tag> <group>")
@click.argument("tag")
@click.argument("group")
def add_group(cli: Cli, tag: str, group: str) -> None:
    """Add a group to a tag."""
    need_permission(cli, "tag")
    need_tag(cli, tag)
    if group in {item["name"] for item in cli.session.getTagGroups(tag, inherit=False)}:
        raise Failure(f"Group {group} already exists for tag {tag}")
    cli.session.groupListAdd(tag, group)


def need_group(cli: Cli, tag: str, group: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tag and its group, which must not be blocked."""
    info = need_tag(cli, tag)
    found = find_group(cli, info, group, incl_pkgs=False, incl_reqs=False)
    if not found:
        raise Failure(f"Group {group} doesn't exist within tag {tag}")
    if found["blocked"]:
        raise Failure(f"Group {group} is blocked in tag {tag}")
    return info, found


@command("block-group", "<tag> <group>")
@click.argument("tag")
@click.argument("group")
def block_group(cli: Cli, tag: str, group: str) -> None:
    """Block a group in a tag."""
    need_permission(cli, "tag")
    need_group(cli, tag, group)
    cli.session.groupListBlock(tag, group)


@command("unblock-group", "<tag> <group>")
@click.argument("tag")
@click.argument("group")
def unblock_group(cli: Cli, tag: str, group: str) -> None:
    """Unblock a group in a tag."""
    cli.session.groupListUnblock(tag, group)


@command("remove-group", "<tag> <group>")
@click.argument("tag")
@click.argument("group")
def remove_group(cli: Cli, tag: str, group: str) -> None:
    """Remove a group from a tag."""
    need_permission(cli, "tag")
    info, found = need_group(cli, tag, group)
    if found["tag_id"] != info["id"]:
        raise Failure(f"Group {group} is inherited, not a group of tag {tag} itself")
    cli.session.groupListRemove(tag, group)


def each_package(name: str, call: str, text: str) -> MoromiCommand:
    """A command that makes one call for each package of a group."""

    @command(name, "<tag> <group> <pkg> [<pkg> ...]")
    @click.argument("tag")
    @click.argument("group")
    @click.argument("packages", nargs=-1, required=True)
    def run(cli: Cli, tag: str, group: str, packages: tuple[str, ...]) -> None:
        for package in packages:
            cli.session.call(call, tag, group, package)

    run.help = text
    return run


def one_requirement(name: str, call: str, text: str) -> MoromiCommand:
    """A command about a group that another requires."""

    @command(name, "<tag> <group> <required group>")
    @click.argument("tag")
    @click.argument("group")
    @click.argument("required")
    def run(cli: Cli, tag: str, group: str, required: str) -> None:
        cli.session.call(call, tag, group, required)

    run.help = text
    return run


add_group_pkg = each_package("add-group-pkg", "groupPackageListAdd", "Add packages to a group.")
block_group_pkg = each_package("block-group-pkg", "groupPackageListBlock", "Block packages in a group.")
unblock_group_pkg = each_package(
    "unblock-group-pkg", "groupPackageListUnblock", "Unblock packages in a group."
)
add_group_req = one_requirement("add-group-req", "groupReqListAdd", "Make a group require another.")
block_group_req = one_requirement("block-group-req", "groupReqListBlock", "Block a group requirement.")
unblock_group_req = one_requirement(
    "unblock-group-req", "groupReqListUnblock", "Unblock a group requirement."
)


#: what a part of a group is called -> where they are in a group, which key names them, the commands' ending
PARTS = {"package": ("packagelist", "package", "pkg"), "req": ("grouplist", "name", "req")}


def remove_parts(cli: Cli, kind: str, tag: str, group: str, names: tuple[str, ...]) -> int:
    """The tag's id, when every name is a part of the group in this very tag; else they are named, exit 1."""
    info = need_tag(cli, tag)
    found = find_group(cli, info, group)
    if not found:
        raise Failure(f"Group {group} is not present in tag {tag}")
    place, key, ending = PARTS[kind]
    present = {part[key]: part for part in found[place]}
    bad = False
    for name in names:
        part = present.get(name)
        if part is None:
            problem = f"{kind.capitalize()} {name} is not included in this group"
        elif part["blocked"]:
            problem = (
                f"{kind.capitalize()} {name} is blocked in this group."
                f" You could use unblock-group-{ending} to unblock it"
            )
        elif part["tag_id"] != info["id"]:
            origin = cli.session.getTag(part["tag_id"], strict=True)["name"]
            problem = (
                f"The entry for {kind} {name} is inherited from {origin}."
                f" You could use block-group-{ending} to prevent this"
            )
        else:
            continue
        say(problem)
        bad = True
    if bad:
        raise Failure("Invalid parameters")
    return int(info["id"])


@command("remove-group-pkg", "<tag> <group> <pkg> [<pkg> ...]")
@click.argument("tag")
@click.argument("group")
@click.argument("packages", nargs=-1, required=True)
def remove_group_pkg(cli: Cli, tag: str, group: str, packages: tuple[str, ...]) -> None:
    """Remove packages from a group."""
    tag_id = remove_parts(cli, "package", tag, group, packages)
    with cli.session.multicall(strict=True) as calls:
        for package in packages:
            calls.groupPackageListRemove(tag_id, group, package)


@command("remove-group-req", "<tag> <group> <req> [<req> ...]")
@click.argument("tag")
@click.argument("group")
@click.argument("required", nargs=-1, required=True)
def remove_group_req(cli: Cli, tag: str, group: str, required: tuple[str, ...]) -> None:
    """Remove a group requirement."""
    tag_id = remove_parts(cli, "req", tag, group, required)
    with cli.session.multicall(strict=True) as calls:
        for name in required:
            calls.groupReqListRemove(tag_id, group, name)
