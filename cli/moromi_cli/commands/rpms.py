"""`rpminfo`: one RPM, where it comes from and what used it."""

from typing import Any

import click

from moromi.names import nvr
from moromi_cli.lazy import listing
from moromi_cli.output import Shown, build_label, long_time, warn
from moromi_cli.session import Cli

DIGESTS = ("sigmd5", "sha1header", "sha256header", "sha3_256header")


def name_of(rpm: dict[str, Any]) -> str:
    """`[epoch:]name-version-release`."""
    epoch = rpm.get("epoch")
    return nvr(rpm) if epoch is None else f"{epoch}:{nvr(rpm)}"


def internal_lines(cli: Cli, rpm: dict[str, Any]) -> list[str]:
    """Build, source and paths of an RPM that was built here."""
    session = cli.session
    with session.multicall(strict=True) as calls:
        build_call = calls.getBuild(rpm["build_id"])
        sources_call = calls.listRPMs(buildID=rpm["build_id"], arches="src")
    build, sources = build_call.result, sources_call.result
    base = cli.disk.build(build)
    lines = [f"Build: {build_label(build)} [{build['id']}]"]
    lines.append(f"RPM Path: {base}/{cli.disk.rpm(rpm)}")
    if sources:
        source = sources[0]
        lines += [f"SRPM: {name_of(source)} [{source['id']}]", f"SRPM Path: {base}/{cli.disk.rpm(source)}"]
    else:
        lines.append("SRPM: (none)")
    lines.append(f"Built: {long_time(rpm['buildtime'])}")
    return lines


def external_lines(cli: Cli, rpm: dict[str, Any]) -> list[str]:
    """Where an RPM of another repository comes from."""
    repo = cli.session.getExternalRepo(rpm["external_repo_id"])
    return [f"External Repository: {repo['name']} [{repo['id']}]", f"External Repository url: {repo['url']}"]


def digest_lines(rpm: dict[str, Any]) -> list[str]:
    """The digests that are known; older hubs know one, under another name."""
    lines = [f"{key.upper()}: {rpm[key]}" for key in DIGESTS if rpm.get(key)]
    return lines or [f"SIGMD5: {rpm['payloadhash']}"]


def buildroot_lines(cli: Cli, rpm: dict[str, Any]) -> list[str]:
    """Where it was built."""
    if not rpm.get("buildroot_id"):
        return ["No buildroot data available"]
    root = cli.session.getBuildroot(rpm["buildroot_id"])
    if root.get("cg_name"):
        return [
            f"Content generator: {root['cg_name']}",
            f"Buildroot: {root['id']}",
            f"Build Host OS: {root['host_os']} ({root['host_arch']})",
        ]
    return [
        f"Buildroot: {root['id']} (tag {root['tag_name']}, arch {root['arch']}, repo {root['repo_id']})",
        f"Build Host: {root['host_name']}",
        f"Build Task: {root['task_id']}",
    ]


def user_lines(cli: Cli, rpm: dict[str, Any]) -> list[str]:
    """The buildroots that it was installed in."""
    roots = cli.session.listBuildroots(rpmID=rpm["id"], queryOpts={"order": "buildroot.id"})
    if not roots:
        return ["Used in 0 buildroots:"]
    widths = (8, 28, 8, 29)
    head = f"  {'id':>8s} {'build tag':<28s} {'arch':<8s} {'build host':<29s}"
    lines = [f"Used in {len(roots)} buildroots:", head, "  " + " ".join("-" * width for width in widths)]
    for root in roots:
        lines.append(f"  {root['id']:8d} {root['tag_name']:<28s} {root['arch']:<8s} {root['host_name']:<29s}")
    return lines


def rpm_lines(cli: Cli, rpm: dict[str, Any], buildroots: bool) -> list[str]:
    """The block of one RPM."""
    lines = [f"RPM: {name_of(rpm)}.{rpm['arch']} [{rpm['id']}]"]
    if rpm.get("draft"):
        lines.append("Draft: YES")
    external = bool(rpm.get("external_repo_id"))
    lines += external_lines(cli, rpm) if external else internal_lines(cli, rpm)
    lines += digest_lines(rpm)
    lines.append(f"Size: {rpm['size']}")
    if not external:
        headers = cli.session.getRPMHeaders(rpmID=rpm["id"], headers=["license"])
        if headers and "license" in headers:
            lines.append(f"License: {headers['license']}")
        lines.append(f"Build ID: {rpm['build_id']}")
    lines += buildroot_lines(cli, rpm)
    if rpm.get("extra"):
        lines.append(f"Extra: {rpm['extra']!r}")
    return lines + (user_lines(cli, rpm) if buildroots else [])


@listing("rpminfo", "[options] <n-v-r.a|id> [<n-v-r.a|id> ...]")
@click.option("--buildroots", is_flag=True, help="also the buildroots that used the RPM")
@click.argument("rpms", nargs=-1, required=True)
def rpminfo(cli: Cli, rpms: tuple[str, ...], buildroots: bool) -> Shown:
    """Show RPMs."""
    data = []
    for name in rpms:
        rpm = cli.session.getRPM(int(name) if name.isdigit() else name)
        if not rpm:
            warn(f"No such rpm: {name}\n")
        else:
            data.append(rpm)
    lines = (line for rpm in data for line in rpm_lines(cli, rpm, buildroots))
    return Shown(data, lines, 0 if len(data) == len(rpms) else 1)
