"""The configuration is read as mock reads it, without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from moromi_chroot.config import load
from moromi_chroot.configfile import Options, read_config
from moromi_chroot.errors import ConfigError


def _read(tmp_path: Path, text: str) -> Options:
    path = tmp_path / "x.cfg"
    path.write_text(text)
    return read_config(path, {"plugin_conf": {}, "macros": {}}, tmp_path)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("config_opts['a'] = 1", "a", 1),
        ("# c\nconfig_opts['a'] = 'x' + 'y'", "a", "xy"),
        ("config_opts['a']['b'] = True", "a", {"b": True}),
        ("config_opts['a'] += ['x']\nconfig_opts['a'] += ['y']", "a", ["x", "y"]),
        ("config_opts['a'] = 'x'\nconfig_opts['a'] += '\\ny'", "a", "x\ny"),
        ("config_opts['a']['dirs'].append(('/s', '/t'))", "a", {"dirs": [("/s", "/t")]}),
        ("config_opts['a'].update({'b': -1})", "a", {"b": -1}),
        ("config_opts['a'].insert(0, 'x')", "a", ["x"]),
        ("config_opts['b'] = 'v'\nconfig_opts['a'] = config_opts['b']", "a", "v"),
        ('config_opts["a"] = """\n[main]\n"""', "a", "\n[main]\n"),
    ],
)
def test_understood(tmp_path: Path, text: str, key: str, value: object) -> None:
    assert _read(tmp_path, text)[key] == value


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "config_opts['a'] = __import__('os').system('true')",
        "config_opts['a'] = open('/etc/passwd').read()",
        "config_opts['a'] = [x for x in (1, 2)]",
        "print('x')",
        "other['a'] = 1",
        "config_opts['a'].clear()",
        "config_opts['a'] = 1 +",
        "config_opts['a'] = 'x' + 1",
        "exec('1')",
    ],
)
def test_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"x\.cfg"):
        _read(tmp_path, text)


def test_include(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "base.tpl").write_text("config_opts['a'] = 1\nconfig_opts['b'] = 2\n")
    assert _read(tmp_path, "include('templates/base.tpl')\nconfig_opts['b'] = 3")["b"] == 3
    with pytest.raises(ConfigError):
        _read(tmp_path, "include('x.cfg')")


def test_typed(tmp_path: Path) -> None:
    (tmp_path / "r.cfg").write_text(
        "config_opts['root'] = 'tag-1-2'\nconfig_opts['basedir'] = '/srv/mock'\n"
        "config_opts['macros']['%packager'] = 'Me'\nconfig_opts['rpmbuild_timeout'] = 86400\n"
        "config_opts['yum.conf'] = '[main]\\nproxy=http://p/\\n[build]\\nbaseurl=http://a/1\\n http://b/1\\n'\n"
    )
    config = load("r", tmp_path)
    assert config.top == Path("/srv/mock/tag-1-2")
    assert config.macros["%packager"] == "Me" and config.macros["%_topdir"] == "/builddir/build"
    assert config.timeout == 86400 and not config.network
    (repository,) = config.repositories()
    assert repository.urls == ("http://a/1", "http://b/1") and repository.proxy == "http://p/"
    assert load("r", tmp_path, uniqueext="x").name == "tag-1-2-x"
    assert load(str(tmp_path / "r.cfg"), Path("/nowhere")).name == "tag-1-2"


@pytest.mark.parametrize(
    "line", ["config_opts['root'] = '../x'", "config_opts['rpmbuild_timeout'] = 'soon'", ""]
)
def test_bad_values(tmp_path: Path, line: str) -> None:
    (tmp_path / "r.cfg").write_text(line + "\n")
    with pytest.raises(ConfigError):
        load("r", tmp_path)
    with pytest.raises(ConfigError):
        load("missing", tmp_path)
