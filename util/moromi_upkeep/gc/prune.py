"""The action `prune`: builds leave tags by the rules of the policy (spec: builder, section 7.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moromi.errors import GenericError
from moromi.policy import RuleSet, matches_any
from moromi_upkeep.gc import policy
from moromi_upkeep.gc.collector import Collector

Row = Mapping[str, Any]


def prune(gc: Collector, text: str) -> None:
    """Look at every tag. GenericError without rules, or for rules that cannot be read."""
    if not text.strip():
        raise GenericError("No prune policy found in the configuration")
    rules = policy.parse_policy(text)
    perms = set(gc.session.getPerms())
    untagged: dict[int, str] = {}
    for tag in sorted(gc.session.listTags(), key=lambda each: str(each["name"])):
        if _is_wanted(gc, tag, perms):
            untagged.update(TagPruner(gc, rules, tag, "admin" in perms).run())
    if gc.options.purge:
        _purge(gc, untagged)


def _is_wanted(gc: Collector, tag: Row, perms: set[str]) -> bool:
    """Say whether a tag is to be pruned, and tell why it is not."""
    name, options = tag["name"], gc.options
    if name == options.trashcan_tag or matches_any(name, options.ignore_tags):
        return False
    if options.tag_filter and not matches_any(name, options.tag_filter):
        return False
    if tag["locked"] and not matches_any(name, options.bypass_locks):
        gc.debug(f"Skipping locked tag {name}")
        return False
    if not perms & {"admin", "tag", tag["perm"]}:
        gc.debug(f"Skipping tag {name}: no permission")
        return False
    return True


@dataclass
class TagPruner:
    """One tag."""

    gc: Collector
    rules: RuleSet
    tag: Row
    is_admin: bool

    def run(self) -> dict[int, str]:
        """Untag what the rules say; what was untagged, by build."""
        gc, name = self.gc, self.tag["name"]
        gc.debug(f"Pruning tag {name}")
        force = bool(self.tag["locked"]) or self.is_admin
        done = {}
        history = gc.session.queryHistory(tables=["tag_listing"], tag=name, active=True)["tag_listing"]
        for row in self._doomed([row for row in history if gc.wants(row["name"])]):
            build, nvr = row["build_id"], "{name}-{version}-{release}".format_map(dict(row))
            what = f"Untagging {nvr} from {name}"
            if gc.attempt(what, gc.session.untagBuildBypass, name, build, force=force):
                done[build] = nvr
        return done

    def _doomed(self, history: list[Row]) -> Iterator[Row]:
        """Give the entries that the rules want out, package by package."""
        known = self._facts([row["build_id"] for row in history])
        for group in self._groups(history):
            order = 0
            for row in group:
                action = policy.action_for(self.rules, self._data(row, order, known))
                if action == "skip":
                    continue
                order += 1
                if action == "untag":
                    yield row

    def _groups(self, history: list[Row]) -> list[list[Row]]:
        """Put together what succeeds one another, the latest tagging first.

        That are the builds of a package; of Maven artifacts many versions are wanted where the tag includes
        them all, so there it is those of a version.
        """
        maven: set[int] = set()
        if self.tag.get("maven_include_all"):
            tagged = self.gc.session.listTagged(self.tag["name"], type="maven")
            maven = {build["build_id"] for build in tagged}
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in sorted(history, key=lambda each: -int(each["create_event"])):
            version = row["version"] if row["build_id"] in maven else ""
            groups.setdefault((row["name"], version), []).append(row)
        return [group for _, group in sorted(groups.items())]

    def _facts(self, builds: list[int]) -> dict[str, dict[int, Any]]:
        """Ask for what the rules look at, and for nothing else."""
        found: dict[str, dict[int, Any]] = {"keys": {}, "tags": {}, "volname": {}}
        if policy.asks_for(self.rules, policy.SigTest):
            for build, keys in self.gc.keys(builds).items():
                found["keys"][build] = {name for key in keys for name in self.gc.names_of_key(key)}
        if policy.asks_for(self.rules, policy.HasTagTest):
            found["tags"] = self.gc.tags(builds)
        if policy.asks_for(self.rules, policy.VolumeTest):
            records = self.gc.ask("getBuild", builds)
            found["volname"] = {build: record["volume_name"] for build, record in records.items()}
        return found

    def _data(self, row: Row, order: int, known: Mapping[str, Mapping[int, Any]]) -> dict[str, Any]:
        data = {"tagname": self.tag["name"], "pkgname": row["name"], "order": order, "ts": row["create_ts"]}
        build = row["build_id"]
        facts = {key: values[build] for key, values in known.items() if build in values}
        return {**data, "now": self.gc.now, **facts}


def _purge(gc: Collector, untagged: Mapping[int, str]) -> None:
    """Delete what was untagged and is in no tag any more, unless it is signed."""
    tags, keys = gc.tags(untagged), gc.keys(untagged)
    for build, nvr in untagged.items():
        if tags[build] or gc.protecting(keys[build]):
            gc.debug(f"Keeping {nvr}")
            continue
        gc.attempt(f"Deleting build {nvr}", gc.session.deleteBuild, build, strict=True)
