"""Locking tags: by a permission that changes need, or wholly."""

from fnmatch import fnmatchcase
from typing import Any

import click

from moromi_cli.lazy import command
from moromi_cli.output import Failure, say
from moromi_cli.session import Cli

glob_option = click.option("--glob", is_flag=True, help="arguments are patterns of tag names")
test_option = click.option("-n", "--test", is_flag=True, help="print only")


def matching_tags(cli: Cli, patterns: tuple[str, ...]) -> list[dict[str, Any]]:
    """All tags that match one of the patterns; says so if none does."""
    found = [
        tag
        for tag in cli.session.listTags()
        if any(fnmatchcase(tag["name"], pattern) for pattern in patterns)
    ]
    if not found:
        say("No tags matched")
    return found


@command("lock-tag", "[options] <tag> [<tag> ...]")
@click.option("--perm", help="permission that changes then need (default: admin)")
@glob_option
@click.option("--master", is_flag=True, help="allow no changes at all")
@test_option
@click.argument("names", nargs=-1, required=True)
def lock_tag(
    cli: Cli, names: tuple[str, ...], perm: str | None, glob: bool, master: bool, test: bool
) -> None:
    """Lock tags."""
    perm = perm or "admin"
    perms = {item["name"]: item["id"] for item in cli.session.getAllPerms()}
    if perm not in perms:
        raise Failure(f"No such permission: {perm}")
    tags = (
        matching_tags(cli, names)
        if glob
        else [cli.session.getTag(int(name) if name.isdigit() else name, strict=True) for name in names]
    )
    for tag in tags:
        if master:
            lock_wholly(cli, tag, test)
        elif tag["perm_id"] == perms[perm]:
            say(f"Tag {tag['name']}: {perm} permission already required")
        elif test:
            say(f"Would have set permission requirement {perm} for tag {tag['name']}")
        else:
            cli.session.editTag2(tag["id"], perm_id=perms[perm])


def lock_wholly(cli: Cli, tag: dict[str, Any], test: bool) -> None:
    """Set the lock of a tag, if it is not set."""
    if tag["locked"]:
        say(f"Tag {tag['name']}: master lock already set")
    elif test:
        say(f"Would have set master lock for: {tag['name']}")
    else:
        cli.session.editTag2(tag["id"], locked=True)


@command("unlock-tag", "[options] <tag> [<tag> ...]")
@glob_option
@test_option
@click.argument("names", nargs=-1, required=True)
def unlock_tag(cli: Cli, names: tuple[str, ...], glob: bool, test: bool) -> None:
    """Remove both kinds of locks from tags."""
    if glob:
        tags = matching_tags(cli, names)
    else:
        tags = []
        for name in names:
            tag = cli.session.getTag(name)
            if not tag:
                raise cli.usage_error(f"No such tag: {name}")
            tags.append(tag)
    for tag in tags:
        changes: dict[str, Any] = {"locked": False} if tag["locked"] else {}
        if tag["perm_id"]:
            changes["perm"] = None
        if not changes:
            say(f"Tag {tag['name']}: not locked")
        elif test:
            say(f"Tag {tag['name']}: skipping changes: {changes!r}")
        else:
            cli.session.editTag2(tag["id"], **changes)
