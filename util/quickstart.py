"""What `util/quickstart` does once its environment is there.

Everything lives in `.moromi/` below the checkout: configuration, database, file
tree, chroots, logs, the sample distribution and the process ids. A second run
finds it and starts from there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from moromi.client import ClientSession, TransportError
from moromi.constants import BuildState
from moromi.errors import GenericError
from samplesite import content, copr, samples
from samplesite.site import ADMIN, BIN, Site, SiteError

TOP = Path(__file__).resolve().parent.parent
STATE = TOP / ".moromi"
DISTRO = STATE / "distro"
PLUGINS = STATE / "plugins"
MACHINE = STATE / "machine"
UNFINISHED = STATE / "reset-unfinished"
"""There while everything is removed: what an interrupted reset leaves is no site."""
NEEDED = 1500 * 2**20
"""Bytes of disk: the sample distribution, chroots, and what the builder wants to see free."""
PROFILE = Path.home() / ".moromi" / "config.d" / "quickstart.conf"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(prog="util/quickstart", description="A build system on this machine.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--stop", action="store_true", help="end everything")
    what.add_argument("--reset", action="store_true", help="end everything, forget all builds, start over")
    what.add_argument("--status", action="store_true", help="say what is running")
    parser.add_argument("--copr", action="store_true", help="with projects for everyone (Copr), from now on")
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    site = the_site()
    try:
        if options.status:
            return status(site)
        if options.stop:
            say(f"Stopped: {', '.join(site.stop()) or 'nothing was running'}.")
            return 0
        look_at_the_place()
        if options.reset or UNFINISHED.exists():
            reset(site)
            site = the_site()
        if options.copr and not PLUGINS.exists():
            site.stop()
            STATE.mkdir(exist_ok=True)
            copr.configure(site, PLUGINS, {})
            site = the_site()
        return run(site)
    except (SiteError, GenericError, TransportError, OSError, subprocess.CalledProcessError) as error:
        say(f"quickstart: {error}")
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted.")
        return 130


def the_site() -> Site:
    """The site of this checkout, with Copr if that was asked for once."""
    if not PLUGINS.exists():
        return Site(STATE)
    return Site(STATE, copr.hub_options(PLUGINS), copr.BUILDER_OPTIONS)


def run(site: Site) -> int:
    """Bring the site up and build the samples; what this run started is ended if it is interrupted."""
    started = [service for service in (site.builder(), site.hub()) if service.pid() is None]
    try:
        prepare(site)
        failed = build_samples(site)
    except BaseException as error:
        # a second Ctrl-C must not leave half of it running; what another run started goes on
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        stopped = [service.name for service in started if service.stop()]
        if isinstance(error, KeyboardInterrupt):
            say(f"\nStopped: {', '.join(stopped) or 'nothing'}.")
        raise
    summary(site)
    return 1 if failed else 0


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def look_at_the_place() -> None:
    """Raise SiteError where this user cannot have a site, before anything is begun."""
    STATE.mkdir(exist_ok=True)
    if not os.access(STATE, os.W_OK):
        raise SiteError(f"{STATE} cannot be written to; it is of the user {STATE.owner()}")
    free = shutil.disk_usage(STATE).free
    if free < NEEDED:
        raise SiteError(f"{STATE} has {free >> 20} MB left on its disk; {NEEDED >> 20} MB are needed")


def reset(site: Site) -> None:
    """Forget everything but the sample distribution and what it was made from."""
    site.stop()
    UNFINISHED.touch()
    remove_tree(Path(site.facts["database"]))
    for entry in STATE.iterdir():
        if entry not in (DISTRO, STATE / "debs", UNFINISHED):
            remove_tree(entry)
    UNFINISHED.unlink()


def remove_tree(path: Path) -> None:
    """Remove what the database's and the builder's accounts own too."""
    command = ["rm", "-rf", str(path)]
    subprocess.run(command if os.geteuid() == 0 else ["sudo", *command], check=True)


def prepare(site: Site) -> None:
    """Distribution, programs, accounts, tags."""
    first = "" if DISTRO.exists() else " (145 packages made of Debian's, once; about a minute)"
    with step(f"Sample distribution{first}"):
        make_distribution()
    with step("Hub: database, web server, worker, push service"):
        site.configure()
        site.start_hub()
        content.add_accounts(site)
        write_profile(site)
    with step("Builder"):
        site.builder().start()
    with step("Tags, target, external repository, groups, packages"), site.session() as session:
        content.add_content(session, samples.PACKAGES, DISTRO)
        if PLUGINS.exists():
            copr.add_chroots(session, DISTRO)
            copr.make_machine(MACHINE, site, DISTRO)


def make_distribution() -> None:
    """The sample distribution, kept for the next run."""
    command = [sys.executable, str(TOP / "util" / "mkdistro.py"), str(DISTRO), "--cache", str(STATE / "debs")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SiteError(f"making the sample distribution failed:\n{done.stdout}{done.stderr}")


def write_profile(site: Site) -> None:
    """A profile of the command line, readable by its owner only."""
    text = (site.state / "client.conf").read_text()
    PROFILE.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(PROFILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        section = text.partition("[quickstart]")[2].partition("[koji]")[0]
        file.write(f"[quickstart]{section}")


def build_samples(site: Site) -> bool:
    """Build what is not built yet, all at once; whether anything failed."""
    with site.session() as session:
        tasks: dict[str, int] = {}
        for package in samples.PACKAGES:
            build = samples.finished_build(session, package)
            if build is not None:
                say(f"  {build['nvr']} is built already")
            else:
                left = samples.unfinished_build(session, package)
                tasks[package] = left or submit(session, package)
        if not tasks:
            say("Everything is built; a scratch build shows that it still works:")
            srpm = samples.make_srpm("hello-noarch", STATE / "srpms")
            tasks["hello-noarch (scratch)"] = samples.submit_srpm(session, srpm, scratch=True)
        return bool(samples.follow(session, tasks, say))


def submit(session: ClientSession, package: str) -> int:
    """Start the build of a sample package."""
    if package == "hello-git":
        return int(session.call("build", samples.make_git_source(STATE / "git"), content.TARGET))
    return samples.submit_srpm(session, samples.make_srpm(package, STATE / "srpms"))


def summary(site: Site) -> None:
    """What there is now, and what to do with it."""
    files = f"{site.url}/kojifiles"
    with site.session() as session:
        say("\nBuilds")
        for package in samples.PACKAGES:
            build = samples.finished_build(session, package)
            if build is None:
                say(f"  {package}: not built")
                continue
            where = f"{files}/packages/{build['name']}/{build['version']}/{build['release']}"
            say(f"  {build['nvr']}: {BuildState(build['state']).name}")
            say(f"    rpms  {where}/\n    logs  {where}/data/logs/")
        found = samples.repository(session)
    if found is not None:
        repo, seconds = found
        say(f"\nRepository {repo['id']} of {content.BUILD}")
        say(f"  READY {seconds:.2f} s after the last build was tagged")
        say(f"  {files}/repos/{content.BUILD}/{repo['id']}/  (the newest: …/{content.BUILD}/latest/)")
    command = BIN / "moromi"
    if PLUGINS.exists():
        say(
            f"""
Projects for everyone (docs/copr.md)
  tokens are at {site.url}/api/; as a file:
    wget -O ~/.config/copr --post-data 'username={ADMIN}&password=…' {site.url}/api/new/
  a machine to install on: dnf -c {MACHINE}/dnf.conf copr enable --hub here {ADMIN}/PROJECT {copr.CHROOT}"""
        )
    say(
        f"""
Try it
  {command} -p quickstart list-tagged {content.DEST}
  {command} -p quickstart build --scratch {content.TARGET} {STATE}/srpms/hello-c-0.1-1.src.rpm
  the unmodified client: koji -c {STATE}/client.conf list-tagged {content.DEST}
Log in     user {ADMIN}, password {site.facts["admin_password"]} (in {PROFILE})
Hub        {site.url}/kojihub
Logs       {STATE}/log/
Stop       util/quickstart --stop      Start over   util/quickstart --reset"""
    )


def status(site: Site) -> int:
    """What is running; status 0 if all of it."""
    pids = {service.name: service.pid() for service in (site.hub(), site.builder())}
    for name, pid in pids.items():
        say(f"{name}: {f'running, process {pid}' if pid else 'not running'}")
    return 0 if all(pids.values()) else 1


class step:
    """A line that says what is done, and how long it took."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.started = time.monotonic()

    def __enter__(self) -> None:
        print(f"{self.what} …", end=" ", flush=True)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        say("failed" if kind else f"{time.monotonic() - self.started:.1f} s")


def say(text: str = "") -> None:
    """A line on the terminal."""
    print(text, flush=True)
