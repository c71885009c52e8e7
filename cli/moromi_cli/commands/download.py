"""Fetching what was built: `download-build`, `download-task`, `download-logs`."""

import fnmatch
import os
import re
from typing import Any

import click

from moromi.constants import FINISHED_TASKS, BuildState, TaskState
from moromi.errors import GenericError
from moromi.names import is_debuginfo, nvr, parse_NVRA
from moromi.paths import PathInfo
from moromi_cli import options
from moromi_cli.commands.builds import archive_path, number_or_name
from moromi_cli.lazy import command
from moromi_cli.output import Failure, build_label, say, warn
from moromi_cli.progress import download
from moromi_cli.session import Cli
from moromi_cli.watch import failure, watch_tasks

PIECE = 102400


def need_topurl(cli: Cli, topurl: str | None) -> str:
    """Where the files are, from the option or the configuration."""
    url = topurl or cli.settings.topurl
    if not url:
        raise Failure("You must specify --topurl to download files")
    return url


def find_build(cli: Cli, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The build that the argument means: by id, NVR, task, RPM, or as the latest of a package in a tag."""
    session = cli.session
    found: dict[str, Any] | None
    if given["latestfrom"]:
        try:
            kind = {"type": given["type"]} if given["type"] else {}
            builds = session.listTagged(given["latestfrom"], latest=True, package=name, **kind)
        except GenericError as err:
            raise Failure(f"Error finding latest build: {err}") from err
        if not builds:
            raise Failure(f"{given['latestfrom']} has no builds of {name}")
        found = builds[0]
    elif given["task_id"]:
        builds = session.listBuilds(taskID=int(name))
        if not builds:
            raise Failure(f"No associated builds for task {name}")
        found = session.getBuild(builds[0]["build_id"])
    else:
        found = session.getBuild(number_or_name(name)) or build_of_rpm(cli, name)
    if not found:
        raise Failure(f"No such build: {name}")
    return found


def build_of_rpm(cli: Cli, name: str) -> dict[str, Any] | None:
    """The build that an `n-v-r.a` belongs to."""
    try:
        parts = parse_NVRA(name)
    except GenericError:
        return None
    found: dict[str, Any] | None = cli.session.getBuild(nvr(parts))
    return found


def select_rpms(cli: Cli, build: dict[str, Any], name: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    """The RPMs of a build that the options want."""
    arches = {"arches": list(given["arch"])} if given["arch"] else {}
    rpms = [
        rpm
        for rpm in cli.session.listRPMs(buildID=build["id"], **arches)
        if given["debuginfo"] or not is_debuginfo(rpm["name"])
    ]
    missing = [arch for arch in given["arch"] if arch not in {rpm["arch"] for rpm in rpms}]
    if missing and given["nofailarch"]:
        warn(f"No {' or '.join(missing)} packages available for {build_label(build)}")
    elif missing and (not rpms or len(missing) == len(given["arch"])):
        raise Failure(f"No {' or '.join(given['arch'])} packages available for {build_label(build)}")
    elif not rpms:
        raise Failure(f"No packages available for {build_label(build)}")
    return rpms


def signed_keys(
    cli: Cli, rpms: list[dict[str, Any]], given: dict[str, Any]
) -> list[tuple[dict[str, Any], str | None]]:
    """Each RPM with the key to fetch it by; those without are left out, or taken unsigned."""
    key = given["key"]
    if not key:
        return [(rpm, None) for rpm in rpms]
    with cli.session.multicall(strict=True) as calls:
        found = [calls.queryRPMSigs(rpm_id=rpm["id"], sigkey=key) for rpm in rpms]
    chosen: list[tuple[dict[str, Any], str | None]] = []
    for rpm, call in zip(rpms, found, strict=True):
        if call.result:
            chosen.append((rpm, key))
            continue
        warn(f"No such sigkey {key} for rpm {nvr(rpm)}-{rpm['arch']}.rpm")
        if given["fallback_unsigned"]:
            chosen.append((rpm, None))
    return chosen


@command("download-build", "[options] <n-v-r|build_id|package>", anonymous=True)
@click.option("-a", "--arch", multiple=True, help="only this architecture")
@click.option("--type", help="archives of this type in place of RPMs")
@click.option("--latestfrom", metavar="TAG", help="the latest build of the package in this tag")
@click.option("--debuginfo", is_flag=True, help="also debuginfo RPMs")
@click.option("--task-id", is_flag=True, help="the argument is a task id")
@click.option("--rpm", is_flag=True, help="the argument is one RPM (n-v-r.a)")
@click.option("--key", help="signed copies with this key")
@click.option("--fallback-unsigned", is_flag=True, help="with --key: unsigned copies where none is signed")
@click.option("--topurl", metavar="URL", help="where the files are")
@options.noprogress
@click.option("--nofailarch", is_flag=True, help="a missing architecture is only a warning")
@click.option("-q", "--quiet", is_flag=True, help="print nothing")
@click.argument("name")
def download_build(cli: Cli, name: str, **given: Any) -> None:
    """Download the files of a build."""
    paths = PathInfo(need_topurl(cli, given["topurl"]))
    show = {"silent": cli.is_quiet(given["quiet"]), "noprogress": given["noprogress"]}
    if given["rpm"]:
        rpm = cli.session.getRPM(name.removesuffix(".rpm"))
        if not rpm:
            raise Failure(f"No such rpm: {name}")
        build, chosen = cli.session.getBuild(rpm["build_id"]), signed_keys(cli, [rpm], given)
    else:
        build = find_build(cli, name, given)
        if given["type"]:
            download_archives(cli, build, given["type"], paths, show)
            return
        chosen = signed_keys(cli, select_rpms(cli, build, name, given), given)
    for number, (rpm, key) in enumerate(chosen, 1):
        relative = paths.signed(rpm, key) if key else paths.rpm(rpm)
        path = os.path.basename(relative)
        url = f"{paths.build(build)}/{relative}"
        size = None if key else rpm["size"]
        download(cli.session, url, path, number=(number, len(chosen)), size=size, **show)
        check_size(path, rpm["size"], signed=key is not None)


def check_size(path: str, size: int, signed: bool) -> None:
    """Remove a file that is not what the hub knows. (A signed copy is longer by its signature.)"""
    have = os.path.getsize(path)
    if have == size or signed:
        return
    os.unlink(path)
    raise Failure(f"Downloaded file {path} has {have} bytes, {size} expected: removed")


def download_archives(
    cli: Cli, build: dict[str, Any], kind: str, paths: PathInfo, show: dict[str, bool]
) -> None:
    """The archives of one type."""
    archives = cli.session.listArchives(buildID=build["id"], type=kind)
    if not archives:
        raise Failure(f"No {kind} archives available for {build_label(build)}")
    for number, archive in enumerate(archives, 1):
        place = archive_path(cli, build, archive).removeprefix(f"{cli.disk.build(build)}/")
        path = os.path.basename(place)
        if kind == "maven":
            path = paths.mavenfile(archive)
        elif kind == "win":
            path = paths.winfile(archive)
        url = f"{paths.build(build)}/{place}"
        download(cli.session, url, path, number=(number, len(archives)), **show)
        check_size(path, archive["size"], signed=False)


def task_tree(cli: Cli, task_id: int, parent_only: bool) -> list[dict[str, Any]]:
    """A task and its children, all of which must be CLOSED."""
    task = cli.session.getTaskInfo(task_id, request=True)
    if not task:
        raise Failure(f"No such task: {task_id}")
    tasks = [task] if parent_only else [task, *cli.session.getTaskChildren(task_id, request=True)]
    endings = {
        TaskState.FAILED: "failed. You can use save-failed-tree plugin for FAILED tasks.",
        TaskState.CANCELED: "was canceled.",
    }
    for item in tasks:
        if item["state"] != TaskState.CLOSED:
            word = "Task" if item is task else "Child task"
            raise Failure(f"{word} {item['id']} {endings.get(item['state'], 'has not finished yet.')}")
    return tasks


def wanted_files(cli: Cli, task: dict[str, Any], given: dict[str, Any]) -> list[tuple[str, str]]:
    """(name, volume) of the outputs of a task that the options want."""
    arches = [arch for text in given["arch"] for arch in text.replace(",", " ").split()]
    outputs = cli.session.listTaskOutput(task["id"], all_volumes=True)
    chosen = []
    for name in sorted(outputs):
        is_rpm, is_log = name.endswith(".rpm"), name.endswith(".log")
        if not (
            given["all"]
            or (is_log and given["logs"])
            or (is_rpm and task["method"] in ("build", "buildArch"))
        ):
            continue
        if is_rpm and arches and parse_NVRA(os.path.basename(name))["arch"] not in arches:
            continue
        if given["filter"] and not all(re.search(pattern, name) for pattern in given["filter"]):
            continue
        if any(re.search(pattern, name) for pattern in given["skip"]):
            continue
        chosen += [(name, volume) for volume in outputs[name]]
    return chosen


def local_name(task: dict[str, Any], name: str, volume: str, per_task: bool) -> str:
    """Where a file goes: logs of several architectures must not meet."""
    if not (per_task or name.endswith(".rpm") or task["arch"] in name):
        stem, suffix = os.path.splitext(name)
        name = f"{stem}.{task['arch']}{suffix}"
    if volume != "DEFAULT":
        name = f"{volume}/{name}"
    return f"{task['id']}/{name}" if per_task else name


@command("download-task", "[options] <task_id>", anonymous=True)
@click.option("--arch", multiple=True, help="only RPMs of this architecture")
@click.option("--logs", is_flag=True, help="also the logs")
@click.option("--topurl", metavar="URL", help="where the files are")
@options.noprogress
@options.wait
@click.option("-q", "--quiet", is_flag=True, help="print nothing")
@click.option("--all", is_flag=True, help="all files of all kinds of tasks")
@click.option("--dirpertask", is_flag=True, help="a directory for each task")
@click.option("--parentonly", is_flag=True, help="do not look at child tasks")
@click.option("--filter", multiple=True, metavar="REGEX", help="file names must match")
@click.option("--skip", multiple=True, metavar="REGEX", help="leave out files that match")
@click.argument("task_id", type=int)
def download_task(cli: Cli, task_id: int, wait: bool | None, **given: Any) -> None:
    """Download the output of a build task."""
    if given["filter"] and given["skip"]:
        raise cli.usage_error("Only one of --filter and --skip may be specified")
    paths = PathInfo(need_topurl(cli, given["topurl"]))
    quiet = cli.is_quiet(given["quiet"])
    info = cli.session.getTaskInfo(task_id)
    if not info:
        raise Failure(f"No such task: {task_id}")
    if info["state"] not in FINISHED_TASKS and options.should_wait(wait):
        watch_tasks(cli, [task_id], quiet)
    files: dict[str, str] = {}
    clash = False
    for task in task_tree(cli, task_id, given["parentonly"]):
        for name, volume in wanted_files(cli, task, given):
            path = local_name(task, name, volume, given["dirpertask"])
            clash = clash or path in files
            files.setdefault(path, f"{paths.task(task['id'], volume)}/{name}")
    if not files:
        say("No files for download found.")
        return
    for number, (path, url) in enumerate(files.items(), 1):
        place = (number, len(files))
        download(cli.session, url, path, number=place, silent=quiet, noprogress=given["noprogress"])
    if clash:
        warn("Some files have the same name and were downloaded once. Use --dirpertask to get all of them.")


class LogSaver:
    """Saves the logs of tasks, each in a directory of its own."""

    def __init__(self, cli: Cli, patterns: tuple[str, ...], resume: bool) -> None:
        self.cli = cli
        self.patterns = patterns
        self.resume = resume

    def wanted(self, name: str) -> bool:
        """A log, and one that the patterns (if any) match."""
        matches = any(fnmatch.fnmatch(name, pattern) for pattern in self.patterns)
        return name.endswith(".log") and (matches or not self.patterns)

    def save(self, task_id: int, base: str, recurse: bool) -> None:
        """One task, and its children in directories below."""
        task = self.cli.session.getTaskInfo(task_id)
        if not task:
            raise Failure(f"No such task: {task_id}")
        directory = f"{base}/{task['arch']}-{task_id}"
        state = TaskState(task["state"])
        if state not in FINISHED_TASKS:
            warn(f"Task {task_id} is {state.name}")
        count = 0
        if state == TaskState.FAILED and self.wanted("task_failed.log"):
            self.write(f"{directory}/task_failed.log", f"koji.{failure(self.cli.session, task_id)}\n")
            count += 1
        for name, volumes in sorted(self.cli.session.listTaskOutput(task_id, all_volumes=True).items()):
            for volume in volumes if self.wanted(name) else ():
                path = f"{directory}/{name}" if volume == "DEFAULT" else f"{directory}/{volume}/{name}"
                self.copy(task_id, name, volume, path)
                count += 1
        if recurse:
            for child in sorted(self.cli.session.getTaskChildren(task_id), key=lambda item: int(item["id"])):
                self.save(child["id"], directory, True)
        elif not count:
            warn(f"No logs found for task {task_id}. Perhaps try --recurse?")

    @staticmethod
    def write(path: str, text: str) -> None:
        """A log that we make ourselves."""
        say(f"Writing: {path}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as target:
            target.write(text)

    def copy(self, task_id: int, name: str, volume: str, path: str) -> None:
        """One log, from where an earlier run ended if asked to resume."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        resume = self.resume and os.path.exists(path)
        say(f"{'Continuing' if resume else 'Downloading'}: {path}")
        with open(path, "ab" if resume else "wb") as target:
            while data := self.cli.session.downloadTaskOutput(
                task_id, name, offset=target.tell(), size=PIECE, volume=volume
            ):
                target.write(data)

    def save_build(self, name: str, base: str) -> int | None:
        """The logs of a finished build, by HTTP; of another, the task whose logs are to be saved."""
        build = self.cli.session.getBuild(name)
        if not build:
            raise Failure(f"There is no build with n-v-r: {name}")
        if build["state"] != BuildState.COMPLETE:
            state = BuildState(build["state"]).name
            if not build["task_id"]:
                warn(f"Unable to download build {name} (state={state})")
                return None
            say(f"Build {name} is {state}")
            say(f"Using task ID: {build['task_id']}")
            return int(build["task_id"])
        say(f"Using build ID: {build['id']}")
        topurl = need_topurl(self.cli, None)
        for log in self.cli.session.getBuildLogs(build["id"]):
            if self.wanted(log["name"]):
                path = f"{os.path.abspath(base)}/{build_label(build)}/{log['dir']}/{log['name']}"
                download(self.cli.session, f"{topurl}/{log['path']}", path)
        return None


@command("download-logs", "[options] <task_id> [<task_id> ...]", anonymous=True)
@click.option("-r", "--recurse", is_flag=True, help="also child tasks")
@click.option("--nvr", is_flag=True, help="arguments are builds")
@click.option("-m", "--match", multiple=True, metavar="PATTERN", help="only names that match")
@click.option("-c", "--continue", "resume", is_flag=True, help="append to files that exist")
@click.option("-d", "--dir", "directory", default="kojilogs", help="where to write (kojilogs)")
@click.argument("things", nargs=-1, required=True)
def download_logs(cli: Cli, things: tuple[str, ...], recurse: bool, nvr: bool, **given: Any) -> None:
    """Download the logs of tasks or builds."""
    saver = LogSaver(cli, given["match"], given["resume"])
    for thing in things:
        if nvr:
            task_id = saver.save_build(thing, given["directory"])
        elif thing.isdigit():
            task_id = int(thing)
        else:
            raise Failure(f"Task id must be a number: {thing!r}")
        if task_id is not None:
            saver.save(task_id, given["directory"], recurse or nvr)
