"""The text of a mock configuration, as Koji's builders and its command line write it (spec: builder,
section 3.2).

Both engines read it: mock executes it as Python, moromi-chroot only understands its assignments. Keys are
sorted within each group, so that two configurations can be compared line by line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moromi.errors import GenericError

FIXED_MAIN = {
    "cachedir": "/var/cache/yum",
    "debuglevel": 1,
    "logfile": "/var/log/yum.log",
    "reposdir": "/dev/null",
    "retries": 20,
    "obsoletes": 1,
    "gpgcheck": 0,
    "assumeyes": 1,
    "keepcache": 1,
    "install_weak_deps": 0,
    "strict": 1,
}
SIGN_KEYS = (
    "mock.plugin_conf.sign_enable",
    "mock.plugin_conf.sign_opts.cmd",
    "mock.plugin_conf.sign_opts.opts",
)
# Tag extra key -> configuration key, passed on as it is.
PASSED_ON = {
    "mock.package_manager": "package_manager",
    "mock.module_setup_commands": "module_setup_commands",
    "mock.releasever": "releasever",
    "mock.use_bootstrap": "use_bootstrap",
}


@dataclass(frozen=True, kw_only=True)
class MockConfig:
    """Everything that a configuration depends on. `extra` is the build tag's, `base_urls` the hub's file
    URLs.
    """

    name: str
    tag_name: str
    repo_id: int | str
    repo_arch: str
    target_arch: str
    base_urls: Sequence[str]
    extra: Mapping[str, Any] = field(default_factory=dict)
    basedir: str = "/var/lib/mock"
    group: str = "build"
    dns: bool = False
    hosts_file: str | None = None
    rpmbuild_timeout: int = 86400
    bootstrap_image_allowed: bool = False
    internal_dev_setup: bool | None = None
    binds: Sequence[tuple[str, str]] = ()
    vendor: str = "Koji"
    packager: str = "Koji"
    distribution: str = "Koji"
    mockhost: str = "koji-linux-gnu"
    proxy: str | None = None

    def text(self) -> str:
        """Write the configuration, without a header."""
        return "".join(f"{line}\n" for block in self.blocks() for line in block)

    def blocks(self) -> list[list[str]]:
        """Its lines, in groups; none of them is empty."""
        options = [f"config_opts[{key!r}] = {value!r}" for key, value in sorted(self._options().items())]
        blocks = [options, self._plugins(), _group("macros", self._macros())]
        blocks.append(_group("environment", _prefixed(self.extra, "rpm.env.")))
        if self.dns and self.hosts_file is not None:
            blocks.append(_group("files", {"etc/hosts": self.hosts_file}))
        return [block for block in blocks if block]

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "root": self.name,
            "basedir": self.basedir,
            "target_arch": self.target_arch,
            "chroothome": "/builddir",
            "chroot_setup_cmd": f"install @{self.group}",
            "rpmbuild_networking": self.dns,
            "use_host_resolv": self.dns,
            "rpmbuild_timeout": self.rpmbuild_timeout,
            "dnf_warning": False,
            "use_bootstrap_image": False,
            "yum.conf": self._yum_conf(),
        }
        image = self.extra.get("mock.bootstrap_image")
        if image and self.bootstrap_image_allowed:
            options.update(use_bootstrap_image=True, bootstrap_image=image)
        for key, name in PASSED_ON.items():
            if key in self.extra:
                options[name] = self.extra[key]
        if self.extra.get("mock.forcearch"):
            options["forcearch"] = self.target_arch
        dev = self.internal_dev_setup
        if dev is None and self.binds:
            dev = False
        if dev is not None:
            options["internal_dev_setup"] = dev
        return options

    def _plugins(self) -> list[str]:
        settings: dict[str, Any] = {
            "ccache_enable": False,
            "yum_cache_enable": False,
            "root_cache_enable": False,
        }
        given = [key for key in SIGN_KEYS if key in self.extra]
        if given:
            if len(given) < len(SIGN_KEYS):
                raise GenericError("Tag is not configured properly for mock's sign plugin'")
            enable, command, options = (self.extra[key] for key in SIGN_KEYS)
            settings.update(sign_enable=enable, sign_opts={"cmd": command, "opts": options})
        lines = [
            f"config_opts['plugin_conf'][{key!r}] = {value!r}" for key, value in sorted(settings.items())
        ]
        for source, target in self.binds:
            lines.append(
                f"config_opts['plugin_conf']['bind_mount_opts']['dirs'].append({(source, target)!r})"
            )
        return lines

    def _macros(self) -> dict[str, str]:
        macros = {
            "%_rpmfilename": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
            "%vendor": self.vendor,
            "%packager": self.packager,
            "%distribution": self.distribution,
        }
        macros.update({f"%{name}": value for name, value in _prefixed(self.extra, "rpm.macro.").items()})
        macros.update(
            {
                "%_topdir": "/builddir/build",
                "%_host_cpu": self.target_arch,
                "%_host": f"{self.target_arch}-{self.mockhost}",
            }
        )
        return macros

    def _yum_conf(self) -> str:
        lines = ["[main]"]
        if self.proxy:
            lines.append(f"proxy={self.proxy}")
        lines += [f"{key}={value}" for key, value in FIXED_MAIN.items()]
        path = f"repos/{self.tag_name}/{self.repo_id}/{self.repo_arch}"
        urls = [f"{url.rstrip('/')}/{path}" for url in self.base_urls]
        lines += ["", "# repos", "", "[build]", "name=build", "baseurl=" + "\n        ".join(urls)]
        for name in ("module_hotfixes", "best"):
            if self.extra.get(f"mock.yum.{name}"):
                lines.append(f"{name}=1")
        return "\n".join(lines) + "\n"


def _prefixed(extra: Mapping[str, Any], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): str(value) for key, value in extra.items() if key.startswith(prefix)}


def _group(name: str, values: Mapping[str, str]) -> list[str]:
    return [f"config_opts[{name!r}][{key!r}] = {value!r}" for key, value in sorted(values.items())]
