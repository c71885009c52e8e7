"""The `moromi` program: global options, and one place where errors become texts and exit codes.

0 done; 1 an error, an interrupt, a failed task; 2 wrong usage.
"""

import gc
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from moromi.client.config import DEFAULT_PROFILE, Settings, chosen_profile
from moromi.errors import ConfigurationError
from moromi_cli.lazy import LazyGroup, UnknownCommand, list_text, usage
from moromi_cli.output import Failure, for_person, log_error, say, warn
from moromi_cli.plugins import everything
from moromi_cli.session import Cli
from moromi_cli.table import ALIASES, CATEGORIES, COMMANDS

OVERRIDES = (
    "server",
    "weburl",
    "topurl",
    "pkgurl",
    "topdir",
    "cert",
    "principal",
    "keytab",
    "authtype",
    "plugin_paths",
)
#: Set by the shells' completion functions: `<shell>:<number of the word>`.
COMPLETE = "_MOROMI_COMPLETE"
SWITCHES = ("force_auth", "debug", "debug_xmlrpc")


def apply_options(settings: Settings, given: dict[str, Any]) -> None:
    """Put global options over the configuration."""
    for name in OVERRIDES:
        if given[name] is not None:
            setattr(settings, name, os.path.expanduser(given[name]) if name == "topdir" else given[name])
    for name in SWITCHES:
        if given[name]:
            setattr(settings, name, True)
    if settings.pkgurl:
        warn("Warning: the pkgurl option is obsolete, use topurl instead")
        settings.topurl = settings.topurl or settings.pkgurl.removesuffix("/").removesuffix("/packages")


def start_logging(settings: Settings, quiet: bool) -> None:
    """Let the libraries' messages through."""
    import logging

    level = logging.DEBUG if settings.debug else logging.ERROR if quiet else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s [%(levelname)s] koji: %(message)s")


def begin(ctx: click.Context) -> Cli:
    """What every command gets. UsageError: the configuration is wrong."""
    given = ctx.params
    try:
        settings = chosen_profile(given["profile"], str(ctx.info_name), given["config"])
    except ConfigurationError as err:
        raise click.UsageError(str(err), ctx) from err
    apply_options(settings, given)
    if ctx.obj is not None:
        ctx.obj.append(settings)
    if settings.debug:
        start_logging(settings, given["quiet"])
    words = {key: given[key] for key in ("user", "password", "runas", "noauth", "quiet")}
    cli = Cli(settings, prog=str(ctx.info_name), **words)
    ctx.call_on_close(cli.logout)
    return cli


class Program(LazyGroup):
    """The program. The configuration is read before a command is looked up: it says where plugins are."""

    def invoke(self, ctx: click.Context) -> Any:
        ctx.obj = begin(ctx)
        return super().invoke(ctx)


@click.group(
    cls=Program, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "-p", "--profile", metavar="PROFILE", help="configuration profile (default: the program's name)"
)
@click.option(
    "-c", "--config", metavar="FILE", help="read this file or directory in place of the user's files"
)
@click.option("--keytab", metavar="FILE", help="Kerberos keytab")
@click.option("--principal", metavar="PRINCIPAL", help="Kerberos principal")
@click.option("--cert", metavar="FILE", help="client certificate (PEM with key)")
@click.option("--runas", metavar="USER", help="act for this user (needs the right to)")
@click.option("--user", metavar="USER", help="user for the password login")
@click.option("--password", metavar="PASSWORD", help="password (asked for on a terminal if not given)")
@click.option("--noauth", is_flag=True, help="do not log in")
@click.option("--force-auth", is_flag=True, help="log in for reading commands too")
@click.option("--authtype", metavar="TYPE", help="noauth, ssl, password or kerberos")
@click.option("-d", "--debug", is_flag=True, help="debug output, tracebacks")
@click.option("--debug-xmlrpc", is_flag=True, help="log requests and answers")
@click.option("-q", "--quiet", is_flag=True, help="run quietly")
@click.option("--skip-main", is_flag=True, hidden=True)
@click.option("-s", "--server", metavar="URL", help="the hub")
@click.option("--topdir", metavar="DIR", help="local file tree")
@click.option("--weburl", metavar="URL", help="web pages")
@click.option("--topurl", metavar="URL", help="file tree over HTTP")
@click.option("--pkgurl", metavar="URL", hidden=True)
@click.option("--plugin-paths", metavar="PATHS", help="more directories with plugins, colons between")
@click.option("--help-commands", is_flag=True, help="list all commands")
@click.pass_context
def program(ctx: click.Context, /, help_commands: bool, **given: Any) -> None:
    """Build RPMs: the command line of a Moromi or Koji hub."""
    if help_commands or ctx.invoked_subcommand is None:
        say(list_text(sorted(CATEGORIES), everything(ctx.obj.settings)))
        ctx.exit(0)


def usage_failed(error: click.UsageError) -> int:
    """Usage line, empty line, what is wrong; for a person also what to try."""
    prog = str(error.ctx.find_root().info_name) if error.ctx else "moromi"
    warn(f"{usage(error.ctx)}\n\n{prog}: error: {error.format_message()}")
    if for_person() and error.ctx:
        from moromi_cli.hints import hint

        warn(f"Hint: {hint(error, prog) or f'{error.ctx.command_path} --help'}")
    return 2


def unknown(prog: str, error: UnknownCommand) -> int:
    """Every command, and that the word is none of them; a person gets what they may have meant instead."""
    from moromi_cli.hints import nearest

    word = str(error)
    close = nearest(word, [*COMMANDS, *ALIASES, *error.plugged])
    meant = f"did you mean {' or '.join(close)}?"
    if close and for_person():
        warn(f"{prog}: error: unknown command: {word} ({meant})")
        return 1
    say(list_text(sorted(CATEGORIES), error.plugged))
    log_error_text(f"Unknown command: {word}")
    if close:
        warn(meant.capitalize())
    return 1


def told(prog: str, failure: Failure) -> None:
    """The text of a failure; for a person also what to try."""
    if not str(failure):
        return
    warn(str(failure))
    if for_person():
        from moromi_cli.hints import hint

        advice = hint(failure, prog)
        if advice:
            warn(f"Hint: {advice}")


def failed(prog: str, error: Exception) -> int:
    """An error of the hub or the network, or one of ours."""
    if for_person():
        from moromi_cli.hints import person_line

        warn(person_line(error, prog))
    else:
        log_error(error)
    return 1


def run(prog: str, args: Sequence[str]) -> int:
    """One run of the program; its exit code."""
    applied: list[Settings] = []
    try:
        code = program.main(args=list(args), prog_name=prog, standalone_mode=False, obj=applied)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.UsageError as err:
        return usage_failed(err)
    except UnknownCommand as err:
        return unknown(prog, err)
    except Failure as err:
        told(prog, err)
        return err.code
    except (KeyboardInterrupt, click.Abort):
        return 1
    except BrokenPipeError:
        # The reader went away (`| head`): nothing more can be said, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as err:
        if any(settings.debug for settings in applied):
            raise
        return failed(prog, err)


def log_error_text(text: str) -> None:
    """A message in the form of a log line."""
    import time

    warn(f"{time.strftime('%Y-%m-%d %H:%M:%S')},000 [ERROR] koji: {text}")


def main() -> None:
    """Entry point."""
    gc.set_threshold(20_000)  # a run makes little garbage, most are over before the first search for it
    prog = os.path.basename(sys.argv[0])
    if prog == "main.py":  # python -m moromi_cli.main
        prog = DEFAULT_PROFILE
    if COMPLETE in os.environ:
        from moromi_cli.complete import answer

        sys.exit(answer(prog, sys.argv[1:], os.environ[COMPLETE]))
    code = run(prog, sys.argv[1:])
    gc.freeze()  # or the interpreter looks through every object that is left, before it ends: 9 of 70 ms
    sys.exit(code)


if __name__ == "__main__":
    main()
