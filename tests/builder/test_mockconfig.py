"""The generated mock configuration, as text and as moromi-chroot reads it."""

from pathlib import Path
from typing import Any

import pytest

from moromi.errors import GenericError
from moromi.mockconfig import MockConfig
from moromi_chroot.config import load


def make(**changes: Any) -> MockConfig:
    values: dict[str, Any] = {
        "name": "f1-build-7-3",
        "tag_name": "f1-build",
        "repo_id": 3,
        "repo_arch": "x86_64",
        "target_arch": "x86_64",
        "base_urls": ["http://hub/kojifiles", "http://mirror/files/"],
    }
    return MockConfig(**{**values, **changes})


def run(config: MockConfig) -> dict[str, Any]:
    """Execute the text as mock does."""
    options: dict[str, Any] = {
        "plugin_conf": {"bind_mount_opts": {"dirs": []}},
        "macros": {},
        "environment": {},
        "files": {},
    }
    exec(config.text(), {"config_opts": options})  # mock's way; the text is made in this test
    return options


def test_plain_root() -> None:
    options = run(make())
    assert options["root"] == "f1-build-7-3"
    assert options["chroot_setup_cmd"] == "install @build"
    assert options["rpmbuild_networking"] is False
    assert options["macros"]["%_host"] == "x86_64-koji-linux-gnu"
    assert options["plugin_conf"]["root_cache_enable"] is False
    assert "internal_dev_setup" not in options
    assert (
        "baseurl=http://hub/kojifiles/repos/f1-build/3/x86_64\n        http://mirror/files/repos/"
        in (options["yum.conf"])
    )


def test_keys_are_sorted_within_their_groups() -> None:
    lines = make(extra={"rpm.macro.zz": "1", "rpm.macro.aa": "2"}).text().splitlines()
    macros = [line for line in lines if line.startswith("config_opts['macros']")]
    assert macros == sorted(macros)
    assert len(macros) == 9


def test_tag_extra() -> None:
    extra = {
        "mock.package_manager": "dnf5",
        "mock.forcearch": True,
        "mock.yum.best": 1,
        "rpm.macro.dist": ".f1",
        "rpm.macro.vendor": "Somebody",
        "rpm.macro._topdir": "/elsewhere",
        "rpm.env.LANG": "C",
        "mock.bootstrap_image": "registry/image",
    }
    options = run(make(extra=extra))
    assert options["package_manager"] == "dnf5"
    assert options["forcearch"] == "x86_64"
    assert options["yum.conf"].endswith("best=1\n")
    assert options["macros"]["%dist"] == ".f1"
    assert options["macros"]["%vendor"] == "Somebody"
    assert options["macros"]["%_topdir"] == "/builddir/build"
    assert options["environment"] == {"LANG": "C"}
    assert options["use_bootstrap_image"] is False
    assert run(make(extra=extra, bootstrap_image_allowed=True))["bootstrap_image"] == "registry/image"


def test_network_root_gets_hosts_and_binds() -> None:
    options = run(make(dns=True, hosts_file="127.0.0.1 here\n", binds=[("/secrets", "/credentials")]))
    assert options["use_host_resolv"] is True
    assert options["files"] == {"etc/hosts": "127.0.0.1 here\n"}
    assert options["plugin_conf"]["bind_mount_opts"]["dirs"] == [("/secrets", "/credentials")]
    assert options["internal_dev_setup"] is False


def test_incomplete_signing_is_refused() -> None:
    with pytest.raises(GenericError, match="not configured properly for mock's sign plugin"):
        make(extra={"mock.plugin_conf.sign_enable": True}).text()


def test_our_engine_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "root.cfg"
    tricky = "it's \"quoted\" \\ and\nbroken'] = __import__('os').system('false')"
    path.write_text(make(extra={"rpm.macro.tricky": tricky}, basedir=str(tmp_path)).text())
    config = load(str(path), tmp_path)
    assert config.name == "f1-build-7-3"
    assert config.macros["%tricky"] == tricky
    assert config.repositories()[0].urls[0] == "http://hub/kojifiles/repos/f1-build/3/x86_64"
