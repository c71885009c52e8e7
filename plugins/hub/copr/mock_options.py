"""What projects, chroots and builds set for chroots, in the words of the extra data that builders read.

Those of project and chroot are on the build tag. A build that asks for something else has it
laid over that, by the builder, for its own chroots alone (`for_build`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .model import BuildOptions, ChrootSettings, Settings

_SWITCHES = {"on": True, "image": True, "custom_image": True, "off": False}
_BOOTSTRAP, _IMAGE, _NEW_CHROOT = "mock.use_bootstrap", "mock.bootstrap_image", "mock.new_chroot"
_NETWORK = "copr.enable_net"


def effective(own: str, general: str) -> str:
    """A setting that may leave it to a more general one."""
    return general if own == "unchanged" else own


def for_tag(project: Settings, chroot: ChrootSettings) -> dict[str, Any]:
    """The extra data of a build tag."""
    bootstrap = effective(chroot.bootstrap, project.bootstrap)
    extra = _bootstrap(bootstrap) | _isolation(effective(chroot.isolation, project.isolation))
    if chroot.bootstrap_image and bootstrap == "custom_image":
        extra[_IMAGE] = chroot.bootstrap_image
    if project.module_hotfixes:
        extra["mock.yum.module_hotfixes"] = 1
    if project.enable_net:
        extra[_NETWORK] = True
    if chroot.additional_modules:
        extra["mock.module_setup_commands"] = _module_commands(chroot.additional_modules)
    # what rpmbuild makes of its options --with and --without
    extra |= {f"rpm.macro._with_{name}": f"--with-{name}" for name in chroot.with_opts}
    extra |= {f"rpm.macro._without_{name}": f"--without-{name}" for name in chroot.without_opts}
    return extra


def for_build(options: BuildOptions) -> dict[str, Any]:
    """What a build lays over that; None is for what it wants nothing said of."""
    found: dict[str, Any] = {_NETWORK: options.enable_net}
    if options.bootstrap != "unchanged":
        found |= {_BOOTSTRAP: None} | _bootstrap(options.bootstrap)
        if options.bootstrap != "image":
            found[_IMAGE] = None
    if options.isolation != "unchanged":
        found |= {_NEW_CHROOT: None} | _isolation(options.isolation)
    return found


def _bootstrap(kind: str) -> dict[str, Any]:
    return {_BOOTSTRAP: _SWITCHES[kind]} if kind in _SWITCHES else {}


def _isolation(kind: str) -> dict[str, Any]:
    return {} if kind == "default" else {_NEW_CHROOT: int(kind == "nspawn")}


def _module_commands(modules: Iterable[str]) -> list[list[str]]:
    return [["disable", name[1:]] if name.startswith("!") else ["enable", name] for name in modules]
