"""What is known of a provider: its endpoints and its keys, configured or discovered (OpenID Connect Discovery 1.0)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from twisted.logger import Logger

from gramex_twisted.resources.auth.asking import NONSENSE, Asker, SignInError
from gramex_twisted.resources.auth.cached import Cached
from gramex_twisted.resources.auth.oauthoptions import ProviderOptions

log = Logger()

WELL_KNOWN = "/.well-known/openid-configuration"
#: Seconds that what was discovered, and keys, are used before they are fetched again.
FRESH = 3600.0
_ENDPOINTS = {
    "authorize": "authorization_endpoint",
    "access_token": "token_endpoint",
    "user_info": "userinfo_endpoint",
    "jwks_uri": "jwks_uri",
}


@dataclass(frozen=True)
class Metadata:
    """A provider's endpoints. Without an ``issuer`` it speaks OAuth 2.0 alone.

    ``basic``: the client secret goes by HTTP Basic. ``names_itself``: it says in each callback who it is (RFC 9207).
    """

    issuer: str = ""
    authorize: str = ""
    access_token: str = ""
    user_info: str = ""
    jwks_uri: str = ""
    basic: bool = False
    names_itself: bool = False


class Provider:
    """One provider. What it tells of itself is asked when first needed, and kept for an hour.

    :param clock: the time, in seconds.
    """

    def __init__(self, options: ProviderOptions, asker: Asker, clock: Callable[[], float]) -> None:
        self.options = options
        self.asker = asker
        self.known = _configured(options)
        self.url = options.discovery
        if not self.url and options.issuer and not _complete(self.known):
            self.url = options.issuer.rstrip("/") + WELL_KNOWN
        self._metadata: Cached[Metadata] = Cached(self._discover, FRESH, clock)
        self._keys: Cached[list[dict[str, Any]]] = Cached(self._fetch_keys, FRESH, clock)

    @property
    def speaks_oidc(self) -> bool:
        """Whether it proves by an id_token who somebody is."""
        return bool(self.url or self.known.issuer)

    async def metadata(self) -> Metadata:
        """Its endpoints.

        :raises SignInError: when they cannot be discovered.
        """
        return await self._metadata.get() if self.url else self.known

    async def keys(self, *, fresh: bool = False) -> list[dict[str, Any]]:
        """Its public keys for signatures, as JWKs.

        :raises SignInError: when they cannot be fetched.
        """
        return await self._keys.get(fresh=fresh)

    async def _fetch_keys(self) -> list[dict[str, Any]]:
        url = (await self.metadata()).jwks_uri
        answer = await self.asker.ask(url)
        keys = answer.body.get("keys")
        if answer.status != 200 or not isinstance(keys, list):
            raise SignInError(502, NONSENSE, f"{url}: answered {answer.status} without keys")
        return [key for key in keys if isinstance(key, dict) and key.get("use", "sig") == "sig"]

    async def _discover(self) -> Metadata:
        url = self.url or ""
        answer = await self.asker.ask(url)
        if answer.status != 200:
            raise SignInError(502, NONSENSE, f"{url}: answered {answer.status}")
        found = answer.body
        issuer = str(found.get("issuer") or "")
        expected = self.options.issuer or (url.removesuffix(WELL_KNOWN) if url.endswith(WELL_KNOWN) else issuer)
        # A slash at the end is all that may differ between the URL and the name that its tokens have.
        if not issuer or issuer.rstrip("/") != expected.rstrip("/"):
            raise SignInError(502, NONSENSE, f"{url}: describes {issuer!r}, not {expected!r}")
        return self._merged(url, issuer, found)

    def _merged(self, url: str, issuer: str, found: Mapping[str, Any]) -> Metadata:
        endpoints = {}
        for name, key in _ENDPOINTS.items():
            endpoint = str(getattr(self.known, name) or found.get(key) or "")
            allowed = ("https://",) if issuer.startswith("https://") else ("https://", "http://")
            if endpoint and not getattr(self.known, name) and not endpoint.startswith(allowed):
                raise SignInError(502, NONSENSE, f"{url}: {key} is {endpoint!r}, not an https URL")
            if not endpoint and name != "user_info":
                raise SignInError(502, NONSENSE, f"{url}: has no {key}")
            endpoints[name] = endpoint
        ways = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return Metadata(
            issuer=issuer,
            **endpoints,
            basic=isinstance(ways, list) and "client_secret_post" not in ways,
            names_itself=found.get("authorization_response_iss_parameter_supported") is True,
        )


def _configured(options: ProviderOptions) -> Metadata:
    return Metadata(
        issuer=options.issuer or "",
        authorize=options.authorize.url or "",
        access_token=options.access_token.url or "",
        user_info=options.user_info.url or "",
        jwks_uri=options.jwks_uri or "",
    )


def _complete(known: Metadata) -> bool:
    return all(getattr(known, field.name) for field in fields(known) if field.name in _ENDPOINTS)
