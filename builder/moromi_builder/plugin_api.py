"""What plugins of the builder use: everything that they may import of it is here.

A plugin is a module that declares task methods and callbacks:

    from moromi_builder.plugin_api import Handler, callback, task

    @task("sleepAgain", SleepAgainParams, weight=0.25)
    class SleepAgain(Handler[SleepAgainParams]):
        def run(self) -> str: ...

    @callback("postSCMCheckout")
    def note(kind, *, scminfo, srcdir, **rest): ...
"""

from __future__ import annotations

from moromi.config import Section, read_config
from moromi_builder import roots, srpm
from moromi_builder.beneath import check_inside, open_beneath
from moromi_builder.chroot import BuildRoot, RootPlan, find_engine
from moromi_builder.plugins import callback
from moromi_builder.settings import Settings
from moromi_builder.taskmounts import Mount, mounted
from moromi_builder.tasks.base import Handler
from moromi_builder.tasks.buildsrpm import MakesSRPM, give
from moromi_builder.tasks.registry import task

__all__ = [
    "BuildRoot",
    "Handler",
    "MakesSRPM",
    "Mount",
    "RootPlan",
    "Section",
    "Settings",
    "callback",
    "check_inside",
    "find_engine",
    "give",
    "mounted",
    "open_beneath",
    "plugin_config",
    "roots",
    "srpm",
    "task",
]


def plugin_config(settings: Settings, name: str) -> dict[str, Section]:
    """Read `<name>.conf` of a plugin: its sections, none if there is no such file.

    Raises ConfigurationError.
    """
    path = settings.plugin_config_path(name)
    return read_config(path) if path.exists() else {}
