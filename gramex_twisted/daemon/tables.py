"""What serves a data file, or a folder of them, for want of a gramex.yaml: a page for each table."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gramex_twisted.errors import ConfigError

DATABASES = (".db", ".sqlite", ".sqlite3")
SHEETS = (".xlsx", ".xlsm", ".xls")
FILES = (".csv", ".tsv", ".jsonl", ".parquet", ".feather", ".arrow")
SUFFIXES = (*FILES, *SHEETS, *DATABASES)
INDEX = "gramex_twisted.resources.form.index.TableIndex"
MOST = 200
"""Tables that are served of one file or folder."""


@dataclass(frozen=True)
class Table:
    """A table: what it is called, the file that it is in, and the kwargs of its FormHandler."""

    name: str
    file: str
    kwargs: dict[str, str]


def file_config(path: Path) -> str:
    """The YAML that serves the tables of one file. Raises ConfigError where it has none, or is no such file."""
    tables = tables_of(path)
    if not tables:
        raise ConfigError(str(path), "there are no tables in it")
    return _dumped(_routes(tables, path.name, {}))


def folder_config(folder: Path) -> str:
    """The YAML that serves a folder's files, and a page for each table in its data files."""
    served = {"path": "$YAMLPATH", "index": True, "default_filename": "index.html"}
    files = {"pattern": "/(.*)", "handler": "FileHandler", "kwargs": served}
    tables: list[Table] = []
    for path in sorted(folder.iterdir()) if not (folder / "index.html").exists() else ():
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith("."):
            try:
                tables += tables_of(path)
            except ConfigError:
                continue  # it is listed among the files still
    if not tables:
        return _dumped({"files": files})
    listed = {"pattern": "/files/(.*)", "handler": "FileHandler", "kwargs": {"path": "$YAMLPATH", "index": True}}
    taken = {path.name for path in folder.iterdir()} | {"files"}
    return _dumped({**_routes(tables, folder.name, taken, files="/files/"), "files": listed, "folder": files})


def tables_of(path: Path) -> list[Table]:
    """The tables in a file. Raises ConfigError where it cannot be read."""
    suffix = path.suffix.lower()
    try:
        if suffix in DATABASES:
            return [
                Table(name, path.name, {"url": f"sqlite:///$YAMLPATH/{_text(path.name)}", "table": _text(name)})
                for name in sqlite_tables(path)
            ]
        if suffix in SHEETS:
            return [_sheet(path, name, several) for name, several in _sheets(path)]
    except (sqlite3.Error, ValueError, OSError) as error:
        raise ConfigError(str(path), f"cannot be read: {error}") from None
    return [Table(path.stem, path.name, {"url": f"$YAMLPATH/{_text(path.name)}"})]


def sqlite_tables(path: Path) -> list[str]:
    """Names of the tables and views of an SQLite database."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        found = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
        )
        return [name for (name,) in found]


def _sheets(path: Path) -> list[tuple[str, bool]]:
    import fastexcel

    names = fastexcel.read_excel(path).sheet_names
    return [(name, len(names) > 1) for name in names]


def _sheet(path: Path, name: str, several: bool) -> Table:
    kwargs = {"url": f"$YAMLPATH/{_text(path.name)}", "sheet_name": _literal(name)}
    return Table(f"{path.stem} {name}" if several else path.stem, path.name, kwargs)


def _routes(tables: list[Table], title: str, taken: Any, files: str | None = None) -> dict[str, Any]:
    """A route for each table, and the home page."""
    routes: dict[str, Any] = {}
    listed: list[dict[str, str]] = []
    used = set(taken)
    for table in tables[:MOST]:
        slug = _slug(table.name, used)
        page = {"format": "html", "title": _literal(table.name)}
        own = {**table.kwargs, "default": {"_format": "html"}, "formats": {"html": page}}
        routes[slug] = {"pattern": f"/{re.escape(slug)}", "handler": "FormHandler", "kwargs": own}
        listed.append({"name": _literal(table.name), "path": f"/{slug}", "source": _literal(table.file)})
    if len(listed) == 1 and files is None:
        home = {**routes[slug], "pattern": "/"}
    else:
        kwargs = {"title": _literal(title), "tables": listed, "files": files}
        home = {"pattern": "/", "handler": INDEX, "kwargs": kwargs}
    return {"home": home, **routes}


def _slug(name: str, used: set[str]) -> str:
    """`name` as a part of a URL, unlike those that are used."""
    plain = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-") or "table"
    slug, number = plain, 1
    while slug in used or slug == "home":
        number += 1
        slug = f"{plain}-{number}"
    used.add(slug)
    return slug


def _literal(text: str) -> str:
    """`text` without variables."""
    return text.replace("$", "$$")


def _text(text: str) -> str:
    """`text` without variables, nor places for arguments."""
    return _literal(text).replace("{", "{{").replace("}", "}}")


def _dumped(routes: dict[str, Any]) -> str:
    return yaml.safe_dump({"url": routes}, sort_keys=False, allow_unicode=True)
