"""Builds: one in full, lists by filter, and what a buildroot held."""

import time
from collections.abc import Iterator
from typing import Any

import click

from moromi.constants import BuildState
from moromi.names import nvr
from moromi.tasks import task_label
from moromi_cli import options
from moromi_cli.lazy import command, listing
from moromi_cli.output import Failure, Shown, build_label, dashes, long_time, say, warn
from moromi_cli.session import Cli

ARCHIVE_HEADINGS = (("maven", "Maven archives:"), ("win", "Windows archives:"), ("image", "Image archives:"))


def number_or_name(text: str) -> int | str:
    """An id when it is all digits."""
    return int(text) if text.isdigit() else text


def build_task(build: dict[str, Any]) -> int | None:
    """The task that made a build, also when another system ran it."""
    task = build.get("task_id") or (build.get("extra") or {}).get("container_koji_task_id")
    return int(task) if task else None


def collect(cli: Cli, name: str, changelog: bool) -> dict[str, Any] | None:
    """A build with its task, tags, files and signatures; None when there is none."""
    session = cli.session
    build: dict[str, Any] | None = session.getBuild(number_or_name(name))
    if not build:
        return None
    build = dict(build)
    task_id = build_task(build)
    with session.multicall() as calls:
        task = calls.getTaskInfo(task_id, request=True) if task_id else None
        tags = calls.listTags(build["id"])
        maven = calls.getMavenBuild(build["id"])
        win = calls.getWinBuild(build["id"])
        archives = calls.listArchives(buildID=build["id"])
        of_kinds = [calls.listArchives(buildID=build["id"], type=kind) for kind, _ in ARCHIVE_HEADINGS]
        rpms = calls.listRPMs(buildID=build["id"])
        entries = calls.getChangelogEntries(build["id"]) if changelog else None
    build["task"] = task.result if task else None
    build["tags"] = [tag["name"] for tag in tags.result]
    # A hub without these kinds of builds faults the calls: nothing to show then.
    build["maven"] = _optional(maven)
    build["win"] = _optional(win)
    # The special kinds are asked for one by one, since only then their paths are told.
    special = [archive for answer in of_kinds for archive in _optional(answer) or []]
    others = [one for one in _optional(archives) or [] if one["btype"] not in dict(ARCHIVE_HEADINGS)]
    build["archives"] = special + others
    build["rpms"] = rpms.result
    build["changelog"] = entries.result if entries else []
    with session.multicall(batch=1000) as calls:
        signatures = [calls.queryRPMSigs(rpm["id"]) for rpm in build["rpms"]]
    for rpm, sigs in zip(build["rpms"], signatures, strict=True):
        rpm["sigkeys"] = sorted(sig["sigkey"] for sig in _optional(sigs) or [] if sig["sigkey"])
    return build


def _optional(call: Any) -> Any:
    from moromi.errors import GenericError

    try:
        return call.result
    except GenericError as err:
        if "Invalid method" in str(err):
            return None
        raise


def heading_lines(build: dict[str, Any]) -> list[str]:
    """What comes before the files."""
    lines = [f"BUILD: {build_label(build)} [{build['id']}]"]
    if build.get("draft"):
        lines.append("Draft: YES")
    lines.append(f"State: {BuildState(build['state']).name}")
    if build["state"] == BuildState.BUILDING:
        lines.append(f"Reserved by: {build.get('cg_name')}")
    lines.append(f"Built by: {build['owner_name']}")
    if build.get("source"):
        lines.append(f"Source: {build['source']}")
    if build.get("volume_name"):
        lines.append(f"Volume: {build['volume_name']}")
    task = build["task"]
    lines.append(f"Task: {task['id']} {task_label(task)}" if task else "Task: none")
    lines.append(f"Finished: {long_time(build.get('completion_ts'))}")
    if build.get("promoter_name"):
        lines += [
            f"Promoted by: {build['promoter_name']}",
            f"Promoted at: {long_time(build['promotion_ts'])}",
        ]
    if build["maven"]:
        lines += [f"Maven {label}: {build['maven'][key]}" for label, key in MAVEN_LABELS]
    if build["win"]:
        lines.append(f"Windows build platform: {build['win']['platform']}")
    lines.append(f"Tags: {' '.join(build['tags'])}")
    if build.get("extra"):
        lines.append(f"Extra: {build['extra']!r}")
    return lines


MAVEN_LABELS = (("groupId", "group_id"), ("artifactId", "artifact_id"), ("version", "version"))


def archive_path(cli: Cli, build: dict[str, Any], archive: dict[str, Any]) -> str:
    """Where an archive of a build is."""
    kind = archive.get("btype") or "files"
    base = cli.disk.typedir(build, kind)
    if kind == "maven" and "group_id" in archive:
        return f"{base}/{cli.disk.mavenfile(archive)}"
    if kind == "win" and "relpath" in archive:
        return f"{base}/{cli.disk.winfile(archive)}"
    return f"{base}/{archive['filename']}"


def file_lines(cli: Cli, build: dict[str, Any]) -> list[str]:
    """Archives by kind, then RPMs."""
    lines: list[str] = []
    kinds = dict(ARCHIVE_HEADINGS)
    found = {archive.get("btype") for archive in build["archives"]}
    for kind in [*kinds, *sorted(str(name) for name in found - kinds.keys())]:
        paths = [archive_path(cli, build, item) for item in build["archives"] if item.get("btype") == kind]
        if paths:
            lines += [kinds.get(kind, f"{kind.capitalize()} Archives:"), *paths]
    if build["rpms"]:
        lines.append("RPMs:")
    for rpm in build["rpms"]:
        path = f"{cli.disk.build(build)}/{cli.disk.rpm(rpm)}"
        keys = rpm["sigkeys"]
        lines.append(f"{path}\tSignatures: {', '.join(keys)}" if keys else path)
    return lines


def changelog_lines(entries: list[dict[str, Any]]) -> list[str]:
    """`* Sat Jun 14 2025 Author`, the text, an empty line, for each."""
    lines = []
    for entry in entries:
        day = time.strftime("%a %b %d %Y", time.localtime(entry["date_ts"]))
        lines += [f"* {day} {entry['author']}", entry["text"], ""]
    return lines


@listing("buildinfo", "[options] <n-v-r> [<n-v-r> ...]")
@click.option("--changelog", is_flag=True, help="append the changelog")
@click.argument("builds", nargs=-1, required=True)
def buildinfo(cli: Cli, builds: tuple[str, ...], changelog: bool) -> Shown:
    """Show builds."""
    data = []
    for name in builds:
        build = collect(cli, name, changelog)
        if build is None:
            warn(f"No such build: {name}\n")
        else:
            data.append(build)
    lines = (line for build in data for line in build_lines(cli, build, changelog))
    return Shown(data, lines, 0 if len(data) == len(builds) else 1)


def build_lines(cli: Cli, build: dict[str, Any], changelog: bool) -> list[str]:
    """The block of one build."""
    lines = heading_lines(build) + file_lines(cli, build)
    return [*lines, "Changelog:", *changelog_lines(build["changelog"]), ""] if changelog else lines


@listing("list-builds", "[options]")
@click.option("--package", help="name or id")
@click.option("--buildid", help="just this build (id or NVR)")
@click.option("--before", type=options.TIME, metavar="TIME", help="completed before")
@click.option("--after", type=options.TIME, metavar="TIME", help="completed after")
@click.option("--state", help="state, name or number")
@click.option("--task", help="made by this task")
@click.option("--type", help="build type")
@click.option("--prefix", help="NVR prefix")
@click.option("--pattern", help="NVR glob")
@click.option("--cg", help="content generator")
@click.option("--source", help="glob on the source field")
@click.option("--owner", help="name or id")
@click.option("--volume", help="name or id")
@click.option("--draft-only", is_flag=True, help="only drafts")
@click.option("--no-draft", is_flag=True, help="no drafts")
@click.option("-k", "--sort-key", multiple=True, metavar="FIELD", help="build_id, owner_name or state")
@click.option("-r", "--reverse", is_flag=True, help="reverse the order")
@options.quiet
def list_builds(cli: Cli, quiet: bool, **given: Any) -> Shown:
    """Builds by filter."""
    if given["buildid"]:
        build = cli.session.getBuild(number_or_name(given["buildid"]))
        if not build:
            raise cli.usage_error(f"No such build: '{given['buildid']}'")
        builds = [build]
    else:
        query = build_query(cli, given)
        if not query:
            raise cli.usage_error("Filter must be provided for list")
        builds = cli.session.listBuilds(**query)
    sort_builds(builds, given["sort_key"], given["reverse"])
    return Shown(builds, build_rows(builds, cli.is_quiet(quiet)))


def build_rows(builds: list[dict[str, Any]], quiet: bool) -> Iterator[str]:
    """Header and rows of `list-builds`."""
    if not quiet:
        yield f"{'Build':<55s}  {'Built by':<16s}  State"
        yield dashes(55, 16, 16)
    for build in builds:
        yield f"{build_label(build):<55s}  {build['owner_name']:<16s}  {BuildState(build['state']).name}"


def build_query(cli: Cli, given: dict[str, Any]) -> dict[str, Any]:
    """Arguments for listBuilds; unknown names are usage errors."""
    query: dict[str, Any] = {}
    plain = {"type": "type", "prefix": "prefix", "pattern": "pattern", "cg": "cgID", "source": "source"}
    times = {"before": "completeBefore", "after": "completeAfter"}
    query = {name: given[key] for key, name in (plain | times).items() if given[key] is not None}
    if given["task"]:
        if not given["task"].isdigit():
            raise cli.usage_error("Task id must be an integer")
        query["taskID"] = int(given["task"])
    if given["package"]:
        query["packageID"] = _lookup(cli, "package", given["package"])
    if given["owner"]:
        query["userID"] = _lookup(cli, "user", given["owner"])
    if given["volume"]:
        query["volumeID"] = _lookup(cli, "volume", given["volume"])
    if given["state"] is not None:
        query["state"] = _state(cli, given["state"])
    if given["draft_only"] and given["no_draft"]:
        raise cli.usage_error("--draft-only conflicts with --no-draft")
    if given["draft_only"] or given["no_draft"]:
        query["draft"] = bool(given["draft_only"])
    return query


def _state(cli: Cli, text: str) -> int:
    for state in BuildState:
        if text in (state.name, str(state.value)):
            return state.value
    raise cli.usage_error(f"Invalid state: {text}")


def _lookup(cli: Cli, kind: str, text: str) -> int:
    if text.isdigit():
        return int(text)
    if kind == "package":
        found = cli.session.getPackageID(text)
    elif kind == "user":
        found = (cli.session.getUser(text) or {}).get("id")
    else:
        found = {item["name"]: item["id"] for item in cli.session.listVolumes()}.get(text)
    if found is None:
        raise cli.usage_error(f"No such {kind}: {text}")
    return int(found)


def sort_builds(builds: list[dict[str, Any]], keys: tuple[str, ...], reverse: bool) -> None:
    """In place, by the last key first; unknown keys are named and skipped."""
    for key in reversed(keys or ("build_id",)):
        if key not in ("build_id", "owner_name", "state"):
            warn(f"Invalid sort_key: {key}.")
            continue
        builds.sort(
            key=lambda build: str(build[key]) if key == "owner_name" else int(build[key]), reverse=reverse
        )


@listing("list-buildroot", "[options] <buildroot-id>")
@click.option("--built", is_flag=True, help="what was built in it, not what it was made of")
@options.verbose
@click.argument("buildroot", type=int)
def list_buildroot(cli: Cli, buildroot: int, built: bool, verbose: bool) -> Shown:
    """Content of a buildroot."""
    key = "buildrootID" if built else "componentBuildrootID"
    rpms = cli.session.listRPMs(**{key: buildroot})
    archives = cli.session.listArchives(**{key: buildroot})
    word = "Built" if built else "Component"
    lines = []
    if rpms:
        lines += [f"{word} RPMs:", *sorted(_component(rpm, verbose) for rpm in rpms)]
    if archives:
        lines += [""] if rpms else []
        lines += [f"{word} Archives:", *sorted(archive["filename"] for archive in archives)]
    return Shown({"rpms": rpms, "archives": archives}, lines)


def _component(rpm: dict[str, Any], verbose: bool) -> str:
    text = f"{nvr(rpm)}.{rpm['arch']}"
    if verbose and rpm.get("draft"):
        text += f" (,draft_{rpm['build_id']})"
    if verbose and rpm.get("is_update"):
        text += " [update]"
    return text


@command("promote-build", "[options] <draft-build>")
@click.option("-f", "--force", is_flag=True, help="skip checks (admin)")
@click.argument("draft")
def promote_build(cli: Cli, draft: str, force: bool) -> None:
    """Make a draft build a regular one."""
    build = cli.session.getBuild(number_or_name(draft))
    if not build:
        raise Failure(f"No such build: {draft}")
    if not build.get("draft"):
        raise Failure(f"Not a draft build: {build['nvr']}")
    promoted = cli.session.promoteBuild(build["id"], force=force)
    say(f"{build['nvr']} has been promoted to {promoted['nvr']}")


@listing("list-untagged", "[options] [<package>]")
@click.option("--paths", is_flag=True, help="show paths")
@click.option("--show-references", is_flag=True, help="append what uses the build")
@click.argument("package", required=False)
def list_untagged(cli: Cli, package: str | None, paths: bool, show_references: bool) -> Shown:
    """Builds without any tag."""
    query = {}
    if package:
        if cli.session.getPackageID(package) is None:
            raise Failure(f"No such package: {package}")
        query = {"name": package}
    builds = cli.session.untaggedBuilds(**query)
    if show_references:
        with cli.session.multicall(strict=True, batch=10000) as calls:
            uses = [calls.buildReferences(build["id"]) for build in builds]
        for build, use in zip(builds, uses, strict=True):
            build["references"] = use.result
    return Shown(builds, untagged_lines(cli, builds, paths, show_references))


def untagged_lines(
    cli: Cli, builds: list[dict[str, Any]], paths: bool, show_references: bool
) -> Iterator[str]:
    """Names or paths, sorted, with what uses them."""
    if show_references:
        yield "(Showing build references)"
    lines = []
    for build in builds:
        line = cli.disk.build(build) if paths else nvr(build)
        lines.append(line + reference_text(build["references"]) if show_references else line)
    yield from sorted(lines)


def reference_text(uses: dict[str, Any]) -> str:
    """` rpms: 2, images/archives: 1`, of what is there."""
    kinds = (("rpms", "rpms"), ("component_archives", "images/archives"), ("archives", "archives buildroots"))
    parts = [f"{label}: {uses[key]!r}" for key, label in kinds if uses.get(key)]
    return f" {', '.join(parts)}"
