"""XSRF tokens: what shows that a form was sent from a page of this app. Methods of the Context.

The ``_xsrf`` cookie holds 16 random bytes, and a page's form holds them too, masked anew in each page so that
compression does not give them away (BREACH). The text is Tornado's version 2, ``2|mask|masked token|seconds``, so that
cookies and pages made by Gramex 1.x go on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from hmac import compare_digest
from time import time
from typing import Any

from gramex_twisted.errors import HTTPError
from gramex_twisted.web.reply import Reply

COOKIE = "_xsrf"
SIZE = 16

_TOKEN = re.compile(rb"2\|([0-9a-fA-F]{8})\|([0-9a-fA-F]{32})\|[0-9]{1,20}")
_HELP = "send the _xsrf cookie's value as ?_xsrf=, a form field or the X-Xsrftoken header"


def encode_token(token: bytes, seconds: int) -> bytes:
    """The text of a token's 16 bytes, masked with random ones. ``seconds``: when it was made."""
    mask = os.urandom(4)
    return b"2|%s|%s|%d" % (mask.hex().encode(), _masked(mask, token).hex().encode(), seconds)


def decode_token(text: bytes | None) -> bytes | None:
    """The 16 bytes of a token's text; None for what is no token."""
    found = _TOKEN.fullmatch(text) if text else None
    if found is None:
        return None
    return _masked(bytes.fromhex(found[1].decode()), bytes.fromhex(found[2].decode()))


def _masked(mask: bytes, token: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(token, mask * (SIZE // len(mask)), strict=True))


class Xsrf(Reply):
    """XSRF methods of the Context."""

    native: Any
    request: Any
    #: Whether the visitor's token may be in the response, which is then for nobody else.
    shows_xsrf = False
    #: Whether the token can only be in the body, which the handler reads: it must call ``check_xsrf_field``.
    xsrf_in_body = False
    _xsrf: bytes | None = None

    @property
    def has_session_cookie(self) -> bool:
        """Whether the client sent a session cookie, valid or not."""
        raise NotImplementedError

    @property
    def xsrf_token(self) -> bytes:
        """The visitor's token, for a form field ``_xsrf`` or the header X-Xsrftoken. Sets the cookie where it is new.

        :raises RuntimeError: when it is new, and the response has begun.
        """
        self.shows_xsrf = True
        return self.ensure_xsrf_cookie()

    def ensure_xsrf_cookie(self) -> bytes:
        """Set the cookie where the visitor has none. The token, which the response does not show by that."""
        if self._xsrf is None:
            token = self._xsrf_cookie()
            text = encode_token(token or os.urandom(SIZE), int(time()))
            if token is None:
                self._set_xsrf_cookie(text)
            self._xsrf = text
        return self._xsrf

    @property
    def has_xsrf_cookie(self) -> bool:
        """Whether the client sent a valid ``_xsrf`` cookie."""
        return self._xsrf_cookie() is not None

    def _xsrf_cookie(self) -> bytes | None:
        return decode_token(self.native.received_cookies.get(COOKIE.encode()))

    def _set_xsrf_cookie(self, value: bytes) -> None:
        if self.native.startedWriting:
            raise RuntimeError("the _xsrf cookie cannot be set any more: read handler.xsrf_token before flush()")
        self.set_cookie(
            COOKIE,
            value,
            expires_days=30 if self.has_session_cookie else None,
            secure=self.request.protocol == "https",
            samesite="Lax",
        )

    def xsrf_form_html(self) -> str:
        """The ``<input>`` to put in a form: ``{% module xsrf_form_html() %}`` in templates."""
        return f'<input type="hidden" name="{COOKIE}" value="{self.xsrf_token.decode("ascii")}"/>'

    def check_xsrf_cookie(self) -> None:
        """Pass where the request carries the token of its ``_xsrf`` cookie, whatever else it carries.

        :raises HTTPError: 403 that says what to send.
        """
        self._check_xsrf(self._xsrf_texts())

    def check_xsrf_field(self, values: Sequence[bytes]) -> None:
        """Pass where ``xsrf_in_body`` is False, or the last of ``values``, a streamed form's ``_xsrf``, is the token.

        :raises HTTPError: 403 that says what to send.
        """
        if self.xsrf_in_body:
            self._check_xsrf([*self._xsrf_texts(), *values[-1:]])

    def _check_xsrf(self, texts: Iterable[bytes]) -> None:
        expected = self._xsrf_cookie()
        if expected is None:
            raise HTTPError(403, f"the request has no valid _xsrf cookie; {_HELP}")
        sent = False
        for text in texts:
            sent = True
            token = decode_token(text)
            if token is not None and compare_digest(token, expected):
                return
        problem = "the XSRF token is not that of the _xsrf cookie" if sent else "the XSRF token is missing"
        raise HTTPError(403, f"{problem}; {_HELP}")

    def _xsrf_texts(self) -> Iterator[bytes]:
        """What was sent as a token; the form is read only when the others do not do."""
        for name in (b"X-Xsrftoken", b"X-Csrftoken"):
            yield from self.native.requestHeaders.getRawHeaders(name) or ()
        yield from self.request.query_arguments.get(COOKIE, ())[-1:]
        yield from self.request.body_arguments.get(COOKIE, ())[-1:]
