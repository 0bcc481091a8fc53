"""AWS Signature Version 4: the headers that say who sends a request to a service of Amazon's. Pure.

    headers = sign("POST", url, {"Content-Type": FORM}, body, credentials, "eu-west-1", "sns", datetime.now(UTC))

Source: "AWS Signature Version 4 for API requests", IAM User Guide.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, unquote_to_bytes, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """An access key. ``token``: of a temporary one."""

    key: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def sign(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    region: str,
    service: str,
    when: datetime,
) -> dict[str, str]:
    """``headers`` with Host, X-Amz-Date and Authorization, which hold for 5 minutes around ``when``.

    :param headers: all that will be sent; none may be added or changed afterwards.
    :param service: its name in signatures: ``sns``, ``firehose``.
    :param when: now, with a time zone.
    """
    parts = urlsplit(url)
    stamp = when.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    result = {**headers, "Host": parts.netloc.rpartition("@")[2], "X-Amz-Date": stamp}
    if credentials.token:
        result["X-Amz-Security-Token"] = credentials.token
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in result.items())
    names = ";".join(name for name, _ in lines)
    canonical = "\n".join(
        (
            method.upper(),
            _path(parts.path),
            _query(parts.query),
            *(f"{name}:{value}" for name, value in lines),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join((ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{credentials.secret}".encode()
    for part in (stamp[:8], region, service, "aws4_request", text):
        key = hmac.digest(key, part.encode(), "sha256")
    given = f"Credential={credentials.key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    return {**result, "Authorization": f"{ALGORITHM} {given}"}


def _path(path: str) -> str:
    """As it is sent, encoded once more: what services other than S3 sign."""
    return quote(path or "/", safe="/-_.~")


def _query(query: str) -> str:
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return "&".join(
        f"{name}={value}" for name, value in sorted((_again(name), _again(value)) for name, _, value in pairs)
    )


def _again(text: str) -> str:
    """``text``, percent-encoded in the one way that counts."""
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="-_.~")
