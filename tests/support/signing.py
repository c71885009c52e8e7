"""Packages signed for real: with rpmsign and a key that lives as long as a test run."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_MAKE_KEY = """\
%no-protection
Key-Type: RSA
Key-Length: 2048
Key-Usage: sign
Name-Real: Moromi throw-away key
Name-Email: nobody@example.org
Expire-Date: 0
%commit
"""


@dataclass(frozen=True)
class Signer:
    """A key in a directory of its own. The directory's path must be short: gpg's agent listens in it."""

    home: Path
    fingerprint: str

    @classmethod
    def create(cls, home: Path) -> Signer:
        """Make the key."""
        home.mkdir(mode=0o700)
        gpg(home, "--gen-key", text=_MAKE_KEY)
        listed = gpg(home, "--list-secret-keys", "--with-colons")
        (fingerprint, *_more) = [
            line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:")
        ]
        return cls(home, fingerprint)

    @property
    def key(self) -> str:
        """The key as Koji calls it: the last eight digits, in lower case."""
        return self.fingerprint[-8:].lower()

    def sign(self, package: Path, into: Path) -> Path:
        """A signed copy of a package, of the same name in the directory `into`."""
        into.mkdir(parents=True, exist_ok=True)
        signed = Path(shutil.copy(package, into))
        command = ["rpmsign", "--addsign", "--define", f"_gpg_name {self.fingerprint}"]
        # Debian's rpm does not know where gpg is unless it was there when rpm was built
        command += ["--define", f"_gpg_path {self.home}", "--define", f"__gpg {shutil.which('gpg')}"]
        command.append(str(signed))
        done = subprocess.run(
            command, env=_environment(self.home), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return signed

    def trusts(self, package: Path) -> str:
        """What rpm says of a package to somebody who trusts this key alone."""
        database = self.home / "rpmdb"
        define = ["--define", f"_dbpath {database}"]
        if not database.exists():
            database.mkdir()
            public = self.home / "key.asc"
            public.write_text(gpg(self.home, "--armor", "--export", self.fingerprint), encoding="ascii")
            subprocess.run(["rpmkeys", *define, "--import", str(public)], check=True)
        command = ["rpmkeys", *define, "--checksig", str(package)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def close(self) -> None:
        """End the agent that holds the key."""
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=_environment(self.home), check=True)


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "GNUPGHOME": str(home), "HOME": str(home), "LC_ALL": "C.UTF-8"}


def gpg(home: Path, *words: str, text: str = "") -> str:
    """Run gpg on the keys in `home`."""
    command = ["gpg", "--batch", "--quiet", *words]
    done = subprocess.run(
        command, env=_environment(home), input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
