"""The program `moromi-chroot`: mock's command line over the native engine."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from moromi_chroot import srpm
from moromi_chroot.buildroot import Buildroot
from moromi_chroot.builds import Build
from moromi_chroot.config import CONFIG_DIR, Config, load
from moromi_chroot.errors import ChrootError, SandboxError, UsageError
from moromi_chroot.sandbox import adopt_orphans

MODES = ("init", "rebuild", "buildsrpm", "chroot", "shell", "install", "clean")
# Options of mock that change nothing here.
IGNORED = (
    *("--new-chroot", "--old-chroot", "--bootstrap-chroot", "--no-bootstrap-chroot"),
    *("--bootstrap-image-ready", "--no-bootstrap-image", "--cleanup-after", "--no-cleanup-after"),
    *("--quiet", "--verbose", "--trace", "-q", "-v"),
)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints have mock's exit code."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _parser(words: str) -> _Parser:
    parser = _Parser(prog="moromi-chroot", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "-r", "--root", required=True, metavar="CONFIG", help="name or path of a configuration"
    )
    parser.add_argument("--configdir", type=Path, default=CONFIG_DIR)
    parser.add_argument("--resultdir", type=Path)
    parser.add_argument("--uniqueext", metavar="TEXT", help="appended to the root's name")
    parser.add_argument("--arch", help="target_arch of the configuration")
    parser.add_argument("--target", help="rpmbuild's --target")
    modes = parser.add_mutually_exclusive_group()
    for mode in MODES:
        modes.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode)
    modes.add_argument("--scrub", choices=("all", "chroot", "cache", "root-cache", "dnf-cache", "bootstrap"))
    parser.add_argument("-n", "--no-clean", action="store_true", help="keep the root that is there")
    parser.add_argument("--spec", type=Path)
    parser.add_argument("--sources", type=Path)
    parser.add_argument("--unpriv", action="store_true", help="--chroot as the build user")
    parser.add_argument("--cwd", default="/", help="where --chroot starts")
    parser.add_argument("--enable-network", action="store_true")
    parser.add_argument("--isolation", choices=("simple", "nspawn", "auto"), help=argparse.SUPPRESS)
    parser.add_argument(*IGNORED, dest="ignored", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("words", nargs=words, help="source packages, packages, or a command")
    return parser


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse mock's command line. Raises UsageError."""
    options = argv[: argv.index("--")] if "--" in argv else argv
    if "--chroot" in options or "--shell" in options:
        # Everything from the first word on is the command, its options too.
        args = _parser(argparse.REMAINDER).parse_args(argv)
        args.words = args.words[1:] if args.words[:1] == ["--"] else args.words
        return args
    args = _parser("*").parse_intermixed_args(argv)
    if not args.mode and not args.scrub:
        args.mode = "rebuild"
    return args


def execute(args: argparse.Namespace) -> int:
    """Carry out one command; return its exit code. Raises ChrootError."""
    config = load(args.root, args.configdir, args.uniqueext, args.arch, network=args.enable_network)
    if os.geteuid():
        raise SandboxError("must be run as root")
    packages = [srpm.read(Path(word)) for word in args.words] if args.mode == "rebuild" else []
    if args.mode in ("rebuild", "install", "chroot") and not args.words:
        raise UsageError(f"--{args.mode} needs something to work on")
    if args.mode == "buildsrpm" and not (args.spec and args.spec.is_file()):
        raise UsageError(f"Input specfile does not exist: {args.spec}")
    broot = Buildroot(config, args.resultdir)
    try:
        broot.lock()
        code = _work(broot, config, args, packages)
        if not code and not args.scrub:
            broot.logs.note("Finish: run")
        return code
    except ChrootError as exc:
        broot.log_error(exc)
        raise


def _work(
    broot: Buildroot, config: Config, args: argparse.Namespace, packages: list[srpm.SourcePackage]
) -> int:
    if args.scrub:
        if args.scrub == "all":
            broot.scrub()
        elif args.scrub == "chroot":
            broot.clean()
        return 0
    if args.mode == "clean" or (not args.no_clean and args.mode in ("init", "rebuild", "buildsrpm")):
        broot.clean()
        if args.mode == "clean":
            return 0
    broot.init()
    build = Build(broot, args.target or config.target_arch)
    match args.mode:
        case "buildsrpm":
            build.buildsrpm(args.spec, args.sources)
        case "rebuild":
            for package in packages:
                build.rebuild(package)
        case "install":
            broot.install(args.words)
        case "chroot" | "shell":
            return _chroot(broot, args.words, args.unpriv, args.cwd)
    return 0


def _chroot(broot: Buildroot, words: list[str], unprivileged: bool, cwd: str) -> int:
    """Run a command in the root: one word is a shell's command line, several are a program's arguments."""
    argv = ["bash", "--login", "-c", words[0]] if len(words) == 1 else words or ["bash", "--login"]
    with broot.logs.phase(f"chroot {words}"):
        result = broot.runner.command(broot.view, argv, privileged=not unprivileged, cwd=cwd, echo=True)
    return result.code


def _terminate(number: int, frame: FrameType | None) -> None:
    """End by way of the context managers that end the processes."""
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _seal_descriptors() -> None:
    """Keep what the caller left open from the commands in the root: it may be anything of the host's."""
    for name in os.listdir("/proc/self/fd"):
        # The listing's own descriptor is gone by now.
        with contextlib.suppress(OSError):
            if int(name) > 2:
                os.set_inheritable(int(name), False)


def main() -> None:
    """Run the program."""
    _seal_descriptors()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _terminate)
    adopt_orphans()
    try:
        code = execute(parse(sys.argv[1:]))
    except ChrootError as exc:
        print(f"ERROR: {exc}", file=sys.stderr)
        code = exc.code
    except OSError as exc:
        print(f"ERROR: {exc}", file=sys.stderr)
        code = SandboxError.code
    sys.exit(code)


if __name__ == "__main__":
    main()
