"""The configuration of a hub as a checked document, in a few multicalls whatever the number of tags."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from moromi.client import ClientSession
from moromi.constants import UserStatus, UserType
from moromi_cli.declare.document import Document

BATCH = 200


def many(session: ClientSession, calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    """The results of `(name, arguments…, keywords)`."""
    with session.multicall(strict=True, batch=BATCH) as multi:
        made = [multi.call(name, *args, **keywords) for name, *args, keywords in calls]
    return [call.result for call in made]


def split(arches: str | None) -> list[str]:
    """A blank-separated list."""
    return (arches or "").split()


def read(session: ClientSession, sections: Iterable[str], wanted: Callable[[str, str], bool]) -> Document:
    """The sections that are asked for, of the things that are `wanted(section, name)`."""
    readers = {
        "permissions": permissions,
        "users": users,
        "channels": channels,
        "hosts": hosts,
        "external-repos": external_repos,
        "tags": tags,
        "targets": targets,
    }
    found: Document = {}
    for section in sections:
        reader = readers[section]
        found[section] = reader(session, partial(wanted, section))
    return found


def matching(patterns: tuple[str, ...]) -> Callable[[str, str], bool]:
    """Tags by patterns, where there are any, and everything else."""
    return lambda section, name: (
        section != "tags" or not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
    )


Wanted = Callable[[str], bool]


def permissions(session: ClientSession, wanted: Wanted) -> dict[str, Any]:
    """Name -> description."""
    perms = sorted(session.getAllPerms(), key=lambda perm: str(perm["name"]))
    return {perm["name"]: perm.get("description") for perm in perms if wanted(perm["name"])}


def users(session: ClientSession, wanted: Wanted) -> dict[str, Any]:
    """People and robots, not builders."""
    listed = session.listUsers(userType=int(UserType.NORMAL))
    chosen = sorted((user for user in listed if wanted(user["name"])), key=lambda user: str(user["name"]))
    perms = many(session, (("getUserPerms", user["id"], {"with_groups": False}) for user in chosen))
    return {
        user["name"]: {
            "principals": sorted(user.get("krb_principals") or []),
            "permissions": sorted(granted),
            "enabled": user["status"] == UserStatus.NORMAL,
        }
        for user, granted in zip(chosen, perms, strict=True)
    }


def channels(session: ClientSession, wanted: Wanted) -> dict[str, Any]:
    """Channels with their texts."""
    listed = sorted(session.listChannels(), key=lambda channel: str(channel["name"]))
    return {
        channel["name"]: {key: channel[key] for key in ("description", "comment", "enabled")}
        for channel in listed
        if wanted(channel["name"])
    }


def hosts(session: ClientSession, wanted: Wanted) -> dict[str, Any]:
    """Builders, with their channels and principals."""
    listed = sorted(session.listHosts(), key=lambda host: str(host["name"]))
    chosen = [host for host in listed if wanted(host["name"])]
    subscribed = many(session, (("listChannels", {"hostID": host["id"]}) for host in chosen))
    accounts = many(session, (("getUser", host["user_id"], {}) for host in chosen))
    return {
        host["name"]: {
            "arches": split(host["arches"]),
            **{key: host[key] for key in ("capacity", "description", "comment", "enabled")},
            "channels": sorted(channel["name"] for channel in channels),
            "principals": sorted((account or {}).get("krb_principals") or []),
        }
        for host, channels, account in zip(chosen, subscribed, accounts, strict=True)
    }


def external_repos(session: ClientSession, wanted: Wanted) -> dict[str, Any]:
    """Name -> URL."""
    listed = sorted(session.listExternalRepos(), key=lambda repo: str(repo["name"]))
    return {repo["name"]: repo["url"] for repo in listed if wanted(repo["name"])}


def targets(session: ClientSession, wanted: Wanted) -> dict[str, Any]:
    """Target -> its two tags."""
    listed = sorted(session.getBuildTargets(), key=lambda target: str(target["name"]))
    return {
        target["name"]: {"build": target["build_tag_name"], "dest": target["dest_tag_name"]}
        for target in listed
        if wanted(target["name"])
    }


def tags(session: ClientSession, wanted: Wanted) -> dict[str, Any]:
    """Tags with all that is set in them, not what they inherit."""
    names = sorted(tag["name"] for tag in session.listTags() if wanted(tag["name"]))
    infos = many(session, (("getTag", name, {"blocked": True}) for name in names))
    links = many(session, (("getInheritanceData", name, {}) for name in names))
    groups = many(
        session, (("getTagGroups", name, {"inherit": False, "incl_blocked": True}) for name in names)
    )
    packages = many(session, (("listPackages", {"tagID": name, "inherited": False}) for name in names))
    uses: dict[str, list[dict[str, Any]]] = {}
    for use in session.getTagExternalRepos() if names else ():
        uses.setdefault(use["tag_name"], []).append(use)
    return {
        info["name"]: {
            **config(info),
            "inheritance": sorted(map(link, linked), key=lambda item: (item["priority"], item["parent"])),
            "external-repos": sorted(
                map(use_of_repo, uses.get(info["name"], [])),
                key=lambda item: (item["priority"], item["name"]),
            ),
            "groups": {entry["name"]: group(entry) for entry in by_name(grouped)},
            "packages": {entry["package_name"]: package(entry) for entry in by_name(listed, "package_name")},
        }
        for info, linked, grouped, listed in zip(infos, links, groups, packages, strict=True)
    }


def by_name(entries: Iterable[dict[str, Any]], key: str = "name") -> list[dict[str, Any]]:
    """Sorted."""
    return sorted(entries, key=lambda entry: str(entry[key]))


def config(info: dict[str, Any]) -> dict[str, Any]:
    """A tag's own settings."""
    extra = info["extra"]
    return {
        "arches": split(info["arches"]),
        "locked": info["locked"],
        "permission": info["perm"],
        "maven": info["maven_support"],
        "maven-include-all": info["maven_include_all"],
        "extra": {key: value for key, (blocked, value) in sorted(extra.items()) if not blocked},
        "blocked-extra": sorted(key for key, (blocked, _) in extra.items() if blocked),
    }


def link(found: dict[str, Any]) -> dict[str, Any]:
    """One parent."""
    return {
        "parent": found["name"],
        **{key: found[key] for key in ("priority", "maxdepth", "intransitive", "noconfig")},
        "filter": found["pkg_filter"] or "",
    }


def use_of_repo(found: dict[str, Any]) -> dict[str, Any]:
    """One external repository of a tag."""
    return {
        "name": found["external_repo_name"],
        "priority": found["priority"],
        "mode": found["merge_mode"],
        "arches": split(found.get("arches")) or None,
    }


def group(found: dict[str, Any]) -> dict[str, Any]:
    """A group with its packages and requirements."""
    packages = by_name(found["packagelist"], "package")
    requires = by_name(found["grouplist"])
    return {
        "packages": {
            item["package"]: {key: item[key] for key in ("type", "basearchonly", "requires", "blocked")}
            for item in packages
        },
        "requires": {
            item["name"]: {
                "type": item["type"],
                "metapkg": bool(item["is_metapkg"]),
                "blocked": item["blocked"],
            }
            for item in requires
        },
        "display-name": found["display_name"],
        "description": found["description"],
        "default": found["is_default"],
        "visible": found["uservisible"],
        **{key: found[key] for key in ("exported", "langonly", "biarchonly", "blocked")},
    }


def package(found: dict[str, Any]) -> dict[str, Any]:
    """An entry of a package list."""
    return {
        "owner": found["owner_name"],
        "arches": split(found["extra_arches"]) or None,
        "blocked": found["blocked"],
    }
