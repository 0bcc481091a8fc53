"""OAuth2: whole flows with a provider, over real sockets, and all that can go wrong between the two."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs, urlsplit

import treq
from joserfc import jwt
from joserfc.jwk import RSAKey
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import LoopingCall

from tests.resources.auth.oauthcase import OAuthCase

NOT_OURS = "This sign-in was not started here"
NONSENSE = "gave an answer that cannot be used"


def at_once(*coroutines: Any) -> Any:
    """All of them at the same time."""
    return gatherResults([Deferred.fromCoroutine(coroutine) for coroutine in coroutines], consumeErrors=True)


class OidcTestCase(OAuthCase):
    config = """
app: {session: {type: memory}}
url:
  login:
    pattern: /login
    handler: OAuth2
    kwargs: {issuer: PROVIDER, CLIENT, timeout: 5, authorize: {extra_params: {prompt: login, state: mine}}}
"""


class FlowTests(OidcTestCase):
    async def test_somebody_signs_in_and_is_back_where_they_wanted_to_go(self) -> None:
        alice = await self.browser()
        response = await alice.go("/member?x=1")
        self.assertEqual((response.status, response.text), (200, "in"))
        self.assertEqual(alice.seen[-1], f"{self.url}/member?x=1")
        user = (await alice.get("/user")).json()
        self.assertEqual(
            {key: user[key] for key in ("id", "sub", "email", "name", "email_verified", "token_type", "expires_in")},
            {
                "id": "a-1",
                "sub": "a-1",
                "email": "alice@example.org",
                "name": "Alice A",
                "email_verified": True,
                "token_type": "Bearer",
                "expires_in": 3599,
            },
        )
        self.assertEqual(self.provider.access[user["access_token"]], "alice")
        self.assertEqual(self.provider.refresh[user["refresh_token"]], "alice")
        self.assertEqual(user.keys() & {"nonce", "aud", "iss", "exp", "at_hash"}, set())

    async def test_what_is_asked_of_the_provider(self) -> None:
        alice = await self.browser()
        await alice.go("/login", until="/authorize")
        query = {name: values[0] for name, values in parse_qs(urlsplit(alice.seen[0]).query).items()}
        self.assertEqual([len(query.pop(name)) for name in ("state", "nonce", "code_challenge")], [43, 43, 43])
        self.assertEqual(
            query,
            {
                "hint": "1",
                "prompt": "login",
                "response_type": "code",
                "client_id": "the app",
                "redirect_uri": f"{self.url}/login",
                "scope": "openid email profile",
                "code_challenge_method": "S256",
            },
        )

    async def test_each_attempt_has_its_own_secrets(self) -> None:
        alice = await self.browser()
        await alice.go("/login", until="/authorize")
        await alice.go("/login", until="/authorize")
        first, second = (parse_qs(urlsplit(url).query) for url in alice.seen)
        for name in ("state", "nonce", "code_challenge"):
            self.assertNotEqual(first[name], second[name])

    async def test_two_who_sign_in_at_once_do_not_meet(self) -> None:
        alice, bob = await self.browser("alice"), await self.browser("bob")
        for_alice, for_bob = await self.callback(alice), await self.callback(bob)
        await at_once(bob.get(for_bob), alice.get(for_alice))
        self.assertEqual((await alice.get("/user")).json()["id"], "a-1")
        self.assertEqual((await bob.get("/user")).json()["name"], "Bob <b>")

    async def test_two_tabs_of_one_browser_both_work(self) -> None:
        alice = await self.browser()
        first, second = await self.callback(alice), await self.callback(alice)
        self.assertEqual((await alice.get(second)).status, 302)
        self.assertEqual((await alice.get(first)).status, 302)
        self.assertEqual((await alice.get("/user")).json()["id"], "a-1")

    async def test_the_session_id_changes_and_the_old_one_is_worth_nothing(self) -> None:
        alice, thief = await self.browser(), await self.browser("bob")
        callback = await self.callback(alice)
        thief.cookies = {host: dict(jar) for host, jar in alice.cookies.items()}
        await alice.get(callback)
        self.assertEqual(await self.user_of(thief), "")

    async def test_discovery_and_keys_are_fetched_once_however_many_ask(self) -> None:
        browsers = [await self.browser(name) for name in ("alice", "bob", "alice", "bob")]
        await at_once(*(browser.go("/member") for browser in browsers))
        self.assertEqual((self.provider.times("/jwks"), self.provider.times("/token")), (1, 4))
        self.assertEqual(self.provider.times("/.well-known/openid-configuration"), 1)

    async def test_log_ins_and_failures_are_rows(self) -> None:
        alice = await self.browser()
        await alice.go("/login")
        self.provider.error = {"error": "access_denied"}
        await alice.go("/login")
        with closing(sqlite3.connect(self.folder / "data" / "auth.user.db")) as connection:
            rows = connection.execute("SELECT event, user, class, uri FROM userlog").fetchall()
        self.assertEqual(rows, [("login", "a-1", "OAuth2", "/login"), ("fail", "", "OAuth2", "/login")])

    async def test_after_log_out_no_token_is_left(self) -> None:
        alice = await self.browser()
        await alice.go("/login")
        await alice.get("/out")
        self.assertEqual((await alice.get("/session")).json().keys() - {"_oauth"}, set())

    async def test_post_is_not_answered(self) -> None:
        headers = {"X-Requested-With": "XMLHttpRequest"}
        response = await treq.post(f"{self.url}/login", headers=headers, persistent=False)
        await response.content()
        self.assertEqual(response.code, 405)


class StateTests(OidcTestCase):
    async def test_a_wrong_or_missing_state_is_refused_and_no_code_is_redeemed(self) -> None:
        alice = await self.browser()
        good = await self.callback(alice)
        code = parse_qs(urlsplit(good).query)["code"][0]
        for query in (f"code={code}", f"code={code}&state=", f"code={code}&state=x", "state=x", "error=access_denied"):
            await self.assert_refused(alice, await alice.get(f"/login?{query}"), 400, NOT_OURS)
        self.assertEqual(self.provider.times("/token"), 0)
        self.assertEqual((await alice.get(good)).status, 302)  # nothing of that has spoilt the attempt

    async def test_a_callback_is_used_once(self) -> None:
        alice = await self.browser()
        callback = await self.callback(alice)
        self.assertEqual((await alice.get(callback)).status, 302)
        again = await alice.get(callback)
        self.assertEqual(again.status, 400)
        self.assertIn(NOT_OURS, again.text)
        self.assertEqual(self.provider.times("/token"), 1)

    async def test_of_two_at_once_one_gets_in(self) -> None:
        alice = await self.browser()
        callback = await self.callback(alice)
        responses = await at_once(alice.get(callback), alice.get(callback))
        self.assertEqual(sorted(response.status for response in responses), [302, 400])
        self.assertEqual(self.provider.times("/token"), 1)

    async def test_a_state_is_of_one_session(self) -> None:
        alice, victim = await self.browser("alice"), await self.browser("bob")
        planted = await self.callback(alice)
        await victim.go("/login", until="/authorize")  # has a session and an attempt too
        await self.assert_refused(victim, await victim.get(planted), 400, NOT_OURS)
        stranger = await self.browser("bob")
        await self.assert_refused(stranger, await stranger.get(planted), 400, NOT_OURS)

    async def test_a_code_of_another_attempt_is_refused_by_its_verifier(self) -> None:
        alice = await self.browser()
        first, second = await self.callback(alice), await self.callback(alice)
        code = parse_qs(urlsplit(first).query)["code"][0]
        state = parse_qs(urlsplit(second).query)["state"][0]
        response = await alice.get(f"/login?code={code}&state={state}")
        await self.assert_refused(alice, response, 400, "cannot be finished any more")

    async def test_a_replayed_code_in_a_new_attempt_is_refused(self) -> None:
        alice = await self.browser()
        used = await self.callback(alice)
        await alice.get(used)
        code = parse_qs(urlsplit(used).query)["code"][0]
        bob = await self.browser("bob")
        state = parse_qs(urlsplit(await self.callback(bob)).query)["state"][0]
        response = await bob.get(f"/login?code={code}&state={state}")
        await self.assert_refused(bob, response, 400, "cannot be finished any more")

    async def test_an_attempt_is_forgotten_after_ten_minutes(self) -> None:
        alice = await self.browser()
        callback = await self.callback(alice)
        store = self.gramex.shared.sessions.store
        self.patch(store, "clock", lambda: time.time() + 601)
        await self.assert_refused(alice, await alice.get(callback), 400, NOT_OURS)

    async def test_an_answer_of_another_provider_is_refused(self) -> None:
        alice = await self.browser()
        callback = await self.callback(alice)
        response = await alice.get(f"{callback}&iss=https://evil.example")
        await self.assert_refused(alice, response, 400, NOT_OURS)
        self.assertEqual(self.provider.times("/token"), 0)

    async def test_a_provider_that_names_itself_must_do_so(self) -> None:
        self.provider.metadata = {"authorization_response_iss_parameter_supported": True}
        alice = await self.browser()
        await self.assert_refused(alice, await alice.get(await self.callback(alice)), 400, NOT_OURS)
        response = await alice.get(f"{await self.callback(alice)}&iss={self.provider.url}")
        self.assertEqual(response.status, 302)


class TokenTests(OidcTestCase):
    async def refused(self, reason: str) -> None:
        alice = await self.browser()
        logged = []
        self.patch(self.gramex.router.resolve(b"/login")[0].resource, "_sorry", self._noting(logged))
        await self.assert_refused(alice, await alice.go("/login"), 502, NONSENSE)
        self.assertIn(reason, logged[-1])

    def _noting(self, logged: list[str]) -> Any:
        handler = self.gramex.router.resolve(b"/login")[0].resource
        sorry = handler._sorry

        async def noting(context: Any, error: Any) -> Any:
            logged.append(str(error))
            return await sorry(context, error)

        return noting

    async def test_claims_that_are_not_ours_are_refused(self) -> None:
        now = int(time.time())
        for claims, reason in (
            ({"nonce": "another"}, "nonce"),
            ({"nonce": None}, "nonce"),
            ({"exp": now - 60}, "expired"),
            ({"exp": None}, "exp"),
            ({"exp": "tomorrow"}, "exp"),
            ({"iat": now + 3600}, "future"),
            ({"nbf": now + 3600}, "not yet valid"),
            ({"aud": "another app"}, "aud"),
            ({"aud": None}, "aud"),
            ({"aud": ["the app", "another"]}, "azp"),
            ({"azp": "another app"}, "azp"),
            ({"iss": "https://evil.example"}, "iss"),
            ({"iss": None}, "iss"),
            ({"sub": None}, "sub"),
            ({"sub": "b-2"}, "user info"),
            ({"at_hash": "x"}, "at_hash"),
        ):
            self.provider.claims = claims
            await self.refused(reason)

    async def test_a_clock_that_is_a_little_wrong_is_no_matter(self) -> None:
        now = int(time.time())
        self.provider.claims = {"exp": now - 10, "iat": now + 10, "aud": ["the app"], "at_hash": None}
        alice = await self.browser()
        self.assertEqual((await alice.go("/member")).text, "in")

    async def test_unsigned_tokens_and_shared_secrets_are_refused(self) -> None:
        for algorithm in ("none", "HS256"):
            self.provider.header = {"alg": algorithm}
            await self.refused(f"'{algorithm}' is not")

    async def test_a_signature_by_another_key_is_refused(self) -> None:
        known = self.provider.keys[0]
        self.provider.keys = [RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})]
        body = b'{"keys": [%s]}' % json_of(known)
        self.provider.answers["/jwks"] = (200, "application/json", body)
        await self.refused("BadSignatureError")

    async def test_a_key_that_is_meant_for_something_else_is_not_used(self) -> None:
        known = json_of(self.provider.keys[0]).replace(b'"sig"', b'"enc"')
        self.provider.answers["/jwks"] = (200, "application/json", b'{"keys": [%s]}' % known)
        await self.refused("no key 'first'")

    async def test_keys_change(self) -> None:
        alice = await self.browser()
        await alice.go("/member")
        self.provider.rotate()
        bob = await self.browser("bob")
        self.assertEqual((await bob.go("/member")).text, "in")
        self.assertEqual(self.provider.times("/jwks"), 2)
        self.assertEqual((await (await self.browser()).go("/member")).text, "in")
        self.assertEqual(self.provider.times("/jwks"), 2)

    async def test_an_unknown_key_is_refused_after_one_more_look(self) -> None:
        self.provider.header = {"kid": "never seen"}
        await self.refused("no key 'never seen'")
        self.assertEqual(self.provider.times("/jwks"), 2)

    async def test_a_token_without_a_key_id_is_tried_with_each(self) -> None:
        self.provider.keys.append(RSAKey.generate_key(2048, {"kid": "second", "use": "sig"}))
        self.provider.header = {"kid": None}
        self.patch(jwt, "encode", without_nulls(jwt.encode))
        alice = await self.browser()
        self.assertEqual((await alice.go("/member")).text, "in")

    async def test_no_id_token_or_nonsense_is_refused(self) -> None:
        for token in ("", "x", "a.b.c", "é.é.é", "." * 9, 7, None, "x" * 200_000):
            self.patch(self.provider, "id_token", lambda *_args, token=token: token)
            await self.refused("id_token")


class ProviderTests(OidcTestCase):
    async def test_what_the_provider_says_is_shown_escaped(self) -> None:
        self.provider.error = {"error": "access_denied", "error_description": "<script>alert(1)</script>"}
        alice = await self.browser()
        response = await alice.go("/login")
        await self.assert_refused(
            alice, response, 403, "The sign-in was refused: &lt;script&gt;alert(1)&lt;/script&gt;"
        )
        self.assertNotIn("<script>", response.text)
        self.provider.error = {"error": "temporarily_unavailable"}
        await self.assert_refused(alice, await alice.go("/login"), 503, "temporarily_unavailable")
        self.provider.error = {"error": "invalid_scope", "error_description": "x" * 5000}
        await self.assert_refused(alice, await alice.go("/login"), 502)

    async def test_after_a_failure_one_can_start_again(self) -> None:
        alice = await self.browser()
        self.provider.error = {"error": "access_denied"}
        await alice.go("/member")
        self.provider.error = {}
        self.assertEqual((await alice.go("/login?")).text, "in")  # and comes out where they wanted to go

    async def test_a_program_gets_json(self) -> None:
        response = await (await self.browser()).get("/login?state=x", {"Accept": "application/json"})
        self.assertEqual(response.status, 400)
        self.assertIn(NOT_OURS, response.json()["error"])

    async def test_nonsense_at_each_step(self) -> None:
        html = b"<html>{}</html>"
        for path in ("/.well-known/openid-configuration", "/token", "/jwks", "/userinfo"):
            for answer in (
                (200, "text/html", html),
                (200, "application/json", html),
                (200, "text/html", b"{}"),
                (200, "application/json", b"[]"),
                (200, "application/json", b"{}"),
                (200, "application/json", b'{"x": "' + b"x" * 300_000 + b'"}'),
                (500, "application/json", b'{"access_token": "x", "keys": [], "sub": "a-1"}'),
                (302, "application/json", b"{}"),
            ):
                self.provider.answers = {path: answer}
                alice = await self.browser()
                await self.assert_refused(alice, await alice.go("/login"), 502, NONSENSE)
        self.provider.answers = {}
        self.assertEqual((await (await self.browser()).go("/member")).text, "in")

    async def test_tokens_that_cannot_be_sent_on_are_refused(self) -> None:
        for body in (
            b'{"access_token": "a\\r\\nX: y"}',
            b'{"access_token": ""}',
            b'{"access_token": ["x"]}',
            b'{"access_token": "x", "token_type": "MAC"}',
            b'{"access_token": "x", "error": "no"}',
        ):
            self.provider.answers = {"/token": (200, "application/json", body)}
            alice = await self.browser()
            await self.assert_refused(alice, await alice.go("/login"), 502, NONSENSE)

    async def test_a_provider_that_describes_another_is_not_believed(self) -> None:
        self.provider.metadata = {"issuer": "https://evil.example"}
        alice = await self.browser()
        await self.assert_refused(alice, await alice.go("/login"), 502, NONSENSE)

    async def test_a_provider_that_is_down(self) -> None:
        alice = await self.browser()
        callback = await self.callback(alice)
        await self.provider.port.stopListening()
        await self.assert_refused(alice, await alice.get(callback), 502, "cannot be reached now")

    async def test_a_provider_that_is_down_from_the_start(self) -> None:
        alice = await self.browser()
        await self.provider.port.stopListening()
        await self.assert_refused(alice, await alice.get("/login"), 502, "cannot be reached now")

    async def test_a_user_without_an_id(self) -> None:
        self.provider.claims = {"sub": ""}
        alice = await self.browser()
        await self.assert_refused(alice, await alice.go("/login"), 502, NONSENSE)


class SlowTests(OAuthCase):
    config = """
app: {session: {type: memory}}
url:
  login: {pattern: /login, handler: OAuth2, kwargs: {issuer: PROVIDER, CLIENT, timeout: 0.3}}
"""

    async def test_a_provider_that_never_answers(self) -> None:
        for path in ("/.well-known/openid-configuration", "/token", "/jwks", "/userinfo"):
            self.provider.answers = {path: Deferred()}
            alice = await self.browser()
            await self.assert_refused(alice, await alice.go("/login"), 504, "takes too long")

    async def test_a_provider_that_never_stops(self) -> None:
        """A body that dribbles on: the time is for all of it, and the connection is closed."""
        gone: Deferred[Any] = Deferred()

        def dribble(request: Any) -> Any:
            request.setHeader("Content-Type", "application/json")
            loop = LoopingCall(request.write, b" ")
            loop.start(0.05)
            request.notifyFinish().addBoth(lambda _: (loop.stop(), gone.callback(None))[1])
            return Deferred()

        self.patch(self.provider, "_replaced", dribble)
        alice = await self.browser()
        await self.assert_refused(alice, await alice.go("/login"), 504, "takes too long")
        await gone


class RedirectTests(OidcTestCase):
    async def test_no_redirect_leaves_the_site(self) -> None:
        for target in (
            "//evil.org", "/%5Cevil.org", "https:evil.org", "https://evil.org/", "/%09/evil.org", "%0A//evil.org",
            "http://127.0.0.1%40evil.org/", "javascript:alert(1)", "///evil.org",
        ):  # fmt: skip
            alice = await self.browser()
            response = await alice.go(f"/login?next={target}", until=f"{self.url}/login?")
            response = await alice.get(alice.seen[-1] + "&next=//evil.org")
            self.assertEqual((response.status, response.headers["location"]), (302, "/"), target)

    async def test_the_page_before_is_where_to_return(self) -> None:
        alice = await self.browser()
        await alice.go("/login", until=f"{self.url}/login?", headers={"Referer": f"{self.url}/shop?a=b"})
        response = await alice.get(alice.seen[-1], {"Referer": f"{self.provider.url}/authorize"})
        self.assertEqual(response.headers["location"], f"{self.url}/shop?a=b")

    async def test_the_code_does_not_leave_by_the_referer(self) -> None:
        alice = await self.browser()
        for path in ("/login", await self.callback(alice), "/login?code=x"):
            response = await alice.get(path)
            self.assertEqual(response.headers["referrer-policy"], "no-referrer")
            self.assertEqual(response.headers["cache-control"], "no-store")


class RenewalTests(OidcTestCase):
    async def test_a_refresh_token_gives_new_tokens_to_every_session_of_the_user(self) -> None:
        alice, phone, bob = await self.browser(), await self.browser(), await self.browser("bob")
        for surfer in (phone, bob, alice):
            await surfer.go("/login")
        kept = (await bob.get("/user")).json()
        before, after = (await alice.get("/renew")).json()
        self.assertNotEqual(before, after)
        self.assertEqual(self.provider.access[after], "alice")
        for surfer in (alice, phone):
            user = (await surfer.get("/user")).json()
            self.assertEqual((user["id"], user["access_token"]), ("a-1", after))
            self.assertEqual(self.provider.refresh[user["refresh_token"]], "alice")  # the new one
        self.assertEqual((await bob.get("/user")).json(), kept)

    async def test_from_a_thread_too(self) -> None:
        alice = await self.browser()
        await alice.go("/login")
        after = (await alice.get("/thread")).text
        self.assertEqual(self.provider.access[after], "alice")
        self.assertEqual((await alice.get("/user")).json()["access_token"], after)

    async def test_a_token_that_is_not_valid_any_more(self) -> None:
        alice = await self.browser()
        await alice.go("/login")
        before = await self.user_of(alice)
        response = await alice.get("/renew?token=old")
        self.assertEqual(response.status, 401)
        self.assertIn("sign in again", response.text)
        await self.provider.port.stopListening()
        self.assertEqual((await alice.get("/renew")).status, 502)
        self.assertEqual(await self.user_of(alice), before)


class PlainTests(OAuthCase):
    """Without OpenID Connect, with the options as Gramex 1.x documents them."""

    paths = ("/login", "/linked", "/refusing")
    config = """
app: {session: {type: memory}}
url:
  login: &login
    pattern: /login
    handler: OAuth2
    kwargs: &kwargs
      CLIENT
      authorize: {url: PROVIDER/authorize, scope: [read, write]}
      access_token: {url: PROVIDER/token, body: {grant_type: authorization_code}, session_key: token}
      user_info: {url: PROVIDER/api/user, headers: {X-Token: '{access_token}'}}
  linked: {<<: *login, pattern: /linked, kwargs: {<<: *kwargs, user_key: other}}
  refusing: {<<: *login, pattern: /refusing, kwargs: {<<: *kwargs, action: fns.refused}}
"""
    credentials = "client_id: the app\n      client_secret: 's3cret&+ /:'"

    async def test_somebody_signs_in(self) -> None:
        bob = await self.browser("bob")
        await bob.go("/login", until="/authorize")
        query = parse_qs(urlsplit(bob.seen[-1]).query)
        self.assertEqual((query["scope"], "nonce" in query), (["read write"], False))
        self.assertEqual((await bob.go("/member")).text, "in")
        session = (await bob.get("/session")).json()
        user = session["user"]
        self.assertEqual((user["id"], user["login"], session["token"]), (3, "bob", user["access_token"]))

    async def test_an_account_is_linked_without_signing_in(self) -> None:
        alice = await self.browser()
        await alice.go("/linked")
        session = (await alice.get("/session")).json()
        self.assertEqual((session["other"]["login"], "user" in session), ("alice", False))

    async def test_an_action_that_refuses_leaves_nothing(self) -> None:
        alice = await self.browser()
        self.assertEqual((await alice.go("/refusing")).status, 500)
        self.assertEqual((await alice.get("/session")).json().keys() - {"_oauth"}, set())
        self.flushLoggedErrors(ValueError)

    async def test_a_code_that_was_used_elsewhere(self) -> None:
        alice = await self.browser()
        callback = await self.callback(alice)
        self.provider.codes.clear()
        await self.assert_refused(alice, await alice.get(callback), 400, "cannot be finished any more")


class AddressTests(OAuthCase):
    config = """
app: {session: {type: memory}, base_url: "https://app.example.org/"}
url:
  login: {pattern: /login, handler: OAuth2, kwargs: {issuer: PROVIDER, CLIENT}}
  own: {pattern: /own, handler: OAuth2, kwargs: {issuer: PROVIDER, CLIENT, redirect_uri: "https://cdn.example.org/x"}}
"""

    async def sent(self, path: str, headers: dict[str, str] | None = None) -> str:
        alice = await self.browser()
        response = await alice.get(path, headers)
        return parse_qs(urlsplit(response.headers["location"]).query)["redirect_uri"][0]

    async def test_the_callback_is_after_the_base_url_whatever_host_is_asked_for(self) -> None:
        self.assertEqual(await self.sent("/login?x=1", {"Host": "evil.example"}), "https://app.example.org/login")
        self.assertEqual(await self.sent("/own"), "https://cdn.example.org/x")


class ProxyTests(AddressTests):
    config = AddressTests.config.replace(', base_url: "https://app.example.org/"', "")

    async def test_the_callback_is_after_the_base_url_whatever_host_is_asked_for(self) -> None:
        """Without one, it is the request's own, by proxies that are trusted."""
        said = {"X-Forwarded-Proto": "https", "Host": "app.example.org", "X-Request-URI": "/evil"}
        self.assertEqual(await self.sent("/login", said), "https://app.example.org/login")


class StrangerTests(AddressTests):
    config = AddressTests.config.replace('base_url: "https://app.example.org/"', "trusted_proxies: [10.0.0.1]")

    async def test_the_callback_is_after_the_base_url_whatever_host_is_asked_for(self) -> None:
        """Without one, and from somebody else, it is the connection's."""
        said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Scheme": "https"}
        self.assertEqual(await self.sent("/login", said), f"{self.url}/login")


class MistakeTests(OAuthCase):
    config = """
app: {session: {samesite: Strict}}
url:
  ends: {pattern: /a, handler: OAuth2, kwargs: {CLIENT, authorize: {url: "https://x.org/"}}}
  strict: {pattern: /b, handler: OAuth2, kwargs: {CLIENT, issuer: "https://x.org"}}
  url: {pattern: /c, handler: OAuth2, kwargs: {CLIENT, issuer: x.org}}
  alg: {pattern: /d, handler: OAuth2, kwargs: {CLIENT, issuer: "https://x.org", algorithms: [HS256]}}
  id: {pattern: /e, handler: OAuth2, kwargs: {issuer: "https://x.org"}}
"""

    async def test_mistakes_are_named(self) -> None:
        found = [str(error).partition(": ")[2] for error in self.gramex.errors]
        self.assertEqual(
            found[0], "url.ends.kwargs.access_token: needs a url, or the route an issuer to discover it from"
        )
        self.assertEqual(
            found[1], "url.strict.kwargs.authorize: needs the session's cookie: set app.session.samesite to Lax"
        )
        places = ("url.url.kwargs.issuer", "url.alg.kwargs.algorithms", "url.id.kwargs: 'client_id' is missing")
        for text, place in zip(found[2:], places, strict=True):
            self.assertIn(place, text)


def json_of(key: RSAKey) -> bytes:
    """The public key as a JWK."""
    return json.dumps(key.as_dict(private=False)).encode()


def without_nulls(encode: Any) -> Any:
    """``encode``, for headers whose nulls are to be left out."""
    return lambda header, *args, **kwargs: encode(
        {name: value for name, value in header.items() if value is not None}, *args, **kwargs
    )
