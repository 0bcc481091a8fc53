"""A provider of OAuth 2.0 and OpenID Connect on a real port, strict about what RFC 6749, 7636 and OIDC Core demand.

Browsers sign in at ``/as?user=alice``, which sets a cookie. ``claims`` and ``header`` change its id_tokens, ``answers``
replace what a path answers, ``asked`` are the requests that came in.
"""

from __future__ import annotations

import hmac
import json
import time
from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any
from urllib.parse import unquote_plus, urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.web.server import Site

CLIENT, SECRET = "the app", "s3cret&+ /:"
USERS = {
    "alice": {"sub": "a-1", "email": "alice@example.org", "email_verified": True, "name": "Alice A"},
    "bob": {"sub": "b-2", "email": "bob@example.org", "email_verified": True, "name": "Bob <b>"},
    "eve": {"sub": "e-3", "email": "alice@example.org", "email_verified": False},
}


class TokenError(Exception):
    """An error of the token endpoint."""

    def __init__(self, error: str, why: str = "", status: int = 400) -> None:
        super().__init__(error, why)
        self.status = status
        self.body = {"error": error, "error_description": why}


class Provider:
    """One provider, on a free port of 127.0.0.1."""

    app = Klein()

    def __init__(self, reactor: Any) -> None:
        self.port = reactor.listenTCP(0, Site(self.app.resource()), interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port.getHost().port}"
        self.redirect_uris: set[str] = set()
        self.keys = [RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})]
        self.codes: dict[str, dict[str, Any]] = {}
        self.access: dict[str, str] = {}
        self.refresh: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.answers: dict[str, tuple[int, str, bytes] | Deferred[Any]] = {}
        self.error: dict[str, str] = {}

    def rotate(self) -> None:
        """Sign with another key from now on, and forget the one before."""
        self.keys = [RSAKey.generate_key(2048, {"kid": token_urlsafe(4), "use": "sig", "alg": "RS256"})]

    def times(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(1 for asked, _ in self.asked if asked == path)

    def _replaced(self, request: Any) -> Any:
        path = request.path.decode()
        self.asked.append((path, arguments(request)))
        answer = self.answers.get(path)
        if not isinstance(answer, tuple):
            return answer
        request.setResponseCode(answer[0])
        request.setHeader("Content-Type", answer[1])
        return answer[2]

    @app.route("/as")
    def sign_in(self, request: Any) -> bytes:
        request.addCookie("who", arguments(request)["user"])
        return b"signed in"

    @app.route("/.well-known/openid-configuration")
    def discovery(self, request: Any) -> Any:
        metadata = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize?hint=1",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks",
            **self.metadata,
        }
        return self._replaced(request) or as_json(request, metadata)

    @app.route("/jwks")
    def jwks(self, request: Any) -> Any:
        return self._replaced(request) or as_json(request, {"keys": [key.as_dict(private=False) for key in self.keys]})

    @app.route("/authorize")
    def authorize(self, request: Any) -> Any:
        replaced, query = self._replaced(request), arguments(request)
        if replaced:
            return replaced
        if query["client_id"] != CLIENT or query["redirect_uri"] not in self.redirect_uris:
            raise AssertionError(f"not registered: {query}")  # no provider would redirect there
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert len(query["code_challenge"]) == 43
        assert len(query["state"]) >= 32
        back = {"state": query["state"]}
        if self.error:
            back.update(self.error)
        else:
            back["code"] = token_urlsafe(8)
            self.codes[back["code"]] = {**query, "user": request.received_cookies[b"who"].decode()}
        request.redirect(f"{query['redirect_uri']}?{urlencode(back)}".encode())
        return b""

    @app.route("/token", methods=["POST"])
    def token(self, request: Any) -> Any:
        replaced, form = self._replaced(request), arguments(request)
        if replaced:
            return replaced
        try:
            self._authenticate(request, form)
            return as_json(request, self._grant(form))
        except TokenError as error:
            request.setResponseCode(error.status)
            return as_json(request, error.body)

    def _authenticate(self, request: Any, form: dict[str, str]) -> None:
        given = form.get("client_secret")
        kind, _, pair = (request.getHeader("Authorization") or "").partition(" ")
        if kind == "Basic":
            name, given = map(unquote_plus, b64decode(pair).decode().split(":"))
            assert name == CLIENT
        if form["client_id"] != CLIENT or given != SECRET:
            raise TokenError("invalid_client", status=401)

    def _grant(self, form: dict[str, str]) -> dict[str, Any]:
        if form["grant_type"] == "refresh_token":
            user = self.refresh.pop(form["refresh_token"], None)
            if user is None:
                raise TokenError("invalid_grant", "not this refresh token")
            return self._tokens(user)
        asked = self.codes.pop(form["code"], None)
        digest = in_base64(sha256(form["code_verifier"].encode()).digest()).decode()
        if asked is None:
            raise TokenError("invalid_grant", "the code was used, or never given")
        if digest != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            raise TokenError("invalid_grant", "not who asked for the code")
        tokens = self._tokens(asked["user"])
        if "openid" in asked.get("scope", "").split():
            tokens["id_token"] = self.id_token(USERS[asked["user"]]["sub"], asked["nonce"], tokens["access_token"])
        return tokens

    def _tokens(self, user: str) -> dict[str, Any]:
        access, refresh = f"access-{user}-{token_urlsafe(4)}", f"refresh-{user}-{token_urlsafe(4)}"
        self.access[access], self.refresh[refresh] = user, user
        return {"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": 3599}

    def id_token(self, sub: str, nonce: str, access_token: str) -> str:
        """A token, with whatever ``claims`` and ``header`` change about it; None removes a claim."""
        half = sha256(access_token.encode()).digest()[:16]
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": sub,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": nonce,
            "at_hash": in_base64(half).decode(),
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "RS256", "kid": self.keys[0].kid, **self.header}
        if header["alg"] in ("none", "HS256"):  # unsigned, or signed with what everybody may know
            signed = b".".join(in_base64(json.dumps(part).encode()) for part in (header, claims))
            public = self.keys[0].as_pem(private=False)
            signature = hmac.digest(public, signed, "sha256") if header["alg"] == "HS256" else b""
            return b".".join((signed, in_base64(signature))).decode()
        return jwt.encode(header, claims, self.keys[0], algorithms=[header["alg"]])

    @app.route("/userinfo")
    def userinfo(self, request: Any) -> Any:
        replaced = self._replaced(request)
        if replaced:
            return replaced
        kind, _, token = (request.getHeader("Authorization") or "").partition(" ")
        if kind != "Bearer" or token not in self.access:
            request.setResponseCode(401)
            return as_json(request, {"error": "invalid_token"})
        return as_json(request, USERS[self.access[token]])

    @app.route("/api/user")
    def api_user(self, request: Any) -> Any:
        """As providers have it that speak OAuth 2.0 alone."""
        user = self.access[request.getHeader("X-Token")]
        return as_json(request, {"id": len(user), "login": user})


def in_base64(data: bytes) -> bytes:
    """base64url, without padding."""
    return urlsafe_b64encode(data).rstrip(b"=")


def arguments(request: Any) -> dict[str, str]:
    """The query and form of a request; each name once."""
    for name, values in request.args.items():
        assert len(values) == 1, f"{name!r} comes {len(values)} times"
    return {name.decode(): value.decode() for name, (value,) in request.args.items()}


def as_json(request: Any, body: Any) -> bytes:
    """``body`` as a response."""
    request.setHeader("Content-Type", "application/json; charset=utf-8")
    return json.dumps(body).encode()
