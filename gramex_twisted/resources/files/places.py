"""Places: what `path:` says, as something that finds the file of a request."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple, Protocol

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.files.paths import below, decoded, fixed_part, inside


class Asked(NamedTuple):
    """The part of a request that says which file it is for: its path and the pattern's first group, both still
    percent-encoded. ``group`` is None where the pattern has none or the group matched nothing. ``extensible``: the
    route also takes the path with a slash at its end.
    """

    url: str
    group: str | None = None
    extensible: bool = False

    @property
    def slash(self) -> bool:
        """Whether the URL ends as that of a folder does."""
        return self.url.endswith("/")

    @property
    def bare(self) -> bool:
        """Whether the URL of a folder lacks a slash that it could have."""
        return self.extensible and not self.slash


class Place(NamedTuple):
    """Where a file should be: the absolute ``path``, ``relative`` to the folder ``root``, which it may not leave.

    ``fixed`` is a path that the configuration alone decides: links may take it anywhere. ``slash`` and ``bare`` are
    those of Asked.
    """

    path: str
    root: str
    relative: str
    slash: bool = False
    bare: bool = False
    fixed: bool = False


class Places(Protocol):
    """One kind of ``path:``. ``root`` is what user code sees as ``handler.root``."""

    root: Any

    def key(self, url: str) -> str:
        """What the file depends on: requests with the same key get the same file."""

    def find(self, asked: Asked) -> list[Place]:
        """The files of a request, usually one.

        :raises ValueError: for paths that can name none.
        """


def fixed(path: str) -> Place:
    """The Place of a file that the configuration names."""
    return Place(path, os.path.dirname(path), os.path.basename(path), fixed=True)


class FixedPlaces:
    """Always the same file, or several that are sent one after the other."""

    def __init__(self, paths: Sequence[str], root: Any) -> None:
        self.places = [fixed(path) for path in paths]
        self.root = root

    def key(self, url: str) -> str:
        """The same for every request."""
        return ""

    def find(self, asked: Asked) -> list[Place]:
        """The files."""
        return self.places


class FolderPlaces:
    """A folder; the pattern's first group is the path below it. Where there is a file instead, that file."""

    def __init__(self, root: str) -> None:
        self.folder = root
        self.root = Path(root)

    def key(self, url: str) -> str:
        """The whole path."""
        return url

    def find(self, asked: Asked) -> list[Place]:
        """The file."""
        if os.path.isfile(self.folder):
            return [fixed(self.folder)]
        decoded(asked.url)
        relative = decoded(asked.group or "").strip("/")
        return [Place(below(self.folder, relative), self.folder, relative, asked.slash, asked.bare)]


class PatternPlaces:
    """A path in which each ``*`` becomes the pattern's first group."""

    def __init__(self, base: str, pattern: str) -> None:
        self.folder, self.rest = _split(base, pattern, "*")
        self.root = None

    def key(self, url: str) -> str:
        """The whole path."""
        return url

    def find(self, asked: Asked) -> list[Place]:
        """The file."""
        decoded(asked.url)
        group = decoded(asked.group or "")
        relative = self.rest.replace("*", group.strip("/"))
        return [Place(below(self.folder, relative), self.folder, relative.strip("/"), asked.slash, asked.bare)]


class TablePlaces:
    """Regular expressions for the URL's path, each with a path in which ``{0}`` or ``{name}`` stand for its groups.

    :raises ValueError: naming the expression, or the path that asks for a group that is not there.
    """

    def __init__(self, base: str, table: Mapping[str, str], default: Mapping[str, Any]) -> None:
        self.root = dict(table)
        self.default = {name: str(value) for name, value in default.items()}
        self.rows: list[tuple[re.Pattern[str], str, str]] = []
        for text, path in table.items():
            try:
                pattern = re.compile(text)
            except re.error as error:
                raise ValueError(f"{text!r} is not a regular expression: {error}") from error
            self._check(pattern, path)
            self.rows.append((pattern, *_split(base, path, "{")))

    def _check(self, pattern: re.Pattern[str], path: str) -> None:
        for _, name, _, _ in Formatter().parse(path):
            if name is None or name in pattern.groupindex or name in self.default:
                continue
            if not (name.isdigit() and int(name) < pattern.groups):
                raise ValueError(f"{path!r} needs the group {{{name}}}, which {pattern.pattern!r} does not have")

    def key(self, url: str) -> str:
        """The whole path."""
        return url

    def find(self, asked: Asked) -> list[Place]:
        """The file of the first expression that matches the whole path, or, as in Gramex 1.x, the beginning of what the
        pattern's first group has matched."""
        url = decoded(asked.url)
        group = decoded(asked.group or "").lstrip("/")
        for pattern, folder, rest in self.rows:
            match = pattern.fullmatch(url) or pattern.match(group)
            if match is not None:
                if "{" not in rest:
                    return [fixed(os.path.join(folder, rest))]
                return [self._place(match, folder, rest, asked)]
        raise HTTPError(404)

    def _place(self, match: re.Match[str], folder: str, rest: str, asked: Asked) -> Place:
        groups = [(group or "").strip("/") for group in match.groups()]
        named = {name: (group or "").strip("/") for name, group in match.groupdict().items() if group is not None}
        relative = rest.format(*groups, **{**dict.fromkeys(match.re.groupindex, ""), **self.default, **named})
        # What a group of the whole path holds may span several segments, which `decoded` has found to be harmless; put
        # together with the path's own text they must be so again.
        return Place(below(folder, relative), folder, relative.strip("/"), asked.slash, asked.bare)


def _split(base: str, path: str, special: str) -> tuple[str, str]:
    if special not in path:
        return base, path
    folder, rest = fixed_part(path, special)
    return os.path.normpath(os.path.join(base, folder)), rest


def places(path: str | list[str] | dict[str, str], base: str, default: Mapping[str, Any]) -> Places:
    """What ``path:`` says. Relative paths are those below the folder ``base``.

    :raises ValueError: for what cannot be meant.
    """
    if isinstance(path, dict):
        return TablePlaces(base, path, default)
    if isinstance(path, list):
        if not path:
            raise ValueError("the list of files is empty")
        files = [os.path.normpath(os.path.join(base, item)) for item in path]
        return FixedPlaces(files, [Path(file) for file in files])
    if "*" in path:
        return PatternPlaces(base, path)
    whole = os.path.normpath(os.path.join(base, path))
    return FixedPlaces([whole], Path(whole)) if os.path.isfile(whole) else FolderPlaces(whole)


__all__ = ["Asked", "Place", "Places", "fixed", "inside", "places"]
