"""Signing what is published, with the key that the site names (copr.md, section 4.5).

Packages in published repositories are copies of their own then: those of the hub stay as they were built.
"""

from __future__ import annotations

import os
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
    text = _run(call, ["gpg", "--batch", "--armor", "--export", key])
    if not text:
        raise GenericError(f"there is no key {key}")
    files.make_directories(directory)
    files.write(call.tx, directory / PUBLIC_KEY, text)


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
    # some builds of rpm do not know where gpg is
    define = ["--define", f"_gpg_name {key}", "--define", f"__gpg {shutil.which('gpg')}"]
    home = CONFIG.of(call).signing_home
    if home:
        define += ["--define", f"_gpg_path {home}"]
    _run(call, ["rpmsign", *define, "--addsign", *(str(each) for each in packages)])


def _run(call: Call, words: list[str]) -> bytes:
    """What a program prints. Raises GenericError if it fails."""
    home = CONFIG.of(call).signing_home
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **({"GNUPGHOME": home} if home else {})}
    done = subprocess.run(
        words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=300
    )
    if done.returncode:
        raise GenericError(f"{words[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
