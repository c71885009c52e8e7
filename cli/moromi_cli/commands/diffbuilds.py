"""`diff-builds`: what differs between two builds: packages, files, dependencies, buildroots."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from moromi.constants import DepType
from moromi.errors import GenericError
from moromi.names import is_debuginfo
from moromi_cli.commands.builds import number_or_name
from moromi_cli.lazy import listing
from moromi_cli.output import Shown, size_text
from moromi_cli.session import Cli

PARTS = ("packages", "files", "dependencies", "buildroot")
SENSE = ((2, "<"), (4, ">"), (8, "="))
BATCH = 20
Rpms = dict[str, dict[str, Any]]
Values = Mapping[str, Any]


@listing("diff-builds", "[options] <n-v-r|id> <n-v-r|id>")
@click.option("--arch", multiple=True, help="only packages and buildroots of this architecture")
@click.option("--only", "parts", multiple=True, type=click.Choice(PARTS), help="only this part")
@click.option("--debuginfo", is_flag=True, help="also debuginfo packages")
@click.argument("old")
@click.argument("new")
def diff_builds(cli: Cli, old: str, new: str, arch: tuple[str, ...], debuginfo: bool, **given: Any) -> Shown:
    """Compare two builds: packages, files, dependencies, buildroot contents."""
    parts = given["parts"] or PARTS
    builds = [find_build(cli, name) for name in (old, new)]
    sides = [list_rpms(cli, build, arch, debuginfo) for build in builds]
    data: dict[str, Any] = {"old": builds[0]["nvr"], "new": builds[1]["nvr"]}
    common = sorted(sides[0].keys() & sides[1].keys())
    if "packages" in parts:
        data["packages"] = compared(*({key: about(rpm) for key, rpm in side.items()} for side in sides))
    if "files" in parts:
        data["files"] = by_package(common, *(list_files(cli, side, common) for side in sides))
    if "dependencies" in parts:
        data["dependencies"] = by_package(common, *(list_deps(cli, side, common) for side in sides))
    if "buildroot" in parts:
        roots = [list_roots(cli, side.values()) for side in sides]
        data["buildroot"] = by_package(sorted(roots[0].keys() & roots[1].keys()), *roots)
    return Shown(data, diff_lines(data))


def find_build(cli: Cli, name: str) -> dict[str, Any]:
    """A build by NVR or id."""
    build: dict[str, Any] | None = cli.session.getBuild(number_or_name(name))
    if not build:
        raise GenericError(f"No such build: {name}")
    return build


def list_rpms(cli: Cli, build: dict[str, Any], arches: tuple[str, ...], debuginfo: bool) -> Rpms:
    """`name.arch` -> RPM."""
    rpms = cli.session.listRPMs(buildID=build["id"], **({"arches": list(arches)} if arches else {}))
    wanted = (rpm for rpm in rpms if debuginfo or not is_debuginfo(rpm["name"]))
    return {f"{rpm['name']}.{rpm['arch']}": rpm for rpm in wanted}


def release(rpm: Values) -> str:
    """`[epoch:]version-release`."""
    epoch = f"{rpm['epoch']}:" if rpm.get("epoch") else ""
    return f"{epoch}{rpm['version']}-{rpm['release']}"


def about(rpm: Values) -> dict[str, Any]:
    """What is compared of a package."""
    return {"version": release(rpm), "size": rpm["size"]}


def many(cli: Cli, method: str, rpms: Rpms, keys: Iterable[str]) -> dict[str, Any]:
    """One call for each package, in few requests."""
    with cli.session.multicall(strict=True, batch=BATCH) as calls:
        answers = {key: calls.call(method, rpms[key]["id"]) for key in keys}
    return {key: answer.result for key, answer in answers.items()}


def list_files(cli: Cli, rpms: Rpms, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Package -> path -> what is compared of a file."""
    found = many(cli, "listRPMFiles", rpms, keys)
    fields = ("size", "digest", "mode", "user", "group")
    return {
        key: {file["name"]: {field: file.get(field) for field in fields} for file in files}
        for key, files in found.items()
    }


def list_deps(cli: Cli, rpms: Rpms, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Package -> dependency -> nothing. The package's own version, which always differs, is `@`."""
    found = many(cli, "getRPMDeps", rpms, keys)
    return {key: {dependency(dep, release(rpms[key])): None for dep in deps} for key, deps in found.items()}


def dependency(dep: Values, own: str) -> str:
    """`requires libc.so.6 >= 2`."""
    version = str(dep["version"] or "")
    version = "@" if version in (own, own.rpartition(":")[2]) else version
    sense = "".join(sign for bit, sign in SENSE if int(dep["flags"]) & bit)
    kind = DepType(dep["type"]).name.lower()
    return f"{kind}s {dep['name']}" + (f" {sense} {version}" if sense and version else "")


def list_roots(cli: Cli, rpms: Iterable[Values]) -> dict[str, dict[str, Any]]:
    """Architecture -> package -> version, of the buildroots that the packages were made in."""
    roots = {rpm["buildroot_id"] for rpm in rpms if rpm.get("buildroot_id")}
    with cli.session.multicall(strict=True) as calls:
        infos = {root: calls.getBuildroot(root) for root in sorted(roots)}
        contents = {root: calls.listRPMs(componentBuildrootID=root) for root in sorted(roots)}
    found: dict[str, dict[str, Any]] = {}
    for root in sorted(roots):
        arch = infos[root].result.get("arch") or infos[root].result.get("host_arch") or "?"
        packages = {
            f"{rpm['name']}.{rpm['arch']}": {"version": release(rpm)} for rpm in contents[root].result
        }
        found.setdefault(str(arch), {}).update(packages)
    return found


def compared(old: Values, new: Values) -> dict[str, Any]:
    """`{added, removed, changed}` of two maps; `changed` holds both values."""
    return {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "changed": {
            key: {"old": old[key], "new": new[key]}
            for key in sorted(old.keys() & new.keys())
            if old[key] != new[key]
        },
    }


def by_package(keys: list[str], old: Values, new: Values) -> dict[str, Any]:
    """A comparison for each key; those without a difference are left out."""
    found = {key: compared(old[key], new[key]) for key in keys}
    return {key: difference for key, difference in found.items() if any(difference.values())}


def diff_lines(data: dict[str, Any]) -> Iterator[str]:
    """The differences, signs before each."""
    yield f"{data['old']} -> {data['new']}"
    for part in PARTS:
        if part not in data:
            continue
        found = {"": data[part]} if part == "packages" else data[part]
        if not any(any(difference.values()) for difference in found.values()):
            yield f"{part.capitalize()}: the same"
            continue
        yield f"{part.capitalize()}:"
        for key, difference in found.items():
            yield from [f"  {key}"] if key else []
            yield from (f"{'    ' if key else '  '}{line}" for line in signed(difference))


def signed(difference: dict[str, Any]) -> Iterator[str]:
    """`+ new`, `- gone`, `~ changed`."""
    yield from (f"+ {key}" for key in difference["added"])
    yield from (f"- {key}" for key in difference["removed"])
    for key, both in difference["changed"].items():
        yield f"~ {key}: {changes(both['old'], both['new'])}"


def changes(old: Values, new: Values) -> str:
    """`version 1-1 -> 1-2, size 3.00 KiB -> 4.00 KiB`."""
    words = []
    for key in new:
        if key == "digest" or old.get(key) == new[key]:
            continue
        words.append(f"{key} {worded(key, old.get(key))} -> {worded(key, new[key])}")
    return ", ".join(words) or "other content"


def worded(key: str, value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "none"
    return size_text(value) if key == "size" else oct(value) if key == "mode" else str(value)
