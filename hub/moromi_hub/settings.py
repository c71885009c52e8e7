"""`hub.conf` read into one typed object (spec: hub-protocol.md section 6).

The keys are Koji's; a few of our own begin where Koji has nothing to say
(embedded database, listening address, push service). Fragments of the
configuration directory are read first, the main file last, and a later value
replaces an earlier one as a whole.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from moromi.config import Section, read_config
from moromi.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

DEFAULT_FILE = Path("/etc/koji-hub/hub.conf")
CONFIG_VARIABLE = "MOROMI_HUB_CONFIG"


@dataclass(frozen=True)
class Settings:
    """Every option of `[hub]`, and the rules of `[policy]`. Times are in the unit that Koji uses."""

    # database
    DBName: str | None = None
    DBUser: str | None = None
    DBPass: str | None = field(default=None, repr=False)
    DBHost: str | None = None
    DBPort: int | None = None
    DBConnectionString: str | None = field(default=None, repr=False)
    # places
    KojiDir: str = "/mnt/koji"
    KojiWebURL: str = "http://localhost.localdomain/koji"
    # authentication
    ProxyPrincipals: str = ""
    ProxyDNs: str = ""
    AllowProxyAuthType: bool = False
    HostPrincipalFormat: str | None = None
    AllowedKrbRealms: str = "*"
    DNUsernameComponent: str = "CN"
    DisableURLSessions: bool = False
    CheckClientIP: bool = True
    LoginCreatesUser: bool = True
    SessionRenewalTimeout: int = 1440
    # authentication, our own (docs/authentication.md)
    GSSAPIKeytab: str | None = None
    """With the key of `GSSAPIService`: the hub itself takes Kerberos tickets at `<base>/ssllogin`."""
    GSSAPIService: str = "HTTP"
    TrustedProxies: str = ""
    """Addresses and networks of the proxies that tell the client's address."""
    ProxyIdentity: str = ""
    """What they also tell: `certificate`, `remote-user`."""
    # notifications
    EmailDomain: str | None = None
    NotifyOnSuccess: bool = True
    DisableNotifications: bool = False
    # plugins
    Plugins: str = ""
    PluginPath: str = "/usr/lib/koji-hub-plugins"
    PluginConfigDir: str = "/etc/koji-hub/plugins"
    """Our own: where the plugins that come with Moromi look for their `<name>.conf`."""
    # diagnostics
    KojiDebug: bool = False
    KojiTraceback: str | None = None
    VerbosePolicy: bool = False
    MissingPolicyOk: bool = True
    LogLevel: str = "WARNING"
    LogFormat: str = (
        "%(asctime)s [%(levelname)s] m=%(method)s u=%(user_name)s p=%(process)s r=%(remoteaddr)s"
        " %(name)s: %(message)s"
    )
    # features and limits
    EnableMaven: bool = False
    EnableWin: bool = False
    RLIMIT_AS: str | None = None
    RLIMIT_CORE: str | None = None
    RLIMIT_CPU: str | None = None
    RLIMIT_DATA: str | None = None
    RLIMIT_FSIZE: str | None = None
    RLIMIT_MEMLOCK: str | None = None
    RLIMIT_NOFILE: str | None = None
    RLIMIT_OFILE: str | None = None
    RLIMIT_NPROC: str | None = None
    RLIMIT_RSS: str | None = None
    RLIMIT_STACK: str | None = None
    MemoryWarnThreshold: int = 5000
    MaxRequestLength: int = 4194304
    ServerOffline: bool = False
    OfflineMessage: str | None = None
    LockOut: bool = False
    MaxNameLengthInternal: int = 256
    RegexNameInternal: str = r"^[A-Za-z0-9/_.+-]+$"
    RegexUserName: str = r"^[A-Za-z0-9/_.@-]+$"
    RPMDefaultChecksums: str = "md5 sha256"
    # scheduler
    MaxJobs: int = 15
    CapacityOvercommit: int = 5
    ReadyTimeout: int = 180
    AssignTimeout: int = 300
    SoftRefusalTimeout: int = 900
    HostTimeout: int = 900
    RunInterval: int = 60
    # repositories
    MaxRepoTasks: int = 10
    MaxRepoTasksMaven: int = 2
    RepoRetries: int = 3
    RequestCleanTime: int = 1440
    AllowNewRepo: bool = True
    RepoLag: int = 3600
    RepoAutoLag: int = 7200
    RepoLagWindow: int = 600
    RepoQueueUser: str = "kojira"
    DebuginfoTags: str = ""
    SourceTags: str = ""
    SeparateSourceTags: str = ""
    # repositories, our own; the names and defaults of kojira's options, in seconds
    RepoAuto: bool = False
    """Make a new repository whenever the build tag of a live target has changed."""
    RepoOnHub: bool = False
    """The worker makes requested repositories itself; no builder is needed for them."""
    RepoCacheSize: int = 20
    """Gigabytes of compressed metadata that repositories share."""
    RepoUpkeep: bool = True
    """Expire and remove repositories; to be switched off where kojira does it with lifetimes of its own."""
    RepoInitTimeout: int = 7200
    RepoLifetime: int = 604800
    DistRepoLifetime: int = 604800
    ExpiredRepoLifetime: int = 604800
    RepoSupersededLifetime: int = 3600
    """With RepoAuto: how long a repository that a newer one replaces stays READY, and then EXPIRED."""
    IgnoreStrayRepos: bool = False
    IgnoreOtherVolumes: bool = False
    # clearing up, our own; in days, 0 is never
    SessionsAge: int = 1
    ReservationsAge: int = 1
    SchedulerLogsAge: int = 7
    UploadsAge: int = 14
    # our own
    EmbeddedDatabase: str | None = None
    """Data directory of an embedded PostgreSQL; used when no database is named."""
    Listen: str = "127.0.0.1:8080"
    Workers: int = 2
    Threads: int = 4
    PushListen: str | None = None
    """`host:port` of the push service; none is announced without it."""
    PushURL: str | None = None
    """What clients are told; derived from PushListen when unset."""
    policy: Mapping[str, str] = field(default_factory=dict)

    @property
    def dsn(self) -> URL:
        """Where the database is, as an SQLAlchemy URL."""
        from sqlalchemy.engine import URL, make_url  # slow to import, and help needs no database

        text = self.DBConnectionString
        if text and "://" in text:
            return make_url(text).set(drivername="postgresql+psycopg2")
        if text:
            return URL.create("postgresql+psycopg2", query={"dsn": text})
        if not self.DBName and self.EmbeddedDatabase:
            from moromi_hub.db.embedded import EmbeddedPostgres

            return make_url(EmbeddedPostgres(Path(self.EmbeddedDatabase)).dsn)
        if not self.DBName:
            raise ConfigurationError("No database: set DBName, DBConnectionString or EmbeddedDatabase")
        return URL.create(
            "postgresql+psycopg2",
            username=self.DBUser,
            password=self.DBPass,
            host=self.DBHost,
            port=self.DBPort,
            database=self.DBName,
        )

    @property
    def topdir(self) -> Path:
        """The top of the file tree."""
        return Path(self.KojiDir)

    @property
    def push_url(self) -> str | None:
        """The address of the push service that clients are told, or None."""
        if self.PushURL:
            return self.PushURL
        return f"http://{self.PushListen}/events" if self.PushListen else None

    def replace(self, **changes: Any) -> Settings:
        """A copy with some options changed."""
        return dataclasses.replace(self, **changes)


_KINDS: dict[str, Any] = {name: kind for name, kind in get_type_hints(Settings).items() if name != "policy"}


def load(path: Path | str = DEFAULT_FILE, directory: Path | str | None = None) -> Settings:
    """Read `path` and the fragments beside it.

    `directory` defaults to `<path>.d`. Raises ConfigurationError with the file
    and the option for whatever cannot be read.
    """
    path = Path(path)
    directory = Path(directory) if directory else path.with_name(path.name + ".d")
    if not path.is_file():
        raise ConfigurationError(f"No such configuration file: {path}")
    sections = read_config(path, directory)
    return from_options(sections.get("hub", {}), sections.get("policy"))


def from_options(values: Mapping[str, str], policy: Mapping[str, str] | None = None) -> Settings:
    """Settings from option texts; unknown options are ignored, bad values raise ConfigurationError."""
    options = Section("hub", values)
    found: dict[str, Any] = {}
    for name, kind in _KINDS.items():
        if name not in options:
            continue
        if kind is bool:
            found[name] = options.boolean(name, False)
        elif kind in (int, int | None):
            found[name] = options.integer(name, 0)
        else:
            found[name] = options[name]
    settings = Settings(**found, policy=dict(policy or {}))
    database = settings.EmbeddedDatabase
    if database and os.path.realpath(database).startswith(f"{os.path.realpath(settings.KojiDir)}/"):
        raise ConfigurationError("EmbeddedDatabase is below KojiDir, where everybody may read it")
    return settings
