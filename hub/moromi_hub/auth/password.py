"""Passwords as they are stored.

New ones are scrypt with a salt of their own. A plain one from an older database
still opens the door once, and is replaced by its hash at that moment.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import secrets

_PREFIX = "scrypt$"
_N, _R, _P = 2**14, 8, 1


def hash_password(password: str) -> str:
    """What to store of a password."""
    salt = secrets.token_bytes(16)
    return f"{_PREFIX}{_b64(salt)}${_b64(_derive(password, salt))}"


def is_hashed(stored: str) -> bool:
    """Whether `stored` is a hash of ours."""
    return stored.startswith(_PREFIX)


def verify(password: str, stored: str | None) -> bool:
    """Whether `password` is the one stored; takes as long for an unknown user (`stored` None)."""
    if stored is None:
        stored = _nobody()
    if not is_hashed(stored):
        return hmac.compare_digest(password.encode(), stored.encode())
    salt, digest = (base64.b64decode(part) for part in stored.removeprefix(_PREFIX).split("$"))
    return hmac.compare_digest(_derive(password, salt), digest)


def key_hash(key: str) -> str:
    """What is stored of a session key. The key is random and long, so a plain digest is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


@functools.cache
def _nobody() -> str:
    return hash_password(secrets.token_urlsafe(16))


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=64 * 2**20)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
