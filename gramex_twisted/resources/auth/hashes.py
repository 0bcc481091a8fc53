"""How passwords are kept: argon2id by us, and what other programs have left in a table.

Everything here takes its time and is called in threads. Known are argon2; pbkdf2 as passlib, Werkzeug and Django write
it; the sha256_crypt of passlib and crypt(3); a bare SHA-256 in hexadecimal; and text that is no hash at all.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode
from typing import TYPE_CHECKING

from gramex_twisted.resources.auth.sha256crypt import sha256_crypt

if TYPE_CHECKING:
    from argon2 import PasswordHasher

ARGON2 = "$argon2"
#: Cost of the hashes we make: passes, KiB of memory, threads (one, since others need the cores).
TIME, MEMORY, LANES = 3, 32768, 1
#: Rounds above which a stored pbkdf2 hash is a mistake, or an attack on the server's time.
MOST_ROUNDS = 10_000_000

_PBKDF2 = (
    re.compile(r"\$pbkdf2-(?P<digest>sha256|sha512)\$(?P<rounds>\d+)\$(?P<b64salt>[\w./]*)\$(?P<b64key>[\w./]+)"),
    re.compile(r"pbkdf2:(?P<digest>sha256|sha512)(?::(?P<rounds>\d+))?\$(?P<salt>[^$]*)\$(?P<hexkey>[0-9a-f]+)"),
    re.compile(r"pbkdf2_(?P<digest>sha256)\$(?P<rounds>\d+)\$(?P<salt>[^$]*)\$(?P<b64key>[\w+/=]+)"),
)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_CRYPT = re.compile(r"\$5\$(?:rounds=\d+\$)?[^$]*\$[./0-9A-Za-z]{43}")


def hashed(password: str) -> str:
    """The argon2id hash of ``password``."""
    return _argon2().hash(password)


def matches(stored: str, password: str, legacy: bool = False) -> bool:
    """Whether ``password`` is the one that ``stored`` was made of, compared in constant time.

    :param legacy: ``stored`` may be a hash that is not argon2.
    """
    if stored.startswith(ARGON2):
        return _argon2_matches(stored, password)
    if legacy:
        if _CRYPT.fullmatch(stored):
            return same(sha256_crypt(password, stored), stored)
        if _SHA256.fullmatch(stored):
            return same(hashlib.sha256(password.encode()).hexdigest(), stored.lower())
        for pattern in _PBKDF2:
            found = pattern.fullmatch(stored)
            if found:
                return _pbkdf2_matches(found, password)
    return bool(stored) and same(password, stored)


def weak(stored: str) -> bool:
    """Whether ``stored`` should be made anew: it is not argon2id, or costs less than ours."""
    if not stored.startswith("$argon2id$"):
        return True
    from argon2 import extract_parameters
    from argon2.exceptions import InvalidHashError

    try:
        cost = extract_parameters(stored)
    except InvalidHashError:
        return True
    return cost.time_cost * cost.memory_cost < TIME * MEMORY


def same(one: str, other: str) -> bool:
    """Whether two texts are equal, in a time that tells nothing about them."""
    digests = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (one, other))
    return hmac.compare_digest(*digests)


def _argon2() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=TIME, memory_cost=MEMORY, parallelism=LANES)


def _argon2_matches(stored: str, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _argon2().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False  # a wrong password, or a hash that is damaged and that nothing matches


def _pbkdf2_matches(found: re.Match[str], password: str) -> bool:
    parts = found.groupdict()
    rounds = int(parts["rounds"] or 150_000)
    if not 0 < rounds <= MOST_ROUNDS:
        return False
    try:
        salt = _unpadded(parts["b64salt"]) if parts.get("b64salt") is not None else parts["salt"].encode()
        key = bytes.fromhex(parts["hexkey"]) if parts.get("hexkey") else _unpadded(parts["b64key"])
    except ValueError:
        return False
    made = hashlib.pbkdf2_hmac(parts["digest"], password.encode(), salt, rounds, len(key))
    return hmac.compare_digest(made, key)


def _unpadded(text: str) -> bytes:
    """Base64 as passlib writes it, with a dot for the plus and without padding; or the usual one."""
    text = text.rstrip("=").replace(".", "+")
    return b64decode(text + "=" * (-len(text) % 4), validate=True)
