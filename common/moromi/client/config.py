"""Profiles: which hub, which files, how to log in (command-line spec, "Configuration"; client-session spec,
section 7).

Our own files are read after Koji's, so a machine that is set up for Koji works as it is, and one key in
`~/.moromi/config` is enough to differ. Later files win, key by key:

1. `/etc/koji.conf.d/*.conf`, `/etc/koji.conf`
2. `/etc/moromi.conf.d/*.conf`, `/etc/moromi.conf`
3. `~/.koji/config.d/*.conf`, `~/.koji/config`
4. `~/.moromi/config.d/*.conf`, `~/.moromi/config`

`--config` (or `$MOROMI_CONFIG`), a file or a directory of `*.conf`, stands in for 3 and 4. `$MOROMI_PROFILE`
names the profile when no option does. Our own files (2, 4 and the one that is named) may also hold `user` and
`password`, which Koji takes from the command line only; keep such a file to yourself (mode 600). A key of our
own is `patience`: the seconds after which a hub that cannot be reached is an error (unset: as `max_retries`
and `retry_interval` say).
"""

import os
from collections.abc import Iterable, Mapping
from configparser import ConfigParser, InterpolationError, RawConfigParser
from configparser import Error as ParserError
from pathlib import Path
from typing import Any

from moromi.errors import ConfigurationError

CONFIG_VARIABLE = "MOROMI_CONFIG"
PROFILE_VARIABLE = "MOROMI_PROFILE"
DEFAULT_PROFILE = "moromi"
KOJI_PROFILE = "koji"

TEXTS: dict[str, str | None] = {
    "server": "http://localhost/kojihub",
    "weburl": "http://localhost/koji",
    "topurl": None,
    "pkgurl": None,
    "principal": None,
    "keytab": None,
    "authtype": None,
    "plugin_paths": None,
}
PATHS: dict[str, str | None] = {"topdir": "/mnt/koji", "cert": None, "serverca": None}
NUMBERS: dict[str, int | None] = {
    "max_retries": 30,
    "retry_interval": 20,
    "offline_retry_interval": 20,
    "timeout": 43200,
    "auth_timeout": 60,
    "upload_blocksize": 1 << 20,
    "poll_interval": 6,
    "pyver": None,
    "patience": None,
}
FLAGS: dict[str, bool] = {
    "anon_retry": True,
    "offline_retry": False,
    "use_fast_upload": True,
    "no_ssl_verify": False,
    "debug": False,
    "debug_xmlrpc": False,
    "force_auth": False,
}
SHORTEST_POLL = 1
SESSION_KEYS = (
    "debug_xmlrpc",
    "debug",
    "max_retries",
    "retry_interval",
    "offline_retry",
    "offline_retry_interval",
    "anon_retry",
    "patience",
    "timeout",
    "auth_timeout",
    "use_fast_upload",
    "upload_blocksize",
    "no_ssl_verify",
    "serverca",
)


class Settings:
    """The settings of one profile, one attribute a key. Overridden ones (`settings.server = …`) are simply
    assigned.
    """

    profile: str
    server: str
    weburl: str
    topurl: str | None
    pkgurl: str | None
    principal: str | None
    keytab: str | None
    authtype: str | None
    plugin_paths: str | None
    topdir: str
    cert: str
    serverca: str
    max_retries: int
    retry_interval: int
    offline_retry_interval: int
    timeout: int
    auth_timeout: int
    upload_blocksize: int
    poll_interval: int
    pyver: int | None
    patience: int | None
    anon_retry: bool
    offline_retry: bool
    use_fast_upload: bool
    no_ssl_verify: bool
    debug: bool
    debug_xmlrpc: bool
    force_auth: bool
    user: str | None
    password: str | None

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)

    def as_dict(self) -> dict[str, Any]:
        """All settings, by key."""
        return dict(self.__dict__)

    def session_options(self) -> dict[str, Any]:
        """What a `ClientSession` takes of them (not `cert`, which a certificate login sets)."""
        return {key: getattr(self, key) for key in SESSION_KEYS if getattr(self, key) is not None}


def directory_contents(directory: Path, strict: bool = False) -> list[Path]:
    """The `*.conf` files of a directory, by name. `strict`: none is a ConfigurationError."""
    found = sorted(directory.glob("*.conf")) if directory.is_dir() else []
    if strict and not found:
        raise ConfigurationError(f"No config files found in directory: {directory}")
    return found


def config_files(
    user_config: str | None = None, root: Path = Path("/"), home: Path | None = None
) -> list[Path]:
    """The files to read, in order. ConfigurationError when a file that was asked for is missing."""
    home = home or Path.home()
    files: list[Path] = []
    for name in ("koji", "moromi"):
        files += directory_contents(root / f"etc/{name}.conf.d")
        files.append(root / f"etc/{name}.conf")
    chosen = user_config or os.environ.get(CONFIG_VARIABLE)
    if chosen:
        path = Path(chosen).expanduser()
        if path.is_dir():
            return [item for item in files if item.is_file()] + directory_contents(path, strict=True)
        if not path.is_file():
            raise ConfigurationError(f"Config file {chosen} does not exist")
        return [item for item in files if item.is_file()] + [path]
    for name in (".koji", ".moromi"):
        files += directory_contents(home / name / "config.d")
        files.append(home / name / "config")
    return [item for item in files if item.is_file()]


def read_files(files: Iterable[Path], raw: bool = False) -> RawConfigParser:
    """All of `files` merged. ConfigurationError for one that cannot be read or is not INI text."""
    parser = RawConfigParser() if raw else ConfigParser()
    for path in files:
        try:
            with path.open(encoding="utf-8") as source:
                parser.read_file(source)
        except (OSError, UnicodeDecodeError, ParserError) as err:
            raise ConfigurationError(f"cannot read {path}: {err}") from err
    return parser


def default_profile(program: str) -> str:
    """The profile when no option names one: `$MOROMI_PROFILE`, else the name that the program was called
    by.
    """
    return os.environ.get(PROFILE_VARIABLE) or program or DEFAULT_PROFILE


def read_profile(
    name: str,
    user_config: str | None = None,
    *,
    required: bool = True,
    root: Path = Path("/"),
    home: Path | None = None,
) -> Settings:
    """The settings of profile `name`.

    ConfigurationError when a value is bad, or when the profile has no section and is `required`; otherwise
    the section `koji`, where there is one, or the defaults serve.
    """
    files = config_files(user_config, root, home)
    parser = read_files(files)
    section = name
    if not parser.has_section(name):
        if required:
            raise ConfigurationError(f"no configuration for profile name: {name}")
        section = KOJI_PROFILE if parser.has_section(KOJI_PROFILE) else ""
    values = dict(parser.items(section, raw=True)) if section else {}
    settings = _defaults(home or Path.home())
    settings["profile"] = name
    for key in values:
        if key in settings:
            settings[key] = _convert(parser, section, key)
    settings["poll_interval"] = max(settings["poll_interval"], SHORTEST_POLL)
    settings.update(_credentials(files, section))
    return Settings(settings)


def chosen_profile(option: str | None, program: str, user_config: str | None = None) -> Settings:
    """The profile for one run of a program: the one that an option names, else the default one.

    ConfigurationError as `read_profile`; only `moromi` by that name may have no section. A program called
    `stage` must not talk to another hub because somebody forgot to write where that one is.
    """
    name = option or default_profile(program)
    return read_profile(name, user_config, required=option is not None or name != DEFAULT_PROFILE)


def _credentials(files: Iterable[Path], section: str) -> dict[str, str | None]:
    """User and password, from the files that are not Koji's."""
    own = [path for path in files if not {"koji.conf", "koji.conf.d", ".koji"} & set(path.parts)]
    parser = read_files(own, raw=True)
    return {key: parser.get(section, key, fallback=None) for key in ("user", "password")}


def _defaults(home: Path) -> dict[str, Any]:
    values: dict[str, Any] = {**TEXTS, **PATHS, **NUMBERS, **FLAGS}
    for key, name in (("cert", "client.crt"), ("serverca", "serverca.crt")):
        places = [home / ".moromi" / name, home / ".koji" / name]
        values[key] = next((str(path) for path in places if path.is_file()), "")
    return values


def _convert(parser: RawConfigParser, section: str, key: str) -> Any:
    try:
        if key in NUMBERS:
            return parser.getint(section, key)
        if key in FLAGS:
            return parser.getboolean(section, key)
        text = parser.get(section, key)
    except InterpolationError as err:
        raise ConfigurationError(f"value for {key} config option: {err}") from err
    except ValueError as err:
        kind = "integer" if key in NUMBERS else "boolean"
        raise ConfigurationError(f"value for {key} config option must be a valid {kind}") from err
    return os.path.expanduser(text) if key in PATHS else text
