"""The arguments of a request, decoded: ``handler.args``, ``get_argument``, ``argparse``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from twisted.logger import Logger

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.errors import HTTPError
from gramex_twisted.web.legacy import with_tornados

log = Logger()

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_REQUIRED: Any = ...


class MissingArgumentError(HTTPError):
    """400: the argument ``arg_name`` is needed and not there."""

    def __init__(self, arg_name: str) -> None:
        super().__init__(400, f"{arg_name}: missing ?{arg_name}=")
        self.arg_name = arg_name


def missing(name: str) -> MissingArgumentError:
    """The error for the argument ``name``: one of Tornado's too, for code that has imported those to catch them."""
    error = MissingArgumentError(name)
    both = with_tornados(MissingArgumentError, "MissingArgumentError")
    if both is not MissingArgumentError:
        values = vars(error)
        error = both.__new__(both, *error.args)
        error.__dict__.update(values)
    return error


class Arguments:
    """Argument methods of the Context. ``request`` gives the raw arguments, as bytes."""

    name: str
    request: Any
    _args: dict[str, list[str]] | None

    @property
    def args(self) -> dict[str, list[str]]:
        """Query and form arguments: stripped strings. An argument that is not UTF-8 is logged and left out."""
        if self._args is None:
            self._args = self._decode(self.request.arguments)
        return self._args

    @args.setter
    def args(self, value: dict[str, list[str]]) -> None:
        self._args = value

    def _decode(self, raw: Mapping[str, list[bytes]]) -> dict[str, list[str]]:
        decoded = {}
        for name, values in raw.items():
            try:
                decoded[_utf8_name(name)] = [clean_text(value) for value in values]
            except UnicodeDecodeError:
                log.warn("{route}: argument {name!r} is not UTF-8 and is ignored", route=self.name, name=name)
        return decoded

    def get_arg(self, name: str, default: Any = _REQUIRED, first: bool = False) -> Any:
        """The last value of ``name`` in ``args`` (the first with ``first``).

        :raises MissingArgumentError: when it is not there and has no default.
        """
        values = self.args.get(name)
        if values:
            return values[0 if first else -1]
        if default is _REQUIRED:
            raise missing(name)
        return default

    def get_argument(self, name: str, default: Any = _REQUIRED, strip: bool = True) -> Any:
        """The last value of a query or form argument."""
        return _last(self.get_arguments(name, strip), name, default)

    def get_arguments(self, name: str, strip: bool = True) -> list[str]:
        """Every value of a query or form argument."""
        return _values(self.request.arguments, name, strip)

    def get_query_argument(self, name: str, default: Any = _REQUIRED, strip: bool = True) -> Any:
        """The last value of a query argument."""
        return _last(self.get_query_arguments(name, strip), name, default)

    def get_query_arguments(self, name: str, strip: bool = True) -> list[str]:
        """Every value of a query argument."""
        return _values(self.request.query_arguments, name, strip)

    def get_body_argument(self, name: str, default: Any = _REQUIRED, strip: bool = True) -> Any:
        """The last value of a form argument."""
        return _last(self.get_body_arguments(name, strip), name, default)

    def get_body_arguments(self, name: str, strip: bool = True) -> list[str]:
        """Every value of a form argument."""
        return _values(self.request.body_arguments, name, strip)

    def argparse(self, *names: Any, **options: Mapping[str, Any]) -> AttrDict:
        """Arguments by rule.

        Positional names are required strings. Keyword options take ``name, required, default, nargs, type, choices``.
        Everything else that was sent is there too: its first value, or all with ``list`` as the first parameter.

        :raises HTTPError: 400 that names the argument.
        """
        kind: Any = str
        if names and not (isinstance(names[0], str)):
            kind, names = names[0], names[1:]
        result = AttrDict()
        for key in names:
            result[key] = self.get_arg(key) if kind is not list else self._all(key)
        for key, option in options.items():
            _parse_option(result, key, option, self.args)
        for key, values in self.args.items():
            if key not in names and key not in options:
                if kind is list:
                    result[key] = values
                elif kind is not None:
                    result[key] = values[0].encode() if kind is bytes else values[0]
        return result

    def _all(self, key: str) -> list[str]:
        if key not in self.args:
            raise missing(key)
        return self.args[key]


def _parse_option(result: AttrDict, key: str, option: Mapping[str, Any], args: Mapping[str, list[str]]) -> None:
    name = option.get("name", key)
    values: list[Any] = list(args.get(name, ()))
    if not values:
        if "default" in option:
            result[key] = option["default"]
            return
        if option.get("required", False):
            raise HTTPError(400, f"{key}: missing ?{name}=")
    nargs = option.get("nargs")
    if isinstance(nargs, int):
        values = (values + [""] * nargs)[:nargs]
    elif nargs not in ("*", "+", None):
        raise ValueError(f"argparse: {key}: nargs must be a number, '*' or '+', not {nargs!r}")
    elif nargs == "+" and not values:
        raise HTTPError(400, f"{key}: missing ?{name}=")
    if option.get("type") is not None:
        values = [_convert(value, option["type"], key, name) for value in values]
    choices = option.get("choices")
    for value in values:
        if choices is not None and value not in choices:
            allowed = ", ".join(map(str, choices))
            raise HTTPError(400, f"{key}: invalid choice ?{name}={value}; use one of: {allowed}")
    if nargs is not None:
        result[key] = values
    elif values:
        result[key] = values[-1]


def _convert(value: str, kind: Callable[[str], Any], key: str, name: str) -> Any:
    try:
        return kind(value)
    except (ValueError, TypeError, ArithmeticError) as error:
        kind_name = getattr(kind, "__name__", str(kind))
        raise HTTPError(400, f"{key}: ?{name}={value} is not of type {kind_name}") from error


def _utf8_name(name: str) -> str:
    return name.encode("latin-1").decode("utf-8")


def clean_text(value: bytes, strip: bool = True) -> str:
    """An argument's text: control characters become spaces, and those at its ends go.

    :raises UnicodeDecodeError: for what is not UTF-8.
    """
    text = value.decode("utf-8")
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    return text.strip() if strip else text


def _values(raw: Mapping[str, list[bytes]], name: str, strip: bool) -> list[str]:
    try:
        return [clean_text(value, strip) for value in raw.get(name.encode("utf-8").decode("latin-1"), ())]
    except UnicodeDecodeError:
        raise HTTPError(400, f"{name}: ?{name}= is not UTF-8") from None


def _last(values: list[str], name: str, default: Any) -> Any:
    if values:
        return values[-1]
    if default is _REQUIRED:
        raise missing(name)
    return default
