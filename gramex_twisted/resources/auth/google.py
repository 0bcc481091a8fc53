"""GoogleAuth: signs in with a Google account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from gramex_twisted.resources.auth.asking import SignInError
from gramex_twisted.resources.auth.oauthhandler import OAuthHandler
from gramex_twisted.resources.auth.oauthoptions import AccessToken, Authorize, ProviderOptions, Url, UserInfo, Words
from gramex_twisted.resources.auth.tokens import Client

if TYPE_CHECKING:
    from gramex_twisted.resources.auth.records import Record
    from gramex_twisted.web.context import Context

ISSUER = "https://accounts.google.com"
AUTHORIZE = "https://accounts.google.com/o/oauth2/v2/auth"
TOKEN = "https://oauth2.googleapis.com/token"
USER_INFO = "https://openidconnect.googleapis.com/v1/userinfo"
KEYS = "https://www.googleapis.com/oauth2/v3/certs"
SCOPE = ("openid", "email", "profile")


class GoogleOptions(ProviderOptions):
    """An app that is registered with Google."""

    key: str = Field(min_length=1, description="The client ID, from Google's console.")
    secret: str = Field(min_length=1, description="The client secret.")
    scope: Words = Field(default=[], description="What the app asks for besides profile and email.")
    extra_params: dict[str, str] = Field(
        default={}, description="Further parameters: `{prompt: select_account, access_type: offline}`."
    )
    issuer: Url | None = Field(default=ISSUER, description="Google's name in id_tokens.")
    jwks_uri: Url | None = Field(default=KEYS, description="Google's keys.")
    authorize: Authorize = Field(default=Authorize(url=AUTHORIZE), description="`{url}`: where people sign in.")
    access_token: AccessToken = Field(default=AccessToken(url=TOKEN), description="`{url}`: the token endpoint.")
    user_info: UserInfo = Field(default=UserInfo(url=USER_INFO), description="`{url}`: the user info endpoint.")


class GoogleAuth(OAuthHandler):
    """Sends people to Google to sign in. They are known by their email address, which Google must have verified."""

    options_model = GoogleOptions
    issuers = ("accounts.google.com",)  # as it was before https:// came into the name
    user_id = "email"

    def client(self) -> Client:
        """Who the app is to Google."""
        return Client(self.options.key, self.options.secret)

    @property
    def scope(self) -> list[str]:
        """What the app asks to see."""
        wanted = [*self.options.scope, *self.options.authorize.scope]
        return [*SCOPE, *(name for name in wanted if name not in SCOPE)]

    @property
    def extra_params(self) -> Mapping[str, str]:
        """Further parameters of the authorization endpoint."""
        return {**self.options.authorize.extra_params, **self.options.extra_params}

    async def _user(self, context: Context, attempt: Record) -> dict[str, Any]:
        user = await super()._user(context, attempt)
        if user.get("email_verified", user.get("verified_email")) not in (True, "true"):
            message = "Google has not verified the email address of this account."
            raise SignInError(403, message, f"the address {user['email']!r} is not verified")
        return user
