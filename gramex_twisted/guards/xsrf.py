"""``xsrf_cookies:`` and ``set_xsrf:``: no other site may change something in the name of a visitor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gramex_twisted.errors import HTTPError
from gramex_twisted.web.forms import FORMS

if TYPE_CHECKING:
    from gramex_twisted.guards.cors import CorsGuard
    from gramex_twisted.resources.base import Resource
    from gramex_twisted.web.context import Context

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SAFE_AS_SENT = frozenset(method.encode() for method in SAFE)

#: Bytes of a body above which a form is read in a thread.
LARGE = 64 << 10
#: Authorization that browsers add by themselves once a visitor has given it.
_KEPT_BY_BROWSERS = ("basic", "digest", "negotiate", "ntlm")


class XsrfGuard:
    """Lets a request that changes something in only with the visitor's token, or from where no other site can send it.

    :param checks: whether to; otherwise the guard only sets cookies.
    :param sets: set the ``_xsrf`` cookie on GET.
    :param cors: the route's guard of that name, which may admit other sites.
    """

    def __init__(self, resource: Resource, cors: CorsGuard | None, *, checks: bool = True, sets: bool = False) -> None:
        self.anonymous = resource.takes_anonymous
        self.open = resource.open_to_all
        self.cors = cors
        self.checks = checks
        self.sets = sets

    async def __call__(self, context: Context) -> None:
        """Pass, or raise 403."""
        # A POST that calls itself a GET was still sent as a POST, which other sites' forms can do.
        if context.method in SAFE and context.native.method in _SAFE_AS_SENT:
            if self.sets and context.method != "OPTIONS":
                context.ensure_xsrf_cookie()
            return
        # What the route does not answer will be 405, which says more.
        if not self.checks or context.method not in context.route.handlers or self._exempt(context):
            return
        if context.native.streamed is not None:
            self._check_streamed(context)
        elif context.native.body_size > LARGE:
            await context.route.services.threads.run(context.check_xsrf_cookie)
        else:
            context.check_xsrf_cookie()

    def _check_streamed(self, context: Context) -> None:
        try:
            context.check_xsrf_cookie()
        except HTTPError:
            checks = context.route.resource.checks_xsrf_field and context.get_content_type() in FORMS
            if not checks or not context.has_xsrf_cookie:
                raise
            context.xsrf_in_body = True

    def _exempt(self, context: Context) -> bool:
        """Whether no other site can have sent the request, or the route admits the one that has."""
        if getattr(context, "signed", False) or (self.anonymous and self._is_anonymous(context)):
            return True
        headers = context.request.headers
        if headers.get("X-Requested-With", "").lower() == "xmlhttprequest":
            return True  # other sites need a pre-flight for this header
        if headers.get("Sec-Fetch-Mode", "").lower() != "cors":
            return False
        site = headers.get("Sec-Fetch-Site", "").lower()
        if site in ("same-origin", "same-site"):
            return True
        if not site and "Cookie" not in headers:
            return True  # not a browser, or one with nothing to borrow
        return self.cors is not None and self.cors.admits(context)

    def _is_anonymous(self, context: Context) -> bool:
        """Whether the request has nothing that a browser adds in the name of a visitor, and no site sends it that may
        not call the route."""
        headers = context.request.headers
        scheme = headers.get("Authorization", "").partition(" ")[0].lower()
        if "Cookie" in headers or scheme in _KEPT_BY_BROWSERS:
            return False
        origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site", "").lower()
        own = site in ("same-origin", "same-site", "none") if site else origin is None or _is_own(context, origin)
        return own or self.open or (self.cors is not None and self.cors.admits(context))


def _is_own(context: Context, origin: str) -> bool:
    return origin.lower() == f"{context.request.protocol}://{context.request.host}".lower()
