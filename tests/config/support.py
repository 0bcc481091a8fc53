"""What the tests of the configuration share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field
from twisted.trial.unittest import TestCase

from gramex_twisted.config.document import Config, Document, RouteConfig
from gramex_twisted.config.model import Model, Seconds, Size
from gramex_twisted.config.problems import flatten
from gramex_twisted.config.reader import read
from gramex_twisted.config.schema import build
from gramex_twisted.errors import ConfigError

FILE = Path("/app/gramex.yaml")


class Part(Model):
    """A part of an option."""

    size: Size = Field(default=1, description="A size.")


class Options(Model):
    """What every handler of these tests takes."""

    headers: dict[str, Any] = Field(default={}, description="Headers.")
    methods: str | list[str] | None = Field(default=None, description="Methods.")
    error: dict[int, dict[str, Any]] = Field(default={}, description="Error pages.")
    wait: Seconds = Field(default=1, description="A time.")


class PageOptions(Options):
    """A handler with a required option and nested ones."""

    path: str = Field(description="A file.")
    index: bool = Field(default=False, description="Whether to list.")
    part: Part = Field(default=Part(), description="A part.")
    parts: list[Part] = Field(default=[], description="Parts.")


class Handlers(dict[str, type[Model]]):
    """A registry of two handlers, one of which cannot be imported."""

    aliases: Mapping[str, str] = {"Page": "PageHandler", "Data": "FormHandler"}

    def __init__(self) -> None:
        super().__init__(PageHandler=PageOptions, BrokenHandler=Model)

    def get(self, name: str) -> type[Model] | None:  # type: ignore[override]
        if name == "BrokenHandler":
            raise ConfigError("", "handler BrokenHandler cannot be imported: No module named 'x'")
        return Options if name == "BaseHandler" else super().get(name)


def document(text: str, **options: Any) -> Document:
    """The Document of a file /app/gramex.yaml with this text, in an empty environment."""
    return read(FILE, **{"text": text, "environ": {"HOME": "/home/me"}, **options})


def config(text: str) -> Config:
    """The Config of a file with this text."""
    return build(document(text), Handlers())


def route(text: str, name: str = "home") -> RouteConfig:
    """The route ``name`` of a file with this text."""
    return next(route for route in config(text).routes if route.name == name)


def lines(errors: Any) -> list[str]:
    """The errors as they are printed, without the folder."""
    return [str(error).replace("/app/", "") for error in errors]


def errors_of(call: Callable[..., Any], *args: Any, **kwargs: Any) -> list[str]:
    """What ``call`` raises, a line for each error."""
    try:
        call(*args, **kwargs)
    except ExceptionGroup as group:
        return lines(flatten(group))
    raise AssertionError("no errors were raised")


class FilesCase(TestCase):
    """A folder with files."""

    def folder(self, files: Mapping[str, str]) -> Path:
        """A new folder with these files."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    def read(self, files: Mapping[str, str], **options: Any) -> Document:
        """The Document of the gramex.yaml among ``files``."""
        self.root = self.folder(files)
        return read(self.root / "gramex.yaml", **{"environ": {}, **options})

    def errors(self, files: Mapping[str, str], **options: Any) -> list[str]:
        """The errors of reading ``files``, with paths relative to their folder."""
        found = errors_of(self.read, files, **options)
        short = str(self.root.relative_to(Path.cwd())) + "/"
        return [line.replace(str(self.root) + "/", "").replace(short, "") for line in found]
