"""Package lists: who may be in a tag, and who owns it."""

from typing import Any

import click

from moromi.arches import parse_text
from moromi_cli import options
from moromi_cli.commands.admin_tags import need_tag
from moromi_cli.lazy import command
from moromi_cli.output import Failure, say, warn
from moromi_cli.session import Cli


def listed(cli: Cli, tag_id: int, inherited: bool = False) -> set[str]:
    """Names in a tag's package list."""
    extra: dict[str, Any] = {"inherited": True} if inherited else {}
    return {pkg["package_name"] for pkg in cli.session.listPackages(tagID=tag_id, with_owners=False, **extra)}


@command("add-pkg", "[options] --owner <owner> <tag> <package> [<package> ...]")
@options.force
@click.option("--owner", required=True, help="owner of the packages")
@click.option("--extra-arches", help="additional architectures")
@click.argument("tag")
@click.argument("packages", nargs=-1, required=True)
def add_pkg(
    cli: Cli, tag: str, packages: tuple[str, ...], owner: str, extra_arches: str | None, force: bool
) -> None:
    """Add packages to a tag's list."""
    if not cli.session.getUser(owner):
        raise Failure(f"No such user: {owner}")
    present = listed(cli, need_tag(cli, tag)["id"])
    new = [package for package in packages if package not in present]
    for package in packages:
        if package in present:
            say(f"Package {package} already exists in tag {tag}")
    say(f"Adding {len(new)} packages to tag {tag}")
    extra = {"extra_arches": parse_text(extra_arches)} if extra_arches else {}
    with cli.session.multicall(strict=True) as calls:
        for package in new:
            calls.packageListAdd(tag, package, owner, force=force, block=False, **extra)


@command("block-pkg", "[options] <tag> <package> [<package> ...]")
@options.force
@click.argument("tag")
@click.argument("packages", nargs=-1, required=True)
def block_pkg(cli: Cli, tag: str, packages: tuple[str, ...], force: bool) -> None:
    """Block packages in a tag."""
    present = listed(cli, need_tag(cli, tag)["id"], inherited=True)
    missing = [package for package in packages if package not in present]
    for package in missing:
        warn(f"Package {package} doesn't exist in tag {tag}")
    if missing:
        raise Failure()
    extra = {"force": True} if force else {}
    with cli.session.multicall(strict=True) as calls:
        for package in packages:
            calls.packageListBlock(tag, package, **extra)


@command("unblock-pkg", "<tag> <package> [<package> ...]")
@click.argument("tag")
@click.argument("packages", nargs=-1, required=True)
def unblock_pkg(cli: Cli, tag: str, packages: tuple[str, ...]) -> None:
    """Unblock packages in a tag."""
    with cli.session.multicall(strict=True) as calls:
        for package in packages:
            calls.packageListUnblock(tag, package)


@command("remove-pkg", "[options] <tag> <package> [<package> ...]")
@options.force
@click.argument("tag")
@click.argument("packages", nargs=-1, required=True)
def remove_pkg(cli: Cli, tag: str, packages: tuple[str, ...], force: bool) -> None:
    """Remove packages from a tag's list."""
    present = listed(cli, need_tag(cli, tag)["id"])
    missing = [package for package in packages if package not in present]
    for package in missing:
        warn(f"Package {package} is not in tag {tag}")
    if missing:
        raise Failure()
    with cli.session.multicall(strict=True) as calls:
        for package in packages:
            calls.packageListRemove(tag, package, force=force)


@command("set-pkg-arches", "[options] <arches> <tag> <package> [<package> ...]")
@options.force
@click.argument("arches")
@click.argument("tag")
@click.argument("packages", nargs=-1, required=True)
def set_pkg_arches(cli: Cli, arches: str, tag: str, packages: tuple[str, ...], force: bool) -> None:
    """Set the extra arches of packages in a tag."""
    text = parse_text(arches)
    with cli.session.multicall(strict=True) as calls:
        for package in packages:
            calls.packageListSetArches(tag, package, text, force=force)


@command("set-pkg-owner", "[options] <owner> <tag> <package> [<package> ...]")
@options.force
@click.argument("owner")
@click.argument("tag")
@click.argument("packages", nargs=-1, required=True)
def set_pkg_owner(cli: Cli, owner: str, tag: str, packages: tuple[str, ...], force: bool) -> None:
    """Set the owner of packages in a tag."""
    with cli.session.multicall(strict=True) as calls:
        for package in packages:
            calls.packageListSetOwner(tag, package, owner, force=force)


@command("set-pkg-owner-global", "[options] <owner> <package> [<package> ...]")
@click.option("--verbose", is_flag=True, help="print changes")
@click.option("--test", is_flag=True, help="print only")
@click.option("--old-user", "--from", "old_user", metavar="USER", help="only where this is the owner")
@click.argument("owner")
@click.argument("packages", nargs=-1)
def set_pkg_owner_global(
    cli: Cli, owner: str, packages: tuple[str, ...], old_user: str | None, verbose: bool, test: bool
) -> None:
    """Set the owner of packages in all tags."""
    if not (packages or old_user):
        raise cli.usage_error("Please specify an owner and at least one package")
    user = need_user(cli, owner)
    old = need_user(cli, old_user) if old_user else None
    for entry in owned_entries(cli, packages, old):
        where = f"package {entry['package_name']} in tag {entry['tag_name']}"
        change = (
            f"{entry['package_name']} in tag {entry['tag_name']}: {entry['owner_name']} -> {user['name']}"
        )
        if entry["owner_id"] == user["id"]:
            if verbose:
                say(f"Preserving owner={user['name']} for {where}")
        elif test:
            say(f"Would have changed owner for {change}")
        else:
            if verbose:
                say(f"Changing owner for {change}")
            cli.session.packageListSetOwner(entry["tag_id"], entry["package_name"], user["id"])


def need_user(cli: Cli, name: str) -> dict[str, Any]:
    """The user, or exit 1."""
    user: dict[str, Any] | None = cli.session.getUser(name)
    if not user:
        raise Failure(f"No such user: {name}")
    return user


def owned_entries(cli: Cli, packages: tuple[str, ...], old: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Entries of package lists in all tags: of these packages, or of all; with `old`, those of this user."""
    query = {"userID": old["id"]} if old else {}
    if not packages:
        entries: list[dict[str, Any]] = cli.session.listPackages(with_dups=True, **query)
        if not entries:
            raise Failure(f"No data for user {old['name'] if old else ''}")
        return entries
    entries = []
    for package in packages:
        found = cli.session.listPackages(pkgID=package, with_dups=True, **query)
        if not found:
            say(f"No data for package {package}")
        entries += found
    return entries
