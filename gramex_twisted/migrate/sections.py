"""What the sections of a gramex.yaml other than `url:` do differently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gramex_twisted.config.document import Config
from gramex_twisted.config.imports import display
from gramex_twisted.config.schema import Sections
from gramex_twisted.errors import ConfigError

WITHOUT_EFFECT = {
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
    yield from _links(config)
    session = _mapping(_mapping(tree.get("app")).get("session"))
    if session.get("type") == "redis":
        message = "app.session: sessions in Redis begin anew, since they have other keys: visitors sign in once more"
        yield _found(config, message, "app", "session", "type")
    auth = next((route for route in config.routes if route.handler.endswith("Auth")), None)
    if auth is not None and config.app.settings.cookie_secret is None:
        message = (
            "app.settings.cookie_secret: Gramex signs with one that everybody knows. Here one is made, and visitors "
            "sign in once more; or write one"
        )
        yield ConfigError(auth.where, message)
    yield from _mail(config)
    yield from _secrets(config)
    if session.get("type") == "hdf5":
        yield _found(config, "app.session: sessions are in SQLite, memory, JSON or Redis", "app", "session", "type")
    for name, watch in _mapping(tree.get("watch")).items():
        if "on_moved" in _mapping(watch):
            yield _found(config, f"watch.{name}: a move is a deletion and a creation", "watch", name, "on_moved")


def _secrets(config: Config) -> Iterator[ConfigError]:
    file = config.files[0].with_name(".secrets.yaml") if config.files else Path(".secrets.yaml")
    lines = file.read_text("utf-8", "replace").splitlines() if file.is_file() else []
    for number, line in enumerate(lines, 1):
        key = line.partition(":")[0].strip()
        if key in ("SECRETS_URL", "SECRETS_IMPORT"):
            yield ConfigError(f"{display(file)}:{number}", f"{key}: has no effect: write the secrets into this file")


def _mail(config: Config) -> Iterator[ConfigError]:
    for name, service in _mapping(config.tree.get("email")).items():
        service = _mapping(service)
        if service.get("type") == "smtps" and service.get("port") not in (465, 587):
            message = (
                f"email.{name}: smtps is TLS from the first byte, at port 465; Gramex speaks STARTTLS, which is "
                "`type: smtpstarttls`"
            )
            yield _found(config, message, "email", name, "type")
    for name, alert in _mapping(config.tree.get("alert")).items():
        for key in ("subject", "to", "cc", "bcc", "body"):
            if "{%raw" in str(_mapping(alert).get(key)).replace(" ", ""):
                message = f"alert.{name}.{key}: is not escaped as HTML here, and needs no raw"
                yield _found(config, message, "alert", name, key)


def _links(config: Config) -> Iterator[ConfigError]:
    """Routes that mail links, which need ``app.base_url``."""
    if config.app.base_url:
        return
    for route in config.routes:
        told = {
            "DBAuth": ("forgot", "nobody can get a new password, or sign up,"),
            "EMailAuth": ("body", "mails have no link"),
        }
        key, meaning = told.get(route.handler.replace("Email", "EMail"), ("", ""))
        if key and (key in route.kwargs or key == "body"):
            message = f"url.{route.name}: {meaning} until app.base_url says where people reach the app"
            yield ConfigError(str(route.mark("kwargs", key)), message)


def _found(config: Config, message: str, *path: str) -> ConfigError:
    return ConfigError(str(config.mark(*path)), message)


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}
