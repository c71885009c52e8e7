"""Starting builds, and stopping them."""

import json
import os
from typing import Any

import click

from moromi.errors import Fault, GenericError
from moromi.names import parse_NVR
from moromi_cli import options
from moromi_cli.lazy import command
from moromi_cli.output import Failure, in_background, say, warn
from moromi_cli.progress import unique_path, upload
from moromi_cli.session import Cli
from moromi_cli.watch import submitted, watch_tasks


def check_target(cli: Cli, name: str, *, scratch: bool = False) -> dict[str, Any]:
    """The build target, whose destination must exist and be open (locked is fine for scratch builds)."""
    target = cli.session.getBuildTarget(name)
    if not target:
        raise cli.usage_error(f"No such build target: {name}")
    tag = cli.session.getTag(target["dest_tag"])
    if not tag:
        raise cli.usage_error(f"No such destination tag: {target['dest_tag_name']}")
    if tag["locked"] and not scratch:
        raise cli.usage_error(f"Destination tag {tag['name']} is locked")
    return dict(target)


def read_metadata(cli: Cli, text: str | None) -> dict[str, Any]:
    """The JSON object of `--custom-user-metadata`."""
    if text is None:
        return {}
    try:
        data = json.loads(text)
    except ValueError as err:
        raise cli.usage_error(f"--custom-user-metadata is not valid JSON: {err}") from err
    if not isinstance(data, dict):
        raise cli.usage_error("--custom-user-metadata must be a JSON object")
    return data


def check_build_options(cli: Cli, given: dict[str, Any]) -> None:
    """Combinations that make no sense."""
    if not given["scratch"]:
        if given["rebuild_srpm"] is not None:
            raise cli.usage_error("--no-/rebuild-srpm is only allowed for --scratch builds")
        if given["arch_override"]:
            raise cli.usage_error("--arch_override is only allowed for --scratch builds")
    elif given["draft"]:
        raise cli.usage_error("--scratch and --draft cannot be both specified")


def build_options(given: dict[str, Any]) -> dict[str, Any]:
    """The options that go to the hub: those that were given."""
    keys = ("skip_tag", "scratch", "repo_id", "fail_fast", "wait_repo", "draft")
    opts = {key: given[key] for key in keys if given[key]}
    if given["rebuild_srpm"] is not None:
        opts["rebuild_srpm"] = given["rebuild_srpm"]
    if given["arch_override"]:
        opts["arch_override"] = " ".join(given["arch_override"].replace(",", " ").split())
    opts["wait_builds"] = list(given["wait_build"])
    return opts


@command("build", "[options] <target> <srpm path or scm url>")
@click.option("--skip-tag", is_flag=True, help="leave the finished build untagged")
@click.option("--scratch", is_flag=True, help="throw-away build")
@click.option("--rebuild-srpm/--no-rebuild-srpm", default=None, help="whether to make an uploaded SRPM anew")
@options.wait
@click.option("--wait-repo", is_flag=True, help="wait for an up-to-date repository of the build tag")
@click.option("--wait-build", multiple=True, metavar="NVR", help="wait until this build is in the repository")
@options.quiet
@click.option("--arch-override", metavar="ARCHES", help="architectures to build (scratch builds)")
@click.option("--fail-fast", is_flag=True, help="stop the other architectures when one fails")
@click.option("--repo-id", type=int, metavar="ID", help="build against this repository")
@options.noprogress
@options.background
@click.option("--custom-user-metadata", metavar="JSON", help="stored with the build")
@click.option("--draft", is_flag=True, help="make a draft build")
@click.argument("target")
@click.argument("source")
def build(cli: Cli, target: str, source: str, **given: Any) -> int:
    """Build a package from source."""
    check_build_options(cli, given)
    metadata = read_metadata(cli, given["custom_user_metadata"])
    opts = build_options(given)
    opts["custom_user_metadata"] = metadata
    quiet = cli.is_quiet(given["quiet"])
    name: str | None = target
    if target.lower() == "none" and given["repo_id"]:
        name, opts["skip_tag"] = None, True
    else:
        check_target(cli, target, scratch=given["scratch"])
    if "://" not in source:
        source = upload_srpm(cli, source, quiet=quiet, noprogress=given["noprogress"])
    priority = options.BACKGROUND_PRIORITY if given["background"] else None
    task_id = cli.session.build(source, name, opts, priority=priority)
    return submitted(cli, task_id, quiet=quiet, wait=options.should_wait(given["wait"]))


def upload_srpm(cli: Cli, path: str, *, quiet: bool, noprogress: bool) -> str:
    """Send a local SRPM; its path below the hub's work directory."""
    if not os.path.isfile(path):
        raise cli.usage_error(f"No such file: {path}")
    if not quiet:
        say(f"Uploading srpm: {path}")
    sent = upload(cli.session, path, unique_path("cli-build"), silent=quiet or noprogress)
    say()
    return sent


def group_sources(cli: Cli, words: tuple[str, ...]) -> list[list[str]]:
    """Sources in groups, which a lone `:` separates."""
    groups: list[list[str]] = [[]]
    for word in words:
        if word == ":":
            groups.append([])
        elif "://" in word or ("/" not in word and not word.endswith(".rpm") and word.count("-") >= 2):
            groups[-1].append(word)
        else:
            raise Failure(f'"{word}" is not a SCM URL or package N-V-R')
    groups = [group for group in groups if group]
    if len(groups) < 2:
        raise cli.usage_error(
            "You must specify at least two groups of sources, separated by a colon, for a chain-build\n"
            f"If there are no dependencies between packages, use the {cli.prog} build command instead"
        )
    return groups


@command("chain-build", "[options] <target> <URL> [<URL> [:] <URL> [:] <URL> ...]")
@options.wait
@click.option(
    "--wait-repo/--no-wait-repo",
    default=True,
    help="whether each build waits for an up-to-date repository of the build tag (default: it does)",
)
@options.quiet
@options.background
@click.argument("target")
@click.argument("sources", nargs=-1, required=True)
def chain_build(cli: Cli, target: str, sources: tuple[str, ...], **given: Any) -> int:
    """Build one or more packages from source, in order.

    A level begins when the builds of the level before are in the repository. The first level, too, sees what
    was tagged a moment ago.
    """
    info = cli.session.getBuildTarget(target)
    if not info:
        raise cli.usage_error(f"No such build target: {target}")
    tag = cli.session.getTag(info["dest_tag"], strict=True)
    if tag["locked"]:
        raise cli.usage_error(f"Destination tag {tag['name']} is locked")
    ancestors = {line["parent_id"] for line in cli.session.getFullInheritance(info["build_tag"])}
    if info["dest_tag"] not in ancestors | {info["build_tag"]}:
        warn(
            f"Packages in destination tag {info['dest_tag_name']} are not inherited by build tag "
            f"{info['build_tag_name']}"
        )
        raise Failure(f"Target {target} is not usable for a chain-build")
    groups = group_sources(cli, sources)
    priority = options.BACKGROUND_PRIORITY if given["background"] else None
    # the options of a chain are those of each of its builds
    opts = {"wait_repo": True} if given["wait_repo"] else None
    task_id = cli.session.chainBuild(groups, target, opts, priority=priority)
    return submitted(
        cli, task_id, quiet=cli.is_quiet(given["quiet"]), wait=options.should_wait(given["wait"])
    )


@command("cancel", "[options] <task_id|build> [<task_id|build> ...]")
@click.option("--justone", is_flag=True, help="do not cancel subtasks")
@click.option("--full", is_flag=True, help="full cancellation (admin)")
@click.option("--force", is_flag=True, help="with --full: allow on a subtask")
@click.argument("things", nargs=-1, required=True)
def cancel(cli: Cli, things: tuple[str, ...], justone: bool, full: bool, force: bool) -> int:
    """Cancel tasks and/or builds."""
    tasks, builds = split_things(cli, things)
    session = cli.session
    strict = {"strict": True} if session.hub_version >= (1, 33, 0) else {}
    with session.multicall(batch=100) as calls:
        results = []
        for task in tasks:
            if full:
                results.append(calls.cancelTaskFull(task, **({"strict": False} if force else {})))
            else:
                results.append(calls.cancelTask(task, **({"recurse": False} if justone else {})))
        results += [calls.cancelBuild(name, **strict) for name in builds]
    failed = 0
    for result in results:
        try:
            _ = result.result
        except (GenericError, Fault) as err:
            warn(str(err))
            failed = 1
    return failed


def split_things(cli: Cli, things: tuple[str, ...]) -> tuple[list[int], list[str]]:
    """Task ids and build names, told apart by their form."""
    tasks: list[int] = []
    builds: list[str] = []
    for thing in things:
        if thing.isdigit():
            tasks.append(int(thing))
            continue
        try:
            parse_NVR(thing)
        except GenericError as err:
            raise cli.usage_error("please specify only task ids (integer) or builds (n-v-r)") from err
        builds.append(thing)
    return tasks, builds


@command("resubmit", "[options] <task_id>")
@options.wait
@click.option("--nowatch", is_flag=True, help="same as --nowait")
@options.quiet
@click.argument("task_id", type=int)
def resubmit(cli: Cli, task_id: int, wait: bool | None, nowatch: bool, quiet: bool) -> int:
    """Start a failed or cancelled task again with the same parameters."""
    from moromi_cli.commands.taskinfo import show_task

    quiet = cli.is_quiet(quiet)
    if not quiet:
        say("Resubmitting the following task:")
        show_task(cli, task_id)
    new_id = cli.session.resubmitTask(task_id)
    if not quiet:
        say(f"Resubmitted task {task_id} as new task {new_id}")
    if nowatch or wait is False or (wait is None and in_background()):
        return 0
    return watch_tasks(cli, [new_id], quiet)
