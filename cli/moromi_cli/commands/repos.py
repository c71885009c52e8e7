"""Repositories: one in full, and the external ones."""

from typing import Any

import click

from moromi.constants import RepoState
from moromi_cli import options
from moromi_cli.lazy import listing
from moromi_cli.output import Shown, dashes, long_time, warn, yes_no
from moromi_cli.session import Cli


@listing("repoinfo", "[options] <repo-id> [<repo-id> ...]")
@click.option("--buildroots", is_flag=True, help="also the buildroots made from it")
@click.argument("repos", nargs=-1, required=True)
def repoinfo(cli: Cli, repos: tuple[str, ...], buildroots: bool) -> Shown:
    """Show repositories."""
    with cli.session.multicall() as calls:
        infos = [calls.repoInfo(repo, strict=False) for repo in repos]
    data = []
    for name, call in zip(repos, infos, strict=True):
        repo = call.result
        if not repo:
            warn(f"No such repo: {name}\n")
            continue
        roots = [root["id"] for root in cli.session.listBuildroots(repoID=repo["id"])]
        data.append({**repo, "buildroots": roots})
    return Shown(data, (line for repo in data for line in repo_lines(cli, repo, buildroots)))


def repo_lines(cli: Cli, repo: dict[str, Any], buildroots: bool) -> list[str]:
    """The block of one repository."""
    lines = [
        f"ID: {repo['id']}",
        f"Tag ID: {repo['tag_id']}",
        f"Tag name: {repo['tag_name']}",
        f"State: {RepoState(repo['state']).name}",
        f"Created: {long_time(repo['create_ts'])}",
        f"Created event: {repo['create_event']}",
    ]
    place = cli.files.distrepo if repo["dist"] else cli.files.repo
    url = place(repo["id"], repo["tag_name"])
    lines += [f"URL: {url}", f"Repo json: {url}/repo.json", f"Dist repo?: {yes_no(repo['dist'])}"]
    roots = repo["buildroots"]
    lines += [f"Task ID: {repo['task_id']}", f"Number of buildroots: {len(roots)}"]
    if buildroots and roots:
        lines += ["Buildroots ID:", *(f"               {root}" for root in roots)]
    return lines


@listing("list-external-repos", "[options]")
@click.option("--url", help="with this URL")
@click.option("--name", help="with this name")
@click.option("--id", "repo_id", type=int, help="with this id")
@click.option("--tag", help="those of this tag")
@click.option("--used", is_flag=True, help="which tags use them")
@click.option("--inherit", is_flag=True, help="with --tag: follow inheritance")
@options.event
@options.quiet
def list_external_repos(cli: Cli, quiet: bool, **given: Any) -> Shown:
    """External repositories."""
    quiet = cli.is_quiet(quiet)
    at = options.event_arguments(cli, given["event"], given["ts"], given["repo"], silent=quiet)
    info = given["repo_id"] if given["repo_id"] is not None else given["name"]
    if given["inherit"] and given["tag"] and info is not None:
        raise cli.usage_error("--inherit goes with --tag, but not with --id or --name")
    if given["tag"] and given["inherit"]:
        form, repos = "used", cli.session.getExternalRepoList(tag_info=given["tag"], **at)
    elif given["tag"] or given["used"]:
        form = "tag" if given["tag"] else "used"
        repos = cli.session.getTagExternalRepos(tag_info=given["tag"], repo_info=info, **at)
    else:
        form, repos = "plain", cli.session.listExternalRepos(info=info, url=given["url"], **at)
    return Shown(repos, repo_table(form, repos, quiet))


def repo_table(form: str, repos: list[dict[str, Any]], quiet: bool) -> list[str]:
    """One of three tables."""
    if form == "plain":
        head = [f"{'External repo name':<25s} URL", dashes(25, 40, sep=" ")]
        rows = [f"{repo['name']:<25s} {repo['url']}" for repo in repos]
    elif form == "tag":
        head = [f"{'Pri':<3s} {'External repo name':<25s} {'Mode':<10s} URL", dashes(3, 25, 10, 40, sep=" ")]
        rows = [
            f"{repo['priority']:<3d} {repo['external_repo_name']:<25s} "
            f"{repo['merge_mode']:<10s} {repo['url']}"
            for repo in repos
        ]
    else:
        head = [f"{'Tag':<20s} {'Pri':<3s} {'Mode':<10s} External repo name", dashes(20, 3, 10, 25, sep=" ")]
        rows = [
            f"{repo['tag_name']:<20s} {repo['priority']:<3d} {repo['merge_mode']:<10s} "
            f"{repo['external_repo_name']}"
            for repo in repos
        ]
    return rows if quiet else head + rows
