"""Users and what they may do."""

import click

from moromi.constants import UserStatus
from moromi_cli.lazy import command
from moromi_cli.output import convert, say
from moromi_cli.session import Cli


@command("add-user", "[options] <username>")
@click.option("--principal", help="Kerberos principal")
@click.option("--disable", is_flag=True, help="create it blocked")
@click.argument("name")
def add_user(cli: Cli, name: str, principal: str | None, disable: bool) -> None:
    """Create a user."""
    status = int(UserStatus.BLOCKED if disable else UserStatus.NORMAL)
    user_id = cli.session.createUser(name, status=status, krb_principal=principal)
    say(f"Added user {name} ({user_id})")


@command("enable-user", "<username>")
@click.argument("name")
def enable_user(cli: Cli, name: str) -> None:
    """Allow logins of a user."""
    cli.session.enableUser(name)


@command("disable-user", "<username>")
@click.argument("name")
def disable_user(cli: Cli, name: str) -> None:
    """Forbid logins of a user."""
    cli.session.disableUser(name)


@command("edit-user", "[options] <username>")
@click.option("--rename", metavar="NAME", help="new name")
@click.option("--edit-krb", multiple=True, metavar="OLD=NEW", help="replace a principal")
@click.option("--add-krb", multiple=True, metavar="PRINCIPAL", help="add a principal")
@click.option("--remove-krb", multiple=True, metavar="PRINCIPAL", help="remove a principal")
@click.argument("name")
def edit_user(
    cli: Cli,
    name: str,
    rename: str | None,
    edit_krb: tuple[str, ...],
    add_krb: tuple[str, ...],
    remove_krb: tuple[str, ...],
) -> None:
    """Rename a user or change its principals."""
    changes = []
    for text in edit_krb:
        old, equals, new = text.partition("=")
        if not equals:
            raise cli.usage_error(f"OLD=NEW expected: {text}")
        changes.append({"old": convert(old), "new": convert(new)})
    changes += [{"old": None, "new": convert(text)} for text in add_krb]
    changes += [{"old": convert(text), "new": None} for text in remove_krb]
    cli.session.editUser(name, rename, changes)


def check_users(cli: Cli, names: tuple[str, ...]) -> list[str]:
    """The users' names, all known."""
    found = []
    for name in names:
        user = cli.session.getUser(name)
        if not user:
            raise cli.usage_error(f"No such user: {name}")
        found.append(str(user["name"]))
    return found


@command("grant-permission", "[options] <permission> <user> [<user> ...]")
@click.option("--new", is_flag=True, help="create the permission")
@click.option("--description", help="description of the new permission")
@click.argument("permission")
@click.argument("names", nargs=-1, required=True)
def grant_permission(
    cli: Cli, permission: str, names: tuple[str, ...], new: bool, description: str | None
) -> None:
    """Give a permission to users."""
    if description and not new:
        raise cli.usage_error("The --description option is only valid with --new")
    extra = {"create": True, "description": description} if new else {}
    for name in check_users(cli, names):
        cli.session.grantPermission(name, permission, **extra)


@command("revoke-permission", "[options] <permission> <user> [<user> ...]")
@click.argument("permission")
@click.argument("names", nargs=-1, required=True)
def revoke_permission(cli: Cli, permission: str, names: tuple[str, ...]) -> None:
    """Take a permission from users."""
    for name in check_users(cli, names):
        cli.session.revokePermission(name, permission)


@command("edit-permission", "<permission> <description>")
@click.argument("permission")
@click.argument("description")
def edit_permission(cli: Cli, permission: str, description: str) -> None:
    """Change the description of a permission."""
    cli.session.editPermission(permission, description)
