"""Who a request says it comes from: X-Gramex-User, one-time passwords and API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gramex_twisted.errors import HTTPError

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

HEADERS = frozenset({b"X-Gramex-User", b"X-Gramex-Otp", b"X-Gramex-Key"})
#: What is signed for in X-Gramex-User, and for how many days it is valid where sessions end with the browser.
PURPOSE, DAYS = "user", 31.0


async def identity_guard(context: Context) -> None:
    """Let the user be the one whom the request's credentials stand for; 400 when they are not valid.

    X-Gramex-User and an OTP sign the session in. An API key does so where there is a session, and else counts for this
    request alone.
    """
    native = context.native
    # This is asked of every request: the query is not parsed to find out that there is nothing in it.
    if HEADERS.isdisjoint(native.requestHeaders._rawHeaders) and b"gramex-" not in native.uri:
        return
    signed = context.request.headers.get("X-Gramex-User")
    if signed:
        await sign_in(context, user_of(context, signed))
        return
    services = context.route.services
    for name, type_, method in (("OTP", "OTP", services.otps.take), ("Key", "Key", services.otps.find)):
        token = credential(context, name)
        if not token:
            continue
        row = await services.otps.run(method, token, type_)
        if row is None or not row["user"]:
            raise HTTPError(400, f"X-Gramex-{name}: not valid, or not any more")
        if name == "OTP" or has_session(context):
            await sign_in(context, row["user"])
        else:
            context.signed = True
            context.current_user = row["user"]


def credential(context: Context, name: str) -> str:
    """The header ``X-Gramex-<name>``, else the query's argument; "" where there is neither."""
    header = context.request.headers.get(f"X-Gramex-{name}")
    return header or context.get_query_argument(f"gramex-{name.lower()}", "") or ""


def user_of(context: Context, signed: str) -> Any:
    """The user in X-Gramex-User: JSON, signed with the app's ``cookie_secret``.

    :raises HTTPError: 400.
    """
    sessions = context._sessions
    value = sessions.signer.unsign(PURPOSE, signed, sessions.expiry_days or DAYS)
    try:
        user = orjson.loads(value) if value else None
    except orjson.JSONDecodeError:
        user = None
    if not user:
        raise HTTPError(400, "X-Gramex-User: not valid, or not any more")
    return user


def has_session(context: Context) -> bool:
    """Whether the client has a session cookie that this app has signed."""
    sessions = context._sessions
    return context.has_session_cookie and sessions.sid_of(context.get_cookie(sessions.options.cookie)) is not None


async def sign_in(context: Context, user: Any) -> None:
    """Let ``user`` be the session's. Its id changes when its user does, so that a planted one is worth nothing."""
    if context.has_session_cookie:
        await context.load_session()
    if context.session.get("user") != user:
        context.renew_session()
        context.session["user"] = user
    context.signed = True
