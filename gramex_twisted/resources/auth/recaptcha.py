"""reCAPTCHA v3: asks the service whether a visitor is a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import treq
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectError, TimeoutError
from twisted.logger import Logger
from twisted.web.client import Agent, ResponseFailed

from gramex_twisted.errors import HTTPError

if TYPE_CHECKING:
    from gramex_twisted.resources.auth.options import Recaptcha
    from gramex_twisted.web.context import Context

log = Logger()

#: Seconds that the service has to answer, and bytes of its answer that are read.
PATIENCE, LONGEST = 10.0, 65536


async def check_recaptcha(options: Recaptcha, context: Context) -> None:
    """Let the request pass that has a valid token in ``recaptcha``.

    :raises HTTPError: 403 without one, 503 when the service cannot be asked.
    """
    token = context.get_arg("recaptcha", "")
    if not token:
        raise HTTPError(403, "the form must send recaptcha: turn on JavaScript, then try again")
    result = await _verified(options, token, context)
    action, score = result.get("action"), result.get("score")
    if result.get("success") is not True:
        codes = result.get("error-codes")
        raise HTTPError(403, f"reCAPTCHA refused: {', '.join(map(str, codes)) if isinstance(codes, list) else 'no'}")
    if action is not None and action != options.action:
        raise HTTPError(403, "reCAPTCHA refused: the token is for another action")
    if isinstance(score, (int, float)) and score < options.score:
        raise HTTPError(403, "reCAPTCHA takes you for a machine: try again later")


async def _verified(options: Recaptcha, token: str, context: Context) -> dict[str, Any]:
    reactor = context.route.services.reactor
    client = HTTPClient(Agent(reactor, connectTimeout=PATIENCE))
    form = {"secret": options.secret, "response": token, "remoteip": context.request.remote_ip}
    try:
        response = await client.post(options.url, data=form, timeout=PATIENCE, unbuffered=True, reactor=reactor)
        body = bytearray()
        await treq.collect(response, lambda data: _gather(body, data)).addTimeout(PATIENCE, reactor)
        if response.code != 200:
            raise ValueError(f"status {response.code}")
        return _object(bytes(body))
    except (ConnectError, TimeoutError, CancelledError, ResponseFailed, ValueError) as error:
        log.error("reCAPTCHA at {url} cannot be asked: {error}", url=options.url, error=error)
        raise HTTPError(503, "reCAPTCHA cannot be asked now: try again in a moment") from None


def _gather(body: bytearray, data: bytes) -> None:
    if len(body) < LONGEST:
        body += data


def _object(body: bytes) -> dict[str, Any]:
    import orjson

    found = orjson.loads(body)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found
