"""What the sections of a gramex.yaml other than `url:` do differently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gramex_twisted.config.document import Config
from gramex_twisted.config.schema import Sections
from gramex_twisted.errors import ConfigError

WITHOUT_EFFECT = {
    "encrypt": "no secret is encrypted",
    "gramex_update": "there is no look for newer versions",
    "test": "gramextest: is not read; write tests with gramex_twisted.testing.AppTestCase",
}
"""Sections of Gramex that nobody reads here -> what that means."""


def section_findings(config: Config) -> Iterator[ConfigError]:
    """What is different for the app."""
    tree = config.tree
    for name, meaning in WITHOUT_EFFECT.items():
        if name in tree and name not in Sections.model_fields:
            yield _found(config, f"{name}: has no effect: {meaning}", name)
    session = _mapping(_mapping(tree.get("app")).get("session"))
    if session.get("type") == "hdf5":
        yield _found(config, "app.session: sessions are in SQLite, memory, JSON or Redis", "app", "session", "type")
    for name, watch in _mapping(tree.get("watch")).items():
        if "on_moved" in _mapping(watch):
            yield _found(config, f"watch.{name}: a move is a deletion and a creation", "watch", name, "on_moved")


def _found(config: Config, message: str, *path: str) -> ConfigError:
    return ConfigError(str(config.mark(*path)), message)


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}
