"""`list-history`: what was changed, when, and by whom.

The hub's answer has a row for each version of something, with the events that began and ended it. A row gives
an entry for its creation and one for its end; where one version ends at the event at which the next begins,
the two are one edit.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import click

from moromi_cli import options
from moromi_cli.lazy import listing
from moromi_cli.output import Failure, Shown
from moromi_cli.session import Cli

Row = dict[str, Any]

#: table -> (what names the thing, in the words of a row; texts of its creation, its end, and an edit)
TABLES: dict[str, tuple[tuple[str, ...], str, str, str]] = {
    "tag_listing": (
        ("build_id", "tag_id"),
        "{name}-{version}-{release} tagged into {tag.name}",
        "{name}-{version}-{release} untagged from {tag.name}",
        "{name}-{version}-{release} re-tagged into {tag.name}",
    ),
    "user_perms": (
        ("user_id", "perm_id"),
        "permission {permission.name} granted to {user.name}",
        "permission {permission.name} revoked for {user.name}",
        "permission {permission.name} re-granted to {user.name}",
    ),
    "user_groups": (
        ("user_id", "group_id"),
        "user {user.name} added to group {group.name}",
        "user {user.name} removed from group {group.name}",
        "user {user.name} re-added to group {group.name}",
    ),
    "cg_users": (
        ("user_id", "cg_id"),
        "user {user.name} added to content generator {content_generator.name}",
        "user {user.name} removed from content generator {content_generator.name}",
        "user {user.name} re-added to content generator {content_generator.name}",
    ),
    "tag_packages": (
        ("package_id", "tag_id"),
        "package list entry created: {package.name} in {tag.name}",
        "package list entry revoked: {package.name} in {tag.name}",
        "package list entry for {package.name} in {tag.name} updated",
    ),
    "tag_package_owners": (
        ("package_id", "tag_id"),
        "package owner {owner.name} set for {package.name} in {tag.name}",
        "package owner {owner.name} revoked for {package.name} in {tag.name}",
        "package owner changed for {package.name} in {tag.name}",
    ),
    "tag_inheritance": (
        ("tag_id", "parent_id"),
        "inheritance line {tag.name}->{parent.name} added",
        "inheritance line {tag.name}->{parent.name} removed",
        "inheritance line {tag.name}->{parent.name} updated",
    ),
    "tag_config": (
        ("tag_id",),
        "new tag: {tag.name}",
        "tag deleted: {tag.name}",
        "tag configuration for {tag.name} altered",
    ),
    "tag_extra": (
        ("tag_id", "key"),
        "added tag option {key} for tag {tag.name}",
        "tag option {key} removed for {tag.name}",
        "tag option {key} for tag {tag.name} altered",
    ),
    "host_config": (
        ("host_id",),
        "new host: {host.name}",
        "host deleted: {host.name}",
        "host configuration for {host.name} altered",
    ),
    "host_channels": (
        ("host_id", "channel_id"),
        "host {host.name} added to channel {channels.name}",
        "host {host.name} removed from channel {channels.name}",
        "",
    ),
    "build_target_config": (
        ("build_target_id",),
        "new build target: {build_target.name}",
        "build target deleted: {build_target.name}",
        "build target configuration for {build_target.name} updated",
    ),
    "external_repo_config": (
        ("external_repo_id",),
        "new external repo: {external_repo.name}",
        "external repo deleted: {external_repo.name}",
        "external repo configuration for {external_repo.name} altered",
    ),
    "external_repo_data": (
        ("external_repo_id",),
        "new tracking data for external repo {external_repo.name}",
        "deleted tracking data for external repo {external_repo.name}",
        "tracking data for external repo {external_repo.name} altered",
    ),
    "tag_external_repos": (
        ("tag_id", "external_repo_id"),
        "external repo entry for {external_repo.name} added to tag {tag.name}",
        "external repo entry for {external_repo.name} removed from tag {tag.name}",
        "external repo entry for {external_repo.name} in tag {tag.name} updated",
    ),
    "group_config": (
        ("group_id", "tag_id"),
        "group {group.name} added to tag {tag.name}",
        "group {group.name} removed from tag {tag.name}",
        "group {group.name} configuration for tag {tag.name} updated",
    ),
    "group_req_listing": (
        ("group_id", "tag_id", "req_id"),
        "group dependency {group.name}->{req.name} added in tag {tag.name}",
        "group dependency {group.name}->{req.name} dropped from tag {tag.name}",
        "group dependency {group.name}->{req.name} updated in tag {tag.name}",
    ),
    "group_package_listing": (
        ("group_id", "tag_id", "package"),
        "package {package} added to group {group.name} in tag {tag.name}",
        "package {package} removed from group {group.name} in tag {tag.name}",
        "package entry {package} in group {group.name}, tag {tag.name} updated",
    ),
}
VERSIONING = frozenset(
    {
        *("create_event", "revoke_event", "creator_id", "revoker_id", "creator_name", "revoker_name"),
        *("create_ts", "revoke_ts", "active"),
    }
)
#: what the text of an entry says already, under another name than the key's
SAID = {
    "tag_listing": {"name", "version", "release", "epoch", "build.state"},
    "user_perms": {"permission.name"},
}
FILTERS = (
    *("package", "tag", "editor", "user", "permission", "cg", "external_repo", "build_target", "group"),
    *("host", "channel", "xkey"),
)


@dataclass(frozen=True)
class Entry:
    """One line: what came into force, what ended, or both."""

    table: str
    created: Row | None
    revoked: Row | None

    @property
    def row(self) -> Row:
        """The version that names the thing."""
        found = self.created if self.created is not None else self.revoked
        assert found is not None
        return found

    @property
    def event(self) -> int:
        """When."""
        return int(self.row["create_event" if self.created is not None else "revoke_event"])

    @property
    def order(self) -> tuple[int, str, bool]:
        """By event, then table; what ends comes first."""
        return self.event, self.table, self.created is not None


@listing("list-history", "[options]")
@click.option("--debug", is_flag=True, hidden=True)
@click.option("--build", help="about this build")
@click.option("--package", help="about this package")
@click.option("--tag", help="about this tag")
@click.option("--editor", "--by", "editor", metavar="USER", help="made by this user")
@click.option("--user", help="affecting this user")
@click.option("--permission", help="about this permission")
@click.option("--cg", help="about this content generator")
@click.option("--external-repo", "--erepo", "external_repo", help="about this external repository")
@click.option("--build-target", "--target", "build_target", help="about this target")
@click.option("--group", help="about this package group")
@click.option("--host", help="about this builder")
@click.option("--channel", help="about this channel")
@click.option("--xkey", help="about this extra option of tags")
@click.option("--before", type=options.TIME, metavar="TIME", help="before this time")
@click.option("--after", type=options.TIME, metavar="TIME", help="after this time")
@click.option("--before-event", type=int, metavar="EVENT", help="before this event")
@click.option("--after-event", type=int, metavar="EVENT", help="after this event")
@click.option("--watch", is_flag=True, help="go on with what is new")
@click.option("--active/--revoked", default=None, help="only what is in force, or only what is no more")
@click.option("--context", is_flag=True, help="also the beginning or end of what matches")
@click.option("-s", "--show", multiple=True, metavar="TABLES", help="only these tables")
@click.option("-v", "--verbose", is_flag=True, help="all that is known")
@click.option("-e", "--events", is_flag=True, help="show event ids")
@click.option("--all", is_flag=True, help="everything, without a filter")
@click.option("--utc", is_flag=True, help="times in UTC")
def list_history(cli: Cli, **given: Any) -> Shown:
    """What was changed, when, and by whom."""
    query = history_query(cli, given)
    if given["watch"]:
        if cli.json:
            raise cli.usage_error("--watch goes on for ever, which one JSON document cannot")
        return Shown([], watched(cli, query, given))
    entries = find_entries(cli, query, given["context"])
    data = [{"table": entry.table, "created": entry.created, "revoked": entry.revoked} for entry in entries]
    return Shown(data, (line for entry in entries for line in entry_lines(entry, given)))


def history_query(cli: Cli, given: dict[str, Any]) -> dict[str, Any]:
    """Arguments of queryHistory."""
    query: dict[str, Any] = {key: number_or_name(given[key]) for key in FILTERS if given[key] is not None}
    if given["build"]:
        query["build"] = number_or_name(given["build"])
    for key in ("host", "channel"):
        if key in query and not getattr(cli.session, f"get{key.capitalize()}")(query[key]):
            raise Failure(f"No such {key}: {query[key]}")
    for key in ("before", "after"):
        if given[key] is not None:
            query[key] = given[key]
    for key, name in (("before_event", "beforeEvent"), ("after_event", "afterEvent")):
        if given[key] is not None:
            query[name] = given[key]
    if given["active"] is not None:
        query["active"] = given["active"]
    tables = [name for text in given["show"] for name in text.split(",")]
    if not (query or given["all"]):
        raise cli.usage_error("Please specify an option to limit the query")
    if tables:
        query["tables"] = tables
    return query


def number_or_name(text: str) -> int | str:
    """An id when it is all digits."""
    return int(text) if text.isdigit() else text


def find_entries(cli: Cli, query: dict[str, Any], context: bool) -> list[Entry]:
    """Ask the hub; the entries in order, edits joined."""
    entries = []
    for table, rows in cli.session.queryHistory(**query).items():
        for row in rows:
            if context or wanted(row, "_created_"):
                entries.append(Entry(table, row, None))
            if row["revoke_event"] is not None and (context or wanted(row, "_revoked_")):
                entries.append(Entry(table, None, row))
    entries.sort(key=lambda entry: entry.order)
    return list(joined(entries))


def wanted(row: Row, prefix: str) -> bool:
    """Whether this side of a version is what was asked for."""
    return all(value for key, value in row.items() if key.startswith(prefix))


def joined(entries: Iterable[Entry]) -> Iterator[Entry]:
    """An end and a beginning of the same thing at the same event are one edit, in the place of the
    beginning.
    """
    entries = list(entries)
    ended = {identity(entry): entry for entry in entries if entry.revoked is not None}
    begun = {identity(entry) for entry in entries if entry.created is not None}
    for entry in entries:
        key = identity(entry)
        if entry.created is not None and key in ended:
            yield Entry(entry.table, entry.created, ended[key].revoked)
        elif entry.created is not None or key not in begun:
            yield entry


def identity(entry: Entry) -> tuple[Any, ...]:
    """What happened to what: the event, the table, and the values of its key."""
    keys = TABLES[entry.table][0] if entry.table in TABLES else ()
    values = tuple(entry.row[key] for key in keys) if keys else (id(entry),)
    return (entry.event, entry.table, *values)


def entry_lines(entry: Entry, given: dict[str, Any]) -> Iterator[str]:
    """A line, and lines of details below it."""
    if given["debug"]:
        yield repr([entry.event, entry.table, int(entry.created is not None), entry.row])
    created, row = entry.created is not None, entry.row
    ts = row["create_ts" if created else "revoke_ts"]
    when = time.asctime(time.gmtime(ts) if given["utc"] else time.localtime(ts))
    event = f" (eid {entry.event})" if given["events"] or given["verbose"] else ""
    who = row["creator_name" if created else "revoker_name"]
    by = f" by {who}" if who else ""
    active = " [still active]" if created and row["active"] else ""
    yield f"{when}{event} {text_of(entry)}{by}{active}"
    if entry.created is not None and entry.revoked is not None:
        yield from changed(entry)
    elif created and given["verbose"]:
        for key in details(entry.table, row):
            yield f"    {key.removesuffix('.name')}: {row[key]}"


def text_of(entry: Entry) -> str:
    """What happened, in words."""
    which = 0 if entry.revoked is None else 1 if entry.created is None else 2
    text = TABLES[entry.table][1:][which] if entry.table in TABLES else ""
    if not text:
        verb = ("created", "revoked", "updated")[which]
        return f"{entry.table} entry {verb}"
    for key, value in entry.row.items():
        text = text.replace(f"{{{key}}}", str(value))
    return text


def details(table: str, row: Row) -> list[str]:
    """The keys of what a version says, beyond which thing it is about."""
    keys = TABLES[table][0] if table in TABLES else ()
    hidden = {*VERSIONING, *keys, *(f"{key.removesuffix('_id')}.name" for key in keys)}
    hidden |= SAID.get(table, set())
    return sorted(
        key
        for key in row
        if key not in hidden
        and not key.startswith("_")
        and not key.endswith("_id")
        and f"{key}.name" not in row
    )


def changed(entry: Entry) -> Iterator[str]:
    """`field: old -> new` for what an edit changed."""
    assert entry.created is not None and entry.revoked is not None
    for key in details(entry.table, entry.created):
        old, new = entry.revoked.get(key), entry.created.get(key)
        if old != new:
            yield f"    {key}: {old} -> {new}"


def watched(cli: Cli, query: dict[str, Any], given: dict[str, Any]) -> Iterator[str]:
    """What is new, for ever."""
    after = query.pop("afterEvent", None)
    if after is None:
        after = cli.session.getLastEvent()["id"]
    while True:
        entries = find_entries(cli, {**query, "afterEvent": after}, given["context"])
        for entry in entries:
            yield from entry_lines(entry, given)
            after = max(after, entry.event)
        sys.stdout.flush()  # whoever reads a pipe wants to know now
        time.sleep(cli.settings.poll_interval)
