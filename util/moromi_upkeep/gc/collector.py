"""What all actions of `moromi-gc` share: session, settings, and questions about many builds at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moromi.client import ClientSession
from moromi.errors import Fault, GenericError
from moromi.policy import matches_any
from moromi_upkeep.options import Values

BATCH = 100


@dataclass
class Collector:
    """One run. `aliases` are names of keys by key id."""

    session: ClientSession
    options: Values
    aliases: Mapping[str, str]
    now: float = field(default_factory=time.time)

    def say(self, text: str) -> None:
        """Tell what is done, or would be."""
        print(f"{text} (test)" if self.options.test else text, flush=True)

    def debug(self, text: str) -> None:
        """Tell why nothing is done."""
        if self.options.debug:
            print(text, flush=True)

    def attempt(self, what: str, action: Callable[..., Any], *arguments: Any, **named: Any) -> bool:
        """Do something unless this is a test; whether it went well. An error is told, and the run goes on."""
        self.say(what)
        if self.options.test:
            return True
        try:
            action(*arguments, **named)
        except (GenericError, Fault) as error:
            print(f"  failed: {error}", flush=True)
            return False
        return True

    def wants(self, package: str) -> bool:
        """Say whether a package is to be looked at."""
        return not self.options.pkg_filter or matches_any(package, self.options.pkg_filter)

    def trashcan(self) -> dict[str, Any]:
        """Give the trashcan. GenericError if there is none."""
        name = self.options.trashcan_tag
        found: dict[str, Any] | None = self.session.getTag(name)
        if found is None:
            raise GenericError(f"Trashcan tag {name} doesn't exist")
        return found

    # -- about many builds, in few requests

    def ask(self, call: str, builds: Iterable[int], **arguments: Any) -> dict[int, Any]:
        """Make a call for each build, the build as its first argument; the answers by build."""
        with self.session.multicall(strict=True, batch=BATCH) as calls:
            asked = {build: calls.call(call, build, **arguments) for build in builds}
        return {build: each.result for build, each in asked.items()}

    def tags(self, builds: Iterable[int]) -> dict[int, set[str]]:
        """Name the tags that builds are in."""
        with self.session.multicall(strict=True, batch=BATCH) as calls:
            asked = {build: calls.listTags(build=build) for build in builds}
        return {build: {tag["name"] for tag in each.result} for build, each in asked.items()}

    def keys(self, builds: Iterable[int]) -> dict[int, set[str]]:
        """Name the keys with which packages of builds are signed."""
        found: dict[int, set[str]] = {}
        of_build = {}
        for build, rpms in self.ask("listBuildRPMs", builds).items():
            found[build] = set()
            of_build.update({rpm["id"]: build for rpm in rpms})
        for rpm, signatures in self.ask("queryRPMSigs", of_build).items():
            found[of_build[rpm]].update(each["sigkey"] for each in signatures if each["sigkey"])
        return found

    def names_of_key(self, key: str) -> set[str]:
        """Give a key's id and, if it has one, its alias."""
        return {key, self.aliases.get(key.lower(), key)}

    def protecting(self, keys: Iterable[str]) -> list[str]:
        """List those keys whose signatures protect a build."""
        patterns = self.options.unprotected_keys
        return sorted(
            key for key in keys if not any(matches_any(name, patterns) for name in self.names_of_key(key))
        )
