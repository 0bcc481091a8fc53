"""GoogleAuth: Google's endpoints by default, and whole flows with a provider in its place."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from gramex_twisted.testing import AppTestCase
from tests.resources.auth.oauthcase import OAuthCase


class GoogleTests(OAuthCase):
    credentials = "key: the app, secret: 's3cret&+ /:'"
    config = """
app: {session: {type: memory}}
url:
  login:
    pattern: /login
    handler: GoogleAuth
    kwargs:
      {CLIENT, issuer: PROVIDER, jwks_uri: PROVIDER/jwks, authorize: {url: PROVIDER/authorize},
       access_token: {url: PROVIDER/token}, user_info: {url: PROVIDER/userinfo},
       scope: ["https://www.googleapis.com/auth/gmail.readonly"], extra_params: {access_type: offline}}
"""

    async def test_somebody_is_known_by_their_address_and_has_tokens(self) -> None:
        alice = await self.browser()
        self.assertEqual((await alice.go("/member")).text, "in")
        user = (await alice.get("/user")).json()
        self.assertEqual(
            (user["id"], user["email"], user["name"]), ("alice@example.org", "alice@example.org", "Alice A")
        )
        self.assertEqual(self.provider.access[user["access_token"]], "alice")
        self.assertEqual(self.provider.refresh[user["refresh_token"]], "alice")

    async def test_what_is_asked_for(self) -> None:
        alice = await self.browser()
        await alice.go("/login", until="/authorize")
        query = parse_qs(urlsplit(alice.seen[-1]).query)
        self.assertEqual(query["scope"], ["openid email profile https://www.googleapis.com/auth/gmail.readonly"])
        self.assertEqual((query["access_type"], query["code_challenge_method"]), (["offline"], ["S256"]))
        self.assertEqual(self.provider.times("/.well-known/openid-configuration"), 0)

    async def test_two_who_sign_in_at_once_do_not_meet(self) -> None:
        alice, bob = await self.browser("alice"), await self.browser("bob")
        for_alice, for_bob = await self.callback(alice), await self.callback(bob)
        await bob.get(for_bob)
        await alice.get(for_alice)
        for surfer, address in ((alice, "alice@example.org"), (bob, "bob@example.org")):
            self.assertEqual((await surfer.get("/user")).json()["id"], address)

    async def test_an_address_that_is_not_verified_is_nobodys(self) -> None:
        eve = await self.browser("eve")
        await self.assert_refused(eve, await eve.go("/login"), 403, "has not verified the email address")

    async def test_the_name_that_google_once_had_is_its_own_too(self) -> None:
        self.provider.claims = {"iss": "accounts.google.com"}
        self.assertEqual((await (await self.browser()).go("/member")).text, "in")
        self.provider.claims = {"iss": "https://accounts.google.com.evil.example"}
        eve = await self.browser("alice")
        await self.assert_refused(eve, await eve.go("/login"), 502)

    async def test_a_wrong_nonce_or_audience_and_an_unsigned_token_are_refused(self) -> None:
        for claims, header in (({"nonce": "x"}, {}), ({"aud": "x"}, {}), ({"exp": 1}, {}), ({}, {"alg": "none"})):
            self.provider.claims, self.provider.header = claims, header
            alice = await self.browser()
            await self.assert_refused(alice, await alice.go("/login"), 502)

    async def test_the_refresh_token_gives_a_new_access_token(self) -> None:
        alice = await self.browser()
        await alice.go("/login")
        before, after = (await alice.get("/renew")).json()
        self.assertNotEqual(before, after)
        user = (await alice.get("/user")).json()
        self.assertEqual((user["id"], user["access_token"]), ("alice@example.org", after))

    async def test_user_code_of_gramex_finds_it_at_its_route(self) -> None:
        alice = await self.browser()
        await alice.go("/login")
        before, after = (await alice.get("/gramex")).json()
        self.assertNotEqual(before, after)
        self.assertEqual((await alice.get("/user")).json()["access_token"], after)

    async def test_another_refresh_token_may_be_given(self) -> None:
        alice, bob = await self.browser(), await self.browser("bob")
        await alice.go("/login")
        await bob.go("/login")
        token = (await bob.get("/user")).json()["refresh_token"]
        _, after = (await alice.get(f"/renew?token={token}")).json()
        self.assertEqual(self.provider.access[after], "bob")

    async def test_without_one_it_is_refused(self) -> None:
        original = self.provider._tokens

        def online(user: str) -> dict[str, Any]:
            tokens = original(user)
            del tokens["refresh_token"]
            return tokens

        self.patch(self.provider, "_tokens", online)
        alice = await self.browser()
        await alice.go("/login")
        response = await alice.get("/renew")
        self.assertEqual(response.status, 403)
        self.assertIn("there is no refresh token", response.text)


class DefaultTests(AppTestCase):
    config = """
    url:
      login: {pattern: /login, handler: GoogleAuth, kwargs: {key: K, secret: S}}
    """

    def test_google_itself_is_the_provider(self) -> None:
        location = self.get("/login").headers["location"]
        self.assertTrue(location.startswith("https://accounts.google.com/o/oauth2/v2/auth?"), location)
        query = parse_qs(urlsplit(location).query)
        self.assertEqual(
            (query["client_id"], query["redirect_uri"], query["scope"]),
            (["K"], ["http://127.0.0.1/login"], ["openid email profile"]),
        )
        metadata = self.app.gramex.shared.resources["login"].provider.known
        self.assertEqual(
            (metadata.issuer, metadata.access_token, metadata.user_info, metadata.jwks_uri),
            (
                "https://accounts.google.com",
                "https://oauth2.googleapis.com/token",
                "https://openidconnect.googleapis.com/v1/userinfo",
                "https://www.googleapis.com/oauth2/v3/certs",
            ),
        )
