"""The command `copr`: a subcommand for each method of `CoprClient`.

Exit status: 0 done, 1 the service refused, 2 wrong usage, 3 no answer.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .lib import CoprClient, CoprClientError

VERSION = "0.1.0"

Arguments = argparse.Namespace
Lines = list[str]
_Made = tuple[str, Callable[[CoprClient, Arguments], Lines], Callable[[argparse.ArgumentParser], object]]


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    parser = _parser()
    given = parser.parse_args(words)
    try:
        client = CoprClient(given.username or _login_name(), _password(given.password), given.url)
        for line in given.run(client, given):
            print(line)
    except CoprClientError as error:
        print(f"Error: {error.message}", file=sys.stderr)
        return 3 if error.status is None else 1
    except OSError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        return 130
    return 0


def _login_name() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None


def _password(asked: bool) -> str | None:
    return getpass.getpass() if asked else os.environ.get("COPR_PASSWORD") or None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="copr", description="Command line tool for interacting with Fedora Copr"
    )
    parser.add_argument("-v", "--version", action="version", version=f"copr {VERSION}")
    parser.add_argument("--url", help="provide an alternate url for the Copr service")
    parser.add_argument("-u", "--username", help="who asks; the login name by default")
    parser.add_argument(
        "-p", "--password", action="store_true", help="ask for the password, instead of taking $COPR_PASSWORD"
    )
    commands = parser.add_subparsers(metavar="command", required=True)
    for name, (about, run, add) in _COMMANDS.items():
        command = commands.add_parser(name, help=about, description=about)
        add(command)
        command.set_defaults(run=run)
    return parser


# arguments


def _takes(*names: str) -> Callable[[argparse.ArgumentParser], object]:
    """Positional arguments; one whose name ends in `…` may be repeated."""

    def add(parser: argparse.ArgumentParser) -> None:
        for name in names:
            plain = name.rstrip("…")
            many: dict[str, Any] = {"nargs": "+"} if plain != name else {}
            parser.add_argument(plain, metavar=plain.upper(), **many)

    return add


def _takes_owner(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--owner", help="only those of a user or @group")


def _takes_settings(parser: argparse.ArgumentParser, *, new: bool) -> None:
    parser.add_argument("copr", metavar="COPR")
    parser.add_argument("-r", "--release", nargs="+", required=new, help="what it is built for")
    parser.add_argument("-d", "--description")
    many = "+" if new else "*"
    parser.add_argument("--dep", nargs=many, metavar="COPR", help="coprs that it is built with")


def _takes_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("copr", metavar="COPR")
    parser.add_argument("srpm", metavar="SRPM", help="the file of a source package")
    parser.add_argument("-r", "--release", nargs="+", help="build only for these")


# what is printed

_COPR = ("name", "owner", "full_name", "id", "description", "created", "releases", "dependencies")
_PACKAGE = ("name", "nvr", "version", "release", "epoch", "submitter", "created", "srpm_url", "versions")


def _described(found: Mapping[str, Any], first: Sequence[str]) -> Lines:
    """A line for each fact, these first."""
    return list(_facts({key: found[key] for key in [*first, *sorted(set(found) - set(first))]}))


def _facts(found: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for key, value in found.items():
        if isinstance(value, Mapping) and value:
            yield from _facts(value, f"{before}{key}.")
        elif key == "builds":
            for build in value:
                task = "" if build["task_id"] is None else f" {build['task_id']}"
                yield f"builds.{build['release']}.{build['arch']}: {build['state']}{task}"
        else:
            plain = " ".join(value) if isinstance(value, (list, Mapping)) else "" if value is None else value
            yield f"{before}{key}: {plain}".rstrip()


def _done(verb: str, found: Mapping[str, Any]) -> Lines:
    return [f"{verb} {found['copr']['full_name']}"]


def _create_package(client: CoprClient, given: Arguments) -> Lines:
    found = client.pkg_create(given.copr, given.srpm, given.release)
    tasks = " ".join(str(each) for each in found["tasks"])
    return [f"Created {found['package']['nvr']}", f"Created tasks: {tasks}".rstrip()]


def _create(client: CoprClient, given: Arguments) -> Lines:
    return _done(
        "Created", client.copr_create(given.copr, given.description or "", given.release, given.dep or ())
    )


def _edit(client: CoprClient, given: Arguments) -> Lines:
    return _done("Changed", client.copr_edit(given.copr, given.description, given.release, given.dep))


_PERMISSION = _takes("copr", "user", "permission")
_COMMANDS: dict[str, _Made] = {
    "list-coprs": (
        "list all the available Coprs",
        lambda client, given: [each["full_name"] for each in client.copr_list(given.owner)["coprs"]],
        _takes_owner,
    ),
    "info-copr": (
        "get information about a specific Copr",
        lambda client, given: _described(client.copr_info(given.copr)["copr"], _COPR),
        _takes("copr"),
    ),
    "create-copr": ("create a new Copr", _create, lambda parser: _takes_settings(parser, new=True)),
    "edit-copr": ("edit an existing copr", _edit, lambda parser: _takes_settings(parser, new=False)),
    "delete-copr": (
        "delete an existing copr",
        lambda client, given: [f"Deleted {client.copr_delete(given.copr)['deleted']}"],
        _takes("copr"),
    ),
    "add-copr-deps": (
        "add dependencies to a copr",
        lambda client, given: _done("Changed", client.copr_add_dependencies(given.copr, given.dep)),
        _takes("copr", "dep…"),
    ),
    "remove-copr-deps": (
        "remove dependencies from a copr",
        lambda client, given: _done("Changed", client.copr_remove_dependencies(given.copr, given.dep)),
        _takes("copr", "dep…"),
    ),
    "add-copr-releases": (
        "add releases to a copr",
        lambda client, given: _done("Changed", client.copr_add_releases(given.copr, given.release)),
        _takes("copr", "release…"),
    ),
    "remove-copr-releases": (
        "remove releases from a copr",
        lambda client, given: _done("Changed", client.copr_remove_releases(given.copr, given.release)),
        _takes("copr", "release…"),
    ),
    "grant-copr": (
        "grant permission on a copr",
        lambda client, given: _done("Changed", client.copr_grant(given.copr, given.user, given.permission)),
        _PERMISSION,
    ),
    "revoke-copr": (
        "revoke permission on a copr",
        lambda client, given: _done("Changed", client.copr_revoke(given.copr, given.user, given.permission)),
        _PERMISSION,
    ),
    "list-pkgs": (
        "list all the packages in a copr",
        lambda client, given: [each["nvr"] for each in client.pkg_list(given.copr)["packages"]],
        _takes("copr"),
    ),
    "info-pkg": (
        "get information on a package",
        lambda client, given: _described(client.pkg_info(given.copr, given.package)["package"], _PACKAGE),
        _takes("copr", "package"),
    ),
    "create-pkg": ("create a new package by uploading a srpm", _create_package, _takes_source),
    "delete-pkg": (
        "delete a package",
        lambda client, given: [f"Deleted {client.pkg_delete(given.copr, given.package)['deleted']}"],
        _takes("copr", "package"),
    ),
}
