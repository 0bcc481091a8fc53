"""Where a visitor goes after signing in or out: kept in the session from the page to the form that it sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gramex_twisted.web.redirects import Redirects, is_local, joined

#: The session's key for it, and characters of the longest URL that is kept there.
NEXT, LONGEST = "_next_url", 2000


class NextPage:
    """Redirect methods of the Context. ``route.resource.redirects`` has the route's Redirects."""

    route: Any
    session: Any
    _session: Any
    redirect: Any

    if TYPE_CHECKING:

        @property
        def has_session_cookie(self) -> bool: ...

        @property
        def xrequest_uri(self) -> str: ...

    def save_redirect_page(self) -> None:
        """Keep the first place that ``redirect:`` finds as ``session["_next_url"]``; without one, what is kept stays.

        On the reactor, ``await handler.load_session()`` first.
        """
        url = self._found_page()
        if url is not None and len(url) <= LONGEST:
            self.session[NEXT] = url

    def redirect_next(self) -> None:
        """Redirect to the kept place, else to the one that ``redirect:`` finds now, else to the home page."""
        begun = self._session is not None or self.has_session_cookie
        kept = self.session.pop(NEXT, None) if begun else None
        self.redirect(kept or self._found_page() or "/")

    def _found_page(self) -> str | None:
        redirects: Redirects | None = getattr(self.route.resource, "redirects", None)
        target = redirects.target(self) if redirects is not None else None  # type: ignore[arg-type]
        if not target or redirects is None:
            return None
        url = joined(target, self)  # type: ignore[arg-type]
        # Joining may begin with what the client called its own URL (X-Request-URI), so the outcome is looked at too.
        return url if redirects.external or is_local(url, self) else None  # type: ignore[arg-type]
