"""Templates: Tornado's template language, compiled once and reloaded when a file changes.

``tornado.template`` is imported when the first template is rendered.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

if TYPE_CHECKING:
    from gramex_twisted.services.templateloader import Compiled

log = Logger()

Module = Callable[..., Any]
"""What ``{% module name(...) %}`` calls: ``module(names, ...)``, ``names`` being those that the template was given."""

_APPS: Any = object()

Stamp = tuple[int, int, int]
"""What tells that a file has changed: mtime in nanoseconds, size in bytes, inode."""


class TemplateError(Exception):
    """A template that cannot be compiled, or an error raised in it: ``page.html:7: name 'x' is not defined``.

    ``where`` is ``file:line``, the file as seen from the folder of the rendered template. The error that was raised in
    the template is its ``__cause__``.
    """

    def __init__(self, where: str, message: str) -> None:
        super().__init__(where, message)
        self.where = where
        self.message = message

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class Templates:
    """The templates of one app. Thread-safe: ``render`` is called in the threads of user functions.

    :param whitespace: ``all`` keeps it, ``single`` keeps one of each run, ``oneline`` makes it one line.
    :param autoescape: the function that escapes ``{{ }}``; None or "" for none.
    :param watch: look on each use whether a file has changed.
    :param modules: what ``{% module %}`` knows beside ``Template`` and ``xsrf_form_html``.
    :param most: how many compiled templates are kept.
    """

    def __init__(
        self,
        whitespace: str = "all",
        autoescape: str | None = "xhtml_escape",
        watch: bool = True,
        *,
        modules: Mapping[str, Module] | None = None,
        most: int = 500,
    ) -> None:
        self.whitespace = whitespace
        self.autoescape = autoescape
        self.watch = watch
        self.most = most
        self.modules: dict[str, Module] = {
            "Template": self._include,
            "xsrf_form_html": _xsrf_form_html,
            **(modules or {}),
        }
        self._compiled: OrderedDict[tuple[str, str | None, str], Compiled] = OrderedDict()
        self._lock = threading.Lock()  # guards _compiled

    def render(
        self,
        path: Path | str,
        names: Mapping[str, Any],
        *,
        autoescape: str | None = _APPS,
        whitespace: str | None = None,
    ) -> bytes:
        """The template in the file ``path`` with ``names``, in UTF-8.

        Beside ``names`` it knows ``escape xhtml_escape url_escape json_encode squeeze linkify datetime``.

        :param autoescape: instead of the app's; None or "" for none.
        :param whitespace: instead of the app's.
        :raises TemplateError: naming file and line. An HTTPError raised in the template stays what it is.
        :raises FileNotFoundError: when there is no such file.
        """
        escape = self.autoescape if autoescape is _APPS else autoescape
        compiled = self._load(os.path.abspath(path), escape or None, whitespace or self.whitespace)
        namespace: dict[str, Any] = {**compiled.namespace, **names}
        if "xhtml_escape" in names:
            namespace["_tt_escaped"] = compiled.escaping(names["xhtml_escape"])
        namespace["_tt_modules"] = _Modules(self.modules, names, compiled.path)
        try:
            return compiled.run(namespace)
        except TemplateError:
            raise
        except Exception as error:
            if hasattr(error, "status_code"):
                raise  # an answer, not a mistake
            where = _where(compiled, error.__traceback__, namespace)
            raise TemplateError(where, _message(error)) from error

    def _load(self, path: str, autoescape: str | None, whitespace: str) -> Compiled:
        key = (path, autoescape, whitespace)
        with self._lock:
            found = self._compiled.get(key)
            if found is not None:
                self._compiled.move_to_end(key)
        if found is not None and not (self.watch and changed(found.files)):
            return found
        from gramex_twisted.services.templateloader import compile_template

        compiled = compile_template(path, autoescape, whitespace)
        with self._lock:
            self._compiled[key] = compiled
            if len(self._compiled) > self.most:
                self._compiled.popitem(last=False)
        return compiled

    def _include(self, names: Mapping[str, Any], path: str, **extra: Any) -> bytes:
        """``{% module Template("x.html", a=1) %}``: another template with names of its own."""
        return self.render(path, {**names, **extra})


class _Modules:
    """``{% module name(...) %}`` is ``_tt_modules.name(...)`` in a compiled template."""

    def __init__(self, modules: Mapping[str, Module], names: Mapping[str, Any], path: str) -> None:
        self._modules = modules
        self._names = names
        self._path = path

    def __getattr__(self, name: str) -> Callable[..., Any]:
        module = self._modules.get(name)
        if module is None:
            known = ", ".join(sorted(self._modules))
            raise NameError(f"there is no template module '{name}'; there are {known}")
        if name == "Template":
            return lambda path, **extra: module(self._names, os.path.join(os.path.dirname(self._path), path), **extra)
        return lambda *args, **kwargs: module(self._names, *args, **kwargs)


def _xsrf_form_html(names: Mapping[str, Any]) -> Any:
    return names["handler"].xsrf_form_html()


def stamp(path: str) -> Stamp:
    """The Stamp of a file.

    :raises OSError: when there is none.
    """
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size, found.st_ino


def changed(files: Mapping[str, Stamp]) -> bool:
    """Whether one of ``files`` is gone or is no longer what its Stamp says."""
    try:
        return any(stamp(path) != seen for path, seen in files.items())
    except OSError:
        return True


def _where(compiled: Compiled, trace: TracebackType | None, namespace: dict[str, Any]) -> str:
    """``file:line`` of the innermost template line in a traceback."""
    line = 0
    while trace is not None:
        if trace.tb_frame.f_globals is namespace:
            line = trace.tb_lineno
        trace = trace.tb_next
    return compiled.place(line)


def _message(error: BaseException) -> str:
    text = str(error)
    return text if text and not isinstance(error, KeyError) else f"{type(error).__name__}: {text}".rstrip(": ")
