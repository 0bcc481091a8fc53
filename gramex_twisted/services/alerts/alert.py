"""Alert: one entry of ``alert:``, and what it does when it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.config.alerts import Alert as Options
from gramex_twisted.functions import Function
from gramex_twisted.services.alerts.letter import Letter
from gramex_twisted.services.container import Services
from gramex_twisted.services.emails import Mailer
from gramex_twisted.services.message import compose
from gramex_twisted.services.sentry.telling import tell

if TYPE_CHECKING:
    from gramex_twisted.services.alerts.service import Alerts

log = Logger()
sent_log = Logger(namespace="gramex.alert")


class DataError(Exception):
    """A dataset is missing."""


class Alert:
    """Runs one alert, which user code knows as ``gramex.service.alert[name]``.

    :param condition: of the datasets in their order, then ``config`` and ``args``.
    :param conf: the entry as it is written, which templates know as ``config``.
    """

    def __init__(
        self,
        services: Services,
        name: str,
        options: Options,
        conf: Mapping[str, Any],
        mailer: Mailer,
        letter: Letter,
        condition: Function | None,
    ) -> None:
        self.name = name
        self.options = options
        self.conf = conf
        self.mailer = mailer
        self._services = services
        self._letter = letter
        self._condition = condition
        self.others: Alerts | None = None

    def run(self, callback: Callable[..., Any] | None = None, args: Any = None) -> Any:
        """Make the mails and send them. In a thread it returns ``{"done": [...], "fail": [...]}``, whose items have
        ``index``, ``row``, ``mail`` or ``error``; on the reactor it returns a Deferred of that.

        Errors are logged with the alert's name, and are in ``fail``. Where data is missing, nothing is sent.

        :param callback: gets the arguments of ``Mailer.mail`` instead of that.
        :param args: what templates know as ``args``.
        """
        threads = self._services.threads
        return threads.run(self._run, callback, args) if threads.in_reactor else self._run(callback, args)

    def _run(
        self, callback: Callable[..., Any] | None, args: Any, before: tuple[str, ...] = ()
    ) -> dict[str, list[Any]]:
        log.info("alert.{name}: running", name=self.name)
        done: list[Any] = []
        fail: list[Any] = []
        names: dict[str, Any] = {"config": AttrDict(self.conf), "args": {} if args is None else args}
        try:
            rows = list(self._rows(names))
        except Exception as error:  # noqa: BLE001 - of a function or a database
            self._tell("nothing is sent", error, expected=isinstance(error, DataError))
            return {"done": [], "fail": [{"error": error}]}
        written = []
        for index, row in rows:
            try:
                mail = self._letter.write({**names, "index": index, "row": row})
                written.append(AttrDict(index=index, row=row, mail=mail))
            except Exception as error:  # noqa: BLE001 - a template may raise anything
                self._tell(f"mail {index} cannot be written", error)
                fail.append({"index": index, "row": row, "error": error})
        for letter in written:
            try:
                self._send(letter.mail, callback)
                done.append(letter)
            except Exception as error:  # noqa: BLE001 - a callback may raise anything
                self._tell(f"mail {letter.index} is not sent", error, expected=callback is None)
                fail.append({**letter, "error": error})
        self._notify(callback, {"done": done, "fail": fail}, (*before, self.name))
        return {"done": done, "fail": fail}

    def _tell(self, what: str, error: Exception, *, expected: bool = False) -> None:
        if expected:
            log.error("alert.{name}: {what}: {error}", name=self.name, what=what, error=error)
        else:
            log.failure("alert.{name}: {what}: {error}", Failure(error), name=self.name, what=what, error=error)
        tell(self._services, f"alert.{self.name}", error)

    # Data -------------------------------------------------------------------------------------------------------------

    def _rows(self, names: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
        """``index`` and ``row`` of each mail; none where the condition says so. Adds the datasets to ``names``."""
        for key, dataset in self.options.data.items():
            names[key] = self._dataset(key, dataset)
        if self._condition is not None:
            values = [names[key] for key in (*self.options.data, "config", "args")]
            result = self._condition(*values)
            if isinstance(result, Mapping):
                names.update(result)
            elif hasattr(result, "iterrows"):
                names["data"] = result
            elif not result:
                log.info("alert.{name}: nothing to say: the condition is {result!r}", name=self.name, result=result)
                return
        yield from [(0, None)] if self.options.each is None else self._each(names[self.options.each])

    def _each(self, data: Any) -> Iterator[tuple[Any, Any]]:
        if isinstance(data, Mapping):
            yield from data.items()
        elif isinstance(data, list | tuple):
            yield from enumerate(data)
        elif hasattr(data, "iterrows"):
            yield from data.iterrows()
        else:
            raise DataError(f"each: {self.options.each} is a {type(data).__name__}, and no list, mapping or table")

    def _dataset(self, key: str, dataset: Any) -> Any:
        if isinstance(dataset, list):
            return dataset
        given = dict(dataset)
        url = str(given["url"])
        if "://" not in url and not url.startswith("sqlite:"):
            given["url"] = str(self._services.root / url)
        try:
            from gramex_twisted.data import library
        except ImportError as error:
            raise DataError(f"data.{key}: needs {error.name}: pip install 'gramex-twisted[data,pandas]'") from error
        try:
            return library.filter(**given)
        except Exception as error:
            raise DataError(f"data.{key}: {error}") from error

    # Mails ------------------------------------------------------------------------------------------------------------

    def _send(self, mail: dict[str, Any], callback: Callable[..., Any] | None) -> None:
        if callback is not None:
            callback(**mail)
            return
        if self.options.dry_run:
            found = compose(mail, self.mailer.sender, self._services.root)
            log.info("alert.{name}: dry run: not sent to {to}: {subject}", name=self.name,
                     to=", ".join(found.recipients), subject=mail.get("subject", ""))  # fmt: skip
            return
        self.mailer.mail(**mail)
        sent_log.info("{event}", event=self._event(mail))

    def _event(self, mail: Mapping[str, Any]) -> str:
        keys = ("from", "to", "cc", "bcc", "subject")
        names = [item["filename"] if isinstance(item, dict) else item for item in mail.get("attachments", ())]
        event = {"datetime": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ"), "alert": self.name,
                 "service": self.mailer.name, **{key: mail.get(key, "") for key in keys},
                 "attachments": ", ".join(names)}  # fmt: skip
        event["from"] = event["from"] or self.mailer.sender
        return orjson.dumps(event, default=str).decode()

    def _notify(self, callback: Callable[..., Any] | None, args: dict[str, Any], before: tuple[str, ...]) -> None:
        for name in self.options.notify:
            other = None if self.others is None else self.others.get(name)
            if other is not None and name not in before:  # else there is a mistake, which has been told
                other._run(callback, args, before)
