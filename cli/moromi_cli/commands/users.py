"""Users and permissions."""

from typing import Any

import click

from moromi.constants import UserStatus, UserType
from moromi.errors import GenericError
from moromi_cli import options
from moromi_cli.lazy import command
from moromi_cli.output import Failure, say, say_all, say_json, warn
from moromi_cli.session import Cli


@command("list-users", "[options]", anonymous=True)
@click.option("--usertype", default="NORMAL", help="NORMAL, HOST, GROUP, or any (default NORMAL)")
@click.option("--prefix", help="names that start with this")
@click.option("--perm", help="users with this permission")
@click.option("--inherited-perm", is_flag=True, help="with --perm: count inherited permissions")
@options.as_json
def list_users(cli: Cli, usertype: str, as_json: bool, **given: Any) -> None:
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
    if as_json:
        say_json(users)
        return
    say_all(user["name"] for user in users)


@command("list-permissions", "[options]")
@click.option("--user", help="permissions of this user")
@click.option("--mine", is_flag=True, help="own permissions")
@options.quiet
@options.as_json
def list_permissions(cli: Cli, user: str | None, mine: bool, quiet: bool, as_json: bool) -> None:
    """Permissions, all or those of a user."""
    if mine:
        user = (cli.session.getLoggedInUser() or {}).get("name")
    perms = user_permissions(cli, user) if user else cli.session.getAllPerms()
    perms = sorted(perms, key=lambda perm: str(perm["name"]))
    if as_json:
        say_json(perms)
        return
    width = max([18] + [len(perm["name"]) for perm in perms])
    if not cli.is_quiet(quiet):
        head = f"{'Permission name':<{width}s}"
        if perms and perms[0].get("description"):
            head += f"   {'Description':<50s}"
        say(head)
        say("-" * len(head))
    for perm in perms:
        text = perm.get("description")
        say(f"{perm['name']:<{width}s}" + (f"   {text}" if text else ""))


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


@command("userinfo", "<username> [<username> ...]", anonymous=True)
@options.as_json
@click.argument("names", nargs=-1, required=True)
def userinfo(cli: Cli, names: tuple[str, ...], as_json: bool) -> None:
    """Show users."""
    with cli.session.multicall(strict=True) as calls:
        users = [calls.getUser(name, groups=True) for name in names]
    data = []
    for name, call in zip(names, users, strict=True):
        user = call.result
        if not user:
            warn(f"No such user: {name}\n")
            continue
        user.update(user_counts(cli, user["id"]))
        data.append(user)
        if not as_json:
            say_all(user_lines(user))
    if as_json:
        say_json(data)


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
