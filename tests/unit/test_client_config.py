"""Which files make up a profile, and what wins."""

from pathlib import Path

import pytest

from moromi.client.config import default_profile, read_profile
from moromi.errors import ConfigurationError


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOROMI_CONFIG", "MOROMI_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_later_files_win_key_by_key(tmp_path: Path) -> None:
    root, home = tmp_path / "root", tmp_path / "home"
    put(root / "etc/koji.conf.d/a.conf", "[p]\nserver = http://a\nweburl = http://web-a\ntimeout = 5\n")
    put(root / "etc/koji.conf", "[p]\nserver = http://b\n")
    put(root / "etc/moromi.conf", "[p]\ntimeout = 7\n")
    put(home / ".koji/config.d/z.conf", "[p]\nserver = http://c\n")
    put(home / ".koji/config", "[p]\ntopurl = http://files/%%20\n")
    put(home / ".moromi/config", "[p]\nserver = http://d\n")
    settings = read_profile("p", root=root, home=home)
    assert settings.server == "http://d"
    assert settings.weburl == "http://web-a"
    assert settings.timeout == 7
    assert settings.topurl == "http://files/%20"
    assert settings.profile == "p"


def test_a_named_file_replaces_the_users_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, home = tmp_path / "root", tmp_path / "home"
    put(root / "etc/koji.conf", "[p]\nserver = http://system\n")
    put(home / ".koji/config", "[p]\nserver = http://user\nauthtype = ssl\n")
    put(tmp_path / "mine", "[p]\ntimeout = 9\n")
    put(tmp_path / "dir/one.conf", "[p]\nserver = http://dir\n")
    settings = read_profile("p", str(tmp_path / "mine"), root=root, home=home)
    assert (settings.server, settings.timeout, settings.authtype) == ("http://system", 9, None)
    assert read_profile("p", str(tmp_path / "dir"), root=root, home=home).server == "http://dir"
    monkeypatch.setenv("MOROMI_CONFIG", str(tmp_path / "dir"))
    assert read_profile("p", root=root, home=home).server == "http://dir"
    with pytest.raises(ConfigurationError, match="does not exist"):
        read_profile("p", str(tmp_path / "absent"), root=root, home=home)


def test_a_missing_section(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no configuration for profile name: stage"):
        read_profile("stage", root=tmp_path, home=tmp_path)
    assert read_profile("moromi", required=False, root=tmp_path, home=tmp_path).max_retries == 30
    put(tmp_path / "etc/koji.conf", "[koji]\nserver = http://k\n")
    assert read_profile("moromi", required=False, root=tmp_path, home=tmp_path).server == "http://k"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("timeout = soon", "value for timeout config option must be a valid integer"),
        ("anon_retry = perhaps", "value for anon_retry config option must be a valid boolean"),
        ("server = %(nothing)s", "value for server config option"),
    ],
)
def test_bad_values(tmp_path: Path, line: str, message: str) -> None:
    put(tmp_path / "etc/koji.conf", f"[p]\n{line}\n")
    with pytest.raises(ConfigurationError, match=message):
        read_profile("p", root=tmp_path, home=tmp_path)


def test_paths_and_unknown_keys(tmp_path: Path) -> None:
    put(tmp_path / "etc/koji.conf", "[p]\ntopdir = ~/k\nuser = x\npassword = y\nwhatever = z\n")
    put(tmp_path / ".koji/client.crt", "")
    settings = read_profile("p", root=tmp_path, home=tmp_path)
    assert settings.topdir == str(Path.home() / "k")
    assert settings.cert == str(tmp_path / ".koji/client.crt")
    assert settings.serverca == ""
    assert (settings.user, settings.password) == (None, None), "Koji's files cannot name a user"
    assert "whatever" not in settings.as_dict()
    put(tmp_path / ".moromi/config", "[p]\nuser = alice\npassword = a%b\n")
    settings = read_profile("p", root=tmp_path, home=tmp_path)
    assert (settings.user, settings.password) == ("alice", "a%b")
    assert "cert" not in settings.session_options()
    put(tmp_path / ".moromi/config", "[p]\npoll_interval = 0\n")
    assert read_profile("p", root=tmp_path, home=tmp_path).poll_interval == 1, "without a pause a hub melts"


def test_default_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_profile("stage") == "stage"
    monkeypatch.setenv("MOROMI_PROFILE", "x")
    assert default_profile("stage") == "x"
