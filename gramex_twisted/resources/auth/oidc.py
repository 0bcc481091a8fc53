"""Verifies id_tokens (OpenID Connect Core 1.0, 3.1.3.7)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256, sha384, sha512
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from gramex_twisted.resources.auth.asking import NONSENSE, SignInError
from gramex_twisted.resources.auth.discovery import Provider

#: Seconds by which the provider's clock may be wrong.
LEEWAY = 30
#: Claims about the token rather than about somebody.
ABOUT_THE_TOKEN = frozenset(
    {"iss", "aud", "exp", "iat", "nbf", "nonce", "at_hash", "c_hash", "azp", "jti", "sid", "auth_time", "acr", "amr"}
)
_HASHES = {"256": sha256, "384": sha384, "512": sha512, "EdDSA": sha512, "Ed25519": sha512}
_PUBLIC = {"RSA", "EC", "OKP"}


class Registry(jws.JWSRegistry):
    """What headers of tokens may have. Certificates make them long, and providers have fields of their own there; those
    that would change what a token means must be in ``crit``, which is refused."""

    max_header_length = 16 << 10
    max_payload_length = 128 << 10

    def __init__(self, algorithms: Collection[str]) -> None:
        super().__init__(algorithms=algorithms, strict_check_header=False)


class IdTokens:
    """The id_tokens of one provider for one client.

    :param issuers: names of the provider, besides the one that is discovered.
    :param clock: seconds since the epoch.
    """

    def __init__(
        self,
        provider: Provider,
        client_id: str,
        algorithms: Sequence[str],
        clock: Callable[[], float],
        issuers: Sequence[str] = (),
    ) -> None:
        self.provider = provider
        self.client_id = client_id
        self.algorithms = tuple(algorithms)
        self.clock = clock
        self.issuers = issuers

    async def verify(self, token: Any, nonce: str, access_token: str) -> dict[str, Any]:
        """The claims of ``token``, which is signed by the provider, for this client and this sign-in.

        :raises SignInError: 502 for any other, or when the provider's keys cannot be had.
        """
        if not isinstance(token, str) or not token:
            raise SignInError(502, NONSENSE, "the token endpoint answered without an id_token")
        issuer = (await self.provider.metadata()).issuer
        try:
            decoded = await self._decoded(token)
            self._check(decoded.claims, [issuer, *self.issuers], nonce)
            _check_hash(decoded.claims, decoded.header["alg"], access_token)
        except (JoseError, ValueError) as error:
            raise SignInError(502, NONSENSE, f"the id_token is not valid: {type(error).__name__}: {error}") from None
        return decoded.claims

    async def _decoded(self, token: str) -> jwt.Token:
        registry = Registry(self.algorithms)
        header = jws.extract_compact(token.encode("ascii"), registry=registry).headers()
        registry.get_alg(header["alg"])  # refused before any key is looked at
        for fresh in (False, True):  # a key that is not known may be new
            keys = _matching(await self.provider.keys(fresh=fresh), header)
            if keys:
                break
        failure: JoseError | None = None
        for key in keys:
            try:
                return jwt.decode(token, key, registry=registry)
            except JoseError as error:
                failure = error
        raise failure or ValueError(f"the provider has no key {header.get('kid')!r} for {header['alg']}")

    def _check(self, claims: Mapping[str, Any], issuers: list[str], nonce: str) -> None:
        checks = jwt.JWTClaimsRegistry(
            now=int(self.clock()),
            leeway=LEEWAY,
            iss={"essential": True, "values": issuers},
            sub={"essential": True},
            aud={"essential": True, "value": self.client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        checks.validate(dict(claims))
        if not isinstance(claims["nonce"], str):
            raise ValueError("nonce is no text")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self.client_id:
            raise ValueError(f"azp is {claims.get('azp')!r}, not {self.client_id!r}")


def _matching(jwks: list[dict[str, Any]], header: Mapping[str, Any]) -> list[Key]:
    """The keys that may have signed a token with ``header``."""
    kid, alg = header.get("kid"), header["alg"]
    found: list[Key] = []
    for jwk in jwks:
        if jwk.get("kty") not in _PUBLIC or jwk.get("alg", alg) != alg or (kid is not None and jwk.get("kid") != kid):
            continue
        try:
            found.append(JWKRegistry.import_key(jwk))
        except (JoseError, ValueError, TypeError, KeyError):
            continue  # a key of a kind that we do not know is none of ours
    return found


def _check_hash(claims: Mapping[str, Any], algorithm: str, access_token: str) -> None:
    """The access token belongs to the id_token, where that says to which."""
    if "at_hash" not in claims:
        return
    digest = _HASHES.get(algorithm[-3:], _HASHES.get(algorithm, sha256))(access_token.encode("utf-8")).digest()
    expected = urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")
    if claims["at_hash"] != expected:
        raise ValueError("at_hash is that of another access token")
