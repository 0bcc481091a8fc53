"""What a request brings, by where it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Where arguments are looked for, in this order.
LOCATIONS = ("path", "query", "form", "json", "yaml")


@dataclass(frozen=True, slots=True)
class Arguments:
    """The raw arguments of one request.

    ``path`` and ``names``: the pattern's groups. ``query`` and ``form``: every value of each name, as text. ``json``
    and ``yaml``: the body, an object of it, else empty.
    """

    path: Sequence[str | None] = ()
    names: Mapping[str, str | None] = field(default_factory=dict)
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    form: Mapping[str, Sequence[str]] = field(default_factory=dict)
    json: Mapping[str, Any] = field(default_factory=dict)
    yaml: Mapping[str, Any] = field(default_factory=dict)


class Args(dict[str, Any]):
    """The arguments of a request as its options make them. ``args.x`` is ``args["x"]``, and None where it is absent."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)
