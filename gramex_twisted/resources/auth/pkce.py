"""PKCE (RFC 7636): who redeems a code proves to be the one who asked for it."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256

#: How challenges are made of verifiers.
METHOD = "S256"


def new_secret() -> str:
    """A text that nobody can guess: 256 bits in 43 characters of ``A-Za-z0-9-_``. A verifier, a state, a nonce."""
    return secrets.token_urlsafe(32)


def challenge(verifier: str) -> str:
    """The challenge of ``verifier``: base64url, without padding, of its SHA-256."""
    return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")
