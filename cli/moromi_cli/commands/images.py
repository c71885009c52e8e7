"""Images: of kickstarts, of two other images, of KIWI descriptions, and disks with driver updates."""

import os
from configparser import ConfigParser
from typing import Any

import click

from moromi.arches import canonical
from moromi.errors import ConfigurationError, GenericError
from moromi_cli import options
from moromi_cli.lazy import command
from moromi_cli.output import say, warn
from moromi_cli.progress import unique_path, upload
from moromi_cli.session import Cli
from moromi_cli.watch import submitted

FORMATS = [
    "vmdk",
    "qcow",
    "qcow2",
    "vdi",
    "vpc",
    "rhevm-ova",
    "vsphere-ova",
    "vagrant-virtualbox",
    "vagrant-libvirt",
    "vagrant-vmware-fusion",
    "vagrant-hyperv",
    "docker",
    "raw-xz",
    "liveimg-squashfs",
    "tar-gz",
]
SPIN_KEYS = [
    "format",
    "install_tree_url",
    "isoname",
    "ksurl",
    "ksversion",
    "release",
    "repo",
    "scratch",
    "skip_tag",
    "specfile",
    "vcpu",
    "vmem",
    "volid",
    "optional_arches",
    "lorax_dir",
    "lorax_url",
    "nomacboot",
    "ksrepo",
    "squashfs_only",
    "compress_arg",
]
OZ_KEYS = [
    "ksurl",
    "ksversion",
    "kickstart",
    "scratch",
    "repo",
    "release",
    "skip_tag",
    "specfile",
    "distro",
    "format",
    "disk_size",
    "ova_option",
    "factory_parameter",
    "noverifyssl",
]
INDIRECTION_KEYS = (
    *("name", "version", "release", "arch", "target", "skip_tag", "scratch", "results_loc"),
    *("base_image_task", "base_image_build", "utility_image_task", "utility_image_build"),
    *("indirection_template", "indirection_template_url"),
)

scratch_option = click.option("--scratch", is_flag=True, help="throw-away build")
skip_tag_option = click.option("--skip-tag", is_flag=True, help="do not tag the result")
release_option = click.option("--release", help="release of the result")
repo_option = click.option(
    "--repo", multiple=True, metavar="URL", help="use this repository, not the build tag's"
)
can_fail_option = click.option("--can-fail", metavar="ARCH1,ARCH2,...", help="architectures that may fail")
wait_by_default = click.option("--wait/--nowait", default=True, help="watch to the end (default)")


def check_target(cli: Cli, name: str | None) -> None:
    """The target and its destination must exist."""
    target = cli.session.getBuildTarget(name) if name else None
    if not target:
        raise GenericError(f"No such build target: {name}")
    if not cli.session.getTag(target["dest_tag"]):
        raise GenericError(f"No such destination tag: {target['dest_tag_name']}")


def uploaded(cli: Cli, path: str, prefix: str, noprogress: bool) -> str:
    """Send a local file; its path below the hub's work directory."""
    if not os.path.exists(path):
        raise FileNotFoundError(f"No such file: {path!r}")
    sent = upload(cli.session, path, unique_path(prefix), silent=noprogress)
    say()
    return sent


def words(text: str | None) -> list[str] | None:
    """A comma list."""
    return text.split(",") if text else None


def given_only(given: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    """The options that were given, as they are sent."""
    found = {key: given.get(key) for key in keys}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in found.items() if value}


def end(cli: Cli, task_id: int, wait: bool | None) -> int:
    """Say which task it is, then watch it if that is wanted."""
    return submitted(cli, task_id, quiet=False, wait=options.should_wait(wait))


def spin_options(function: options.F) -> options.F:
    """What all three commands for kickstarts take."""
    for option in (
        click.argument("names", metavar="NAME VERSION TARGET ARCH KICKSTART-FILE", nargs=-1),
        skip_tag_option,
        click.option("--specfile", metavar="URL", help="URL of a spec fragment for wrapper RPMs"),
        release_option,
        repo_option,
        scratch_option,
        click.option("--ksversion", metavar="VERSION", help="version of the kickstart syntax"),
        click.option("--ksurl", metavar="URL", help="URL of the source that holds the kickstart"),
        options.background,
        options.noprogress,
        options.wait,
    ):
        function = option(function)
    return function


def spin(cli: Cli, kind: str, names: tuple[str, ...], given: dict[str, Any]) -> int:
    """Send the kickstart, unless it is in a repository, and make the task."""
    if len(names) != 5:
        raise cli.usage_error("A name, a version, a target, an architecture and a kickstart file are needed")
    name, version, target, arch, kickstart = names
    check_volume_id(cli, given.get("volid"))
    check_target(cli, target)
    if not given["ksurl"]:
        kickstart = uploaded(cli, kickstart, f"cli-{kind}", given["noprogress"])
    arches = [canonical(word) for word in arch.split(",")] if kind == "livemedia" else canonical(arch)
    priority = options.BACKGROUND_PRIORITY if given["background"] else None
    opts = given_only(given, SPIN_KEYS)
    if kind == "livemedia":
        opts["compress_arg"] = list(given["compress_arg"])
    task_id = cli.session.buildImage(
        name, version, arches, target, kickstart, kind, opts=opts, priority=priority
    )
    return end(cli, task_id, given["wait"])


def check_volume_id(cli: Cli, text: str | None) -> None:
    """What fits into an ISO image."""
    if text is not None and len(text) > 32:
        raise cli.usage_error("Volume ID has a maximum length of 32 characters")


@command("spin-livecd", "[options] <name> <version> <target> <arch> <kickstart-file>")
@click.option("--volid", help="volume id of the ISO image")
@spin_options
def spin_livecd(cli: Cli, names: tuple[str, ...], **given: Any) -> int:
    """Build a live CD image of a kickstart (deprecated)."""
    say("spin-livecd is deprecated and will be replaced with spin-livemedia")
    return spin(cli, "livecd", names, given)


@command("spin-appliance", "[options] <name> <version> <target> <arch> <kickstart-file>")
@click.option("--vmem", help="memory in MB")
@click.option("--vcpu", help="CPUs")
@click.option("--format", default="raw", metavar="FORMAT", help="raw (default), qcow, qcow2 or vmx")
@spin_options
def spin_appliance(cli: Cli, names: tuple[str, ...], **given: Any) -> int:
    """Build an appliance image of a kickstart (deprecated)."""
    say("spin-appliance is deprecated and will be replaced with image-build")
    return spin(cli, "appliance", names, given)


@command("spin-livemedia", "[options] <name> <version> <target> <arch> <kickstart-file>")
@click.option("--install-tree-url", metavar="URL", help="install tree")
@click.option("--volid", help="volume id of the ISO image")
@can_fail_option
@click.option("--lorax_dir", metavar="DIR", help="place of the templates in the checkout of --lorax_url")
@click.option("--lorax_url", metavar="URL", help="URL of templates for lorax")
@click.option("--nomacboot", is_flag=True, help="no boot files for Macs")
@click.option("--ksrepo", is_flag=True, help="keep the repositories that the kickstart names")
@click.option("--squashfs-only", is_flag=True, help="a plain squashfs image")
@click.option("--compress-arg", multiple=True, metavar="ARG OPT", help="arguments of the compression")
@spin_options
def spin_livemedia(cli: Cli, names: tuple[str, ...], can_fail: str | None, **given: Any) -> int:
    """Build live media of a kickstart."""
    if given["lorax_url"] is not None and given["lorax_dir"] is None:
        raise cli.usage_error('The "--lorax_url" option requires that "--lorax_dir" also be used.')
    given["optional_arches"] = [canonical(name) for name in (can_fail or "").split(",")]
    return spin(cli, "livemedia", names, given)


@command("image-build", "[options] <name> <version> <target> <install-tree-url> <arch> [<arch> ...]")
@options.background
@click.option("--config", metavar="FILE", help="take everything from this file")
@click.option("--disk-size", metavar="GB", help="size of the disk (10)")
@click.option("--distro", help="distribution, such as Fedora-40")
@click.option("--format", multiple=True, metavar="FORMAT", help=f"format of the result: {', '.join(FORMATS)}")
@click.option("--kickstart", metavar="FILE", help="kickstart")
@click.option("--ksurl", metavar="URL", help="URL of the source that holds the kickstart")
@click.option("--ksversion", metavar="VERSION", help="version of the kickstart syntax")
@options.noprogress
@click.option("--noverifyssl", is_flag=True, help="do not verify certificates of tree and repositories")
@options.wait
@click.option("--ova-option", multiple=True, metavar="NAME=VALUE", help="override in the OVA description")
@click.option("--factory-parameter", multiple=True, nargs=2, metavar="NAME VALUE", help="for the factory")
@release_option
@repo_option
@scratch_option
@skip_tag_option
@can_fail_option
@click.option("--specfile", metavar="URL", help="URL of a spec fragment for wrapper RPMs")
@click.argument("names", metavar="NAME VERSION TARGET TREE ARCH", nargs=-1)
def image_build(cli: Cli, names: tuple[str, ...], **given: Any) -> int:
    """Build disk images of an install tree and a kickstart."""
    if given["config"]:
        read_image_config(cli, given)
    else:
        take_names(cli, names, given)
    if not (given["kickstart"] or given["ksurl"]):
        raise cli.usage_error("You must specify --kickstart")
    if not given["distro"]:
        raise cli.usage_error("You must specify --distro")
    check_target(cli, given["target"])
    if not given["ksurl"]:
        path = uploaded(cli, given["kickstart"], "cli-image", given["noprogress"])
        given["kickstart"] = f"work/{path}"
    given["factory_parameter"] = [list(pair) for pair in given["factory_parameter"]]
    arguments = (given["name"], given["version"], given["arches"], given["target"], given["install_tree"])
    priority = options.BACKGROUND_PRIORITY if given["background"] else None
    opts = given_only(given, OZ_KEYS)
    opts |= {"format": list(given["format"]), "optional_arches": given["can_fail"] or ""}
    opts.setdefault("disk_size", 10)
    task_id = cli.session.buildImageOz(*arguments, opts=opts, priority=priority)
    return end(cli, task_id, given["wait"])


def take_names(cli: Cli, names: tuple[str, ...], given: dict[str, Any]) -> None:
    """The arguments, where there is no file."""
    if len(names) < 5:
        raise cli.usage_error("A name, a version, a target, an install tree and architectures are needed")
    given["name"], given["version"], given["target"], given["install_tree"] = names[:4]
    given["arches"] = [canonical(name) for name in names[4:]]


def read_ini(cli: Cli, path: str, section: str) -> ConfigParser:
    """A file with a section of this name."""
    parser = ConfigParser()
    if not parser.read(path, encoding="utf-8"):
        raise ConfigurationError(f"Config file {path} can't be opened.")
    if not parser.has_section(section):
        raise cli.usage_error(f"single section called [{section}] is required")
    return parser


def read_image_config(cli: Cli, given: dict[str, Any]) -> None:
    """What `--config` names takes the place of arguments and options."""
    section = "image-build"
    parser = read_ini(cli, given["config"], section)
    values: dict[str, Any] = dict(parser.items(section))
    for key in ("repo", "format", "can_fail"):
        if key in values:
            values[key] = [text.strip() for text in values[key].split(",")]
    arches = [canonical(text.strip()) for text in values.pop("arches", "").split(",")]
    for key in ("name", "version", "target", "install_tree"):
        given[key] = values.pop(key)
    given |= {"arches": arches, "can_fail": None} | values
    if parser.has_section("ova-options"):
        given["ova_option"] = [f"{key}={value}" for key, value in parser.items("ova-options")]
    if parser.has_section("factory-parameters"):
        given["factory_parameter"] = parser.items("factory-parameters")


@command("image-build-indirection", "[options]")
@click.option("--config", metavar="FILE", help="read the options from this file")
@options.background
@click.option("--name", help="name of the result")
@click.option("--version", help="version of the result")
@release_option
@click.option("--arch", help="architecture of the images")
@click.option("--target", help="build target")
@skip_tag_option
@click.option("--base-image-task", metavar="ID", help="task of the base image")
@click.option("--base-image-build", metavar="BUILD", help="build of the base image")
@click.option("--utility-image-task", metavar="ID", help="task of the utility image")
@click.option("--utility-image-build", metavar="BUILD", help="build of the utility image")
@click.option("--indirection-template", metavar="FILE", help="template")
@click.option("--indirection-template-url", metavar="URL", help="URL of the source that holds the template")
@click.option("--results-loc", metavar="PATH", help="place of the result in the working image")
@scratch_option
@options.wait
@options.noprogress
@click.argument("ignored", nargs=-1, metavar="")
def image_build_indirection(cli: Cli, ignored: tuple[str, ...], **given: Any) -> int:
    """Build an image by means of two other images."""
    opts = dict(given)
    if opts["config"]:
        section = "image-build-indirection"
        opts |= dict(read_ini(cli, opts["config"], section).items(section))
    check_indirection(cli, opts)
    if not opts["indirection_template_url"]:
        path = uploaded(cli, opts["indirection_template"], "cli-image-indirection", opts["noprogress"])
        opts["indirection_template"] = f"work/{path}"
    priority = options.BACKGROUND_PRIORITY if opts["background"] else None
    sent = {key: opts[key] or None for key in INDIRECTION_KEYS}
    task_id = cli.session.buildImageIndirection(opts=sent, priority=priority)
    return end(cli, task_id, given["wait"])


def check_indirection(cli: Cli, opts: dict[str, Any]) -> None:
    """What must be there, and what excludes each other."""
    for kind in ("utility", "base"):
        if bool(opts[f"{kind}_image_task"]) == bool(opts[f"{kind}_image_build"]):
            raise GenericError(f"You must specify either a {kind}-image task or build ID/NVR")
    needed = ("name", "version", "arch", "target", "indirection_template", "results_loc")
    missing = [key for key in needed if not opts[key]]
    for key in missing:
        say(f"Missing required option: --{key.replace('_', '-')}")
    if missing:
        raise GenericError("Missing required options")
    check_target(cli, opts["target"])
    if not (opts["indirection_template_url"] or opts["scratch"]):
        raise GenericError("Non-scratch builds must provide a URL for the indirection template")


@command("kiwi-build", "[options] <target> <description_scm> <description_path>")
@scratch_option
@click.option("--version", help="version of the image")
@release_option
@repo_option
@click.option("--repo-releasever", metavar="VERSION", help="releasever of the repositories")
@click.option("--noprogress", is_flag=True, hidden=True)
@click.option("--kiwi-profile", "profile", metavar="PROFILE", help="profile of the description")
@click.option("--type", help="type of the image")
@click.option("--type-attr", multiple=True, metavar="ATTR", help="attribute of the type")
@click.option("--result-bundle-name-format", metavar="FORMAT", help="pattern of the bundle's name")
@click.option("--make-prep", is_flag=True, help="run `make prep` in the checkout first")
@click.option(
    "--buildroot-repo", "use_buildroot_repo", is_flag=True, help="use the buildroot's repository too"
)
@can_fail_option
@click.option("--arch", "arches", multiple=True, help="only this architecture")
@wait_by_default
@click.argument("target")
@click.argument("desc_url", metavar="DESCRIPTION_SCM")
@click.argument("desc_path", metavar="DESCRIPTION_PATH")
def kiwi_build(cli: Cli, wait: bool, noprogress: bool, **given: Any) -> int:
    """Build an image with KIWI."""
    given["optional_arches"] = [canonical(name) for name in words(given.pop("can_fail")) or ()]
    given["arches"] = [canonical(name) for name in given["arches"]]
    given["repos"] = list(given.pop("repo"))
    if not given["repos"] and not given["use_buildroot_repo"]:
        warn("no repos given, using buildroot repo")
        given["use_buildroot_repo"] = True
    always = {key: given.pop(key) for key in ("target", "desc_url", "desc_path", "arches")}
    task_id = cli.session.kiwiBuild(**always, **given_only(given, list(given)))
    return submitted(cli, task_id, quiet=False, wait=wait)


@command(
    "dud-build",
    "[options] --scmurl=<git_repo> <koji_target> <dud_name> <version> <pkg(nvr optional)> [<pkg> ...]",
)
@scratch_option
@click.option("--scmurl", metavar="URL", help="URL of further content")
@click.option("--alldeps", is_flag=True, help="put all dependencies on the disk too")
@click.option("--arch", "arches", multiple=True, help="only this architecture")
@can_fail_option
@wait_by_default
@click.argument("target")
@click.argument("dud_name", metavar="NAME")
@click.argument("dud_version", metavar="VERSION")
@click.argument("packages", metavar="PACKAGE", nargs=-1, required=True)
def dud_build(cli: Cli, wait: bool, can_fail: str | None, packages: tuple[str, ...], **given: Any) -> int:
    """Build a driver update disk."""
    given["optional_arches"] = [canonical(name) for name in words(can_fail) or ()]
    given["arches"] = [canonical(name) for name in given["arches"]]
    task_id = cli.session.dudBuild(pkg_list=list(packages), **given)
    return submitted(cli, task_id, quiet=False, wait=wait)
