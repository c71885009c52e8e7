"""Signing what is published, with the key that the site names (copr.md, section 4.5).

Packages in published repositories are copies of their own then: those of the hub stay as they were built.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from moromi.errors import GenericError
from moromi_hub.plugin_api import Call, files

from .settings import CONFIG

PUBLIC_KEY = "pubkey.gpg"


def is_configured(call: Call) -> bool:
    """Whether packages are signed."""
    return bool(CONFIG.of(call).signing_key)


def keep_key(call: Call, directory: Path) -> None:
    """Publish the public key in the directory of a project."""
    key = CONFIG.of(call).signing_key
    if not key or (directory / PUBLIC_KEY).exists():
        return
    done = subprocess.run(
        ["gpg", "--batch", "--armor", "--export", key], capture_output=True, check=False, timeout=60
    )
    if done.returncode or not done.stdout:
        raise GenericError(f"the key {key} cannot be exported: {done.stderr.decode().strip()}")
    files.make_directories(directory)
    files.write(call.tx, directory / PUBLIC_KEY, done.stdout)


def sign(call: Call, place: Path) -> None:
    """Sign the packages in a directory, which become copies. Raises GenericError."""
    key = CONFIG.of(call).signing_key
    packages = sorted(place.glob("*.rpm"))
    if not key or not packages:
        return
    for package in packages:
        copy = package.with_name(f".{package.name}")
        shutil.copyfile(package, copy)
        copy.rename(package)
    words = ["rpmsign", "--define", f"_gpg_name {key}", "--addsign", *(str(each) for each in packages)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise GenericError(f"packages cannot be signed: {done.stderr.strip()}")
