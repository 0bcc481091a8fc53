"""Part of the tree against its model: every mistake at its own key."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from gramex_twisted.config.marks import KeyPath, Mark, dotted
from gramex_twisted.config.messages import translate
from gramex_twisted.config.model import Model, known_keys
from gramex_twisted.config.problems import Problems, closest

M = TypeVar("M", bound=Model)
Locate = Callable[[KeyPath], Mark]


class Validator:
    """Checks data at ``prefix`` of the tree; ``locate`` finds the Mark of a full key path."""

    def __init__(self, problems: Problems, locate: Locate) -> None:
        self.problems = problems
        self.locate = locate

    def validate(self, model: type[M], data: Any, prefix: KeyPath, own: Iterable[Any] | None = None) -> M | None:
        """``data`` as ``model``; None, with errors, when it does not fit.

        Unknown keys are looked for among ``own`` (default: all keys of ``data``).
        """
        hints = self.unknown_keys(model, data, prefix, own)
        try:
            result = model.model_validate(data)
        except ValidationError as error:
            for path, message in translate(error, data):
                if message not in hints:
                    self.problems.error(self.locate(prefix + path), f"{dotted(prefix + path)}: {message}")
            return None
        return result if not hints else None

    def values(self, model: type[Model], data: Any, prefix: KeyPath) -> None:
        """Note what is wrong with ``data``, which need not be complete."""
        self.unknown_keys(model, data, prefix, None)
        try:
            model.model_validate(data)
        except ValidationError as error:
            for path, message in translate(error, data):
                if path and not message.endswith(" is missing"):
                    self.problems.error(self.locate(prefix + path), f"{dotted(prefix + path)}: {message}")

    def unknown_keys(self, model: type[Model], data: Any, prefix: KeyPath, own: Iterable[Any] | None) -> set[str]:
        """Report keys that the model does not know. Returns the messages that typing errors make superfluous: that the
        key which was meant is missing."""
        if not isinstance(data, dict):
            return set()
        known = known_keys(model)
        hints: set[str] = set()
        for key in data if own is None else own:
            if key in known:
                self.nested(model, known[key], data.get(key), (*prefix, key))
            elif model.extras == "warn":
                meant = self.unknown_key(key, () if key in model.legacy else known, prefix)
                if meant:
                    hints.add(f"'{meant}' is missing")
        return hints

    def unknown_key(self, key: Any, known: Iterable[str], prefix: KeyPath) -> str | None:
        """Report one unknown key; the known one that it is close to, if there is one."""
        meant = closest(key, known)
        where, place = self.locate((*prefix, key)), dotted(prefix)
        if meant:
            self.problems.error(where, f"{place}: unknown key '{key}'; did you mean '{meant}'?")
        else:
            self.problems.warn(where, f"{place}: unknown key '{key}' has no effect here")
        return meant

    def nested(self, model: type[Model], field: str, value: Any, prefix: KeyPath) -> None:
        """Look for unknown keys in the value of a field that holds a model, or a list of them."""
        if not isinstance(value, dict | list):
            return
        named = model_by_name(model.model_fields[field].annotation)
        if named is not None and isinstance(value, dict):
            for name, item in value.items():
                self.unknown_keys(named, item, (*prefix, name), None)
            return
        inner = model_in(model.model_fields[field].annotation)
        if inner is None:
            return
        for path, item in [((), value)] if isinstance(value, dict) else (((i,), item) for i, item in enumerate(value)):
            self.unknown_keys(inner, item, prefix + path, None)


def model_by_name(annotation: Any) -> type[Model] | None:
    """The Model of a field that maps names to such; None for any other field."""
    arguments = get_args(annotation)
    return model_in(arguments[1]) if get_origin(annotation) is dict and len(arguments) == 2 else None


def model_in(annotation: Any) -> type[Model] | None:
    """The one Model that a field may hold, itself or in a list; None when there is none or a choice."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    if get_origin(annotation) in (list, tuple, Union, types.UnionType):
        found = {inner for inner in map(model_in, get_args(annotation)) if inner}
        return found.pop() if len(found) == 1 else None
    return None
