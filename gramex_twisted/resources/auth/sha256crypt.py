"""SHA-256 crypt, the ``$5$`` of crypt(3) and of passlib's sha256_crypt, after Ulrich Drepper's specification
(https://www.akkadia.org/drepper/SHA-crypt.txt). Python has lost its ``crypt`` module; old user tables have not."""

from __future__ import annotations

import hashlib
from typing import Any

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DEFAULT_ROUNDS, _LEAST_ROUNDS, _MOST_ROUNDS = 5000, 1000, 999_999_999
#: Rounds that we are ready to compute: a second or two.
_PATIENCE = 2_000_000


def sha256_crypt(password: str, setting: str) -> str:
    """The hash of ``password`` with the rounds and salt of ``setting``, a hash or its first half.

    The empty text, which equals no hash, where the rounds would take too long.
    """
    fields = setting.split("$")[2:]
    written = fields[0].startswith("rounds=")
    rounds = int(fields[0][7:]) if written else _DEFAULT_ROUNDS
    rounds = max(_LEAST_ROUNDS, min(_MOST_ROUNDS, rounds))
    salt = fields[1 if written else 0][:16]
    if rounds > _PATIENCE:
        return ""
    prefix = f"$5$rounds={rounds}$" if written else "$5$"
    return f"{prefix}{salt}${_encoded(_digest(password.encode(), salt.encode(), rounds))}"


def _digest(key: bytes, salt: bytes, rounds: int) -> bytes:
    mixed = _first(key, salt)
    p = _stretched(hashlib.sha256(key * len(key)).digest(), len(key))
    s = _stretched(hashlib.sha256(salt * (16 + mixed[0])).digest(), len(salt))
    for number in range(rounds):
        step: Any = hashlib.sha256(p if number % 2 else mixed)
        if number % 3:
            step.update(s)
        if number % 7:
            step.update(p)
        step.update(mixed if number % 2 else p)
        mixed = step.digest()
    return mixed


def _first(key: bytes, salt: bytes) -> bytes:
    other = hashlib.sha256(key + salt + key).digest()
    start = hashlib.sha256(key + salt + _stretched(other, len(key)))
    length = len(key)
    while length:
        start.update(other if length & 1 else key)
        length >>= 1
    return start.digest()


def _stretched(digest: bytes, length: int) -> bytes:
    return (digest * (length // len(digest) + 1))[:length]


def _encoded(digest: bytes) -> str:
    """Its own base 64: three bytes at a time, ten apart, the least significant digit first."""
    text = ""
    for start in range(10):
        order = (start, start + 10, start + 20)
        turn = start % 3
        first, second, third = (order[-turn:] + order[:-turn]) if turn else order
        text += _digits(digest[first] << 16 | digest[second] << 8 | digest[third], 4)
    return text + _digits(digest[31] << 8 | digest[30], 3)


def _digits(value: int, count: int) -> str:
    return "".join(_ALPHABET[value >> 6 * place & 63] for place in range(count))
