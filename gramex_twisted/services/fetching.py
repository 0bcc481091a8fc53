"""Files that mails name by a URL."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import treq
from treq.client import HTTPClient
from twisted.internet.defer import TimeoutError
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseFailed
from twisted.web.http_headers import Headers

from gramex_twisted.services.container import Services

#: Seconds that one may take, and its most bytes.
PATIENCE, MOST_BYTES = 60.0, 32 << 20


class FetchError(Exception):
    """It could not be fetched."""


@dataclass(frozen=True)
class Fetched:
    """What a URL has."""

    content: bytes
    content_type: str
    filename: str


async def fetch(services: Services, url: str, headers: Mapping[str, str]) -> Fetched:
    """What ``url`` has, by GET. With ``headers`` it is not followed to another URL, which would get them too.

    :raises FetchError: when it answers otherwise than with 200, too slowly or too much, or not at all.
    """
    agent = Agent(services.reactor, pool=HTTPConnectionPool(services.reactor, persistent=False), connectTimeout=15)
    body: list[bytes] = []

    def gather(data: bytes) -> None:
        body.append(data)
        if sum(map(len, body)) > MOST_BYTES:
            raise FetchError(f"{url}: has more than {MOST_BYTES >> 20} MB")

    try:
        asked = HTTPClient(agent).get(
            url,
            headers=Headers({key: [value] for key, value in headers.items()}),
            allow_redirects=not headers,
            unbuffered=True,
        )
        response = await asked.addTimeout(PATIENCE, services.reactor, too_late)
        if response.code != 200:
            response.original.loseConnection() if hasattr(response.original, "loseConnection") else None
            raise FetchError(f"{url}: answers {response.code}")
        await treq.collect(response, gather).addTimeout(PATIENCE, services.reactor, too_late)
    except TimeoutError:
        raise FetchError(f"{url}: no answer within {PATIENCE:g} s") from None
    except (ConnectError, ConnectingCancelledError, DNSLookupError, ResponseFailed) as error:
        raise FetchError(f"{url}: {str(error) or type(error).__name__}") from None
    kind = (response.headers.getRawHeaders("Content-Type") or ["application/octet-stream"])[0]
    named = os.path.basename(unquote(urlsplit(url).path)) or "download"
    return Fetched(b"".join(body), kind.partition(";")[0].strip().lower(), _filename(response, named))


def too_late(_result: object, _timeout: float) -> Failure:
    """For ``addTimeout``: what is cancelled may fail in other ways than with CancelledError."""
    return Failure(TimeoutError())


def _filename(response: object, default: str) -> str:
    from email.message import Message

    header = Message()
    values = response.headers.getRawHeaders("Content-Disposition")  # type: ignore[attr-defined]
    header["Content-Disposition"] = (values or ["inline"])[0]
    return os.path.basename(header.get_filename() or "") or default
