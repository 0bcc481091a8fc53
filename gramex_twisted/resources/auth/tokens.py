"""The tokens of one client: a code is exchanged for them, they are renewed, and they open the user info."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from gramex_twisted.resources.auth.asking import NONSENSE, Answer, Asker, SignInError
from gramex_twisted.resources.auth.discovery import Metadata, Provider
from gramex_twisted.resources.auth.oauthoptions import ProviderOptions

#: What users keep of the answer of a token endpoint.
KEPT = ("access_token", "refresh_token", "token_type", "expires_in", "scope", "id_token")
STALE = "This sign-in cannot be finished any more. Start again."
_TOKEN = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Client:
    """Who the app is to the provider. Public clients have no ``secret``."""

    id: str
    secret: str = ""


class Tokens:
    """Asks the token and user info endpoints of a provider for one client."""

    def __init__(self, provider: Provider, client: Client, options: ProviderOptions, asker: Asker) -> None:
        self.provider = provider
        self.client = client
        self.options = options
        self.asker = asker

    async def redeem(self, code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        """The tokens that ``code`` stands for.

        :raises SignInError: 400 when it stands for none any more; 502 or 504 when the provider cannot say.
        """
        form = {"code": code, "code_verifier": verifier, "redirect_uri": redirect_uri}
        return await self._fetch({"grant_type": "authorization_code", **self.options.access_token.body, **form})

    async def renew(self, refresh_token: str) -> dict[str, Any]:
        """New tokens.

        :raises SignInError: as ``redeem``.
        """
        return await self._fetch({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def _fetch(self, form: dict[str, str]) -> dict[str, Any]:
        metadata = await self.provider.metadata()
        url, headers = metadata.access_token, dict(self.options.access_token.headers)
        form["client_id"] = self.client.id
        if self.client.secret and self._by_basic(metadata):
            # RFC 6749, 2.3.1: both parts are form-encoded first.
            pair = f"{quote_plus(self.client.id)}:{quote_plus(self.client.secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode('ascii')}"
        elif self.client.secret:
            form["client_secret"] = self.client.secret
        answer = await self.asker.ask(url, method="POST", headers=headers, form=form)
        return _tokens(url, answer)

    def _by_basic(self, metadata: Metadata) -> bool:
        how = self.options.access_token.auth
        return metadata.basic if how is None else how == "basic"

    async def user_info(self, tokens: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What the provider says of whom ``tokens`` stand for; None where it has no such endpoint.

        :raises SignInError: when it should and does not.
        """
        url, options = (await self.provider.metadata()).user_info, self.options.user_info
        if not url:
            return None
        headers = {name: filled(value, tokens) for name, value in options.headers.items()}
        form = {name: filled(value, tokens) for name, value in options.body.items()}
        answer = await self.asker.ask(
            url, method=options.method, headers=headers, form=form if options.method == "POST" else None
        )
        if answer.status != 200:
            raise SignInError(502, NONSENSE, f"{url}: answered {answer.status}: {_said(answer)}")
        return answer.body


def filled(template: str, values: Mapping[str, Any]) -> str:
    """``template`` with what ``values`` have for each ``{name}`` in it."""
    return _NAME.sub(lambda found: str(values[found[1]]) if found[1] in values else found[0], template)


def _tokens(url: str, answer: Answer) -> dict[str, Any]:
    body = answer.body
    if answer.status != 200 or "error" in body:
        stale = body.get("error") in ("invalid_grant", "bad_verification_code")
        status, message = (400, STALE) if stale else (502, NONSENSE)
        raise SignInError(status, message, f"{url}: answered {answer.status}: {_said(answer)}")
    token, kind = body.get("access_token"), body.get("token_type", "Bearer")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise SignInError(502, NONSENSE, f"{url}: answered without an access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise SignInError(502, NONSENSE, f"{url}: answered with a token of type {kind!r}, not Bearer")
    return {key: body[key] for key in KEPT if body.get(key) is not None}


def _said(answer: Answer) -> str:
    said = f"{answer.body.get('error', 'no error')}: {answer.body.get('error_description', '')}"
    return said[:200]
