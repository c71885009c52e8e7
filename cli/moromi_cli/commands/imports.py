"""`import`: RPMs that were built elsewhere."""

import os
from typing import Any

import click

from moromi.constants import BuildState
from moromi.errors import Fault, GenericError
from moromi.names import nvr, parse_NVRA
from moromi.rpm import read_header
from moromi_cli.lazy import command
from moromi_cli.links import linked_upload
from moromi_cli.output import convert, say, warn
from moromi_cli.progress import send, unique_path
from moromi_cli.session import Cli


def read_rpm(path: str) -> dict[str, Any]:
    """What the header of an RPM file says of its identity."""
    header = read_header(path)
    source = header.nvr if header.is_source else nvr(parse_NVRA(header["SOURCERPM"]))
    return {
        "path": path,
        "name": header.name,
        "version": header.version,
        "release": header.release,
        "epoch": header.epoch,
        "arch": header.arch,
        "sigmd5": header.sigmd5,
        "source": source,
    }


class Importer:
    """Imports groups of RPMs, one for each source package."""

    def __init__(self, cli: Cli, given: dict[str, Any]) -> None:
        self.cli = cli
        self.test: bool = given["test"]
        self.create: bool = given["create_build"]
        self.link: bool = given["link"]
        self.sigkey: str | None = given["sigkey"]
        self.epoch = convert(given["src_epoch"]) if given["src_epoch"] is not None else None

    def group(self, source: str, rpms: list[dict[str, Any]]) -> bool:
        """One source package. False: the whole import must stop."""
        rpms.sort(key=lambda rpm: (rpm["arch"] not in ("src", "nosrc"), str(rpm["path"])))
        build = self.cli.session.getBuild(source)
        if build:
            state = BuildState(build["state"])
            if state not in (BuildState.COMPLETE, BuildState.DELETED, BuildState.FAILED, BuildState.CANCELED):
                say(f"Build {source} state is {state.name}. Skipping import")
                return True
            if state != BuildState.COMPLETE and rpms[0]["arch"] not in ("src", "nosrc"):
                say(f"Build {source} exists with state={state.name}. Skipping import")
                return True
        elif rpms[0]["arch"] not in ("src", "nosrc") and not self.make_build(source):
            return False
        for rpm in rpms:
            self.one(rpm)
        return True

    def make_build(self, source: str) -> bool:
        """An empty build, if that is wanted."""
        say(f"Missing build or srpm: {source}")
        if not self.create:
            say("Aborting import")
            return False
        if self.test:
            say(f"Test mode -- would have created empty build: {source}")
            return True
        say(f"Creating empty build: {source}")
        name, version, release = source.rsplit("-", 2)
        self.cli.session.createEmptyBuild(name=name, version=version, release=release, epoch=self.epoch)
        return True

    def one(self, rpm: dict[str, Any]) -> None:
        """One file, unless it is there already. A failure is told, and the next one follows."""
        base = os.path.basename(rpm["path"])
        key = {field: rpm[field] for field in ("name", "version", "release", "arch")}
        present = self.cli.session.getRPM(key)
        if present and not present.get("external_repo_id"):
            if present["payloadhash"] == rpm["sigmd5"]:
                say(f"RPM already imported: {rpm['path']}")
            else:
                warn(f"digest mismatch for {rpm['path']}")
                warn(f"  in the system: {present['payloadhash']}\n  in the file: {rpm['sigmd5']}")
            say("Skipping import")
            return
        if self.test:
            say(f"Test mode -- skipping import for {rpm['path']}")
            return
        directory = unique_path("cli-import")
        if self.link:
            say(f"linking {rpm['path']}... ", end="")
            linked_upload(self.cli.disk.work(), rpm["path"], directory)
            say("done")
        else:
            send(self.cli.session, rpm["path"], directory)
        say(f"importing {rpm['path']}... ", end="")
        try:
            extra = {"sigkey": self.sigkey} if self.sigkey else {}
            self.cli.session.importRPM(directory, base, **extra)
        except (GenericError, Fault) as err:
            say(f"\nError importing: {str(err).splitlines()[-1] if str(err) else err!r}")
            return
        say("done")


@command("import", "[options] <package> [<package> ...]")
@click.option("--link", is_flag=True, help="hard-link in place of uploading")
@click.option("--test", is_flag=True, help="change nothing")
@click.option("--create-build", is_flag=True, help="make missing builds")
@click.option("--src-epoch", metavar="EPOCH", help="epoch of made builds (a number or None)")
@click.option("--sigkey", help="key id to record")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
def import_(cli: Cli, files: tuple[str, ...], **given: Any) -> None:
    """Import RPMs built elsewhere."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path in files:
        rpm = read_rpm(path)
        groups.setdefault(rpm["source"], []).append(rpm)
    importer = Importer(cli, given)
    for source in sorted(groups):
        if not importer.group(source, groups[source]):
            return
