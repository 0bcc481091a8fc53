"""The options of signing in by OAuth 2.0 and OpenID Connect."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from gramex_twisted.config.model import Model, Seconds
from gramex_twisted.resources.auth.options import AuthOptions

#: Signatures that are made with a private key. Those that are made with a shared secret would let whoever can read a
#: public key sign, and are never taken.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")


def as_words(value: Any) -> Any:
    """``"openid email"`` as a list of its words."""
    return value.split() if isinstance(value, str) else value


Words = Annotated[list[str], BeforeValidator(as_words, json_schema_input_type=str | list[str])]
"""A list of words; a text is split at its spaces."""

Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s#]*)?$")]
"""An absolute http or https URL."""


class Authorize(Model):
    """Where people are sent to sign in."""

    url: Url | None = Field(default=None, description="The authorization endpoint; default: as discovered.")
    scope: Words = Field(default=[], description="What the app asks to see: a list, or text with spaces.")
    extra_params: dict[str, str] = Field(default={}, description="Further parameters: `{prompt: select_account}`.")


class AccessToken(Model):
    """Where a code is exchanged for tokens."""

    url: Url | None = Field(default=None, description="The token endpoint; default: as discovered.")
    headers: dict[str, str] = Field(default={}, description="Further request headers.")
    body: dict[str, str] = Field(default={}, description="Further form fields: `{resource: https://...}`.")
    auth: Literal["post", "basic"] | None = Field(
        default=None,
        description="How the client secret is sent: in the form (post) or by HTTP Basic; default: as the provider "
        "says, else in the form.",
    )
    session_key: str | None = Field(
        default=None,
        description="Keep the access token under this key of the session too. It stays there after a log-out.",
    )


class UserInfo(Model):
    """What tells who somebody is."""

    url: Url | None = Field(default=None, description="The user info endpoint; default: as discovered.")
    headers: dict[str, str] = Field(
        default={"Authorization": "Bearer {access_token}"},
        description="Request headers. `{access_token}` and other fields of the token endpoint's answer are filled in.",
    )
    method: Literal["GET", "POST"] = Field(default="GET", description="The HTTP method.")
    body: dict[str, str] = Field(default={}, description="Form fields of a POST; filled in as headers are.")
    user_id: str | None = Field(
        default=None,
        description="The attribute that tells users apart, and becomes `id`; default: `sub` with OpenID Connect, "
        "else `id`.",
    )


class ProviderOptions(AuthOptions):
    """A provider of OAuth 2.0 or OpenID Connect."""

    issuer: Url | None = Field(
        default=None,
        description="The provider's name in OpenID Connect: its endpoints and keys are discovered from it.",
    )
    discovery: Url | None = Field(
        default=None,
        description="Where the provider is described; default: `<issuer>/.well-known/openid-configuration`.",
    )
    jwks_uri: Url | None = Field(
        default=None, description="The provider's keys. With `issuer` and all endpoints given, nothing is discovered."
    )
    algorithms: list[Literal[ALGORITHMS]] = Field(  # type: ignore[valid-type]
        default=["RS256", "PS256", "ES256", "EdDSA", "Ed25519"], description="Signatures of id_tokens that are taken."
    )
    authorize: Authorize = Field(default=Authorize(), description="The authorization endpoint: `{url, scope}`.")
    access_token: AccessToken = Field(default=AccessToken(), description="The token endpoint: `{url, headers, body}`.")
    user_info: UserInfo = Field(default=UserInfo(), description="The user info endpoint: `{url, headers, user_id}`.")
    redirect_uri: Url | None = Field(
        default=None,
        description="The callback, as registered with the provider; default: this route's URL, after app.base_url "
        "where that is set.",
    )
    timeout: Seconds = Field(default=10, gt=0, description="Seconds that the provider has for one answer.")
