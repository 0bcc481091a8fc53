"""What a `url:` and the kwargs beside it say: where a table is, and how to read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

NAMES = ("url", "table", "query", "queryfile", "ext", "state", "columns", "argstype", "id", "schema", "namespace")
"""The keys with a meaning of their own; others are options of the reader, or of the database's engine."""
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9_+.-]+):")
PASSWORD = re.compile(r"(?<=:)[^:@/]*(?=@)")


@dataclass(frozen=True)
class Dataset:
    """Where a table is, and how to read it. Made by `parse`."""

    url: str | None = None
    """A path, a URL of a file, folder or database; None: a function makes the data."""
    table: str | None = None
    query: str | None = None
    queryfile: str | None = None
    ext: str | None = None
    """What a file is, whatever its name ends with."""
    state: Any = None
    """A list of tables, a query or a function: while its value is the same, the result of `query` is."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    argstype: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    id: tuple[str, ...] = ()
    schema: str | None = None
    """The schema of a database's table."""
    namespace: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    """What else there is: the reader's, or the engine's."""

    @cached_property
    def scheme(self) -> str:
        """`http`, `dir`, `sqlite`, `postgresql+psycopg` ...; "" of a path."""
        found = SCHEME.match(self.url or "")
        return found[1].lower() if found else ""

    @property
    def is_database(self) -> bool:
        """Whether SQLAlchemy reads it."""
        return self.scheme not in ("", "http", "https", "dir", "file")

    @cached_property
    def label(self) -> str:
        """The URL for texts: without a password, and without what follows `?`."""
        return public(self.url) if self.url else "function:"


def public(url: str) -> str:
    """`url` for texts: without a password, and of a database or server without what follows `?`."""
    if not SCHEME.match(url):
        return url
    head, mark, rest = url.partition("://")
    return f"{head}{mark}{PASSWORD.sub('***', rest.partition('?')[0])}"


def parse(kwargs: Mapping[str, Any]) -> Dataset:
    """The dataset that `kwargs` describe. Raises ValueError, whose text begins with the key."""
    known: dict[str, Any] = {name: kwargs[name] for name in NAMES if kwargs.get(name) is not None}
    for name in ("url", "table", "query", "queryfile", "ext", "schema"):
        if name == "table" and isinstance(known.get("table"), list | tuple):
            known.setdefault("state", [str(each) for each in known.pop("table")])
        elif name in known and (not isinstance(known[name], str) or not known[name].strip()):
            raise ValueError(f"{name}: must be text, not {known[name]!r}")
    if isinstance(known.get("columns"), list | tuple):  # names alone, without types, make no table
        del known["columns"]
    for name in ("columns", "argstype"):
        if not isinstance(known.get(name, {}), Mapping):
            raise ValueError(f"{name}: must be a mapping of names, not {known[name]!r}")
    for name in ("id", "namespace"):
        if name in known:
            known[name] = _names(name, known[name])
    if "argstype" in known:
        known["argstype"] = {
            str(name): value if isinstance(value, Mapping) else {"type": value}
            for name, value in known["argstype"].items()
        }
    options = {str(name): value for name, value in kwargs.items() if name not in NAMES}
    dataset = Dataset(**known, options=options)
    if dataset.label.startswith("plugin:"):
        raise ValueError(f"url: {dataset.label}: this server has no plugins for databases that are not SQL")
    if dataset.is_database and not (dataset.table or dataset.query or dataset.queryfile):
        raise ValueError(f"url: {dataset.label} is a database, and needs table: or query:")
    return dataset


def _names(key: str, value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{key}: must be a name or a list of names, not {value!r}")
    return tuple(names)
