"""External repositories: defining them, attaching them to tags."""

from typing import Any

import click

from moromi.arches import parse_text
from moromi.constants import REPO_MERGE_MODES
from moromi.errors import GenericError
from moromi_cli import options
from moromi_cli.lazy import command
from moromi_cli.output import Failure, say, warn
from moromi_cli.session import Cli

mode_option = click.option("-m", "--mode", help="merge mode: koji, simple or bare")
arches_option = click.option("-a", "--arches", metavar="ARCH1,ARCH2,...", help="only these architectures")


def check_mode(cli: Cli, mode: str | None) -> None:
    """A merge mode that hubs know."""
    if mode and mode not in REPO_MERGE_MODES:
        raise cli.usage_error(f"Invalid mode: {mode}")


def split_tag(text: str, default: int | None) -> tuple[str, int | None]:
    """`tag` or `tag::priority`; None: to be chosen. `auto` leaves the choice to `default`."""
    tag, _, word = text.partition("::")
    if not word:
        return tag, default
    if word in ("auto", "-1"):
        return tag, default
    try:
        return tag, int(word)
    except ValueError as err:
        raise GenericError(f"Invalid priority: {word}") from err


def next_priority(cli: Cli, tag: str) -> int:
    """5 for the first repository of a tag, then the next multiple of 5 at least 3 above the last."""
    used = [repo["priority"] for repo in cli.session.getTagExternalRepos(tag_info=tag)]
    return (max(used) + 7) // 5 * 5 if used else 5


@command("add-external-repo", "[options] <name> [<url>]")
@click.option("-t", "--tag", "tags", multiple=True, metavar="TAG[::PRIORITY]", help="attach to this tag")
@click.option("-p", "--priority", type=int, help="priority")
@mode_option
@arches_option
@click.argument("name")
@click.argument("url", required=False)
def add_external_repo(
    cli: Cli, name: str, url: str | None, tags: tuple[str, ...], priority: int | None, **given: str | None
) -> None:
    """Define an external repository, attach it to tags, or both."""
    check_mode(cli, given["mode"])
    if given["mode"] and not tags:
        raise cli.usage_error("The --mode option can only be used with --tag")
    if url is None:
        repo = cli.session.getExternalRepo(name, strict=True)
    else:
        repo = cli.session.createExternalRepo(name, url)
        say(f"Created external repo {repo['id']}")
    extra: dict[str, Any] = {}
    if given["mode"]:
        extra["merge_mode"] = given["mode"]
    if given["arches"]:
        extra["arches"] = parse_text(given["arches"])
    for text in tags:
        tag, chosen = split_tag(text, None if priority == -1 else priority)
        number = next_priority(cli, tag) if chosen is None else chosen
        cli.session.addExternalRepoToTag(tag, repo["name"], number, **extra)
        say(f"Added external repo {repo['name']} to tag {tag} (priority {number})")


@command("edit-external-repo", "[options] <name>")
@click.option("--url", help="new URL")
@click.option("--name", "new_name", metavar="NAME", help="new name")
@click.option("-t", "--tag", help="tag whose entry is changed")
@click.option("-p", "--priority", type=int, help="new priority (needs --tag)")
@mode_option
@arches_option
@click.argument("repo")
def edit_external_repo(cli: Cli, repo: str, tag: str | None, **given: Any) -> None:
    """Change an external repository or its place in a tag."""
    check_mode(cli, given["mode"])
    own = {key: given[name] for key, name in (("url", "url"), ("name", "new_name")) if given[name]}
    entry: dict[str, Any] = {}
    if given["priority"] is not None:
        entry["priority"] = given["priority"]
    if given["mode"]:
        entry["merge_mode"] = given["mode"]
    if given["arches"] is not None:
        entry["arches"] = parse_text(given["arches"])
    if entry and not tag:
        raise cli.usage_error("If priority, mode or arches are specified, --tag must be specified as well")
    if not own and not entry:
        raise cli.usage_error("Nothing to change: see --help")
    if entry:
        cli.session.editTagExternalRepo(tag_info=tag, repo_info=repo, **entry)
    if own:
        cli.session.editExternalRepo(repo, **own)


@command("remove-external-repo", "[options] <repo> [<tag> ...]")
@click.option("--alltags", is_flag=True, help="detach from all tags")
@options.force
@click.argument("repo")
@click.argument("tags", nargs=-1)
def remove_external_repo(cli: Cli, repo: str, tags: tuple[str, ...], alltags: bool, force: bool) -> None:
    """Detach an external repository, or delete it."""
    used = [str(entry["tag_name"]) for entry in cli.session.getTagExternalRepos(repo_info=repo)]
    if alltags:
        if tags:
            raise cli.usage_error("Do not specify tags when using --alltags")
        if not used:
            warn(f"External repo {repo} not associated with any tags")
            return
        tags = tuple(used)
    if not tags:
        if used and not force:
            warn(f"Error: external repo {repo} used by tag(s): {', '.join(used)}")
            raise Failure("Use --force to remove anyway")
        cli.session.deleteExternalRepo(repo)
        return
    for tag in tags:
        if tag not in used:
            say(f"External repo {repo} not associated with tag {tag}")
            continue
        cli.session.removeExternalRepoFromTag(tag, repo)
