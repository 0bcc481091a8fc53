"""What a request brings, by where it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

#: Where arguments are looked for, in this order.
LOCATIONS = ("path", "query", "form", "json", "yaml")
_NONE: Mapping[str, Any] = MappingProxyType({})


class Arguments:
    """The raw arguments of one request.

    ``path`` and ``names``: the pattern's groups. ``query`` and ``form``: every value of each name, as text. ``json``
    and ``yaml``: the body, an object of it, else empty.
    """

    __slots__ = ("form", "json", "names", "path", "query", "yaml")

    def __init__(
        self,
        path: Sequence[str | None] = (),
        names: Mapping[str, str | None] = _NONE,
        query: Mapping[str, Sequence[str]] = _NONE,
        form: Mapping[str, Sequence[str]] = _NONE,
        json: Mapping[str, Any] = _NONE,
        yaml: Mapping[str, Any] = _NONE,
    ) -> None:
        self.path = path
        self.names = names
        self.query = query
        self.form = form
        self.json = json
        self.yaml = yaml


class Args(dict[str, Any]):
    """The arguments of a request as its options make them. ``args.x`` is ``args["x"]``, and None where it is absent."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)
