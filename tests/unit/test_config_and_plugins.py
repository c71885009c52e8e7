"""Configuration files and the plugin surface."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from moromi import config, plugins
from moromi.errors import CallbackError, ConfigurationError, PluginError

HUB_CONF = """\
# comment
; comment
[hub]
DBName = koji
LogFormat = %(asctime)s # kept
    ; comment inside
EnableMaven = On
MaxJobs = 7
Plugins = a  b
[policy]
tag =
    has_perm admin :: allow

    all :: deny 100%
[other]
x = 1
"""


def test_main_file(tmp_path: Path) -> None:
    main = tmp_path / "hub.conf"
    main.write_text(HUB_CONF)
    sections = config.read_config(main, tmp_path / "missing.d")
    hub = sections["hub"]
    assert hub["dbname"] == hub["DBName"] == "koji"
    assert hub["LogFormat"] == "%(asctime)s # kept"
    assert hub.boolean("EnableMaven", False) is True
    assert hub.boolean("EnableWin", True) is True
    assert hub.integer("MaxJobs", 15) == 7
    assert hub.integer("Other", 15) == 15
    assert hub.words("plugins") == ["a", "b"]
    assert hub.words("other", ["x"]) == ["x"]
    assert "MAXJOBS" in hub
    assert sections["policy"]["tag"].strip() == "has_perm admin :: allow\n\nall :: deny 100%"


def test_fragments_come_first(tmp_path: Path) -> None:
    fragments = tmp_path / "hub.conf.d"
    fragments.mkdir()
    (fragments / "b.conf").write_text("[hub]\na = b\nc = b\nd = b\n")
    (fragments / "a.conf").write_text("[hub]\na = a\nb = a\n[policy]\ntag = all :: allow\n all :: x\n")
    (fragments / "ignored.txt").write_text("not a configuration")
    main = tmp_path / "hub.conf"
    main.write_text("[hub]\nD = main\n[policy]\nTag = none :: deny\n")
    sections = config.read_config(main, fragments)
    assert dict(sections["hub"]) == {"a": "b", "b": "a", "c": "b", "d": "main"}
    assert dict(sections["policy"]) == {"tag": "none :: deny"}


@pytest.mark.parametrize(
    "text",
    ["[hub]\na = 1\nA = 2\n", "[hub]\n[hub]\n", "a = 1\n", "[hub]\nnonsense\n", "[hub]\na = \udcff\n"],
)
def test_broken_files(tmp_path: Path, text: str) -> None:
    main = tmp_path / "hub.conf"
    main.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigurationError, match="Cannot read"):
        config.read_config(main)


def test_missing_main_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        config.read_config(tmp_path / "hub.conf")


def test_bad_values() -> None:
    section = config.Section("hub", {"a": "x"})
    with pytest.raises(ConfigurationError, match=r"\[hub\] a: 'x' is not an integer"):
        section.integer("a", 0)
    with pytest.raises(ConfigurationError, match=r"\[hub\] A: 'x' is not a boolean"):
        section.boolean("A", False)


def test_client_files(tmp_path: Path) -> None:
    (tmp_path / "koji.conf.d").mkdir()
    (tmp_path / "koji.conf.d" / "one.conf").write_text("[koji]\nserver = one\nbase = x\n")
    (tmp_path / "config").write_text("[koji]\nserver = %(base)s/two\n")
    items: list[Path | tuple[Path, bool]] = [
        tmp_path / "koji.conf.d",
        (tmp_path / "config", True),
        tmp_path / "none",
    ]
    assert config.read_config_files(items)["koji"]["server"] == "x/two"
    assert config.read_config_files(items, raw=True)["koji"]["server"] == "%(base)s/two"
    (tmp_path / "empty").mkdir()
    for missing in ("none", "empty"):
        with pytest.raises(ConfigurationError, match="No configuration file"):
            config.read_config_files([(tmp_path / missing, True)])


PLUGIN = """
from moromi.plugins import callback, convert_datetime, export, export_as, export_cli, export_in, ignore_error

@export
def hello():
    return "hello"

@export_as("renamed")
def some_name():
    return "some"

@export_in("module")
def inner():
    return "inner"

@export_in("module", "other")
def inner_too():
    return "inner too"

def by_hand():
    return "by hand"
by_hand.exported = True
again = by_hand

@export_cli
def handle_brew(goptions, session, args):
    pass

seen = []

@callback("preTag", "postTag")
def note(cbtype, **kwargs):
    seen.append((cbtype, kwargs))

@callback("postTag")
@convert_datetime
def note_times(cbtype, **kwargs):
    seen.append((cbtype, kwargs))

@callback("preUntag")
@ignore_error
def fail_quietly(cbtype, **kwargs):
    raise ValueError("quiet")

@callback("preUntag")
def fail(cbtype, **kwargs):
    raise ValueError("loud")

class Exported:
    exported = True
"""


@pytest.fixture
def plugin_path(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "brewing.py").write_text(PLUGIN)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    yield f"{tmp_path / 'none'}:{tmp_path}"
    for name in ("brewing", "broken"):
        sys.modules.pop(f"_koji_plugin__{name}", None)


def test_exports(plugin_path: str) -> None:
    loader = plugins.Loader(plugin_path)
    (module,) = loader.load_all(["brewing"])
    assert module.__name__ == "_koji_plugin__brewing"
    assert loader.load("brewing") is module
    exported = {
        plugins.exported_name(function): function() for function in plugins.marked(module, "exported")
    }
    assert exported == {
        "hello": "hello",
        "renamed": "some",
        "module.inner": "inner",
        "module.other": "inner too",
        "by_hand": "by hand",
    }
    assert [function.__name__ for function in plugins.marked(module, "exported_cli")] == ["handle_brew"]


def test_plugins_that_do_not_load(plugin_path: str, tmp_path: Path) -> None:
    loader = plugins.Loader(plugin_path)
    for name, text in (
        ("none", "No such plugin: none"),
        ("broken", "Cannot load plugin broken: division by zero"),
        ("../brewing", "Invalid plugin name"),
        ("os.path", "Invalid plugin name"),
    ):
        with pytest.raises(PluginError, match=text):
            loader.load(name)
    assert "_koji_plugin__broken" not in sys.modules
    module = loader.load("brewing")
    assert plugins.Loader(plugin_path).load("brewing") is module
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "brewing.py").write_text("")
    with pytest.raises(PluginError, match="name conflict"):
        plugins.Loader(str(elsewhere)).load("brewing")


def test_plugins_of_installed_packages(
    plugin_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site"
    (package / "kura-1.dist-info").mkdir(parents=True)
    (package / "kura-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: kura\nVersion: 1\n")
    (package / "kura-1.dist-info" / "entry_points.txt").write_text(
        "[moromi.hub_plugins]\nkura = kura_plugin\nmissing = kura_missing\nnot_one = kura_plugin:hello\n"
        "brewing = kura_plugin\n"
    )
    (package / "kura_plugin.py").write_text("def hello():\n    return 'kura'\nhello.exported = True\n")
    monkeypatch.syspath_prepend(str(package))
    loader = plugins.Loader(plugin_path, "moromi.hub_plugins")
    module = loader.load("kura")
    assert [function() for function in plugins.marked(module, "exported")] == ["kura"]
    assert loader.load("brewing").__name__ == "_koji_plugin__brewing", "the search path comes first"
    for name in ("missing", "not_one"):
        with pytest.raises(PluginError, match=f"Cannot load plugin {name}"):
            loader.load(name)
    with pytest.raises(PluginError, match="No such plugin: kura"):
        plugins.Loader(plugin_path).load("kura")
    sys.modules.pop("kura_plugin")


def test_callbacks(plugin_path: str, caplog: pytest.LogCaptureFixture) -> None:
    module = plugins.Loader(plugin_path).load("brewing")
    callbacks = plugins.Callbacks(plugins.HUB_CALLBACKS)
    callbacks.register_plugin(module)
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    arguments: dict[str, Any] = {"tag": {"ts": [moment]}, "user": None}
    callbacks.run("postTag", **arguments)
    assert module.seen == [
        ("postTag", arguments),
        ("postTag", {"tag": {"ts": ["2026-01-02 03:04:05+00:00"]}, "user": None}),
    ]
    assert callbacks.wanted("preTag") and not callbacks.wanted("preCommit")
    with caplog.at_level(logging.WARNING), pytest.raises(CallbackError) as caught:
        callbacks.run("preUntag", tag=1)
    text = str(caught.value)
    assert text.startswith("Error running preUntag callback from _koji_plugin__brewing:\nTraceback")
    assert "ValueError: loud" in text
    assert "ValueError: quiet" in caplog.text


def test_callback_mistakes() -> None:
    callbacks = plugins.Callbacks(plugins.BUILDER_CALLBACKS)
    with pytest.raises(PluginError, match='"preTag" is not a valid callback type'):
        callbacks.run("preTag")
    with pytest.raises(PluginError, match='"preTag" is not a valid callback type'):
        callbacks.register("preTag", print)
    with pytest.raises(PluginError, match="5 is not callable"):
        callbacks.register("preSCMCheckout", 5)  # type: ignore[arg-type]  # what a plugin might do
