"""OAuth2: signs in with any provider of OAuth 2.0 or OpenID Connect."""

from __future__ import annotations

from pydantic import Field

from gramex_twisted.resources.auth.oauthhandler import OAuthHandler
from gramex_twisted.resources.auth.oauthoptions import ProviderOptions
from gramex_twisted.resources.auth.tokens import Client


class OAuth2Options(ProviderOptions):
    """A provider, and who the app is to it."""

    client_id: str = Field(min_length=1, description="The app's id, as registered with the provider.")
    client_secret: str = Field(default="", description="The app's secret; empty where the provider gives none.")


class OAuth2(OAuthHandler):
    """Sends people to a provider to sign in. `issuer: https://...` is enough for OpenID Connect; providers that speak
    OAuth 2.0 alone need `authorize`, `access_token` and `user_info`."""

    options_model = OAuth2Options

    def client(self) -> Client:
        """Who the app is to the provider."""
        return Client(self.options.client_id, self.options.client_secret)
