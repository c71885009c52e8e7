"""Content generators: who may import for them, reservations, imports."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from moromi.errors import GenericError
from moromi.names import parse_NVR
from moromi_cli import options
from moromi_cli.lazy import command
from moromi_cli.links import linked_upload
from moromi_cli.output import Failure, in_background, say
from moromi_cli.progress import unique_path, upload
from moromi_cli.session import Cli


@command("grant-cg-access", "[options] <user> <content generator>")
@click.option("--new", is_flag=True, help="create the content generator")
@click.argument("user")
@click.argument("generator")
def grant_cg_access(cli: Cli, user: str, generator: str, new: bool) -> None:
    """Let a user import for a content generator."""
    extra = {"create": True} if new else {}
    cli.session.grantCGAccess(user_name(cli, user), generator, **extra)


@command("revoke-cg-access", "[options] <user> <content generator>")
@click.argument("user")
@click.argument("generator")
def revoke_cg_access(cli: Cli, user: str, generator: str) -> None:
    """Let a user import no more for a content generator."""
    cli.session.revokeCGAccess(user_name(cli, user), generator)


def user_name(cli: Cli, user: str) -> str:
    """The name of a user."""
    found = cli.session.getUser(user)
    if not found:
        raise cli.usage_error(f"No such user: {user}")
    return str(found["name"])


@command("reserve-cg", "[options] <cg> <nvr>|<metadata_file>")
@click.option("--draft", is_flag=True, help="reserve a draft build")
@click.option("--epoch", type=int, help="epoch of the build")
@click.option("--metadata", is_flag=True, help="the second argument is a metadata file")
@click.argument("generator")
@click.argument("build")
def reserve_cg(cli: Cli, generator: str, build: str, draft: bool, epoch: int | None, metadata: bool) -> None:
    """Reserve a build for a later import by a content generator."""
    data = reservation(build, epoch, metadata)
    if draft:
        data["draft"] = True
    made = cli.session.CGInitBuild(generator, data)
    say(f"Reserved build {made['build_id']} with token {made['token']!r}")


def reservation(build: str, epoch: int | None, metadata: bool) -> dict[str, Any]:
    """Name, version, release and epoch: of the argument itself, or of the file that it names."""
    if not metadata:
        # what is no name of a build is one of a file
        with suppress(GenericError):
            parts = parse_NVR(build)
            return {**{key: parts[key] for key in ("name", "version", "release")}, "epoch": epoch}
    found = read_json(build)["build"]
    return {key: found.get(key) for key in ("name", "version", "release", "epoch")}


def read_json(path: str) -> dict[str, Any]:
    """A metadata file."""
    return dict(json.loads(Path(path).read_text(encoding="utf-8")))


@command("import-cg", "[options] <metadata_file> <files_dir>")
@options.noprogress
@click.option("--link", is_flag=True, help="hard-link in place of uploading")
@click.option("--test", is_flag=True, help="only check that the files are there")
@click.option("--token", help="token of the reservation")
@click.option("--draft", is_flag=True, help="import as a draft")
@click.option("--build-id", type=int, metavar="ID", help="the reserved build")
@click.argument("metadata_file")
@click.argument("files_dir")
def import_cg(cli: Cli, metadata_file: str, files_dir: str, token: str | None, **given: Any) -> None:
    """Import a build of a content generator."""
    metadata = read_json(metadata_file)
    if given["build_id"]:
        metadata["build"]["build_id"] = given["build_id"]
    if given["draft"]:
        metadata["build"]["draft"] = True
    paths = output_files(cli, metadata, files_dir)
    if given["test"]:
        return
    directory = unique_path("cli-import")
    for path, relpath in paths:
        place = f"{directory}/{relpath}".rstrip("/")
        if given["link"]:
            say(f"Linking rpm to: {cli.disk.work()}/{place}/{os.path.basename(path)}")
            linked_upload(cli.disk.work(), path, place)
            continue
        say(f"Uploading {path}")
        upload(cli.session, path, place, silent=given["noprogress"])
        if not (given["noprogress"] or in_background()):
            say()
    made = cli.session.CGImport(metadata, directory, token)
    say("Imported build {name}-{version}-{release} with id {build_id}".format(**made))


def output_files(cli: Cli, metadata: dict[str, Any], files_dir: str) -> list[tuple[str, str]]:
    """Path and directory below the upload's, for all files of an import, which must be there."""
    if not metadata.get("output"):
        raise Failure("Metadata contains no output")
    paths = []
    for info in metadata["output"]:
        if info.get("metadata_only"):
            continue
        relpath = info.get("relpath") or ""
        path = os.path.join(files_dir, relpath, info["filename"])
        if not os.path.exists(path):
            raise cli.usage_error(f"No such file: {path}")
        paths.append((path, relpath))
    return paths
