"""The unmodified `koji` and our `moromi` on hubs in the same state: what each prints, and what it leaves.

`Stage` is one hub (database and tree are copies of a filled one); `Programs` runs both commands. What must
differ between two runs (ports, times, random names) is replaced by words before texts or states are compared.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import re
import shutil
import sys
import tempfile
import threading
import xmlrpc.client
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import files
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server

from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import make_url

from harness import QuietHandler, ThreadingServer
from moromi_hub.db.embedded import EmbeddedPostgres
from moromi_hub.db.engine import make_engine
from support import database
from support.attended import Attended
from support.cli_cases import Case, Scenario, exemptions
from support.cli_state import SAMPLES, Filler
from support.commands import with_rpm_bindings
from support.hub import PLUGINS, running_hub, state_template
from support.preloaded import Done, Preloaded, preloaded

FILES = Path(__file__).resolve().parents[1] / "cli" / "files"
ALL_PLUGINS = f"{PLUGINS} dud kiwi"
BIN = Path(sys.executable).parent
MODULES = {
    "koji": ("koji", "koji_cli.commands", "koji_cli.lib", "requests", "xml.dom.minidom", "requests_gssapi"),
    "moromi": ("click", "moromi_cli.main", "moromi.client.session", "moromi_cli.watch"),
}
LOCALE = {"TZ": "EST5EDT", "LC_ALL": "C.UTF-8", "COLUMNS": "200"}

UNCOMPARED_TABLES = {"sessions", "events", "alembic_version", "scheduler_sys_logs", "scheduler_log_messages"}
"""Who is logged in, when something happened, and what the scheduler says of it."""
EVENT_COLUMNS = re.compile(r"(^|_)event(_id)?$")


@dataclass
class Stage:
    """A hub with a database and a tree of its own."""

    url: str
    topdir: Path
    engine: Engine

    def settled(self, output: str) -> str:
        """A text without what is particular to this stage or this minute."""
        output = output.replace(self.url, "http://HUB").replace(str(self.topdir), "/TOP")
        output = re.sub(r"\d{10}\.\d+\.[A-Za-z]{8}", "UNIQUE", output)
        output = re.sub(r"(\[=* *\][^\r\n]*\r)+", r"\1", output)
        output = re.sub(r"(?m)^[^,\n]+, ([^,\n]+)!$", r"GREETING, \1!", output)
        output = re.sub(r"token '[0-9a-f]{64}'", "TOKEN", output)
        output = re.sub(r"\b\d\d:\d\d:\d\d(\.\d+)?\b", "TIME", output)
        return re.sub(r" *[\d.]+ (B|KiB|MiB)/sec", " SPEED", output)

    def dump(self) -> dict[str, list[str]]:
        """Tables and files, without times and events."""
        found: dict[str, list[str]] = {}
        with self.engine.connect() as connection:
            for name, row in connection.execute(text(self._everything)):
                found.setdefault(name, []).append(json.dumps(self._row(row), sort_keys=True))
        found["files"] = list(self._files())
        return {name: sorted(lines) for name, lines in found.items()}

    @cached_property
    def _everything(self) -> str:
        """A statement for all rows of all tables."""
        with self.engine.connect() as connection:
            names = sorted(set(inspect(connection).get_table_names()) - UNCOMPARED_TABLES)
        return " UNION ALL ".join(f"SELECT '{name}', to_jsonb(t) FROM \"{name}\" t" for name in names)  # noqa: S608

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        return {key: self._value(key, value) for key, value in row.items()}

    def _value(self, key: str, value: Any) -> Any:
        if value is None:
            return None
        if EVENT_COLUMNS.search(key) or key.endswith(("_time", "_ts")) or key in ("ts", "time"):
            return "WHEN"
        if key in ("request", "result") and isinstance(value, str) and value.startswith("<?xml"):
            return unpacked(self.settled(value))
        if isinstance(value, str) and (key == "token" or re.match(r"\d{4}-\d\d-\d\dT", value)):
            return key
        return self.settled(value) if isinstance(value, str) else value

    def _files(self) -> Iterator[str]:
        for path in self.topdir.rglob("*"):
            name = self.settled(str(path.relative_to(self.topdir)))
            if path.is_symlink():
                yield f"{name} -> {self.settled(str(path.readlink()))}"
            elif path.is_file() and not path.name.endswith(".json"):
                yield f"{name} {path.stat().st_size}"
            else:
                yield name


def unpacked(message: str) -> Any:
    """The parameters in a task's request or result: the order of a struct's members means nothing."""
    try:
        return xmlrpc.client.loads(message)[0]
    except xmlrpc.client.Fault as fault:
        return str(fault)


@dataclass
class Compared:
    """What the two programs said to the same words."""

    koji: Done
    moromi: Done


class Programs:
    """Both commands, started once, run as often as wanted."""

    def __init__(self, started: dict[str, Preloaded], place: Path) -> None:
        self._started = started
        self._place = place
        self._threads = ThreadPoolExecutor(2)

    def run(self, name: str, stage: Stage, words: Sequence[str], user: str, cwd: Path) -> Done:
        """One command by a user, whose password is the name; `-` is nobody."""
        home = self._place / name
        words = [
            word.replace("@DIR@", str(FILES))
            .replace("@DATA@", str(SAMPLES))
            .replace("@TOP@", str(stage.topdir))
            .replace("@URL@", stage.url)
            for word in words
        ]
        account = (
            ["--noauth"] if user == "-" else ["--user", user, "--password", user, "--authtype", "password"]
        )
        places = ["--server", f"{stage.url}/kojihub", "--topurl", f"{stage.url}/kojifiles"]
        local = ["--topdir", str(stage.topdir), "--weburl", "http://web.example.org/koji"]
        done = self._started[name].run(
            "--config", str(home / "config"), "--profile", "test", *account, *places, *local, *words,
            cwd=cwd, environment={"HOME": str(home)},
        )  # fmt: skip
        done.stdout = stage.settled(done.stdout)
        done.stderr = stage.settled(done.stderr)
        return done

    def both(
        self, stages: tuple[Stage, Stage], words: Sequence[str], user: str, places: tuple[Path, Path]
    ) -> Compared:
        """The same command by both, at the same time, each on its stage and in its directory."""
        runs = [
            self._threads.submit(self.run, name, stage, words, user, place)
            for name, stage, place in zip(("koji", "moromi"), stages, places, strict=True)
        ]
        return Compared(*(run.result() for run in runs))


def only_own_plugins(place: Path) -> Path:
    """A prefix where the published client finds the plugins that come with it, and none of other packages,
    which replace some of its commands.
    """
    folder = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/koji_cli_plugins"
    (place / "prefix" / folder).mkdir(parents=True)
    for path in files("koji") or ():
        if path.parent.name == "koji_cli_plugins" and path.suffix == ".py":
            (place / "prefix" / folder / path.name).symlink_to(path.locate())
    return place / "prefix"


@contextlib.contextmanager
def programs() -> Iterator[Programs]:
    """Start both commands."""
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="moromi-cli-")))
        started = {}
        for name, modules in MODULES.items():
            home = place / name
            home.mkdir()
            (home / "config").write_text(
                "[test]\nmax_retries = 1\nretry_interval = 1\npoll_interval = 1\n", encoding="utf-8"
            )
            # texts and bytes come in the order in which they are written
            environment = {**LOCALE, "PYTHONUNBUFFERED": "1"}
            if name == "koji":
                environment |= with_rpm_bindings(home)
            prefix = only_own_plugins(place) if name == "koji" else None
            started[name] = stack.enter_context(preloaded(BIN / name, modules, environment, prefix=prefix))
        yield Programs(started, place)


def changed_files(places: tuple[Path, Path]) -> list[str]:
    """Files that only one of the programs wrote where it ran, or not with the same size."""
    found = [
        {f"{path.relative_to(place)} {path.stat().st_size}" for path in place.rglob("*") if path.is_file()}
        for place in places
    ]
    return sorted(found[0] ^ found[1])


def text_differences(ran: Compared) -> dict[str, str]:
    """What differs of exit code and output, in words."""
    found = {}
    if ran.koji.returncode != ran.moromi.returncode:
        found["code"] = f"exit code {ran.koji.returncode}, ours {ran.moromi.returncode}"
    if ran.koji.stdout != ran.moromi.stdout:
        lines = (ran.koji.stdout.splitlines(), ran.moromi.stdout.splitlines())
        found["output"] = "\n".join(difflib.unified_diff(*lines, "koji", "moromi", lineterm=""))
    return found


def state_differences(stages: tuple[Stage, Stage]) -> dict[str, str]:
    """What differs of tables and files, in words."""
    with ThreadPoolExecutor(2) as threads:
        theirs, ours = threads.map(Stage.dump, stages)
    found = [
        line
        for key in sorted(theirs.keys() | ours.keys())
        for line in difflib.unified_diff(theirs.get(key, []), ours.get(key, []), f"koji {key}", "moromi", n=0)
        if not line.startswith("@@")
    ]
    return {"state": "\n".join(found)} if found else {}


def judge(case: Case, ran: Compared, found: dict[str, str]) -> str | None:
    """A report of what differs, unless an exception allows it, and of an exception that nothing needs."""
    exemption = next((each for each in exemptions() if each.covers(case, set(found))), None)
    if not found:
        if exemption is not None:
            return f"{case.line}: no difference any more, but there is an exception for it"
        return None
    if exemption is not None:
        return None
    told = [ran.koji.stderr[-500:], ran.moromi.stderr[-500:]] if "code" in found else []
    return "\n".join([f"{case.user}$ {case.line}", *found.values(), *told])


def compare_reads(programs: Programs, stage: Stage, place: Path, scenario: Scenario) -> list[str]:
    """Run what changes nothing; the reports of what differs."""
    places = (place / "koji", place / "moromi")
    for each in places:
        each.mkdir()
    problems = []
    known: list[str] = []
    for case in scenario.cases:
        ran = programs.both((stage, stage), case.words, case.user, places)
        found = text_differences(ran)
        wrote = changed_files(places)
        if wrote != known:
            found["files"], known = f"files: {wrote}", wrote
        problems.append(judge(case, ran, found))
    return [problem for problem in problems if problem]


def compare_changes(
    programs: Programs, stages: tuple[Stage, Stage], place: Path, scenario: Scenario
) -> list[str]:
    """Run what changes something, each program on a hub of its own; the reports of what differs.

    What an exception has let differ in the state stays different.
    """
    problems = []
    allowed: dict[str, str] = {}
    for case in scenario.cases:
        ran = programs.both(stages, case.words, case.user, (place, place))
        state = state_differences(stages)
        problem = judge(case, ran, text_differences(ran) | ({} if state == allowed else state))
        problems.append(problem)
        allowed = allowed if problem else state
    return [problem for problem in problems if problem]


@dataclass
class Stages:
    """The filled hub, of which stages are copies."""

    server: EmbeddedPostgres
    template: str
    tree: Path

    @contextlib.contextmanager
    def stage(self, pace: str | None = None) -> Iterator[Stage]:
        """A hub behind HTTP; it and all that happened to it are gone afterwards.

        Nobody does its tasks, unless a `pace` is given: "at once" or "in steps".
        """
        with contextlib.ExitStack() as stack:
            dsn = stack.enter_context(database.clone(self.server, self.template))
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="moromi-stage-")))
            topdir = place / "top"
            shutil.copytree(self.tree, topdir, symlinks=True)
            hub = stack.enter_context(running_hub(dsn, topdir, Plugins=ALL_PLUGINS))
            application = Attended(hub, in_steps=pace == "in steps") if pace else hub.application
            server = make_server("127.0.0.1", 0, application, ThreadingServer, QuietHandler)
            thread = threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
            )
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            engine = make_engine(dsn)
            stack.callback(engine.dispose)
            yield Stage(f"http://127.0.0.1:{server.server_port}", topdir, engine)


@contextlib.contextmanager
def filled() -> Iterator[Stages]:
    """A database server with a filled database, and its tree."""
    with (
        database.running_server() as server,
        database.template(server) as plain,
        state_template(server, plain) as state,
        database.clone(server, state) as dsn,
        tempfile.TemporaryDirectory(prefix="moromi-tree-") as place,
    ):
        with running_hub(dsn, Path(place) / "top", Plugins=ALL_PLUGINS) as hub:
            Filler(hub).fill()
        yield Stages(server, str(make_url(dsn).database), Path(place) / "top")
