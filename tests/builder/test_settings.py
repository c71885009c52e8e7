"""kojid.conf's keys, types and error texts."""

from pathlib import Path

import pytest

from moromi_builder.settings import SettingsError, load

REQUIRED = "server = http://hub/kojihub\ntopurl = http://hub/kojifiles http://mirror/kojifiles\n"


def write(tmp_path: Path, text: str, section: str = "kojid") -> Path:
    path = tmp_path / "kojid.conf"
    path.write_text(f"[{section}]\n{REQUIRED}{text}")
    return path


def test_defaults_and_typed_values(tmp_path: Path) -> None:
    settings = load(
        write(
            tmp_path, "maxjobs = 3\ncreaterepo_update = no\nplugin = runroot kiwi\nchroot_program = mock -v\n"
        )
    )
    assert settings.maxjobs == 3
    assert settings.createrepo_update is False
    assert settings.plugins == ("runroot", "kiwi")
    assert settings.sleeptime == 15
    assert settings.base_url == "http://hub/kojifiles"
    assert settings.chroot_program == "mock -v"


def test_keys_of_tasks_that_are_not_ours_do_no_harm(tmp_path: Path) -> None:
    text = "xz_options = -z1\ntask_avail_delay = 5\noz_install_timeout = 60\nmaxjobs = 3\n"
    assert load(write(tmp_path, text)).maxjobs == 3


def test_command_line_wins_over_file(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "minspace = 5\n"), {"minspace": 7, "workdir": None})
    assert settings.minspace == 7
    assert settings.workdir == "/var/tmp/koji"


def test_directory_of_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "10-base.conf").write_text(f"[kojid]\n{REQUIRED}maxjobs = 1\n")
    (tmp_path / "20-site.conf").write_text("[kojid]\nmaxjobs = 2\n")
    (tmp_path / "notes.txt").write_text("not read")
    assert load(tmp_path).maxjobs == 2


def test_resource_limits(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "RLIMIT_NOFILE = 100 200\nRLIMIT_CORE = 0\n"))
    assert set(settings.rlimits) == {("RLIMIT_NOFILE", 100, 200), ("RLIMIT_CORE", 0, None)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = blue\n", "unknown config option: colour"),
        ("maxjobs = many\n", "value for maxjobs option must be a valid integer"),
        ("RLIMIT_NOSUCH = 1\n", "unknown config option: rlimit_nosuch"),
        ("log_level = LOUD\n", "Invalid log level: LOUD"),
        ("mock_bootstrap_image = perhaps\n", "value for mock_bootstrap_image option must be a boolean"),
    ],
)
def test_errors(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, text))
    assert str(caught.value) == message


def test_other_section_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="invalid section found in config file: kojivmd"):
        load(write(tmp_path, "", section="kojivmd"))


def test_server_is_required(tmp_path: Path) -> None:
    path = tmp_path / "kojid.conf"
    path.write_text("[kojid]\ntopurl = http://hub/kojifiles\n")
    with pytest.raises(SettingsError, match="the server option is required"):
        load(path)
