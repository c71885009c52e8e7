"""Making and changing tags, their inheritance, and build targets."""

import json
from typing import Any

import click

from moromi.arches import parse_text
from moromi_cli import options
from moromi_cli.lazy import command
from moromi_cli.output import Failure, convert, say
from moromi_cli.session import Cli

extra_option = click.option("-x", "--extra", multiple=True, metavar="key=value", help="extra option")
Link = dict[str, Any]


def need_tag(cli: Cli, name: str) -> dict[str, Any]:
    """The tag, or exit 1."""
    tag: dict[str, Any] | None = cli.session.getTag(name)
    if not tag:
        raise Failure(f"No such tag: {name}")
    return tag


def need_permission(cli: Cli, name: str) -> None:
    """The hub checks as well; this says it before anything is done."""
    if not (cli.session.hasPerm(name) or cli.session.hasPerm("admin")):
        raise cli.usage_error(f"This action requires {name} or admin privileges")


def split_extra(cli: Cli, texts: tuple[str, ...], from_json: bool) -> dict[str, Any]:
    """`key=value` options as a dict; a value is a number, None, True, False, with `from_json` any JSON, else
    text. Without `from_json` the last value of a key counts, as Koji's client has it.
    """
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise Failure(f"Invalid extra option, key=value expected: {text}")
        if key in found and from_json:
            raise cli.usage_error(f"Duplicate extra key: {key}")
        found[key] = convert(value)
        if from_json and isinstance(found[key], str):
            try:
                found[key] = json.loads(value)
            except ValueError:
                found[key] = value
    return found


@command("add-tag", "[options] <name>")
@click.option("--parent", help="parent tag")
@click.option("--arches", help="architectures")
@click.option("--maven-support", is_flag=True, help="make Maven repositories")
@click.option("--include-all", is_flag=True, help="put all packages into the Maven repository")
@extra_option
@click.argument("name")
def add_tag(cli: Cli, name: str, extra: tuple[str, ...], **given: Any) -> None:
    """Create a tag."""
    need_permission(cli, "tag")
    arguments: dict[str, Any] = {}
    if given["parent"]:
        arguments["parent"] = given["parent"]
    if given["arches"]:
        arguments["arches"] = parse_text(given["arches"])
    if given["maven_support"]:
        arguments["maven_support"] = True
    if given["include_all"]:
        arguments["maven_include_all"] = True
    if extra:
        arguments["extra"] = split_extra(cli, extra, from_json=False)
    cli.session.createTag(name, **arguments)


@command("edit-tag", "[options] <name>")
@click.option("--arches", help="architectures")
@click.option("--perm", help="permission that changes need")
@click.option("--no-perm", is_flag=True, help="changes need no permission")
@click.option("--lock", is_flag=True, help="lock the tag")
@click.option("--unlock", is_flag=True, help="unlock the tag")
@click.option("--rename", metavar="NAME", help="new name")
@click.option("--maven-support/--no-maven-support", default=None, help="make Maven repositories")
@click.option("--include-all/--no-include-all", default=None, help="all packages in the Maven repository")
@extra_option
@click.option("-r", "--remove-extra", multiple=True, metavar="key", help="remove an extra option")
@click.option("-b", "--block-extra", multiple=True, metavar="key", help="block an inherited extra option")
@click.argument("name")
def edit_tag(cli: Cli, name: str, extra: tuple[str, ...], **given: Any) -> None:
    """Change a tag."""
    changes: dict[str, Any] = {}
    if given["arches"] is not None:
        changes["arches"] = parse_text(given["arches"])
    if given["no_perm"]:
        changes["perm_id"] = None
    elif given["perm"]:
        changes["perm"] = given["perm"]
    if given["lock"] or given["unlock"]:
        changes["locked"] = given["lock"]
    if given["rename"]:
        changes["name"] = given["rename"]
    for key, wire in (("maven_support", "maven_support"), ("include_all", "maven_include_all")):
        if given[key] is not None:
            changes[wire] = given[key]
    if extra:
        changes["extra"] = split_extra(cli, extra, from_json=True)
    changes["remove_extra"] = list(given["remove_extra"])
    changes["block_extra"] = list(given["block_extra"])
    cli.session.editTag2(name, **changes)


@command("remove-tag", "<name>")
@click.argument("name")
def remove_tag(cli: Cli, name: str) -> None:
    """Delete a tag."""
    need_permission(cli, "tag")
    cli.session.deleteTag(need_tag(cli, name)["id"])


def link_options(function: options.F) -> options.F:
    """What can be said of an inheritance link."""
    for name, text in (
        ("--pkg-filter", "regular expression of package names"),
        ("--maxdepth", "how far to inherit (a number)"),
        ("--priority", "priority of the link"),
    ):
        function = click.option(name, help=text)(function)
    function = click.option("--noconfig", is_flag=True, help="inherit packages only")(function)
    return click.option("--intransitive", is_flag=True, help="do not go beyond the parent")(function)


def find_tag(cli: Cli, name: str) -> dict[str, Any]:
    """The tag of a name or an id, or a usage error."""
    tag: dict[str, Any] | None = cli.session.getTag(int(name) if name.isdigit() else name)
    if not tag:
        raise cli.usage_error(f"No such tag: {name}")
    return tag


@command("add-tag-inheritance", "[options] <tag> <parent-tag>")
@link_options
@options.force
@click.argument("tag")
@click.argument("parent")
def add_tag_inheritance(cli: Cli, tag: str, parent: str, force: bool, **given: Any) -> None:
    """Add a parent to a tag."""
    child, above = find_tag(cli, tag), find_tag(cli, parent)
    priority = int(given["priority"] or 0)
    links: list[Link] = cli.session.getInheritanceData(child["id"])
    same = [link for link in links if link["parent_id"] == above["id"]]
    if same and not force:
        raise Failure(
            f"Error: You are attempting to add {parent} as {tag}'s parent even though it already is."
        )
    if any(link["priority"] == priority for link in links):
        raise Failure(
            f"Error: There is already an active inheritance with that priority on {tag}, please specify"
            " a different priority with --priority."
        )
    depth = given["maxdepth"]
    link = {
        "parent_id": above["id"],
        "priority": priority,
        "maxdepth": int(depth) if depth and depth.isdigit() else None,
        "intransitive": given["intransitive"],
        "noconfig": given["noconfig"],
        "pkg_filter": given["pkg_filter"] or "",
    }
    cli.session.setInheritanceData(child["id"], [*links, link])


def choose_link(
    cli: Cli, tag: str, parent: str | None, priority: str | None
) -> tuple[dict[str, Any], list[Link], Link]:
    """The tag, its links, and the one to change: the only one if no parent is named."""
    child = find_tag(cli, tag)
    above = None if parent is None else find_tag(cli, parent)
    links: list[Link] = cli.session.getInheritanceData(child["id"])
    found = [link for link in links if above is None or link["parent_id"] == above["id"]]
    if not found:
        what = f"{tag} <- {parent}" if parent else tag
        raise Failure(f"No inheritance link found to remove. Please check your arguments: {what}")
    if len(found) > 1 and priority is None:
        say("Multiple matches for tag.")
        raise Failure("Please choose a priority.")
    if priority is not None:
        found = [link for link in found if link["priority"] == int(priority)]
    if len(found) != 1:
        raise Failure(f"No inheritance link of {tag} to {parent} has priority {priority}.")
    return child, links, found[0]


@command("edit-tag-inheritance", "[options] <tag> [<parent> [<priority>]]")
@link_options
@click.argument("tag")
@click.argument("parent", required=False)
@click.argument("old_priority", required=False)
def edit_tag_inheritance(
    cli: Cli, tag: str, parent: str | None, old_priority: str | None, **given: Any
) -> None:
    """Change one inheritance link."""
    child, links, link = choose_link(cli, tag, parent, old_priority)
    changed = dict(link)
    if given["priority"] is not None:
        priority = int(given["priority"])
        if any(other is not link and other["priority"] == priority for other in links):
            raise Failure(f"Error: There is already an active inheritance with that priority on {tag}.")
        changed["priority"] = priority
    if given["maxdepth"] is not None:
        changed["maxdepth"] = None if given["maxdepth"].lower() == "none" else int(given["maxdepth"])
    if given["pkg_filter"] is not None:
        changed["pkg_filter"] = given["pkg_filter"]
    for key in ("intransitive", "noconfig"):
        changed[key] = given[key] or link[key]
    # The old entry goes and the changed one comes in its place: a list with one entry for each link.
    cli.session.setInheritanceData(child["id"], [changed if other is link else other for other in links])


@command("remove-tag-inheritance", "<tag> [<parent> [<priority>]]")
@click.argument("tag")
@click.argument("parent", required=False)
@click.argument("priority", required=False)
def remove_tag_inheritance(cli: Cli, tag: str, parent: str | None, priority: str | None) -> None:
    """Remove a parent from a tag."""
    child, links, link = choose_link(cli, tag, parent, priority)
    data = [{**other, "delete link": True} if other is link else other for other in links]
    cli.session.setInheritanceData(child["id"], data)


def check_target_tags(cli: Cli, build: str | None, destination: str | None) -> None:
    """The tags of a target: both there, the build tag with architectures."""
    if build is not None:
        tag = need_tag(cli, build)
        if not tag["arches"]:
            raise Failure(f"Build tag has no arches: {build}")
    if destination is not None and not cli.session.getTag(destination):
        raise Failure(f"No such destination tag: {destination}")


@command("add-target", "<name> <build tag> <dest tag>")
@click.argument("name")
@click.argument("build_tag")
@click.argument("dest_tag", required=False)
def add_target(cli: Cli, name: str, build_tag: str, dest_tag: str | None) -> None:
    """Create a build target."""
    need_permission(cli, "target")
    check_target_tags(cli, build_tag, dest_tag or name)
    cli.session.createBuildTarget(name, build_tag, dest_tag or name)


@command("edit-target", "[options] <name>")
@click.option("--rename", metavar="NAME", help="new name")
@click.option("--build-tag", help="new build tag")
@click.option("--dest-tag", help="new destination tag")
@click.argument("name")
def edit_target(cli: Cli, name: str, rename: str | None, build_tag: str | None, dest_tag: str | None) -> None:
    """Change a build target."""
    need_permission(cli, "target")
    target = cli.session.getBuildTarget(name)
    if not target:
        raise Failure(f"No such build target: {name}")
    check_target_tags(cli, build_tag, dest_tag)
    new = (
        rename or target["name"],
        build_tag or target["build_tag_name"],
        dest_tag or target["dest_tag_name"],
    )
    cli.session.editBuildTarget(target["name"], *new)


@command("remove-target", "<name>")
@click.argument("name")
def remove_target(cli: Cli, name: str) -> None:
    """Delete a build target."""
    need_permission(cli, "target")
    target = cli.session.getBuildTarget(name)
    if not target:
        raise Failure(f"No such build target: {name}")
    cli.session.deleteBuildTarget(target["id"])
