"""`dist-repo`: a repository of a tag's signed RPMs, for users rather than for builds."""

import os
from typing import Any

import click

from moromi.arches import canonical
from moromi.constants import RepoState
from moromi_cli import options
from moromi_cli.lazy import command
from moromi_cli.output import say, warn
from moromi_cli.progress import unique_path, upload_line
from moromi_cli.session import Cli
from moromi_cli.watch import watch_tasks

MULTILIB = {"x86_64": "i686", "s390x": "s390", "ppc64": "ppc"}
"""Which architecture's packages go into a repository of another."""
PLAIN = [
    "event",
    "volume",
    "split_debuginfo",
    "skip_missing_signatures",
    "allow_missing_signatures",
    "zck",
    "zck_dict_dir",
    "write_signed_rpms",
]


@command("dist-repo", "[options] <tag> <key_id> [<key_id> ...]")
@click.option("--allow-missing-signatures", is_flag=True, help="take unsigned RPMs where keys are missing")
@click.option("-a", "--arch", multiple=True, help="architecture (default: the tag's)")
@click.option("--with-src", is_flag=True, help="a repository of sources too")
@click.option("--split-debuginfo", is_flag=True, help="debuginfo packages in a repository of their own")
@click.option("--comps", metavar="FILE", help="package groups")
@click.option("--delta-rpms", multiple=True, metavar="REPO", help="make deltas against this repository")
@click.option("--event", type=int, metavar="ID", help="content of the tag at this event")
@click.option("--volume", help="write on this volume")
@click.option("--non-latest", is_flag=True, help="all builds, not only the latest")
@click.option("--latest-n", type=int, metavar="N", help="the latest N builds of each package")
@click.option("--multilib", metavar="FILE", help="configuration for several architectures in one repository")
@click.option("--noinherit", is_flag=True, help="no inherited builds")
@options.wait
@click.option("--skip-missing-signatures", is_flag=True, help="leave out RPMs without the keys")
@click.option("--zck", is_flag=True, help="zchunk metadata too")
@click.option("--zck-dict-dir", metavar="DIR", help="directory of zchunk dictionaries on the builder")
@click.option("--write-signed-rpms", is_flag=True, help="write signed copies first")
@click.option("--skip-stat/--no-skip-stat", default=None, help="whether createrepo looks at the files")
@click.argument("tag")
@click.argument("keys", metavar="KEY", nargs=-1)
def dist_repo(cli: Cli, tag: str, keys: tuple[str, ...], wait: bool | None, **given: Any) -> int:
    """Make a repository of a tag's signed RPMs."""
    if not (keys or given["allow_missing_signatures"]):
        raise cli.usage_error("Please specify one or more GPG key IDs (or --allow-missing-signatures)")
    if given["non_latest"] and given["latest_n"] is not None:
        raise cli.usage_error("Only --non-latest or --latest-n=N may be specified. Not both.")
    info = cli.session.getTag(tag)
    if not info:
        raise cli.usage_error(f"No such tag: {tag}")
    sent: dict[str, Any] = {key: given[key] for key in PLAIN}
    sent["inherit"] = not given["noinherit"]
    sent["latest"] = not given["non_latest"] if given["latest_n"] is None else given["latest_n"]
    sent["comps"] = sent_file(cli, given["comps"])
    sent["delta"] = [delta_repo(cli, name) for name in given["delta_rpms"]]
    sent["arch"] = choose_arches(cli, info, given["arch"], given["with_src"])
    if given["multilib"]:
        check_multilib(cli, given["multilib"], sent["arch"])
    sent["multilib"] = sent_file(cli, given["multilib"])
    if given["skip_stat"] is not None:
        sent["createrepo_skip_stat"] = given["skip_stat"]
    task_id = int(cli.session.distRepo(tag, list(keys), **sent))
    say(f"Creating dist repo for tag {tag}")
    return watch_tasks(cli, [task_id], cli.quiet) if options.should_wait(wait) else 0


def sent_file(cli: Cli, path: str | None) -> str | None:
    """Send a local file, which must be there; its path below the hub's work directory."""
    if path is None:
        return None
    if not os.path.exists(path):
        raise cli.usage_error(f"could not find {path}")
    directory = unique_path("cli-dist-repo")
    cli.session.upload(path, directory, callback=upload_line)
    say()
    return f"{directory}/{os.path.basename(path)}"


def delta_repo(cli: Cli, name: str) -> int:
    """The repository of that id, or the present one of the tag of that name."""
    if name.isdigit():
        return int(cli.session.repoInfo(int(name), strict=True)["id"])
    repo = cli.session.getRepo(name, dist=True)
    if not repo:
        repo = cli.session.getRepo(name, state=int(RepoState.EXPIRED), dist=True)
    if not repo:
        raise cli.usage_error(f"Can't find repo for tag: {name}")
    return int(repo["id"])


def choose_arches(cli: Cli, tag: dict[str, Any], given: tuple[str, ...], with_src: bool) -> list[str]:
    """The given architectures, or those of the tag, or of the nearest parent that has some."""
    own = tag["arches"] or ""
    if not own and given:
        warn(f"Tag {tag['name']} has an empty arch list")
    if given:
        chosen = []
        for arch in given:
            name = canonical(arch)
            if own and name not in {canonical(other) for other in own.split()}:
                warn(f"{name} is not in the list of tag arches")
            chosen.append(arch)
    else:
        chosen = (own or inherited_arches(cli, tag)).split()
    if not chosen:
        raise cli.usage_error("No arches given and no arches associated with tag")
    found = [arch for arch in dict.fromkeys(chosen) if arch not in ("noarch", "src")]
    return [*found, "src"] if with_src or "src" in chosen else found


def inherited_arches(cli: Cli, tag: dict[str, Any]) -> str:
    """Architectures of the nearest parent that has some."""
    for link in cli.session.getFullInheritance(tag["id"]):
        arches = cli.session.getTag(link["parent_id"])["arches"]
        if arches:
            return str(arches)
    return ""


def check_multilib(cli: Cli, path: str, arches: list[str]) -> None:
    """Both architectures of a multilib pair must be there."""
    if not os.path.exists(path):
        raise cli.usage_error(f"could not find {path}")
    for arch, other in MULTILIB.items():
        if arch in arches and canonical(other) not in arches and other not in arches:
            raise cli.usage_error(f"The multilib arch ({other}) must be included")
