"""The arguments that an API takes, by method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gramex_twisted.options.arguments import Args, Arguments
from gramex_twisted.options.errors import ManyOptionsError, OptionError
from gramex_twisted.options.option import ABSENT, Option

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ANY = "*"

Written = Mapping[str, Mapping[str, Any]]
"""Method, or "*" for all, -> name -> Option, Definition or what one is made of."""


class OptionSet:
    """The options of one API.

    An option of a method stands in for that of the same name under "*". HEAD takes those of GET.

    :param all_errors: whether everything that is wrong with a request is told, not just the first thing.
    :raises ValueError: for a method that is none, or an option that makes no sense.
    """

    def __init__(self, written: Written, *, all_errors: bool = False) -> None:
        self.all_errors = all_errors
        self._any = _made(written.get(ANY) or {})
        self._methods: dict[str, dict[str, Option]] = {}
        for name, options in written.items():
            method = str(name).upper()
            if method in METHODS:
                self._methods[method] = self._any | _made(options or {})
            elif method != ANY:
                raise ValueError(f"'{name}' is no HTTP method, use {', '.join(METHODS)} or '*'")

    def options(self, method: str) -> dict[str, Option]:
        """The options of a request with ``method``, by name."""
        found = self._methods.get(method)
        if found is None and method == "HEAD":
            found = self._methods.get("GET")
        return self._any if found is None else found

    def parse(self, method: str, arguments: Arguments) -> Args:
        """What the options make of ``arguments``.

        :raises OptionError: for the first that does not do; ManyOptionsError with all of them where ``all_errors``.
        """
        result = Args()
        errors: list[OptionError] = []
        # Most requests have nothing but a query, in which most options are looked for under one name.
        query = None if arguments.form or arguments.json or arguments.yaml else arguments.query
        for name, option in self.options(method).items():
            groups = option.groups
            for group in groups:
                if group not in result:
                    result[group] = Args()
            try:
                if query is not None and option.in_query:
                    texts = query.get(option.keyword)
                    value = option.missing() if texts is None else option.made(texts, "query")
                else:
                    value = option.parse(arguments)
            except OptionError as error:
                if not self.all_errors:
                    raise
                errors.append(error)
                continue
            if value is ABSENT:
                continue
            if not groups:
                result[name] = value
            else:
                for group in groups:
                    result[group][name] = value
        if errors:
            raise ManyOptionsError(errors)
        return result


def _made(options: Mapping[str, Any]) -> dict[str, Option]:
    return {name: made if isinstance(made, Option) else Option(name, made) for name, made in options.items()}
