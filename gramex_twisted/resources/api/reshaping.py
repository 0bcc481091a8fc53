"""``jmespath``: a field of an answer, replaced by what a JMESPath expression makes of it, as in BioThings.

An answer's documents are the items of its ``hits``, or of a list, or it is one itself. ``ensembl.gene|[0]`` replaces
``gene`` in each document's ``ensembl``, be that an object or a list of them; ``|{id: _id}`` replaces the documents.
"""

from __future__ import annotations

from typing import Any

from gramex_twisted.options import OptionError
from gramex_twisted.options.jmes import FAILURES, jmespath_error, reason_of
from gramex_twisted.resources.api.errors import refusal
from gramex_twisted.resources.api.formats.plain import plain

#: In place of a document of which nothing is left.
DROPPED = object()


class Reshaping:
    """What the arguments ``jmespath`` and ``jmespath_exclude_empty`` of one request ask for.

    :param parts: parent, field and compiled expression.
    :param exclude_empty: whether documents are left out where the expression makes nothing of a field.
    """

    def __init__(self, parts: tuple[str, str, Any], *, exclude_empty: bool = False) -> None:
        parent, self.field, self.compiled = parts
        self.path = parent.split(".") if parent else []
        self.exclude_empty = exclude_empty

    def answer(self, value: Any) -> Any:
        """A whole answer. It takes time where that is large.

        :raises HTTPError: 400 for an expression that does not fit it.
        """
        data = plain(value, long_numbers=int)  # a copy: the answer may be the app's own data
        if isinstance(data, list):
            return self._documents(data)
        if isinstance(data, dict) and isinstance(data.get("hits"), list):
            return data | {"hits": self._documents(data["hits"])}
        found = self._document(data)
        return None if found is DROPPED else found

    def document(self, value: Any) -> Any:
        """One document of a stream; DROPPED where it is left out."""
        return self._document(plain(value, long_numbers=int))

    def _documents(self, values: list[Any]) -> list[Any]:
        found = [self._document(value) for value in values]
        return [value for value in found if value is not DROPPED]

    def _document(self, value: Any) -> Any:
        try:
            return self._replaced(value, self.path)
        except OptionError as error:
            raise refusal(error) from None
        except FAILURES as error:
            raise refusal(jmespath_error(reason_of(error))) from error

    def _replaced(self, value: Any, path: list[str]) -> Any:
        if isinstance(value, list):
            found = [self._replaced(item, path) for item in value]
            left = [item for item in found if item is not DROPPED]
            return left if left or not found else DROPPED
        if not path:
            return self._searched(value)
        if not isinstance(value, dict):
            raise jmespath_error(f"{path[0]} is wanted of {_kind(value)}, which has no fields")
        inner = value.get(path[0])
        if inner is None:
            return value  # a document without the field is as it was
        made = self._replaced(inner, path[1:])
        return DROPPED if made is DROPPED else value | {path[0]: made}

    def _searched(self, value: Any) -> Any:
        from gramex_twisted.options.jmessearch import search

        if not self.field:
            made = search(self.compiled, value) if value else value
            return DROPPED if self.exclude_empty and not made else made
        if not isinstance(value, dict):
            raise jmespath_error(f"{self.field} is wanted of {_kind(value)}, which has no fields")
        if not value.get(self.field):
            return DROPPED if self.exclude_empty else value
        made = search(self.compiled, value[self.field])
        return DROPPED if self.exclude_empty and not made else value | {self.field: made}


def _kind(value: Any) -> str:
    kinds = {str: "a text", bool: "a truth value", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")
