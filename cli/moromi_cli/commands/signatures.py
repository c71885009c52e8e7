"""Signatures of RPMs: importing, renaming and removing them, and the signed copies that are made of them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from moromi.errors import Fault, GenericError
from moromi.names import parse_NVRA
from moromi_cli.lazy import command, listing
from moromi_cli.output import Failure, Shown, say, warn
from moromi_cli.session import Cli

BATCH = 5000


@command("import-sig", "[options] <package> [<package> ...]")
@click.option("--with-unsigned", is_flag=True, help="also the headers of unsigned RPMs")
@click.option("--write", is_flag=True, hidden=True)
@click.option("--test", is_flag=True, help="change nothing")
@click.option("--sigkey", help="key id to record")
@click.argument("files", metavar="PACKAGE", nargs=-1, required=True)
def import_sig(cli: Cli, files: tuple[str, ...], with_unsigned: bool, write: bool, **given: Any) -> None:
    """Import signatures of RPMs and write signed copies."""
    for path in files:
        if not os.path.exists(path):
            raise cli.usage_error(f"No such file: {path}")
    for path in files:
        import_one(cli, path, with_unsigned, given["sigkey"], given["test"])


def import_one(cli: Cli, path: str, with_unsigned: bool, wanted: str | None, test: bool) -> None:
    """One file."""
    import base64

    from moromi.rpm import read_header, rip_rpm_sighdr
    from moromi.rpm.package import get_sighdr_key

    header = read_header(path)
    sighdr = rip_rpm_sighdr(Path(path))
    sigkey = get_sighdr_key(sighdr)
    if not sigkey:
        if not with_unsigned:
            say(f"Skipping unsigned package: {path}")
            return
        sigkey = ""
    sigkey = wanted or sigkey
    key = {field: getattr(header, field) for field in ("name", "version", "release", "arch")}
    rpm = cli.session.getRPM(key)
    if not rpm:
        say(f"No such rpm in system: {header.nvra}")
        return
    if rpm.get("external_repo_id"):
        say(f"Skipping external rpm: {header.nvra}@{rpm['external_repo_name']}")
        return
    present = cli.session.queryRPMSigs(rpm_id=rpm["id"], sigkey=sigkey)
    if present:
        say_present(path, present[0], sighdr)
        return
    say(f"Importing signature [key {sigkey}] from {path}...")
    if not test:
        extra = {"sigkey": wanted} if wanted else {}
        cli.session.addRPMSig(rpm["id"], base64.b64encode(sighdr).decode(), **extra)
    say("Writing signed copy")
    if not test:
        cli.session.writeSignedRPM(rpm["id"], sigkey)


def say_present(path: str, present: dict[str, Any], sighdr: bytes) -> None:
    """The hub has a signature of this key: the same one, or another."""
    import hashlib

    # what the hub stores names the header in this way
    digest = hashlib.md5(sighdr, usedforsecurity=False).hexdigest()
    if present["sighash"] == digest:
        say(f"Signature already imported: {path}")
        return
    warn(f"signature mismatch: {path}")
    warn(f"  The system already has a signature for this rpm with key {present['sigkey']}")
    warn("  The two signature headers are not the same")


@listing("list-signed", "[options]", anonymous=False)
@click.option("--debug", is_flag=True, hidden=True)
@click.option("--key", help="only this key")
@click.option("--build", help="of this build")
@click.option("--rpm", help="of this RPM")
@click.option("--tag", help="of this tag")
def list_signed(
    cli: Cli, debug: bool, key: str | None, build: str | None, rpm: str | None, tag: str | None
) -> Shown:
    """Paths of signed copies, of which the file tree must be mounted here."""
    if not (build or rpm or tag):
        raise cli.usage_error("At least one from --build, --rpm, --tag needs to be specified.")
    rpms = find_rpms(cli, build, rpm, tag)
    query = {"sigkey": key} if key else {}
    with cli.session.multicall(strict=True, batch=BATCH) as calls:
        signatures = [calls.queryRPMSigs(rpm_id=found["id"], **query) for found, _ in rpms]
    paths = []
    for (found, home), answer in zip(rpms, signatures, strict=True):
        for signature in answer.result:
            path = f"{cli.disk.build(home)}/{cli.disk.signed(found, signature['sigkey'])}"
            if os.path.exists(path):
                paths.append(path)
    return Shown(paths, paths)


def find_rpms(
    cli: Cli, build: str | None, rpm: str | None, tag: str | None
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """RPMs and their builds: one, those of a build, or those of a tag."""
    if rpm:
        info = cli.session.getRPM(parse_NVRA(rpm), strict=True)
        return [(info, cli.session.getBuild(info["build_id"], strict=True))]
    if build:
        home = cli.session.getBuild(build, strict=True)
        return [(info, home) for info in cli.session.listRPMs(buildID=home["id"])]
    found, builds = cli.session.listTaggedRPMS(tag, inherit=False, latest=False)
    by_id = {home["build_id"]: home for home in builds}
    return [(info, by_id[info["build_id"]]) for info in found]


@command("write-signed-rpm", "[options] <signature-key> <n-v-r> [<n-v-r> ...]")
@click.option("--all", is_flag=True, help="all RPMs that have this key")
@click.option("--buildid", type=int, metavar="ID", help="all RPMs of this build")
@click.argument("key")
@click.argument("names", metavar="NVR", nargs=-1)
def write_signed_rpm(cli: Cli, key: str, names: tuple[str, ...], all: bool, buildid: int | None) -> None:
    """Write signed copies of RPMs."""
    key = key.lower()
    if not (names or all or buildid):
        raise cli.usage_error("At least one RPM must be specified")
    if all:
        signatures = cli.session.queryRPMSigs(sigkey=key)
        with cli.session.multicall(strict=True, batch=BATCH) as calls:
            answers = [calls.getRPM(signature["rpm_id"]) for signature in signatures]
        rpms = [answer.result for answer in answers]
    elif buildid:
        rpms = cli.session.listRPMs(buildid)
    else:
        rpms = list(named_rpms(cli, names))
    if not rpms:
        warn("No rpms found")
        return
    with cli.session.multicall(strict=True) as calls:
        for number, rpm in enumerate(rpms, 1):
            say(f"[{number}/{len(rpms)}] {rpm['name']}-{rpm['version']}-{rpm['release']}.{rpm['arch']}")
            calls.writeSignedRPM(rpm["id"], key)


def named_rpms(cli: Cli, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """RPMs by id or name, or all those of builds."""
    with cli.session.multicall() as calls:
        answers = [calls.getRPM(int(name) if name.isdigit() else name, strict=False) for name in names]
    for name, answer in zip(names, answers, strict=True):
        try:
            rpm = answer.result
        except GenericError:
            rpm = None  # no name of an RPM, maybe one of a build
        if rpm:
            yield rpm
            continue
        build = cli.session.getBuild(int(name) if name.isdigit() else name)
        if not build:
            raise GenericError(f"No such rpm or build: {name}")
        yield from cli.session.listRPMs(buildID=build["id"])


@command("remove-sig", "[options] <rpm-id/n-v-r.a/rpminfo>")
@click.option("--sigkey", help="this key")
@click.option("--all", is_flag=True, help="all keys")
@click.argument("rpm")
def remove_sig(cli: Cli, rpm: str, sigkey: str | None, all: bool) -> None:
    """Remove signatures of an RPM, with the signed copies."""
    if sigkey is None and not all:
        raise Failure("Either --sigkey or --all options must be given")
    if sigkey is not None and all:
        raise Failure("Conflicting options specified")
    try:
        cli.session.deleteRPMSig(int(rpm) if rpm.isdigit() else rpm, sigkey=sigkey, all_sigs=all)
    except (GenericError, Fault) as err:
        if "No such rpm" in str(err):
            raise Failure(f"No such rpm in system: {rpm}") from err
        raise Failure(f"Signature removal failed: {err}") from err


@command("rename-sig", "<rpm-id/n-v-r.a/rpminfo> <oldkey> <newkey>")
@click.argument("rpm")
@click.argument("old")
@click.argument("new")
def rename_sig(cli: Cli, rpm: str, old: str, new: str) -> None:
    """Change the key id that is recorded for a signature."""
    try:
        cli.session.renameRPMSig(int(rpm) if rpm.isdigit() else rpm, old, new)
    except (GenericError, Fault) as err:
        raise Failure(str(err)) from err
