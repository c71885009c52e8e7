"""hw_info.log: on what machine a root was made."""

from __future__ import annotations

import os
from pathlib import Path

from moromi_chroot.logs import Logs

# The version of mock whose command line, files and exit codes the engine has.
MOCK_VERSION = "6.7"


def write(logs: Logs, top: Path) -> None:
    """Append processor, memory and disk space to hw_info.log."""
    uname = os.uname()
    logs.line("hw_info", f"Host: {uname.nodename} {uname.sysname} {uname.release} {uname.machine}")
    logs.line("hw_info", "CPU info:")
    logs.line("hw_info", f"CPU(s): {os.cpu_count()}")
    wanted = ("vendor_id", "model name", "cpu MHz", "cache size", "flags")
    for line in (
        Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    ):
        if line.startswith(wanted):
            logs.line("hw_info", line)
    logs.line("hw_info", "Memory info:")
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()[:5]:
        logs.line("hw_info", line)
    status = os.statvfs(top)
    free, total = (blocks * status.f_frsize >> 20 for blocks in (status.f_bavail, status.f_blocks))
    logs.line("hw_info", f"Storage info:\n{top}: {free} of {total} MiB free")
