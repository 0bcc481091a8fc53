"""A configuration that may be shown: without its secrets."""

from __future__ import annotations

import re
from typing import Any

from gramex_twisted.config.document import Config

SECRET_KEY = re.compile(
    r"(.*[_.-])?(password|passwd|passphrase|pwd|secret|key|token|apikey|credentials?|auth_?header|http_auth|dsn|authorization|cookie|salt)"
    r"([_.-](secret|key|token|id))?",
    re.IGNORECASE,
)
PLAIN_KEYS = {"cookie", "user_key", "key", "keys", "user.key"}
URL_PASSWORD = re.compile(r"(\w[\w+.-]*://[^\s:/@]*:)[^\s@/]+@")
WEBHOOK = re.compile(r"(https://hooks\.slack\.com/[^\s/]+/)[^\s'\"]+")
MASK = "***"
SHORTEST = 4


def masked(config: Config, tree: dict[Any, Any]) -> dict[Any, Any]:
    """``tree`` with `***` for secrets: values of keys that are named like one, passwords in URLs, and the values
    of `.secrets.yaml` wherever they are."""
    secrets = secret_texts([config.variables.get(name) for name in config.secrets])
    result = mask(tree, sorted(secrets, key=len, reverse=True))
    variables = result.get("variables")
    if isinstance(variables, dict):
        variables.update({name: MASK for name in config.secrets if name in variables})
    return dict(result)


def mask(value: Any, secrets: list[str], hide: bool = False) -> Any:
    """``value`` without secrets; all its texts and numbers are masked when ``hide`` is true."""
    if isinstance(value, dict):
        return {key: mask(child, secrets, hide or is_secret(key, child)) for key, child in value.items()}
    if isinstance(value, list):
        return [mask(child, secrets, hide) for child in value]
    if value is None or isinstance(value, bool):
        return value
    if hide or str(value) in secrets:
        return MASK
    if not isinstance(value, str):
        return value
    for secret in secrets:
        if len(secret) >= SHORTEST:
            value = value.replace(secret, MASK)
    return WEBHOOK.sub(rf"\1{MASK}", URL_PASSWORD.sub(rf"\1{MASK}@", value))


def is_secret(key: Any, value: Any) -> bool:
    """Whether the value of ``key`` is a secret. A plain `key` is one only when it could be: OAuth's key is a text, the
    key of a cache or a rate limit is a name or a list of names."""
    if not isinstance(key, str) or SECRET_KEY.fullmatch(key) is None:
        return False
    if key.lower() == "key":
        return isinstance(value, str) and len(value) >= 16 and any(char.isdigit() for char in value)
    return key.lower() not in PLAIN_KEYS


def secret_texts(values: Any) -> set[str]:
    """Every text and number in ``values``."""
    if isinstance(values, dict):
        return secret_texts(list(values.values()))
    if isinstance(values, list):
        return set().union(*map(secret_texts, values))
    return {str(values)} if values not in (None, "") and not isinstance(values, bool) else set()
