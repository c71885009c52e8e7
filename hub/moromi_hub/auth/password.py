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
import threading
import time

_PREFIX = "scrypt$"
_N, _R, _P = 2**14, 8, 1
_REMEMBERED = 1000
_REMEMBERED_SECONDS = 600.0


def hash_password(password: str) -> str:
    """What to store of a password."""
    salt = secrets.token_bytes(16)
    return f"{_PREFIX}{_b64(salt)}${_b64(_derive(password, salt))}"


def is_hashed(stored: str) -> bool:
    """Whether `stored` is a hash of ours."""
    return stored.startswith(_PREFIX)


class Verifier:
    """Tells right passwords from wrong ones, and for ten minutes knows a right one again without scrypt.

    A script that runs a command every second logs in every second. Scrypt is slow by intent (40 ms): for
    those who try many passwords, and those who have stolen the hashes. Neither gains by what is remembered:

    * only that a password was right is, so every wrong one, and every one for an unknown user, costs scrypt;
    * it is a BLAKE2b digest of stored hash and password, keyed by random bytes that do not leave the process:
      neither it nor how long it takes to find says anything about a password that is not presented;
    * a password that is changed has another stored hash, and what was remembered of the old one fits no more.

    Whether the user may log in is asked elsewhere, each time. Shared by the threads of a process.
    """

    def __init__(self, limit: int = _REMEMBERED, seconds: float = _REMEMBERED_SECONDS) -> None:
        """How many are remembered at most (then the oldest gives way), and for how long."""
        self.derivations = 0
        """How often scrypt was computed."""
        self._limit, self._seconds = limit, seconds
        self._key = secrets.token_bytes(hashlib.blake2b.MAX_KEY_SIZE)
        self._until: dict[bytes, float] = {}
        """Digest to the end of its time, the oldest first."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._until)

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether `password` is the one stored. For an unknown user (`stored` None) it takes as long."""
        if stored is None:
            stored = _nobody()
        if not is_hashed(stored):
            return hmac.compare_digest(password.encode(), stored.encode())
        mark = hashlib.blake2b(f"{stored}\0{password}".encode(), key=self._key).digest()
        if time.monotonic() < self._until.get(mark, 0.0):
            return True
        salt, digest = (base64.b64decode(part) for part in stored.removeprefix(_PREFIX).split("$"))
        with self._lock:
            self.derivations += 1
        right = hmac.compare_digest(_derive(password, salt), digest)
        if right:
            self._remember(mark)
        return right

    def _remember(self, mark: bytes) -> None:
        with self._lock:
            self._until.pop(mark, None)
            while len(self._until) >= self._limit:
                del self._until[next(iter(self._until))]
            self._until[mark] = time.monotonic() + self._seconds


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
