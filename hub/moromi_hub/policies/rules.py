"""The policies of a site, read once when the hub starts: a mistake in them stops it there.

What `[policy]` of the configuration does not say has the rules of
hub-protocol.md section 6.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from moromi.errors import GenericError
from moromi.policy import PURE_TESTS, PolicyData, PolicyTest, Result, RuleSet, name_of_test, parse_rules
from moromi_hub.policies import facts, tests

_ADMIN_ONLY = """
    has_perm admin :: allow
    all :: deny Only admin can do this via default policy
"""
DEFAULTS: Mapping[str, str] = {
    "build_rpm": "all :: allow",
    "build_from_srpm": _ADMIN_ONLY,
    "build_from_repo_id": _ADMIN_ONLY,
    "build_from_scm": _ADMIN_ONLY,
    "package_list": """
        has_perm admin :: allow
        has_perm tag :: allow
        all :: deny Only admin/tag can do this via default policy
    """,
    "channel": """
        has req_channel :: req
        is_child_task :: parent
        all :: use default
    """,
    "vm": """
        has_perm admin win-admin :: allow
        all :: deny Only admin/win-admin can do this via default policy
    """,
    "cg_import": "all :: allow",
    "volume": "all :: DEFAULT",
    "priority": "all :: stay",
    "draft_beside_release": "all :: deny",
    "draft_promotion": """
        has_perm draft-promoter :: allow
        is_build_owner :: allow
        all :: deny Only draft-promoter and build owner can do this via default policy
    """,
}


@dataclass(frozen=True)
class LeadingRules:
    """Rules that a plugin puts before those of the site, as it alone knows that they hold."""

    policy: str
    rules: str


class Policies:
    """The rule sets by name. Holds nothing of a request."""

    def __init__(
        self,
        configured: Mapping[str, str],
        plugins: Iterable[type[PolicyTest]] = (),
        leading: Iterable[LeadingRules] = (),
    ) -> None:
        """Read all rules; `plugins` are further tests, which replace ours of the same name.

        Raises GenericError for rules that cannot be read.
        """
        self._plugins = tuple(plugins)
        self._sets: dict[str, RuleSet] = {}
        texts = {**DEFAULTS, **configured}
        for each in leading:
            texts[each.policy] = f"{each.rules}\n{texts.get(each.policy, '')}"
        for name, text in texts.items():
            self._sets[name] = parse_rules(text, self._tests_for(name))

    def _tests_for(self, policy: str) -> dict[str, type[PolicyTest]]:
        known: dict[str, type[PolicyTest]] = {**PURE_TESTS, **tests.HUB_TESTS, "policy": _PolicyTest}
        for kind in self._plugins:
            limits = kind.policy
            names = [limits] if isinstance(limits, str) else limits
            if names is None or policy in names:
                known[name_of_test(kind)] = kind
        return known

    def __contains__(self, name: str) -> bool:
        return name in self._sets

    def apply(self, name: str, data: PolicyData) -> Result:
        """What a policy says. Raises GenericError `no such policy: …`, or what a test complains about."""
        rules = self._sets.get(name)
        if rules is None:
            raise GenericError(f"no such policy: {name}")
        return rules.apply(data)


class _PolicyTest(PolicyTest):
    """`policy NAME`: that policy answers yes, true or allow."""

    name = "policy"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if len(self.args) != 1:
            raise GenericError("Invalid or missing field in policy test")

    def run(self, data: PolicyData) -> bool:
        """Whether it does. Raises GenericError when the policies lead back to this one."""
        depth = data.setdefault("_policy_loop", set())
        if self.text in depth:
            raise GenericError(f"encountered policy loop at {self.text}")
        depth.add(self.text)
        try:
            action = facts.call_of(data).hub.policies.apply(self.args[0], data).action
        finally:
            depth.discard(self.text)
        return (action or "").lower() in ("yes", "true", "allow")
