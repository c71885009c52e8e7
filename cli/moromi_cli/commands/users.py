"""Users and permissions."""

from collections.abc import Iterator
from typing import Any

import click

from moromi.constants import UserStatus, UserType
from moromi.errors import GenericError
from moromi_cli import options
from moromi_cli.lazy import listing
from moromi_cli.output import Failure, Shown, warn
from moromi_cli.session import Cli


@listing("list-users", "[options]")
@click.option("--usertype", default="NORMAL", help="NORMAL, HOST, GROUP, or any (default NORMAL)")
@click.option("--prefix", help="names that start with this")
@click.option("--perm", help="users with this permission")
@click.option("--inherited-perm", is_flag=True, help="with --perm: count inherited permissions")
def list_users(cli: Cli, usertype: str, **given: Any) -> Shown:
    """User names."""
    query: dict[str, Any] = {key: given[key] for key in ("prefix", "perm", "inherited_perm") if given[key]}
    if usertype.lower() in ("any", "all"):
        query["userType"] = None
    elif usertype.upper() in UserType.__members__:
        query["userType"] = int(UserType[usertype.upper()])
    else:
        raise Failure(f"Invalid usertype: {usertype}")
    if given["perm"] and given["perm"] not in {perm["name"] for perm in cli.session.getAllPerms()}:
        raise Failure(f"Invalid permission: {given['perm']}")
    users = cli.session.listUsers(**query)
    return Shown(users, (user["name"] for user in users))


@listing("list-permissions", "[options]", anonymous=False)
@click.option("--user", help="permissions of this user")
@click.option("--mine", is_flag=True, help="own permissions")
@options.quiet
def list_permissions(cli: Cli, user: str | None, mine: bool, quiet: bool) -> Shown:
    """Permissions, all or those of a user."""
    if mine:
        user = (cli.session.getLoggedInUser() or {}).get("name")
    perms = user_permissions(cli, user) if user else cli.session.getAllPerms()
    perms = sorted(perms, key=lambda perm: str(perm["name"]))
    return Shown(perms, permission_rows(perms, cli.is_quiet(quiet)))


def permission_rows(perms: list[dict[str, Any]], quiet: bool) -> Iterator[str]:
    """Header and rows of `list-permissions`."""
    width = max([18] + [len(perm["name"]) for perm in perms])
    if not quiet:
        head = f"{'Permission name':<{width}s}"
        if perms and perms[0].get("description"):
            head += f"   {'Description':<50s}"
        yield head
        yield "-" * len(head)
    for perm in perms:
        text = perm.get("description")
        yield f"{perm['name']:<{width}s}" + (f"   {text}" if text else "")


def user_permissions(cli: Cli, user: str) -> list[dict[str, Any]]:
    """The user's permissions; as description, the groups that they come from."""
    info = cli.session.getUser(user)
    if not info:
        raise Failure(f"No such user: {user}")
    try:
        found = cli.session.getUserPermsInheritance(info["id"])
    except GenericError as err:
        if "Invalid method" not in str(err):
            raise
        return [{"name": name} for name in cli.session.getUserPerms(info["id"])]
    return [
        {"name": name, "description": f"inherited from: {', '.join(str(group) for group in groups if group)}"}
        if any(groups)
        else {"name": name}
        for name, groups in found.items()
    ]


@listing("userinfo", "<username> [<username> ...]")
@click.argument("names", nargs=-1, required=True)
def userinfo(cli: Cli, names: tuple[str, ...]) -> Shown:
    """Show users."""
    with cli.session.multicall(strict=True) as calls:
        users = [calls.getUser(name, groups=True) for name in names]
    data = []
    for name, call in zip(names, users, strict=True):
        if not call.result:
            warn(f"No such user: {name}\n")
            continue
        data.append({**call.result, **user_counts(cli, call.result["id"])})
    return Shown(data, (line for user in data for line in user_lines(user)))


def user_counts(cli: Cli, user_id: int) -> dict[str, Any]:
    """Permissions, and how much the user owns."""
    count = {"queryOpts": {"countOnly": True}}
    with cli.session.multicall(strict=True) as calls:
        perms = calls.getUserPerms(user_id)
        packages = calls.listPackages(userID=user_id, with_dups=True, **count)
        tasks = calls.listTasks({"owner": user_id, "parent": None}, {"countOnly": True})
        builds = calls.listBuilds(userID=user_id, **count)
    return {
        "permissions": perms.result,
        "packages": packages.result,
        "tasks": tasks.result,
        "builds": builds.result,
    }


def user_lines(user: dict[str, Any]) -> list[str]:
    """The block of one user."""
    lines = [f"User name: {user['name']}", f"User ID: {user['id']}"]
    for heading, values in (
        ("krb principals", user.get("krb_principals") or []),
        ("Permissions", user["permissions"]),
        ("Groups", sorted(user.get("groups") or [])),
    ):
        if values or heading == "krb principals":
            lines += [f"{heading}:", *(f"  {value}" for value in values)]
    return [
        *lines,
        f"Status: {UserStatus(user['status']).name}",
        f"Usertype: {UserType(user['usertype']).name}",
        f"Number of packages: {user['packages']}",
        f"Number of tasks: {user['tasks']}",
        f"Number of builds: {user['builds']}",
        "",
    ]
