"""`export` and `apply`: the hub's configuration as a file."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import click

from moromi_cli.lazy import command, listing
from moromi_cli.output import Failure, Shown, on_terminal, say, say_all, warn
from moromi_cli.session import Cli

SECTIONS = ("permissions", "users", "channels", "hosts", "external-repos", "tags", "targets")


@listing("export", "[options] [tag pattern ...]")
@click.option(
    "--only",
    "sections",
    multiple=True,
    type=click.Choice(SECTIONS),
    help="only this section (may be repeated)",
)
@click.option("--no-packages", is_flag=True, help="leave out the package lists")
@click.argument("patterns", nargs=-1)
def export(cli: Cli, sections: tuple[str, ...], no_packages: bool, patterns: tuple[str, ...]) -> Shown:
    """Print the configuration of the hub as YAML.

    Tags can be chosen by patterns; then only tags are printed, unless --only says more. What is as in a new
    tag, user or host is left out. Nothing secret is part of it.
    """
    from moromi_cli.declare import document, reading

    chosen = sections or (("tags",) if patterns else SECTIONS)
    found = reading.read(
        cli.session, [name for name in SECTIONS if name in chosen], reading.matching(patterns)
    )
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in found.get("tags", {pattern: None})):
            raise Failure(f"No tag is like {pattern}")
    if no_packages:
        for tag in found.get("tags", {}).values():
            del tag["packages"]
    found = document.short(without_defaults(found))
    return Shown(found, yaml_lines(found))


def without_defaults(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Things as they would be made anew need not say so."""
    from moromi_cli.declare import document, plan

    defaults: dict[str, dict[str, Any]] = {
        "users": {"principals": [], "permissions": [], "enabled": True},
        "channels": {"description": None, "comment": None, "enabled": True},
        "hosts": plan.NEW_HOST,
        "tags": plan.NEW_TAG,
    }
    return {
        section: {name: document.shorten(thing, defaults[section]) for name, thing in things.items()}
        if section in defaults
        else things
        for section, things in found.items()
    }


def yaml_lines(found: dict[str, Any]) -> Iterator[str]:
    """The document as YAML."""
    import yaml

    text: str = yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=110)
    yield from text.splitlines()


@command("apply", "[options] <file>")
@click.option("-n", "--dry-run", is_flag=True, help="only show the plan")
@click.option("-y", "--yes", is_flag=True, help="do not ask")
@click.option(
    "--prune", is_flag=True, help="delete targets, tags and external repositories that are not named"
)
@click.option("--force", is_flag=True, help="override the policy of package lists, if allowed to")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
def apply(cli: Cli, file: str, dry_run: bool, yes: bool, **given: bool) -> int:
    """Make the hub as a file (`-`: the standard input) says, which `export` prints or a person writes.

    What the file names is made or changed; within it, a list or map that is there (the packages of a tag, the
    permissions of a user) is complete: other entries go. What the file does not name stays as it is. The plan
    is shown first. All is done, or nothing.
    """
    changes = planned(cli, file, **given)
    if not changes:
        say("Nothing to do: the hub is as the file says.")
        return 0
    say_all(str(change) for change in changes)
    if dry_run:
        return 0
    whole = check_atomic(cli)
    if not (yes or agreed(len(changes))):
        return 1
    return done(cli, changes, whole)


def planned(cli: Cli, file: str, *, prune: bool, force: bool) -> list[Any]:
    """The changes that the file asks for."""
    from moromi_cli.declare import document, plan, reading

    want = document.load(file)
    sections = [name for name in SECTIONS if name in want]
    have = reading.read(cli.session, sections, lambda section, name: prune or name in want[section])
    me = (cli.session.getLoggedInUser() or {}).get("name", "")
    return plan.make(have, want, me, force=force, prune=prune)


def check_atomic(cli: Cli) -> bool:
    """Whether the hub makes all changes or none; warns where it does not."""
    from moromi_cli.declare.applying import atomic

    whole = atomic(cli.session)
    if not whole:
        warn("This hub cannot undo: what it refuses is left out, the rest is done.")
    return whole


def agreed(count: int) -> bool:
    """Ask the person; without one, `--yes` must have been given."""
    if not on_terminal():
        raise Failure("Nothing was changed: give --yes to make these changes without being asked")
    answer = input(f"\nMake {'this change' if count == 1 else f'these {count} changes'}? [y/N] ")
    return answer.strip().lower() in ("y", "yes")


def done(cli: Cli, changes: list[Any], whole: bool) -> int:
    """Make the changes and say how it went."""
    from moromi_cli.declare.applying import apply_all, apply_some

    refused = 0
    if whole:
        apply_all(cli.session, changes)
    else:
        refused = apply_some(cli.session, changes, warn)
    count = f"{len(changes)} change{'s' if len(changes) > 1 else ''}"
    say(f"Done: {len(changes) - refused} of {count}." if refused else f"Done: {count}.")
    return 1 if refused else 0
