"""Compiling one template file and what it includes. The one module that imports Tornado's template engine."""

from __future__ import annotations

import datetime
import html
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, MappingProxyType
from typing import Any

from tornado import escape
from tornado.template import BaseLoader, ParseError, Template

from gramex_twisted.services.templates import Stamp, TemplateError, stamp

#: What Tornado writes for `{{ expression }}` under its usual escaping, after the line that evaluates it.
_ESCAPING = re.compile(
    r"^( *)if isinstance\(_tt_tmp, _tt_string_types\): _tt_tmp = _tt_utf8\(_tt_tmp\)(  # .*)\n"
    r" *else: _tt_tmp = _tt_utf8\(str\(_tt_tmp\)\)  # .*\n"
    r" *_tt_tmp = _tt_utf8\(xhtml_escape\(_tt_tmp\)\)  # .*\n"
    r" *_tt_append\(_tt_tmp\)  # .*$",
    re.MULTILINE,
)
_PLACE = re.compile(r"  # (\S.*?:\d+)(?: \(via .*\))?$")

_SPECIAL = b"&<>\"'"


def escaped(value: object) -> bytes:
    """What ``xhtml_escape`` makes of a value, in UTF-8. Half of a typical template's time goes into this."""
    data = value if isinstance(value, bytes) else str(value).encode("utf-8")
    if len(data.translate(None, _SPECIAL)) == len(data):
        return data
    return html.escape(data.decode("utf-8")).encode("utf-8")


_NAMES: Mapping[str, Any] = MappingProxyType(
    {
        "escape": escape.xhtml_escape,
        "xhtml_escape": escape.xhtml_escape,
        "url_escape": escape.url_escape,
        "json_encode": escape.json_encode,
        "squeeze": escape.squeeze,
        "linkify": escape.linkify,
        "datetime": datetime,
        "_tt_utf8": escape.utf8,
        "_tt_escaped": escaped,
        "_tt_string_types": (str, bytes),
        "__name__": "template",
    }
)


@dataclass(frozen=True)
class Compiled:
    """A template that is ready to run. ``files`` are those it was made of, itself among them."""

    path: str
    template: Template
    files: dict[str, Stamp]

    @property
    def namespace(self) -> Mapping[str, Any]:
        """The names that every template knows."""
        return _NAMES

    def run(self, namespace: dict[str, Any]) -> bytes:
        """What the template makes of ``namespace``, which becomes its globals."""
        code: CodeType = self.template.compiled
        exec(code, namespace)
        execute = namespace.pop("_tt_execute")  # whose globals these are: a ring, which only a collection frees
        result: bytes = execute()
        return result

    def escaping(self, function: Callable[[bytes], str | bytes]) -> Callable[[object], bytes]:
        """What escapes values where the names given have an ``xhtml_escape`` of their own."""

        def escaped(value: object) -> bytes:
            return escape.utf8(function(value if isinstance(value, bytes) else str(value).encode("utf-8")))

        return escaped

    def place(self, line: int) -> str:
        """``file:line`` of the template for a line of its Python code; the file alone where there is none."""
        return place_of(self.template.code, line) or os.path.basename(self.path)


def place_of(code: str, line: int) -> str | None:
    """What Tornado writes at the end of each line of Python: the template and line that it was made from."""
    lines = code.splitlines()
    found = _PLACE.search(lines[line - 1]) if 0 < line <= len(lines) else None
    return found[1] if found else None


def compile_template(path: str, autoescape: str | None, whitespace: str) -> Compiled:
    """The template in the file ``path`` (absolute).

    :raises TemplateError: naming file and line.
    :raises OSError: when the file cannot be read.
    """
    loader = _Loader(os.path.dirname(path), autoescape, whitespace)
    template = loader.load(os.path.basename(path))
    return Compiled(path, template, loader.files)


def compile_text(text: str, name: str, folder: str, autoescape: str | None) -> Compiled:
    """The template ``text``, called ``name`` in messages; it may include files of ``folder`` (absolute).

    :raises TemplateError: naming its line.
    """
    loader = _Loader(folder, autoescape, "all")
    return Compiled(name, _Template(text, name, loader), loader.files)


class _Template(Template):
    """A template whose mistakes are told with its own lines."""

    def __init__(self, text: str, name: str, loader: _Loader) -> None:
        try:
            super().__init__(text, name, loader)
        except ParseError as error:
            raise TemplateError(f"{error.filename}:{error.lineno}", error.message) from None
        except (TemplateError, OSError):
            raise
        except Exception as error:
            raise TemplateError(name, str(error)) from error

    def _generate_python(self, loader: BaseLoader | None) -> str:
        code = _ESCAPING.sub(r"\1_tt_append(_tt_escaped(_tt_tmp))\2", super()._generate_python(loader))
        try:
            # Tornado would log the whole code of a template that is no Python: this finds it first, and its line.
            compile(code, self.name, "exec", dont_inherit=True)
        except SyntaxError as error:
            where = place_of(code, error.lineno or 0) or self.name
            raise TemplateError(where, f"{error.msg}: {_source(error)}") from None
        return code


def _source(error: SyntaxError) -> str:
    text = (error.text or "").strip()
    return re.sub(r"^_tt_tmp = |  # .*$", "", text)


class _Loader(BaseLoader):
    """Loads one template and what it includes or extends, by names relative to the folder of the first.

    ``files`` gathers what was read.
    """

    def __init__(self, folder: str, autoescape: str | None, whitespace: str) -> None:
        super().__init__(autoescape=autoescape, whitespace=whitespace)
        self.folder = folder
        self.files: dict[str, Stamp] = {}
        self._texts: dict[str, str] = {}
        self._loading: list[str] = []

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:
        folder = os.path.dirname(parent_path) if parent_path else ""
        return os.path.normpath(os.path.join(folder, name))

    def load(self, name: str, parent_path: str | None = None) -> Template:
        resolved = self.resolve_path(name, parent_path)
        if resolved in self._loading:
            raise TemplateError(self._line(name, parent_path), f"{name} includes itself")
        try:
            return super().load(resolved)
        except OSError as error:
            if parent_path is None:
                raise
            raise TemplateError(self._line(name, parent_path), f"cannot read {name}: {error.strerror}") from error

    def _create_template(self, name: str) -> Template:
        path = os.path.join(self.folder, name)
        self.files[path] = stamp(path)
        with open(path, "rb") as file:
            data = file.read()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise TemplateError(f"{name}:{line}", "the template is not UTF-8") from None
        self._texts[name] = text
        self._loading.append(name)
        try:
            return _Template(text, name, self)
        finally:
            self._loading.pop()

    def _line(self, name: str, parent: str | None) -> str:
        """``file:line`` where ``parent`` includes ``name``."""
        text = self._texts.get(parent or "", "")
        found = re.search(r"\{%\s*(?:include|extends)\s+[\"']?" + re.escape(name), text)
        return f"{parent}:{text.count(chr(10), 0, found.start()) + 1}" if found else str(parent)
