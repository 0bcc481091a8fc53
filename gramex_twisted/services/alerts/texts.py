"""The texts of an alert: Tornado templates, written in the configuration or in files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from gramex_twisted.errors import ConfigError
from gramex_twisted.services.container import Services
from gramex_twisted.services.templates import TemplateError

#: What escapes values in HTML; plain texts have none.
ESCAPE = "xhtml_escape"


class Text:
    """A template that is written in the configuration.

    :param where: its place there.
    :param name: what messages call it: ``alert.sales.subject``.
    :raises ConfigError: when it is no template.
    """

    def __init__(self, services: Services, text: str, where: str, name: str, autoescape: str | None = None) -> None:
        from gramex_twisted.services.templateloader import compile_text

        self.name = name
        try:
            self._compiled = compile_text(text, name, str(services.root), autoescape)
        except TemplateError as error:
            raise ConfigError(where, f"{name}: line {str(error).removeprefix(f'{name}:')}") from None
        except OSError as error:
            raise ConfigError(where, f"{name}: cannot read {error.filename}: {error.strerror}") from None

    def render(self, names: Mapping[str, Any]) -> str:
        """The text, with ``names`` filled in.

        :raises TemplateError: naming it.
        """
        try:
            return self._compiled.run({**self._compiled.namespace, **names}).decode("utf-8")
        except TemplateError:
            raise
        except Exception as error:
            raise TemplateError(self.name, f"{type(error).__name__}: {error}") from error


class FileText:
    """A template in a file, whose name may be one too. It is read when it is needed.

    :raises ConfigError: when there is no such file, as far as that can be known now.
    """

    def __init__(self, services: Services, path: str, where: str, name: str, autoescape: str | None = None) -> None:
        self._templates = services.templates
        self._root = services.root
        self._autoescape = autoescape
        self._path = Text(services, path, where, name)
        if "{" not in path and not (services.root / path).is_file():
            raise ConfigError(where, f"{name}: there is no file {path}")

    def render(self, names: Mapping[str, Any]) -> str:
        """The text, with ``names`` filled in.

        :raises TemplateError: naming file and line.
        :raises OSError: when it cannot be read.
        """
        path = os.path.join(self._root, self._path.render(names).strip())
        rendered: bytes = self._templates.render(path, names, autoescape=self._autoescape)
        return rendered.decode("utf-8")
