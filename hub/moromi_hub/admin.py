"""`moromi-hub`: serving and administering a hub from the command line."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import click

from moromi.errors import GenericError
from moromi.version import VERSION
from moromi_hub import settings as configuration
from moromi_hub.commands.errors import told_in_a_line
from moromi_hub.commands.options import config_option


class _Programs(click.Group):
    """Commands that are modules of their own, imported when they are called."""

    modules: ClassVar = ("db", "fsck", "repodata", "sweep")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self.modules])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.modules:
            found = getattr(importlib.import_module(f"moromi_hub.commands.{cmd_name}"), cmd_name)
            assert isinstance(found, click.Command)
            return found
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        with told_in_a_line():
            return super().invoke(ctx)


@click.group(cls=_Programs)
@click.version_option(VERSION)
def main() -> None:
    """Serve and administer a Moromi hub."""


@main.command()
@config_option
@click.option("--worker/--no-worker", default=True, help="Run the background worker too.")
@click.option("--events/--no-events", default=True, help="Run the push service too.")
def serve(config: Path, worker: bool, events: bool) -> None:
    """Run a whole hub: database (if embedded), web server, worker and push service."""
    from moromi_hub import serve as server

    server.serve(config, worker=worker, events=events)


@main.command()
@config_option
def web(config: Path) -> None:
    """Run the web server alone."""
    from moromi_hub import parts

    parts.web(config)


@main.command()
@config_option
def worker(config: Path) -> None:
    """Run the background worker alone."""
    from moromi_hub import parts

    parts.worker(config)


@main.command()
@config_option
def events(config: Path) -> None:
    """Run the push service alone."""
    from moromi_hub import parts

    parts.events(config)


@main.group()
def admin() -> None:
    """Users and hosts of a hub."""


@contextmanager
def _operator(config: Path) -> Iterator[Any]:
    from moromi_hub.hub import Hub
    from moromi_hub.operator import operate

    hub = Hub(configuration.load(config))
    try:
        with operate(hub) as operator:
            yield operator
    except GenericError as error:
        raise click.ClickException(str(error)) from None
    finally:
        hub.close()


_password = click.option(
    "--password",
    help="Password; `-` asks for it, or reads a line. Without one only other ways to log in work.",
)


def _asked(password: str | None) -> str | None:
    """The password that is meant. One on the command line can be seen by everybody on the machine."""
    if password != "-":
        return password
    if not sys.stdin.isatty():
        return sys.stdin.readline().removesuffix("\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


@admin.command("add-user")
@config_option
@click.argument("name")
@_password
@click.option("--admin", "is_admin", is_flag=True, help="Grant the permission admin.")
def add_user(config: Path, name: str, password: str | None, is_admin: bool) -> None:
    """Create the user NAME."""
    password = _asked(password)
    with _operator(config) as operator:
        user_id = operator.add_user(name, password, is_admin)
    click.echo(f"user {name} has id {user_id}")


@admin.command("set-password")
@config_option
@click.argument("name")
@_password
def set_password(config: Path, name: str, password: str | None) -> None:
    """Change the password of the user NAME, which is asked for."""
    given = _asked(password or "-")
    if not given:
        raise click.UsageError("a password may not be empty")
    with _operator(config) as operator:
        operator.set_password(name, given)


@admin.command("grant-permission")
@config_option
@click.argument("name")
@click.argument("permission")
def grant_permission(config: Path, name: str, permission: str) -> None:
    """Grant PERMISSION to the user NAME."""
    with _operator(config) as operator:
        operator.grant(name, permission)


@admin.command("add-host")
@config_option
@click.argument("name")
@click.argument("arches", nargs=-1, required=True)
@_password
def add_host(config: Path, name: str, arches: tuple[str, ...], password: str | None) -> None:
    """Add the builder NAME for ARCHES, with a user of the same name."""
    password = _asked(password)
    with _operator(config) as operator:
        host_id = operator.add_host(name, " ".join(arches), password)
    click.echo(f"host {name} has id {host_id}")


if __name__ == "__main__":
    main()
