"""Asking for repositories and waiting for them."""

import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

import click

from moromi.constants import TaskState
from moromi.names import parse_NVR
from moromi_cli import options
from moromi_cli.lazy import command, listing
from moromi_cli.output import Failure, Shown, join_words, say, warn
from moromi_cli.session import Cli
from moromi_cli.watch import submitted

REPORTED = ("task_id", "task_state", "repo_id", "active", "tries")

timeout_option = click.option(
    "--timeout", type=int, default=120, metavar="MINUTES", help="how long to wait (120)"
)
verbose_option = click.option("-v", "--verbose", is_flag=True, help="show progress")


def find_tag(cli: Cli, name: str, target: bool) -> dict[str, Any]:
    """The tag, or the build tag of the target, of that name."""
    if target:
        info = cli.session.getBuildTarget(name)
        if not info:
            raise cli.usage_error(f"Invalid build target: {name}")
        return {"id": info["build_tag"], "name": info["build_tag_name"]}
    tag = cli.session.getTag(name)
    if not tag:
        raise cli.usage_error(f"No such tag: {name}")
    return dict(tag)


def repo_found(cli: Cli, repo: dict[str, Any], quiet: bool = False) -> Shown:
    """The end of every successful wait."""
    url = f"{cli.settings.weburl}/repoinfo?repoID={repo['id']}"
    return Shown(repo, [] if quiet else [f"Got repo {repo['id']}", f"Repo info: {url}"])


def span(start: float) -> str:
    """`M:SS` since `start`."""
    seconds = int(time.monotonic() - start)
    return f"{seconds // 60}:{seconds % 60:02d}"


class RepoWait:
    """Waits for a repository of one tag, woken by the tag's events or by the poll interval."""

    def __init__(self, cli: Cli, tag: dict[str, Any], minutes: int, verbose: bool, quiet: bool) -> None:
        self.cli = cli
        self.tag = tag
        self.start = time.monotonic()
        self.end = self.start + minutes * 60
        self.verbose = verbose and not quiet
        self.quiet = quiet

    def until(self, look: Callable[[], dict[str, Any] | None], what: str) -> dict[str, Any]:
        """Call `look` until it gives something; at the end of patience, exit 1 naming what did not come."""
        from moromi.client import Push

        with Push(
            self.cli.session, f"/tag/{self.tag['name']}", poll_interval=self.cli.settings.poll_interval
        ) as push:
            while True:
                found = look()
                if found:
                    return found
                left = self.end - time.monotonic()
                if left <= 0:
                    self.fail(f"Unsuccessfully waited {span(self.start)} for {what}")
                sys.stdout.flush()
                push.wait(left)

    def fail(self, text: str) -> NoReturn:
        """Exit 1."""
        raise Failure("" if self.quiet else f"Failed to get repo -- {text}")

    def request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Until the request is fulfilled; the repository."""
        seen = dict(request)

        def look() -> dict[str, Any] | None:
            check = self.cli.session.repo.checkRequest(request["id"])
            self.report(seen, check["request"])
            if check["repo"]:
                return dict(check["repo"])
            if not check["request"]["active"]:
                why = f": {check['problem']}" if check.get("problem") else ""
                self.fail(f"Repo request {request['id']} no longer active{why}")
            return None

        return self.until(look, f"a new {self.tag['name']} repo")

    def report(self, seen: dict[str, Any], now: dict[str, Any]) -> None:
        """What changed in a request since it was last seen."""
        for key in REPORTED:
            if seen.get(key) != now.get(key) and self.verbose:
                say(f"Request updated: {key}: {self._word(key, seen)} -> {self._word(key, now)}")
        seen.update(now)

    @staticmethod
    def _word(key: str, request: dict[str, Any]) -> str:
        value = request.get(key)
        return TaskState(value).name if key == "task_state" and value is not None else str(value)


def repo_options(given: dict[str, Any]) -> dict[str, bool] | None:
    """The kind of repository, where it is not the usual one."""
    opts = {key: True for key in ("debuginfo", "src", "separate_src") if given[key]}
    return opts or None


def kind_options(function: options.F) -> options.F:
    """`--debuginfo`, `--source`, `--separate-source`."""
    text = "source RPMs in their own repository"
    function = click.option("--separate-source", "--separate-src", "separate_src", is_flag=True, help=text)(
        function
    )
    text = "source RPMs in the repositories"
    function = click.option("--source", "--src", "src", is_flag=True, help=text)(function)
    return click.option("--debuginfo", is_flag=True, help="include debuginfo RPMs")(function)


def request_and_wait(cli: Cli, tag: dict[str, Any], given: dict[str, Any], min_event: Any) -> None:
    """`repo.request`; report what came at once, and wait for the rest if asked to."""
    quiet = cli.is_quiet(given["quiet"])
    if given["verbose"] and not quiet:
        say("Requesting a repo")
    arguments = {"min_event": min_event, "at_event": given.get("at_event"), "opts": repo_options(given)}
    check = cli.session.repo.request(tag["id"], **arguments)
    if check["repo"]:
        repo_found(cli, check["repo"]).print(cli.json)
        return
    request = check["request"]
    if given["wait"]:
        waiter = RepoWait(cli, tag, given["timeout"], given["verbose"], quiet)
        repo_found(cli, waiter.request(request)).print(cli.json)
        return
    say(f"Got request: {request['id']}")
    if request.get("task_id"):
        say(f"Got task: {request['task_id']}")
        say(f"Task info: {cli.settings.weburl}/taskinfo?taskID={request['task_id']}")


@command("request-repo", "[options] <tag>")
@click.option("--target", is_flag=True, help="the argument is a target")
@options.wait
@click.option("--min-event", type=int, metavar="EVENT", help="not older than this event")
@click.option("--at-event", type=int, metavar="EVENT", help="of exactly this event")
@click.option("--current", "--last", "current", is_flag=True, help="of the tag's last change")
@kind_options
@timeout_option
@verbose_option
@options.quiet
@click.argument("tag")
def request_repo(cli: Cli, tag: str, **given: Any) -> None:
    """Ask for a repository of a tag."""
    chosen = [key for key in ("min_event", "at_event", "current") if given[key]]
    if len(chosen) > 1:
        raise cli.usage_error("--min-event, --at-event and --current conflict with each other")
    info = find_tag(cli, tag, given["target"])
    min_event = cli.session.tagLastChangeEvent(info["id"]) if given["current"] else given["min_event"]
    request_and_wait(cli, info, given, min_event)


@command("regen-repo", "[options] <tag>")
@click.option("--target", is_flag=True, help="the argument is a target")
@options.wait
@click.option("--make-task", is_flag=True, help="make a newRepo task directly (old way)")
@kind_options
@timeout_option
@verbose_option
@options.quiet
@click.argument("tag")
def regen_repo(cli: Cli, tag: str, **given: Any) -> int:
    """Get a current repository for a tag, made if needed."""
    session = cli.session
    if not given["make_task"] and session.hub_version >= (1, 35, 0):
        info = find_tag(cli, tag, given["target"])
        request_and_wait(cli, info, given, session.tagLastChangeEvent(info["id"]))
        return 0
    if given["target"]:
        target = session.getBuildTarget(tag)
        if not target:
            raise cli.usage_error(f"No such build target: {tag}")
        tag = target["build_tag_name"]
    info = session.getTag(tag)
    if not info:
        raise cli.usage_error(f"No such tag: {tag}")
    if not given["target"] and not session.getBuildTargets(buildTagID=info["id"]):
        warn(f"{info['name']} is not a build tag")
    if not info["arches"]:
        warn(f"Tag {info['name']} has an empty arch list")
    quiet = cli.is_quiet(given["quiet"])
    if not quiet:
        say(f"Regenerating repo for tag: {info['name']}")
    task_id = session.newRepo(info["name"], **(repo_options(given) or {}))
    return submitted(cli, task_id, quiet=quiet, wait=options.should_wait(given["wait"]))


@listing("wait-repo-request", "[options] <request-id>", anonymous=False)
@timeout_option
@verbose_option
@options.quiet
@click.argument("request_id", type=int)
def wait_repo_request(cli: Cli, request_id: int, timeout: int, verbose: bool, quiet: bool) -> Shown:
    """Wait until a repository request is fulfilled."""
    check = cli.session.repo.checkRequest(request_id)
    request = check["request"]
    tag = {"id": request["tag_id"], "name": request["tag_name"]}
    waiter = RepoWait(cli, tag, timeout, verbose and not cli.json, cli.is_quiet(quiet))
    repo = check["repo"] or waiter.request(request)
    return repo_found(cli, repo)


@listing("wait-repo", "[options] <tag>")
@click.option("--build", "builds", multiple=True, metavar="NVR", help="wait for this build in the repository")
@click.option("--target", is_flag=True, help="the argument is a target")
@click.option("--request/--no-request", default=None, help="make a repository request (logs in)")
@timeout_option
@verbose_option
@options.quiet
@click.argument("tag")
def wait_repo(cli: Cli, tag: str, builds: tuple[str, ...], **given: Any) -> Shown:
    """Wait for a repository, optionally one with given builds."""
    quiet = cli.is_quiet(given["quiet"])
    verbose = given["verbose"] and not cli.json
    if given["request"] is None and not quiet:
        warn("The --request option is recommended for faster results")
    info = find_tag(cli, tag, given["target"])
    nvrs = [check_nvr(build) for build in builds]
    if not quiet:
        hint_about_tag(cli, info, given["target"])
        if not given["request"] and not cli.session.getTag(info["id"])["extra"].get("repo.auto"):
            warn("This tag is not configured for automatic regeneration")
        hint_about_builds(cli, info, nvrs)
    if given["request"]:
        cli.login()
    waiter = RepoWait(cli, info, given["timeout"], verbose, quiet)
    if waiter.verbose:
        say(f"Waiting on repo for {info['name']}")
    if nvrs:
        if waiter.verbose:
            say(f"Waiting for nvrs {list(builds)} in tag {info['name']}")
        waiter.until(lambda: tagged(cli, info, nvrs), missing_text(nvrs, info))
    min_event = cli.session.tagLastChangeEvent(info["id"])
    if given["request"]:
        if waiter.verbose:
            say("Requesting a repo")
        check = cli.session.repo.request(info["id"], min_event=min_event)
        return repo_found(cli, check["repo"] or waiter.request(check["request"]), quiet)

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] | None = cli.session.repo.get(info["id"], min_event=min_event)
        return found

    what = missing_text(nvrs, info) if nvrs else f"a new {info['name']} repo"
    return repo_found(cli, waiter.until(look, what), quiet)


def missing_text(nvrs: list[dict[str, Any]], tag: dict[str, Any]) -> str:
    """What a wait for builds waits for."""
    names = join_words([str(build["nvr"]) for build in nvrs])
    return f"{names} to appear in the {tag['name']} repo"


def check_nvr(text: str) -> dict[str, Any]:
    """The parts of an NVR, with the whole as `nvr`."""
    return {**parse_NVR(text), "nvr": text}


def hint_about_tag(cli: Cli, tag: dict[str, Any], target: bool) -> None:
    """Say so when no target builds from the tag, and which tags were meant perhaps."""
    session = cli.session
    if target or session.getBuildTargets(buildTagID=tag["id"]):
        return
    warn(f"{tag['name']} is not a build tag for any target")
    suggested = sorted({item["build_tag_name"] for item in session.getBuildTargets(destTagID=tag["id"])})
    if suggested:
        warn(f"Suggested tags: {', '.join(suggested)}")


def hint_about_builds(cli: Cli, tag: dict[str, Any], nvrs: list[dict[str, Any]]) -> None:
    """Say so when the tag holds no such package, or another build of it."""
    for build in nvrs:
        latest = cli.session.getLatestBuilds(tag["id"], package=build["name"])
        if not latest:
            warn(f"No {build['name']} builds in tag {tag['name']}")
        elif latest[0]["nvr"] != build["nvr"]:
            warn(f"nvr {build['nvr']} is not current in tag {tag['name']}")
            warn(f"  latest build is {latest[0]['nvr']}")


def tagged(cli: Cli, tag: dict[str, Any], nvrs: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The tag when all builds are in it (or inherited), else None."""
    with cli.session.multicall(strict=True) as calls:
        lists = [calls.listTagged(tag["id"], package=build["name"], inherit=True) for build in nvrs]
    for build, call in zip(nvrs, lists, strict=True):
        if build["nvr"] not in {found["nvr"] for found in call.result}:
            return None
    return tag
