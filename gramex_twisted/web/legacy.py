"""What handlers of Tornado have, and apps of Gramex 1.x use now and then. Methods of the Context."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from functools import lru_cache
from typing import Any

from gramex_twisted.attrdict import AttrDict


class Legacy:
    """Where code asks for its type, a handler is a ``tornado.web.RequestHandler`` too, once that is imported."""

    route: Any
    request: Any
    current_user: Any
    get_secure_cookie: Any
    set_secure_cookie: Any
    clear_cookie: Any

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        return with_tornados(type(self), "RequestHandler")

    @property
    def settings(self) -> AttrDict:
        """``app.settings``, with their defaults."""
        return AttrDict(self.route.services.settings.model_dump())

    @property
    def application(self) -> AttrDict:
        """Its ``settings``."""
        return AttrDict(settings=self.settings)

    def require_setting(self, name: str, feature: str = "this feature") -> None:
        """Raise an Exception unless ``app.settings`` has a value for ``name``."""
        if not self.settings.get(name):
            raise Exception(f"app.settings.{name} must be set to use {feature}")

    def get_current_user(self) -> Any:
        """Who is signed in."""
        return self.current_user

    def get_login_url(self) -> str:
        """``app.settings.login_url``."""
        url: str = self.route.services.settings.login_url
        return url

    def get_signed_cookie(self, name: str, value: str | None = None, max_age_days: float = 31) -> bytes | None:
        """As ``get_secure_cookie``."""
        found: bytes | None = self.get_secure_cookie(name, value, max_age_days)
        return found

    def set_signed_cookie(self, name: str, value: str | bytes, **attributes: Any) -> None:
        """As ``set_secure_cookie``."""
        self.set_secure_cookie(name, value, **attributes)

    def create_signed_value(self, name: str, value: str | bytes) -> bytes:
        """``value`` as ``set_secure_cookie`` signs it."""
        signed: str = self.route.services.sessions.signer.sign(name, value)
        return signed.encode("ascii")

    def clear_all_cookies(self, **attributes: Any) -> None:
        """Delete the cookies that the browser has sent."""
        for name in self.request.cookies:
            self.clear_cookie(name, **attributes)

    def reverse_url(self, name: str, *args: object) -> str:
        """The path of the route ``name``, whose pattern's groups are filled with ``args``.

        Raises KeyError for another name, ValueError where they do not fit.
        """
        from gramex_twisted.web.reversing import reversed_pattern

        return reversed_pattern(self.route.services.endpoints[name].config.pattern, args)

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """``value`` as text. Raises UnicodeDecodeError."""
        return value.decode("utf-8")


def with_tornados(own: type[Any], name: str) -> type[Any]:
    """A class that is ``own``, and that of this name in tornado.web too where that is imported already."""
    web = sys.modules.get("tornado.web")
    theirs = None if web is None else getattr(web, name, None)  # it may be half imported
    made: type[Any] = own if theirs is None else _both(own, theirs)  # type: ignore[arg-type]
    return made


@lru_cache(maxsize=100)
def _both(own: Hashable, theirs: Hashable) -> Any:
    bases: Any = (own, theirs)
    members = {name: getattr(own, name) for name in ("__module__", "__qualname__", "__doc__")}
    return type(bases[0].__name__, bases, members)
