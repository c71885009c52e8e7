"""Builds and tags: `tag-build`, `untag-build`, `move-build`."""

from typing import Any

import click

from moromi.names import parse_NVR
from moromi_cli import options
from moromi_cli.lazy import command
from moromi_cli.output import Failure, say, warn
from moromi_cli.session import Cli
from moromi_cli.watch import watch_tasks


@command("tag-build", "[options] <tag> <pkg> [<pkg> ...]")
@options.force
@options.wait
@click.argument("tag")
@click.argument("builds", nargs=-1, required=True)
def tag_build(cli: Cli, tag: str, builds: tuple[str, ...], force: bool, wait: bool | None) -> int:
    """Tag builds."""
    tasks = []
    for build in builds:
        task_id = cli.session.tagBuild(tag, build, force=force)
        say(f"Created task {task_id}")
        tasks.append(task_id)
    return watch_tasks(cli, tasks, cli.quiet) if options.should_wait(wait) else 0


@command("move-build", "[options] <tag1> <tag2> <pkg> [<pkg> ...]")
@options.force
@options.wait
@click.option("--all", is_flag=True, help="arguments are packages: move all their builds")
@click.argument("source")
@click.argument("target")
@click.argument("things", nargs=-1, required=True)
def move_build(
    cli: Cli, source: str, target: str, things: tuple[str, ...], force: bool, wait: bool | None, all: bool
) -> int:
    """Move builds from one tag to another."""
    tasks: list[int] = []
    for thing in things:
        found = cli.session.getPackage(thing) if all else cli.session.getBuild(thing)
        if not found:
            say(f"No such {'package' if all else 'build'}: {thing}, skipping.")
        elif all:
            tasks += cli.session.moveAllBuilds(source, target, thing, force)
        else:
            task_id = cli.session.moveBuild(source, target, found["id"], force)
            say(f"Created task {task_id}, moving {thing}")
            tasks.append(task_id)
    return watch_tasks(cli, tasks, cli.quiet) if options.should_wait(wait) else 0


def nvr_of(row: dict[str, Any]) -> str:
    """The build of a history row."""
    return f"{row['name']}-{row['version']}-{row['release']}"


@command("untag-build", "[options] <tag> <pkg> [<pkg> ...]")
@click.option("--all", is_flag=True, help="arguments are packages: untag all their builds")
@click.option("--non-latest", is_flag=True, help="arguments are packages: untag all but the latest")
@click.option("-n", "--test", is_flag=True, help="print only")
@click.option("-v", "--verbose", is_flag=True, help="print each action")
@options.force
@click.argument("tag")
@click.argument("things", nargs=-1)
def untag_build(cli: Cli, tag: str, things: tuple[str, ...], **given: bool) -> None:
    """Remove builds from a tag."""
    if given["non_latest"] and given["force"]:
        if given["all"]:
            raise cli.usage_error("--all and --non-latest exclude each other")
    elif not things:
        raise cli.usage_error(
            "This command takes at least two arguments: a tag name/ID and one or more packages"
        )
    info = cli.session.getTag(tag)
    if not info:
        raise cli.usage_error(f"No such tag: {tag}")
    history = tagged_now(cli, info, things, by_package=given["all"] or given["non_latest"])
    if given["all"]:
        chosen = [nvr_of(row) for row in history]
    elif given["non_latest"]:
        chosen = not_latest(history, given["verbose"])
    else:
        chosen = present(cli, tag, things, {nvr_of(row) for row in history}, given["force"])
    chosen.reverse()
    with cli.session.multicall(strict=True) as calls:
        for name in chosen:
            if given["test"]:
                say(f"would have untagged {name}")
                continue
            if given["verbose"]:
                say(f"untagging {name}")
            calls.untagBuild(info["name"], name, force=given["force"])


def tagged_now(
    cli: Cli, tag: dict[str, Any], things: tuple[str, ...], by_package: bool
) -> list[dict[str, Any]]:
    """History rows of what is tagged now: of the packages (or the builds' packages), or of all."""
    if not things:
        return list(
            cli.session.queryHistory(tag=tag["id"], active=True, tables=["tag_listing"])["tag_listing"]
        )
    packages = list(dict.fromkeys(thing if by_package else parse_NVR(thing)["name"] for thing in things))
    with cli.session.multicall(strict=True) as calls:
        queries = [calls.queryHistory(tag=tag["id"], package=name, active=True) for name in packages]
    return [row for query in queries for row in query.result.get("tag_listing", [])]


def not_latest(history: list[dict[str, Any]], verbose: bool) -> list[str]:
    """All builds but the one of each package that was tagged last."""
    chosen: list[str] = []
    left: set[str] = set()
    for row in sorted(history, key=lambda row: -int(row["create_event"])):
        if row["name"] in left:
            chosen.append(nvr_of(row))
            continue
        left.add(row["name"])
        if verbose:
            say(f"Leaving latest build for package {row['name']}: {nvr_of(row)}")
    return chosen


def present(cli: Cli, tag: str, things: tuple[str, ...], tagged: set[str], force: bool) -> list[str]:
    """The builds that are in the tag; others are named, and end the command unless forced."""
    chosen = []
    failed = False
    for thing in things:
        if thing in tagged:
            chosen.append(thing)
            continue
        found = cli.session.getBuild(thing)
        warn(f"Build {thing} not in tag {tag}" if found else f"No such build: {thing}")
        failed = True
    if failed and not force:
        raise Failure()
    return chosen
