"""Mails that sign-in sends, from templates such as ``Hello {user}: {reset_url}``."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Formatter
from typing import Any

from twisted.logger import Logger

from gramex_twisted.resources.base import Setup
from gramex_twisted.services.emails import Emails, Mailer

log = Logger()


class Letter:
    """One kind of mail.

    :param service: a name in ``email:``; ``key`` is the kwarg that has it.
    :param sender: the From: address, instead of the service's.
    :raises ConfigError: for a service that is not there, or a template that is none.
    """

    def __init__(
        self,
        setup: Setup,
        keys: tuple[str, ...],
        service: str,
        texts: Mapping[str, str | None],
        sender: str | None = None,
    ) -> None:
        try:
            self.mailer: Mailer = setup.services.part(Emails).named(service)
        except ValueError as error:
            raise setup.error(str(error), *keys) from None
        self.sender = sender
        self.texts = {name: text for name, text in texts.items() if text}
        for text in self.texts.values():
            try:
                list(Formatter().parse(text))
            except ValueError as error:
                raise setup.error(f"{text[:40]!r} is not a template: {error}", *keys[:-1]) from None

    def names(self, name: str) -> bool:
        """Whether a text has ``{name}``."""
        return any(_names(text, name) for text in self.texts.values())

    def leave_out(self, name: str, needed: str) -> None:
        """Drop the lines that have ``{name}``. ``{needed}`` stays, or comes, into the body."""
        for key, text in list(self.texts.items()):
            lines = text.splitlines(keepends=True)
            self.texts[key] = "".join(line for line in lines if not _names(line, name))
        if not _names(self.texts["body"], needed):
            self.texts["body"] += f"{{{needed}}}"
        if not _names(self.texts.get("html", ""), needed):
            self.texts.pop("html", None)

    async def send(self, to: str, values: Mapping[str, Any]) -> None:
        """Send it, with ``values`` filled in.

        :raises MailError: when it was not accepted.
        """
        plain = _Values({key: "" if value is None else str(value) for key, value in values.items()})
        html = self.texts.get("html")
        subject = " ".join(self.texts["subject"].format_map(plain).split())
        await self.mailer.mail(
            to=to,
            subject=subject,
            body=self.texts["body"].format_map(plain),
            html=html and html.format_map(_Values({key: escape(value) for key, value in plain.items()})),
            **{"from": self.sender},
        )


def _names(text: str, name: str) -> bool:
    try:
        return any(field == name for _, field, _, _ in Formatter().parse(text))
    except ValueError:  # a line of a template need not be one
        return False


class _Values(dict[str, str]):
    """Leaves what it does not know as it is written."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


def text_of(setup: Setup, text: str | None, file: str | None, *keys: str) -> str | None:
    """``text``, or the content of ``file`` where one is named.

    :raises ConfigError: when it cannot be read.
    """
    if not file:
        return text
    try:
        return Path(setup.services.root, file).read_text("utf-8")
    except OSError as error:
        raise setup.error(f"cannot read {file}: {error.strerror}", *keys) from None


def link_base(setup: Setup, what: str, *keys: str) -> str:
    """What links in mails begin with: ``app.base_url``, never what a request says is the host. "" where it is not set,
    with a warning of ``what`` that means."""
    base = (setup.services.conf.get("app") or {}).get("base_url")
    if not base:
        advice = "write app.base_url: https://app.example.org"
        log.warn("{where}: {what}: {advice}", where=setup.where(*keys), what=what, advice=advice)
    return str(base or "").rstrip("/")
