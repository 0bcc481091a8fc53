"""Texts with ``{handler...}`` in them, and the query that is made with such texts."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote_plus

from gramex_twisted.config.marks import dotted
from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.proxy.target import clean_query

if TYPE_CHECKING:
    from gramex_twisted.resources.base import Setup
    from gramex_twisted.web.context import Context

#: Arguments that sign a visitor in here; they are nobody else's business.
CREDENTIALS = frozenset({b"gramex-otp", b"gramex-key"})
_HANDLER = re.compile(r"handler(?:[.\[].*)?")


class Format:
    """A text of the configuration, formatted with ``handler`` for each request.

    :raises ConfigError: for a mistake in it.
    """

    def __init__(self, text: str, setup: Setup, *keys: str) -> None:
        self.text = text
        self.what = dotted(keys)
        try:
            fields = [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
        except ValueError as error:
            raise setup.error(f"{text!r}: {error}", *keys) from None
        for field in fields:
            if not _HANDLER.fullmatch(field):
                raise setup.error(f"{{{field}}} is unknown; use {{handler...}}, and {{{{ for a brace", *keys)
        self.dynamic = bool(fields)

    def __call__(self, context: Context) -> str:
        """The text for one request.

        :raises HTTPError: 400 where it names what the request does not have, 500 where it cannot be formatted.
        """
        try:
            return self.text.format(handler=context)
        except LookupError as error:
            raise HTTPError(400, f"{self.what}: the request has no {error}") from None
        except (AttributeError, TypeError, ValueError) as error:
            raise HTTPError(500, f"{self.what}: {type(error).__name__}: {error}") from None


class Query:
    """What a request's query becomes: with ``default:``, and without credentials of this server."""

    def __init__(self, defaults: Mapping[str, Any], setup: Setup) -> None:
        self.defaults = [
            (name, [Format(str(item), setup, "default", name) for item in _listed(value)])
            for name, value in defaults.items()
        ]
        self.dynamic = any(form.dynamic for _, forms in self.defaults for form in forms)

    def of(self, context: Context, configured: str) -> bytes:
        """The query to send, without its ``?``. ``configured``: that of the URL. The client's arguments win, and go out
        as they were written."""
        query: bytes = context.native.uri.partition(b"?")[2]
        if not query and not configured and not self.defaults:
            return query
        if b"gramex-" in query:
            query = b"&".join(part for part in query.split(b"&") if part.partition(b"=")[0] not in CREDENTIALS)
        query = clean_query(query)
        if not self.defaults and not configured:
            return query
        sent = {name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)}
        added = [part for part in configured.split("&") if part and _name(part) not in sent]
        sent |= {_name(part) for part in added}
        for name, forms in self.defaults:
            if name not in sent:
                added += [f"{quote_plus(name)}={quote_plus(form(context))}" for form in forms]
        parts = [*(part.encode("ascii") for part in added), query]
        return b"&".join(part for part in parts if part)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name(part: str) -> str:
    pairs = parse_qsl(part, keep_blank_values=True)
    return pairs[0][0] if pairs else ""
