"""The daemon's configuration: kojid.conf's keys as one typed object.

An existing kojid.conf works as it is (spec: builder, section 1.3). Keys of our own are marked in the
dataclass. Precedence: command line, then file, then default; an unknown key, section or a value of the
wrong type is an error with the text that administrators already know.
"""

from __future__ import annotations

import configparser
import dataclasses
import logging
import os
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

DEFAULT_CONFIG = "/etc/kojid/kojid.conf"
DEFAULT_CERT = "/etc/kojid/client.crt"
DEFAULT_SERVERCA = "/etc/kojid/serverca.crt"
SECTION = "kojid"
SESSION_KEYS = (
    "user",
    "password",
    "retry_interval",
    "max_retries",
    "offline_retry",
    "offline_retry_interval",
    "timeout",
    "no_ssl_verify",
    "use_fast_upload",
    "serverca",
)
OBSOLETE = frozenset({"pkgurl", "debug_mock", "keepalive", "ca"})
# Of kinds of tasks that this builder does not do, and of work that is the hub's now.
WITHOUT_EFFECT = frozenset(
    {"maven_repo_ignore", "oz_install_timeout", "xz_options", "allow_noverifyssl", "task_avail_delay"}
)
TRUE = frozenset({"yes", "on", "true", "1"})
FALSE = frozenset({"no", "off", "false", "0"})


class SettingsError(Exception):
    """A configuration that cannot be used; the text is meant for the administrator."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """One daemon's configuration; times in seconds, `minspace` in MiB."""

    server: str = ""
    topurl: str = ""
    topdir: str = "/mnt/koji"
    workdir: str = "/var/tmp/koji"
    chroot_tmpdir: str = "/chroot_tmpdir"
    mockdir: str = "/var/lib/mock"
    mockuser: str = "kojibuilder"
    mockhost: str = "koji-linux-gnu"
    packager: str = "Koji"
    vendor: str = "Koji"
    distribution: str = "Koji"
    rpmbuild_timeout: int = 86400
    yum_proxy: str | None = None
    mock_bootstrap_image: bool = False
    sleeptime: int = 15
    maxjobs: int = 10
    minspace: int = 8192
    # Unset means: empty a root as soon as its task has closed. kojid waits 120 s and a day.
    buildroot_basic_cleanup_delay: int = 0
    buildroot_final_cleanup_delay: int = 0
    failed_buildroot_lifetime: int = 14400
    literal_task_arches: str = ""
    build_arch_can_fail: bool = False
    support_rpm_source_layout: bool = True
    allowed_scms: str = ""
    allowed_scms_use_config: bool = True
    allowed_scms_use_policy: bool = False
    allow_password_in_scm_url: bool = False
    scm_credentials_dir: str | None = None
    use_createrepo_c: bool = True
    createrepo_update: bool = True
    createrepo_skip_stat: bool = True
    # Our own: gigabytes of compressed metadata kept for the next repositories.
    repodata_cache_size: int = 5
    distrepo_skip_stat: bool = False
    copy_old_repodata: bool = False
    log_timestamps: bool = False
    log_level: str | None = None
    admin_emails: str | None = None
    smtphost: str = "example.com"
    smtp_user: str | None = None
    smtp_pass: str | None = None
    from_addr: str = "Koji Build System <buildsys@example.com>"
    plugins: tuple[str, ...] = ()
    pluginpath: str = "/usr/lib/koji-builder-plugins"
    cert: str | None = None
    serverca: str | None = None
    krb_principal: str | None = None
    host_principal_format: str = "compile/%s@EXAMPLE.COM"
    keytab: str = "/etc/kojid/kojid.keytab"
    ccache: str = "/var/tmp/kojid.ccache"
    user: str | None = None
    password: str | None = None
    retry_interval: int = 60
    max_retries: int = 120
    offline_retry: bool = True
    offline_retry_interval: int = 120
    timeout: int | None = None
    no_ssl_verify: bool = False
    use_fast_upload: bool = True
    rlimits: tuple[tuple[str, int, int | None], ...] = ()

    # Keys of our own.
    # A program with mock's command line; None takes mock where it is installed, else moromi-chroot.
    chroot_program: str | None = None
    # Where mock configurations are written; None takes /etc/mock/koji with mock, else a place in workdir.
    mock_config_dir: str | None = None
    # Where plugins that come with Moromi look for their `<name>.conf`.
    plugin_config_dir: str = "/etc/kojid/plugins"
    # Listen to the hub's push service where it has one.
    push: bool = True
    # Pause between check-ins while the push service is up; 0: as the hub says.
    checkin_interval: int = 0
    # Pause between uploads of a growing log.
    log_interval: float = 2.0
    # Load average for each processor above which no tasks are taken; kojid's is fixed.
    max_load: float = 4.0

    @property
    def base_url(self) -> str:
        """The URL of the hub's file tree that downloads use (the first of `topurl`)."""
        return self.topurl.split()[0].rstrip("/")

    def plugin_config_path(self, name: str) -> Path:
        """Give the configuration file of a plugin."""
        return Path(self.plugin_config_dir) / f"{name}.conf"

    def session_opts(self) -> dict[str, Any]:
        """Give the options for a client session."""
        opts = {name: getattr(self, name) for name in SESSION_KEYS}
        opts["anon_retry"] = True
        return {key: value for key, value in opts.items() if value is not None}


def read_files(path: Path) -> dict[str, str]:
    """Read the `[kojid]` section of a file, or of all `*.conf` of a directory in sorted order."""
    parser = configparser.RawConfigParser(strict=False)
    files = sorted(path.glob("*.conf")) if path.is_dir() else [path]
    try:
        for name in files:
            with name.open(encoding="utf-8") as stream:
                parser.read_file(stream)
    except OSError as exc:
        raise SettingsError(f"cannot read config file {exc.filename}: {exc.strerror}") from exc
    except (configparser.Error, UnicodeDecodeError) as exc:
        raise SettingsError(f"cannot parse config file {path}: {exc}") from exc
    for section in parser.sections():
        if section != SECTION:
            raise SettingsError(f"invalid section found in config file: {section}")
    # Resource limits are spelled in capitals; the parser folds every key to lower case.
    return dict(parser.items(SECTION)) if parser.has_section(SECTION) else {}


def load(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Make the settings of a file (or directory) and of command-line values, which win.

    Raises SettingsError with kojid's texts. Overrides that are None count as not given.
    """
    given = read_files(path) if path is not None else {}
    values = _convert_all(given)
    values.update({key: value for key, value in (overrides or {}).items() if value is not None})
    values.setdefault("cert", DEFAULT_CERT if os.path.exists(DEFAULT_CERT) else None)
    values.setdefault("serverca", DEFAULT_SERVERCA if os.path.exists(DEFAULT_SERVERCA) else None)
    for required in ("server", "topurl"):
        if not str(values.get(required, "")).strip():
            raise SettingsError(f"the {required} option is required")
    level = values.get("log_level")
    if level is not None and not isinstance(logging.getLevelName(str(level).upper()), int):
        raise SettingsError(f"Invalid log level: {level}")
    return Settings(**values)


def _convert_all(given: Mapping[str, str]) -> dict[str, Any]:
    """Turn the text of a section into typed values by the dataclass's annotations."""
    hints = get_type_hints(Settings)
    values: dict[str, Any] = {}
    limits = []
    for key, text in given.items():
        if key.startswith("rlimit_"):
            limits.append(_limit(key, text))
        elif key in ("plugin", "plugins"):
            values["plugins"] = tuple(text.split())
        elif key in hints and key != "rlimits":
            values[key] = _convert(key, text, hints[key])
        elif key in OBSOLETE:
            logging.getLogger(__name__).warning("the %s option is obsolete", key)
        elif key not in WITHOUT_EFFECT:
            raise SettingsError(f"unknown config option: {key}")
    if limits:
        values["rlimits"] = tuple(limits)
    return values


def _convert(key: str, text: str, kind: Any) -> Any:
    """Convert one value; `kind` is the field's annotation."""
    text = text.strip()
    if kind is bool:
        lowered = text.lower()
        if lowered not in TRUE | FALSE:
            raise SettingsError(f"value for {key} option must be a boolean")
        return lowered in TRUE
    if kind in (int, int | None):
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"value for {key} option must be a valid integer") from None
    if kind is float:
        try:
            return float(text)
        except ValueError:
            raise SettingsError(f"value for {key} option must be a valid number") from None
    if kind == str | None:
        return text or None
    return text


def _limit(key: str, text: str) -> tuple[str, int, int | None]:
    """Parse `RLIMIT_X = soft [hard]` into (name, soft, hard or None)."""
    name = key.upper()
    if not isinstance(getattr(resource, name, None), int):
        raise SettingsError(f"unknown config option: {key}")
    try:
        numbers = [int(word) for word in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise SettingsError(f"value for {name} option must be a valid integer")
    return name, numbers[0], numbers[1] if len(numbers) == 2 else None


def apply_limits(settings: Settings) -> None:
    """Set the configured resource limits for this process; one number changes only the soft limit."""
    for name, soft, hard in settings.rlimits:
        which: int = getattr(resource, name)
        kept = resource.getrlimit(which)[1] if hard is None else hard
        resource.setrlimit(which, (soft, kept))
