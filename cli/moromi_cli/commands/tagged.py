"""What tags hold: `list-tagged` and `latest-build`."""

import os
from collections.abc import Iterable, Iterator
from typing import Any

import click

from moromi.names import nvr
from moromi_cli import options
from moromi_cli.lazy import listing
from moromi_cli.output import Failure, Shown, dashes
from moromi_cli.session import Cli


def build_header(maven: bool) -> list[str]:
    """Header and dashes of a list of builds."""
    if maven:
        head = f"{'Build':<40s}  {'Tag':<20s}  {'Group Id':<20s}  {'Artifact Id':<20s}  Built by"
        return [head, dashes(40, 20, 20, 20, 16)]
    return [f"{'Build':<40s}  {'Tag':<20s}  Built by", dashes(40, 20, 16)]


def build_lines(cli: Cli, builds: Iterable[dict[str, Any]], maven: bool, paths: bool) -> list[str]:
    """One line a build, sorted."""
    lines = []
    for build in builds:
        name = cli.disk.build(build) if paths else build["nvr"]
        if maven:
            if paths:
                name = cli.disk.mavenbuild(build)
            group, artifact = build["maven_group_id"], build["maven_artifact_id"]
            middle = f"{build['tag_name']:<20s}  {group:<20s}  {artifact:<20s}"
        else:
            middle = f"{build['tag_name']:<20s}"
        lines.append(f"{name:<40s}  {middle}  {build['owner_name']}")
    return sorted(lines)


def rpm_lines(
    cli: Cli, rpms: list[dict[str, Any]], builds: list[dict[str, Any]], sigs: bool, paths: bool
) -> list[str]:
    """One line an RPM (and key, with `sigs`), sorted."""
    by_id = {build["id"] if "id" in build else build["build_id"]: build for build in builds}
    lines = []
    for rpm in rpms:
        build = by_id[rpm["build_id"]]
        text = f"{nvr(rpm)}.{rpm['arch']}"
        key = rpm.get("sigkey") or ""
        if paths:
            base = cli.disk.build(build)
            text = f"{base}/{cli.disk.signed(rpm, key) if sigs and key else cli.disk.rpm(rpm)}"
            if sigs and not (key and os.path.exists(text)):
                continue
        elif rpm.get("draft"):
            text += f" (,draft_{rpm['build_id']})"
        lines.append(f"{key} {text}" if sigs and not paths else text)
    return sorted(lines)


@listing("list-tagged", "[options] <tag> [<package>]")
@click.option("--arch", multiple=True, help="list RPMs of this architecture")
@click.option("--rpms", is_flag=True, help="RPMs instead of builds")
@click.option("--inherit", is_flag=True, help="follow inheritance")
@click.option("--latest", is_flag=True, help="only the latest build of each package")
@click.option("--latest-n", type=int, metavar="N", help="only the N latest builds of each package")
@options.quiet
@click.option("--paths", is_flag=True, help="show paths")
@click.option("--sigs", is_flag=True, help="show signing keys (lists RPMs)")
@click.option("--type", help="only builds of this type")
@options.event
@click.option("--draft-only", is_flag=True, help="only drafts")
@click.option("--no-draft", is_flag=True, help="no drafts")
@click.argument("tag")
@click.argument("package", required=False)
def list_tagged(cli: Cli, tag: str, package: str | None, **given: Any) -> Shown:
    """What a tag holds: builds, or RPMs."""
    quiet = cli.is_quiet(given["quiet"])
    if given["draft_only"] and given["no_draft"]:
        raise cli.usage_error("--draft-only conflicts with --no-draft")
    event = options.event_arguments(cli, given["event"], given["ts"], given["repo"], silent=quiet)
    if not cli.session.getTag(tag, **event):
        raise cli.usage_error(f"No such tag: {tag}")
    arguments: dict[str, Any] = {"latest": given["latest_n"] or given["latest"] or None, **event}
    arguments["inherit"] = given["inherit"]
    if package:
        arguments["package"] = package
    if given["type"]:
        arguments["type"] = given["type"]
    elif given["draft_only"] or given["no_draft"]:
        arguments["draft"] = given["draft_only"]
    if given["rpms"] or given["arch"] or given["sigs"]:
        return list_rpms(cli, tag, arguments, given)
    builds = cli.session.listTagged(tag, **arguments)
    maven = given["type"] == "maven"
    lines = build_lines(cli, builds, maven, given["paths"])
    return Shown(builds, lines if quiet else build_header(maven) + lines)


def list_rpms(cli: Cli, tag: str, arguments: dict[str, Any], given: dict[str, Any]) -> Shown:
    """The RPM form of `list-tagged`."""
    if given["sigs"]:
        arguments["rpmsigs"] = True
        if given["paths"] and not os.path.isdir(f"{cli.settings.topdir}/packages"):
            raise Failure("'list-tagged --sigs --paths' requires accessible packages directory")
    if given["arch"]:
        arguments["arch"] = list(given["arch"])
    rpms, builds = cli.session.listTaggedRPMS(tag, **arguments)
    return Shown(rpms, rpm_lines(cli, rpms, builds, given["sigs"], given["paths"]))


@listing("latest-build", "[options] <tag> <package> [<package> ...]")
@click.option("--arch", help="list the latest RPMs of this architecture")
@click.option("--all", is_flag=True, help="all packages of the tag")
@options.quiet
@click.option("--paths", is_flag=True, help="show paths")
@click.option("--type", help="only builds of this type")
@click.argument("tag")
@click.argument("packages", nargs=-1)
def latest_build(cli: Cli, tag: str, packages: tuple[str, ...], quiet: bool, **given: Any) -> Shown:
    """The latest builds of packages in a tag, with inheritance."""
    if given["all"]:
        if packages:
            raise cli.usage_error("--all and package names exclude each other")
        names = sorted(pkg["package_name"] for pkg in cli.session.listPackages(tagID=tag, inherited=True))
    elif packages:
        names = list(packages)
    else:
        raise cli.usage_error("A tag name and package name must be specified")
    arguments = {"type": given["type"]} if given["type"] else {}
    results: list[Any] = []
    with cli.session.multicall(strict=True, batch=500) as calls:
        for name in names:
            if given["arch"]:
                results.append(calls.getLatestRPMS(tag, package=name, arch=given["arch"]))
            else:
                results.append(calls.getLatestBuilds(tag, package=name, **arguments))
    if given["arch"]:
        found = [item for call in results for item in call.result[0]]
        return Shown(found, latest_rpm_lines(cli, results, given["paths"]))
    maven = given["type"] == "maven"
    lines = [] if cli.is_quiet(quiet) else build_header(maven)
    for call in results:
        lines += build_lines(cli, call.result, maven, given["paths"])
    return Shown([item for call in results for item in call.result], lines)


def latest_rpm_lines(cli: Cli, results: list[Any], paths: bool) -> Iterator[str]:
    """The RPMs of each package that was asked for."""
    for call in results:
        rpms, builds = call.result
        yield from rpm_lines(cli, rpms, builds, False, paths)
