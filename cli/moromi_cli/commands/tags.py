"""Tags and targets: lists, one in full, and who inherits from whom."""

from collections.abc import Iterator
from typing import Any

import click

from moromi_cli import options
from moromi_cli.lazy import listing
from moromi_cli.output import Shown, yes_no
from moromi_cli.session import Cli


def flags(link: dict[str, Any]) -> str:
    """`MFIN`: what an inheritance link restricts; `.` for what it does not."""
    letters = (
        ("M", link["maxdepth"] not in (None, "")),
        ("F", bool(link["pkg_filter"])),
        ("I", link["intransitive"]),
        ("N", link["noconfig"]),
    )
    return "".join(letter if on else "." for letter, on in letters)


@listing("list-tags", "[options] [pattern ...]")
@click.option("--show-id", is_flag=True, help="show the ids")
@click.option("--verbose", is_flag=True, help="show locks and permissions")
@click.option("--unlocked", is_flag=True, help="only tags without lock and permission")
@click.option("--build", help="only tags that hold this build")
@click.option("--package", help="only tags that list this package")
@click.argument("patterns", nargs=-1)
def list_tags(
    cli: Cli, patterns: tuple[str, ...], build: str | None, package: str | None, **given: bool
) -> Shown:
    """Tag names."""
    session = cli.session
    query: dict[str, Any] = {}
    if package:
        found = session.getPackage(package)
        if not found:
            raise cli.usage_error(f"No such package: {package}")
        query["package"] = found["id"]
    if build:
        found = session.getBuild(build)
        if not found:
            raise cli.usage_error(f"No such build: {build}")
        query["build"] = found["id"]
    if patterns:
        with session.multicall(strict=True) as calls:
            lists = [calls.listTags(pattern=pattern, **query) for pattern in patterns]
        tags = list({tag["id"]: tag for found in lists for tag in found.result}.values())
    else:
        tags = session.listTags(**query)
    if given["unlocked"]:
        tags = [tag for tag in tags if not (tag["locked"] or tag["perm"])]
    tags = sorted(tags, key=lambda tag: str(tag["name"]))
    return Shown(tags, (tag_line(tag, given["show_id"], given["verbose"]) for tag in tags))


def tag_line(tag: dict[str, Any], show_id: bool, verbose: bool) -> str:
    """One tag of `list-tags`."""
    text = str(tag["name"])
    if show_id:
        text += f" [{tag['id']}]"
    if verbose:
        text += " [LOCKED]" if tag["locked"] else ""
        text += f" [{tag['perm']} perm required]" if tag["perm"] else ""
    return text


@listing("list-targets", "[options]")
@click.option("--name", help="only this target")
@options.quiet
def list_targets(cli: Cli, name: str | None, quiet: bool) -> Shown:
    """Build targets."""
    targets = sorted(cli.session.getBuildTargets(name), key=lambda target: str(target["name"]))
    if not (targets or cli.json):
        raise cli.usage_error(f"No such build target: {name}" if name else "No targets were found")
    return Shown(targets, target_rows(targets, cli.is_quiet(quiet)))


def target_rows(targets: list[dict[str, Any]], quiet: bool) -> Iterator[str]:
    """Header and rows of `list-targets`."""
    form = "{:<30s} {:<30s} {:<30s}"
    if not quiet:
        yield form.format("Name", "Buildroot", "Destination")
        yield "-" * 93
    for target in targets:
        yield form.format(target["name"], target["build_tag_name"], target["dest_tag_name"])


@listing("list-tag-inheritance", "[options] <tag>")
@click.option("--reverse", is_flag=True, help="children instead of parents")
@click.option("--stop", hidden=True)
@click.option("--jump", hidden=True)
@options.event
@click.argument("tag")
def list_tag_inheritance(
    cli: Cli, tag: str, reverse: bool, stop: str | None, jump: str | None, **given: int | None
) -> Shown:
    """Inheritance tree of a tag."""
    if stop is not None or jump is not None:
        raise cli.usage_error("--stop and --jump are no longer there")
    event, ts, repo = (given[key] for key in ("event", "ts", "repo"))
    at = options.event_arguments(cli, event, ts, repo)
    info = cli.session.getTag(int(tag) if tag.isdigit() else tag, **at)
    if not info:
        raise cli.usage_error(f"No such tag: {tag}")
    links = cli.session.getFullInheritance(info["id"], reverse=reverse, **at)
    return Shown(links, [f"     {info['name']} ({info['id']})", *tree_lines(links, reverse)])


def tree_lines(links: list[dict[str, Any]], reverse: bool) -> list[str]:
    """One line a link, with the branches drawn."""
    lines = []
    open_levels: dict[int, bool] = {}
    for place, link in enumerate(links):
        depth = link["currdepth"]
        more = False
        for later in links[place + 1 :]:
            if later["currdepth"] <= depth:
                more = later["currdepth"] == depth
                break
        open_levels[depth] = more
        stem = "".join("│  " if open_levels.get(level) else "   " for level in range(1, depth))
        branch = "├─" if more else "└─"
        tag_id = link["tag_id"] if reverse else link["parent_id"]
        lines.append(f"{flags(link)}  {stem}{branch}{link['name']} ({tag_id})")
    return lines


@listing("taginfo", "[options] <tag> [<tag> ...]")
@options.event
@click.argument("tags", nargs=-1, required=True)
def taginfo(cli: Cli, tags: tuple[str, ...], event: int | None, ts: int | None, repo: int | None) -> Shown:
    """Show tags."""
    at = options.event_arguments(cli, event, ts, repo)
    infos = [find_tag(cli, tag, at) for tag in tags]
    data = [collect(cli, info, at) for info in infos]
    return Shown(data, "\n\n".join("\n".join(tag_lines(tag, at)) for tag in data).split("\n"))


def find_tag(cli: Cli, tag: str, at: dict[str, int]) -> dict[str, Any]:
    """The tag's configuration, by name or else by number."""
    info = cli.session.getBuildConfig(tag, **at)
    if not info and tag.isdigit():
        info = cli.session.getBuildConfig(int(tag), **at)
    if not info:
        raise cli.usage_error(f"No such tag: {tag}")
    return dict(info)


def collect(cli: Cli, info: dict[str, Any], at: dict[str, int]) -> dict[str, Any]:
    """All that `taginfo` shows of a tag, in two requests."""
    tag_id = info["id"]
    with cli.session.multicall(strict=True) as calls:
        perms = calls.getAllPerms()
        groups = calls.getTagGroups(tag_id, **at)
        maven = calls.mavenEnabled()
        into = calls.getBuildTargets(destTagID=tag_id, **at)
        from_it = calls.getBuildTargets(buildTagID=tag_id, **at)
        repos = calls.getTagExternalRepos(tag_info=tag_id, **at)
        links = calls.getInheritanceData(tag_id, **at)
        repo = None if at else calls.getRepo(tag_id)
    with cli.session.multicall(strict=True) as calls:
        target_repos = {} if at else {item["id"]: calls.getRepo(item["build_tag"]) for item in into.result}
    names = {perm["id"]: perm["name"] for perm in perms.result}
    return {
        **info,
        "perm": names.get(info.get("perm_id"), info.get("perm")),
        "groups": sorted(group["name"] for group in groups.result),
        "maven_enabled": maven.result,
        "into": sorted(into.result, key=lambda item: str(item["name"])),
        "from": sorted(from_it.result, key=lambda item: str(item["name"])),
        "target_repos": {key: call.result for key, call in target_repos.items()},
        "repo": repo.result if repo else None,
        "external_repos": repos.result,
        "links": links.result,
        "inherited": option_sources(info),
    }


def option_sources(info: dict[str, Any]) -> dict[str, str]:
    """Option -> name of the tag that it is inherited from, for those that are inherited."""
    origins = (info.get("config_inheritance") or {}).get("extra") or {}
    return {key: str(origin["name"]) for key, origin in origins.items() if origin["id"] != info["id"]}


def repo_text(repo: dict[str, Any] | None) -> str:
    """`repo#7: 2025-06-15 15:10:02`."""
    return f"repo#{repo['id']}: {repo['creation_time']}" if repo else "no active repo"


def tag_lines(tag: dict[str, Any], at: dict[str, int]) -> list[str]:
    """The block of one tag."""
    lines = [
        f"Tag: {tag['name']} [{tag['id']}]",
        f"Arches: {tag['arches']}",
        f"Groups: {', '.join(tag['groups'])}",
    ]
    if tag.get("locked"):
        lines.append("LOCKED")
    if tag["perm"]:
        lines.append(f"Required permission: {tag['perm']!r}")
    if tag["maven_enabled"]:
        lines.append(f"Maven support?: {yes_no(tag['maven_support'])}")
        lines.append(f"Include all Maven archives?: {yes_no(tag['maven_include_all'])}")
    lines += option_lines(tag) + target_lines(tag, at)
    if tag["external_repos"]:
        lines.append("External repos:")
    for repo in tag["external_repos"]:
        arches = repo.get("arches") or "inherited from tag"
        mode = repo.get("merge_mode")
        lines.append(
            f"  {repo['priority']:3d} {repo['external_repo_name']} "
            f"({repo['url']}, merge mode: {mode}), arches: {arches}"
        )
    lines.append("Inheritance:")
    for link in tag["links"]:
        lines.append(f"  {link['priority']:<4d} {flags(link)} {link['name']} [{link['parent_id']}]")
        if link["maxdepth"] is not None:
            lines.append(f"    maxdepth: {link['maxdepth']}")
        if link["pkg_filter"]:
            lines.append(f"    package filter: {link['pkg_filter']}")
    return lines


def option_lines(tag: dict[str, Any]) -> list[str]:
    """`Tag options:`, sorted, with the tag that an inherited one is from."""
    extra = tag.get("extra") or {}
    lines = ["Tag options:"]
    for key in sorted(extra):
        text = f"  {key} : {extra[key]!r}"
        origin = tag["inherited"].get(key)
        lines.append(f"{text:<30s} [{origin}]" if origin else text)
    return lines


def target_lines(tag: dict[str, Any], at: dict[str, int]) -> list[str]:
    """Which targets build into the tag, and from it."""
    lines = []
    if tag["into"]:
        lines.append("Targets that build into this tag:")
        for target in tag["into"]:
            about = target["build_tag_name"]
            if not at:
                about += f", {repo_text(tag['target_repos'].get(target['id']))}"
            lines.append(f"  {target['name']} ({about})")
    current = [] if at else [f"Current repo: {repo_text(tag['repo'])}"]
    if tag["from"]:
        lines += [
            "This tag is a buildroot for one or more targets",
            *current,
            "Targets that build from this tag:",
        ]
        return lines + [f"  {target['name']}" for target in tag["from"]]
    return lines + current
