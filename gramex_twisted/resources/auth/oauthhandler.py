"""Signing in with a provider: the authorization code flow with state, PKCE and nonce (RFC 6749, 7636, 9207, 9700).

The route's URL begins it, and is where the provider sends people back to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from twisted.logger import Logger

from gramex_twisted.config.model import Model
from gramex_twisted.resources.auth.asking import NONSENSE, Asker, SignInError
from gramex_twisted.resources.auth.attempts import Attempts
from gramex_twisted.resources.auth.base import AuthHandler
from gramex_twisted.resources.auth.discovery import Provider
from gramex_twisted.resources.auth.oauthoptions import ProviderOptions
from gramex_twisted.resources.auth.oidc import ABOUT_THE_TOKEN, IdTokens
from gramex_twisted.resources.auth.pages import Page
from gramex_twisted.resources.auth.pkce import METHOD, challenge, new_secret
from gramex_twisted.resources.auth.records import Record
from gramex_twisted.resources.auth.refreshing import Refreshing
from gramex_twisted.resources.auth.tokens import Client, Tokens
from gramex_twisted.resources.base import Setup

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

log = Logger()

NOT_OURS = "This sign-in was not started here, was finished already, or took too long. Start again."
REFUSALS = ("access_denied", "login_required", "consent_required", "interaction_required", "account_selection_required")


class OAuthHandler(Refreshing, AuthHandler):
    """Signs in whom a provider vouches for. A subclass says who ``client`` is.

    ``issuers``: names that the provider has in id_tokens, besides its own.
    """

    options_model: ClassVar[type[Model]] = ProviderOptions
    issuers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options: ProviderOptions = self.options
        clock: Callable[[], float] = self.services.sessions.clock
        asker = Asker(self.services.reactor, options.timeout)
        client = self.client()
        self.provider = Provider(options, asker, clock)
        self.id_tokens = IdTokens(self.provider, client.id, options.algorithms, clock, self.issuers)
        self.tokens = Tokens(self.provider, client, options, asker)
        self.attempts = Attempts(self.records, self.name)
        self._check(options)

    def client(self) -> Client:
        """Who the app is to the provider."""
        raise NotImplementedError

    def _check(self, options: ProviderOptions) -> None:
        if not self.provider.speaks_oidc:
            for key in ("authorize", "access_token", "user_info"):
                if not getattr(options, key).url:
                    raise self.setup.error("needs a url, or the route an issuer to discover it from", key)
        if self.services.sessions.options.samesite == "Strict":
            # Browsers would not send it when the provider sends people back.
            raise self.setup.error("needs the session's cookie: set app.session.samesite to Lax", "authorize")

    async def get(self, context: Context) -> Any:
        """Send the visitor to the provider, or sign in whom the provider has sent back."""
        context.set_header("Cache-Control", "no-store")
        context.set_header("Referrer-Policy", "no-referrer")  # the URL may hold a code
        query = context.request.query_arguments
        if not query.keys() & {"code", "state", "error"}:
            try:
                return await self._begin(context)
            except SignInError as error:
                return await self._sorry(context, error)
        attempt = await self.attempts.finish(context, context.get_query_argument("state", ""))
        if attempt is None:
            return await self._sorry(context, SignInError(400, NOT_OURS, "unknown state"))
        try:
            user = await self._user(context, attempt)
        except SignInError as error:
            await self.user_log.record("fail", context)
            return await self._sorry(context, error)
        await self.sign_in(context, user, id=self.user_id)
        key = self.options.access_token.session_key
        if key:
            context.session[key] = user["access_token"]
        return self.leave(context)

    async def _sorry(self, context: Context, error: SignInError) -> Any:
        log.error("{route}: nobody is signed in: {error}", route=self.name, error=str(error))
        page = Page(title="Sign in", error=error.message, status=error.status, links=(("?", "Start again"),))
        return await self.page(context, page)

    # There ------------------------------------------------------------------------------------------------------------

    async def _begin(self, context: Context) -> None:
        metadata = await self.provider.metadata()
        context.save_redirect_page()
        record = {"verifier": new_secret(), "nonce": new_secret(), "redirect_uri": self.redirect_uri(context)}
        state = await self.attempts.begin(context, record)
        parameters = {
            **self.extra_params,
            "response_type": "code",
            "client_id": self.tokens.client.id,
            "redirect_uri": record["redirect_uri"],
            "state": state,
            "code_challenge": challenge(record["verifier"]),
            "code_challenge_method": METHOD,
        }
        if self.scope:
            parameters["scope"] = " ".join(self.scope)
        if self.provider.speaks_oidc:
            parameters["nonce"] = record["nonce"]
        context.redirect(with_parameters(metadata.authorize, parameters))

    @property
    def scope(self) -> list[str]:
        """What the app asks to see."""
        scope: list[str] = self.options.authorize.scope
        if not self.provider.speaks_oidc:
            return scope
        scope = scope or ["email", "profile"]
        return scope if "openid" in scope else ["openid", *scope]

    @property
    def extra_params(self) -> Mapping[str, str]:
        """Further parameters of the authorization endpoint."""
        found: Mapping[str, str] = self.options.authorize.extra_params
        return found

    def redirect_uri(self, context: Context) -> str:
        """Where the provider sends people back to."""
        if self.options.redirect_uri:
            return str(self.options.redirect_uri)
        request = context.request
        base = (self.services.conf.get("app") or {}).get("base_url") or f"{request.protocol}://{request.host}"
        return f"{str(base).rstrip('/')}{request.path}"

    # And back ---------------------------------------------------------------------------------------------------------

    async def _user(self, context: Context, attempt: Record) -> dict[str, Any]:
        """The attributes of whom the provider has sent back."""
        await self._vouched(context)
        code = context.get_query_argument("code", "")
        if not code:
            raise SignInError(502, NONSENSE, "the provider sent neither a code nor an error")
        tokens = await self.tokens.redeem(code, attempt["verifier"], attempt["redirect_uri"])
        claims: dict[str, Any] = {}
        if self.provider.speaks_oidc:
            claims = await self.id_tokens.verify(tokens.get("id_token"), attempt["nonce"], tokens["access_token"])
        info = await self.tokens.user_info(tokens)
        if claims and info is not None and info.get("sub") != claims["sub"]:
            raise SignInError(502, NONSENSE, f"the user info is of {info.get('sub')!r}, not of {claims['sub']!r}")
        about = {key: value for key, value in claims.items() if key not in ABOUT_THE_TOKEN}
        user = {**about, **(info or {}), **tokens}
        if not is_id(user.get(self.user_id)):
            raise SignInError(502, NONSENSE, f"the provider does not tell the user's {self.user_id!r}")
        return user

    async def _vouched(self, context: Context) -> None:
        """The answer is this provider's, and not a refusal.

        :raises SignInError: otherwise.
        """
        metadata = await self.provider.metadata()
        issuer = context.get_query_argument("iss", "")
        if metadata.issuer and (issuer or metadata.names_itself) and issuer not in (metadata.issuer, *self.issuers):
            raise SignInError(400, NOT_OURS, f"the callback is from {issuer!r}, not from {metadata.issuer!r}")
        error = context.get_query_argument("error", "")
        if not error:
            return
        said = context.get_query_argument("error_description", "") or error
        status = 403 if error in REFUSALS else 503 if error == "temporarily_unavailable" else 502
        raise SignInError(status, f"The sign-in was refused: {said[:200]}", f"the provider says {error[:200]!r}")

    @property
    def user_id(self) -> str:
        """The attribute that tells users apart."""
        name: str | None = self.options.user_info.user_id
        return name or ("sub" if self.provider.speaks_oidc else "id")


def is_id(value: Any) -> bool:
    """Whether somebody can be known by ``value``."""
    return isinstance(value, int | str) and not isinstance(value, bool) and value != ""


def with_parameters(url: str, parameters: Mapping[str, str]) -> str:
    """``url`` with ``parameters`` in its query, in place of those that it has of the same names."""
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in parameters]
    return urlunsplit(parts._replace(query=urlencode([*kept, *parameters.items()])))
