"""Letter: what one alert writes, for one row of its data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson
from twisted.logger import Logger

from gramex_twisted.config.alerts import ADDRESSES, CONTENTS, Alert
from gramex_twisted.errors import ConfigError
from gramex_twisted.services.alerts.texts import ESCAPE, FileText, Text
from gramex_twisted.services.container import Services
from gramex_twisted.services.fetching import Fetched, FetchError, fetch

log = Logger()


class Place(Protocol):
    """Tells where an alert's key is written."""

    def __call__(self, *keys: str | int) -> str: ...


class Template(Protocol):
    """A Text or a FileText."""

    def render(self, names: Mapping[str, Any]) -> str: ...


class Letter:
    """Makes the arguments of ``Mailer.mail``. Works in threads.

    :raises ConfigError: for a text that is no template, or files that are not there.
    """

    def __init__(self, services: Services, name: str, options: Alert, where: Place) -> None:
        self.name = name
        self._services = services
        self._options = options
        self._where = where
        self._plain = {key: self._texts(key) for key in (*ADDRESSES, "subject") if self._given(key)}
        self._contents = {key: self._content(key) for key in CONTENTS if self._given(key)}
        self._images = {cid: self._text(path, "images", cid) for cid, path in options.images.items()}
        self._attachments = [self._text(path, "attachments", n) for n, path in enumerate(options.attachments)]
        self._user = self._nested(options.user, "user") if options.user else None
        if any(key.startswith("markdown") for key in self._contents) and not find_spec("markdown"):
            raise ConfigError(where(), f"alert.{name}: needs markdown: pip install 'gramex-twisted[markdown]'")

    def _given(self, key: str) -> Any:
        return getattr(self._options, "from_" if key == "from" else key)

    def _text(self, text: str, *keys: str | int, autoescape: str | None = None) -> Text:
        path = ".".join(map(str, ("alert", self.name, *keys)))
        return Text(self._services, text, self._where(*keys), path, autoescape)

    def _texts(self, key: str) -> list[Text]:
        given = self._given(key)
        return [self._text(text, key) for text in ([given] if isinstance(given, str) else given)]

    def _nested(self, value: Any, *keys: str | int) -> Any:
        """``value`` with a Text in place of each text."""
        if isinstance(value, Mapping):
            return {key: self._nested(item, *keys, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._nested(item, *keys, number) for number, item in enumerate(value)]
        return self._text(value, *keys) if isinstance(value, str) else value

    def _content(self, key: str) -> Template:
        autoescape = None if key.startswith("body") else ESCAPE
        if key.endswith("file"):
            name = f"alert.{self.name}.{key}"
            return FileText(self._services, self._given(key), self._where(key), name, autoescape)
        return self._text(self._given(key), key, autoescape=autoescape)

    def write(self, names: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of ``Mailer.mail``. Blocks.

        :raises Exception: what a template raises; FetchError and OSError for an attachment.
        """
        mail: dict[str, Any] = {}
        for key, texts in self._plain.items():
            rendered = [text.render(names) for text in texts]
            mail[key] = rendered[0] if len(rendered) == 1 else rendered
        for key in ("markdownfile", "markdown", "htmlfile", "html", "bodyfile", "body"):  # the last one counts
            if key in self._contents:
                rendered_text = self._contents[key].render(names)
                if key.startswith("markdown"):
                    from gramex_twisted.data.openers import markdown

                    mail["html"] = markdown(rendered_text)
                else:
                    mail[key.removesuffix("file")] = rendered_text
        user = orjson.dumps(rendered_of(self._user, names)).decode() if self._user else None
        if self._images:
            mail["images"] = dict(self._pictures(names, user))
        if self._attachments:
            paths = [text.render(names).strip() for text in self._attachments]
            mail["attachments"] = [self._attached(path, user) for path in paths if path]
        return mail

    def _pictures(self, names: Mapping[str, Any], user: str | None) -> Any:
        """Each picture that is one; the mail goes without those that are not, which are logged."""
        for cid, text in self._images.items():
            path = text.render(names).strip()
            try:
                if not is_url(path):
                    (self._services.root / path).open("rb").close()
                    yield cid, os.path.join(self._services.root, path)
                    continue
                found = self._fetched(path, user)
                if not found.content_type.startswith("image/"):
                    raise FetchError(f"{path}: is {found.content_type}, and no picture")
                yield cid, found.content
            except (FetchError, OSError) as error:
                log.error("alert.{name}.images.{cid}: left out: {error}", name=self.name, cid=cid, error=error)

    def _attached(self, path: str, user: str | None) -> Any:
        if not is_url(path):
            return path
        found = self._fetched(path, user)
        return {"filename": found.filename, "body": found.content, "content_type": found.content_type}

    def _fetched(self, url: str, user: str | None) -> Fetched:
        headers = {}
        if user is not None and self._is_own(url):
            headers["X-Gramex-User"] = self._services.sessions.signer.sign("user", user)
        found: Fetched = self._services.threads.call_in_reactor(fetch, self._services, url, headers)
        return found

    def _is_own(self, url: str) -> bool:
        """Whether the URL is of this app, so that it may learn who asks: on this machine, or of ``app.base_url``."""
        parts, base = urlsplit(url), (self._services.conf.get("app") or {}).get("base_url")
        own = urlsplit(str(base)) if base else None
        return parts.hostname in ("localhost", "127.0.0.1", "::1") or bool(
            own and (own.scheme, own.netloc) == (parts.scheme, parts.netloc)
        )


def rendered_of(value: Any, names: Mapping[str, Any]) -> Any:
    """``value`` with the texts of its Texts."""
    if isinstance(value, dict):
        return {key: rendered_of(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [rendered_of(item, names) for item in value]
    return value.render(names) if isinstance(value, Text) else value


def is_url(path: str) -> bool:
    """Whether it is to be fetched."""
    return path.startswith(("http://", "https://"))
