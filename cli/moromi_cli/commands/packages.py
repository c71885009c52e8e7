"""`list-pkgs`: package lists."""

from typing import Any

import click

from moromi_cli import options
from moromi_cli.lazy import listing
from moromi_cli.output import Failure, Shown, dashes
from moromi_cli.session import Cli


def package_query(cli: Cli, given: dict[str, Any]) -> dict[str, Any]:
    """Arguments of listPackages; unknown names are usage errors."""
    query: dict[str, Any] = {}
    if given["owner"]:
        user = cli.session.getUser(given["owner"])
        if not user:
            raise cli.usage_error(f"No such user: {given['owner']}")
        query["userID"] = user["id"]
    if given["tag"]:
        tag = cli.session.getTag(given["tag"])
        if not tag:
            raise cli.usage_error(f"No such tag: {given['tag']}")
        query["tagID"] = tag["id"]
    if given["package"]:
        query["pkgID"] = given["package"]
    return query


@listing("list-pkgs", "[options]")
@click.option("--owner", help="packages of this owner")
@click.option("--tag", help="packages of this tag")
@click.option("--package", help="this package")
@options.quiet
@click.option("--noinherit", is_flag=True, help="ignore inheritance")
@click.option("--show-blocked", is_flag=True, help="also blocked entries")
@click.option("--show-dups", is_flag=True, help="also entries that a nearer tag hides")
@options.event
def list_pkgs(cli: Cli, quiet: bool, **given: Any) -> Shown:
    """Package list of a tag or owner, or all packages."""
    query = package_query(cli, given)
    filtered = bool(query)
    at = options.event_arguments(cli, given["event"], given["ts"], given["repo"])
    if not filtered and (at or given["show_blocked"]):
        raise cli.usage_error("--event and --show-blocked make sense only with --tag, --package or --owner")
    if filtered:
        query["inherited"] = not given["noinherit"] and "tagID" in query
        query["with_dups"] = given["show_dups"] or "tagID" not in query
    packages = cli.session.listPackages(**query, **at)
    if not (packages or cli.json):
        raise Failure("(no matching packages)")
    if not given["show_blocked"]:
        packages = [package for package in packages if not package.get("blocked")]
    lines = [package_line(package) if filtered else package["package_name"] for package in packages]
    return Shown(packages, lines if cli.is_quiet(quiet) else package_header(filtered) + lines)


def package_header(filtered: bool) -> list[str]:
    """Header and dashes, of a tag's or user's list or of all packages."""
    if not filtered:
        return ["Package", dashes(23)]
    head = f"{'Package':<23s} {'Tag':<23s} {'Extra Arches':<16s} {'Owner':<15s}"
    return [head, dashes(23, 23, 16, 15, sep=" ")]


def package_line(package: dict[str, Any]) -> str:
    """One entry of a tag's list."""
    arches = package.get("extra_arches") or ""
    line = f"{package['package_name']:<23s} {package['tag_name']:<23s} {arches:<16s}"
    line += f" {package['owner_name']:<15s}"
    return f"{line} [BLOCKED]" if package.get("blocked") else line
