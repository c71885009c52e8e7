"""The policy tests that ask the database (hub-protocol.md section 6.6)."""

from __future__ import annotations

from collections.abc import Iterable

from moromi.policy import PolicyData, PolicyTest, matches_any, name_of_test
from moromi_hub.policies import facts, queries
from moromi_hub.tags import inheritance
from moromi_hub.tags import service as tags
from moromi_hub.users import service as users


class _TextTest(PolicyTest):
    """Base: one text that must match a glob; None does not."""

    def value(self, data: PolicyData) -> str | None:
        """The text."""
        raise TypeError(f"{type(self).__name__} does not say what it looks at")

    def run(self, data: PolicyData) -> bool:
        """Whether it matches."""
        value = self.value(data)
        return value is not None and matches_any(value, self.args)


class _AnyTest(PolicyTest):
    """Base: several texts of which one must match."""

    def values(self, data: PolicyData) -> Iterable[str]:
        """The texts."""
        raise TypeError(f"{type(self).__name__} does not say what it looks at")

    def run(self, data: PolicyData) -> bool:
        """Whether one matches."""
        return any(matches_any(value, self.args) for value in self.values(data))


class PackageTest(_TextTest):
    """`package GLOB…`."""

    name = "package"

    def value(self, data: PolicyData) -> str | None:
        """The name of the package."""
        return facts.package_name(data)


class IsNewPackageTest(PolicyTest):
    """There is no package of that name yet."""

    name = "is_new_package"

    def run(self, data: PolicyData) -> bool:
        """Whether it is new."""
        return not queries.is_listed(facts.call_of(data).tx, facts.package_name(data))


class VersionTest(_TextTest):
    """`version GLOB…`."""

    name = "version"

    def value(self, data: PolicyData) -> str | None:
        """The text."""
        return facts.part_of_build(data, "version")


class ReleaseTest(_TextTest):
    """`release GLOB…`."""

    name = "release"

    def value(self, data: PolicyData) -> str | None:
        """The text."""
        return facts.part_of_build(data, "release")


class VolumeTest(_TextTest):
    """`volume GLOB…`."""

    name = "volume"

    def value(self, data: PolicyData) -> str | None:
        """The name of the volume."""
        return facts.volume_name(data)


class TagTest(_TextTest):
    """`tag GLOB…`: where to."""

    name = "tag"

    def value(self, data: PolicyData) -> str | None:
        """The name of the tag."""
        return facts.remembered(data, "_tagname", lambda call, data: facts.tag_name(data, "tag"))


class FromTagTest(_TextTest):
    """`fromtag GLOB…`: where from."""

    name = "fromtag"

    def value(self, data: PolicyData) -> str | None:
        """The name of the tag."""
        return facts.tag_name(data, "fromtag")


class HasTagTest(_AnyTest):
    """`hastag GLOB…`: what the build is tagged with now."""

    name = "hastag"

    def values(self, data: PolicyData) -> Iterable[str]:
        """The names of the tags."""
        build = facts.build_of(data)
        return [] if build is None else queries.tag_names(facts.call_of(data).tx, build["id"])


class BuildTagTest(_AnyTest):
    """`buildtag GLOB…`: the tags it was or will be built in."""

    name = "buildtag"

    def values(self, data: PolicyData) -> Iterable[str]:
        """The names of the tags."""
        call = facts.call_of(data)
        found = (tags.find_tag_row(call, tag_id) for tag_id in facts.build_tag_ids(data))
        return [row["name"] for row in found if row is not None]


class BuildTagInheritsFromTest(_AnyTest):
    """`buildtag_inherits_from GLOB…`: the ancestors of those."""

    name = "buildtag_inherits_from"

    def values(self, data: PolicyData) -> Iterable[str]:
        """The names of the ancestors."""
        call = facts.call_of(data)
        for tag_id in facts.build_tag_ids(data):
            yield from (link["name"] for link in inheritance.full_inheritance(call, tag_id))


class BuildTypeTest(_AnyTest):
    """`buildtype GLOB…`."""

    name = "buildtype"

    def values(self, data: PolicyData) -> Iterable[str]:
        """The names of the build types."""
        if data.get("btypes") is not None:
            return [str(name) for name in data["btypes"]]
        build = facts.build_of(data)
        return [] if build is None else queries.build_types(facts.call_of(data).tx, build["id"])


class CGMatchAnyTest(_AnyTest):
    """`cg_match_any GLOB…`: one content generator matches."""

    name = "cg_match_any"

    def values(self, data: PolicyData) -> Iterable[str]:
        """The names of the generators."""
        return [name for name in facts.generators(data) if name is not None]


class CGMatchAllTest(PolicyTest):
    """`cg_match_all GLOB…`: there are content generators, and all match."""

    name = "cg_match_all"

    def run(self, data: PolicyData) -> bool:
        """Whether they do; what does not come from a generator does not match."""
        found = facts.generators(data)
        return bool(found) and all(name is not None and matches_any(name, self.args) for name in found)


class ImportedTest(PolicyTest):
    """A part of the build was not built here."""

    name = "imported"

    def run(self, data: PolicyData) -> bool:
        """Whether one has no buildroot. Raises GenericError without a build."""
        build = facts.require_build(data)
        return None in queries.buildroot_ids(facts.call_of(data).tx, build["id"])


class IsDraftTest(PolicyTest):
    """The build is a draft."""

    name = "is_draft"

    def run(self, data: PolicyData) -> bool:
        """Whether it is."""
        if "draft" in data:
            return bool(data["draft"])
        build = facts.build_of(data)
        return build is not None and bool(build["draft"])


class IsBuildOwnerTest(PolicyTest):
    """The acting user owns the build, or is in the group that does."""

    name = "is_build_owner"

    def run(self, data: PolicyData) -> bool:
        """Whether that is so. Raises GenericError without a build."""
        build = facts.require_build(data)
        user_id = facts.user_id_of(data)
        if user_id is None:
            return False
        if build["owner_id"] == user_id:
            return True
        groups = users.user_groups(facts.call_of(data), user_id)
        return any(group["id"] == build["owner_id"] for group in groups)


class UserTest(_TextTest):
    """`user GLOB…`: the acting user."""

    name = "user"

    def value(self, data: PolicyData) -> str | None:
        """The name of the user."""
        return facts.user_name(data)


class UserInGroupTest(_AnyTest):
    """`user_in_group GLOB…`."""

    name = "user_in_group"

    def values(self, data: PolicyData) -> Iterable[str]:
        """The names of the acting user's groups."""
        user_id = facts.user_id_of(data)
        if user_id is None:
            return []
        return [group["name"] for group in users.user_groups(facts.call_of(data), user_id)]


class HasPermTest(_AnyTest):
    """`has_perm GLOB…`: a permission of the acting user; admin does not imply the others."""

    name = "has_perm"

    def values(self, data: PolicyData) -> Iterable[str]:
        """The names of the permissions."""
        return facts.permissions(data)


class SourceTest(_TextTest):
    """`source GLOB…`."""

    name = "source"

    def value(self, data: PolicyData) -> str | None:
        """The source."""
        return facts.source(data)


HUB_TESTS: dict[str, type[PolicyTest]] = {
    name_of_test(kind): kind
    for kind in (
        PackageTest,
        IsNewPackageTest,
        VersionTest,
        ReleaseTest,
        VolumeTest,
        TagTest,
        FromTagTest,
        HasTagTest,
        BuildTagTest,
        BuildTagInheritsFromTest,
        BuildTypeTest,
        CGMatchAnyTest,
        CGMatchAllTest,
        ImportedTest,
        IsDraftTest,
        IsBuildOwnerTest,
        UserTest,
        UserInGroupTest,
        HasPermTest,
        SourceTest,
    )
}
