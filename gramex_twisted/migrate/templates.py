"""What an app's templates and pages do that is different here."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from gramex_twisted.config.document import Config, RouteConfig
from gramex_twisted.config.imports import display
from gramex_twisted.errors import ConfigError
from gramex_twisted.migrate.names import missing_attribute, missing_text, not_installed
from gramex_twisted.migrate.places import files_below

PAGES = (".html", ".htm", ".tmpl", ".js", ".md", ".vue", ".ts")
TEMPLATES = ("*.tmpl", "*.tmpl.html", "*.template.html")
"""Files that Gramex takes for templates wherever they are."""
LARGEST = 1 << 20
"""Bytes of a page that is looked into: larger ones are data, or made by a bundler."""
TEXTS: Mapping[str, str] = {
    r"""\b(?:href|src)\s*=\s*["']?[^"'>\s]*[?&]x-http-method-override=""": "?x-http-method-override= counts in POSTs "
    "alone: send a form, or use fetch()",
    r"[?&]_format=vegam\b": "the format vegam is gone: use vega-lite",
}
"""What pages may say -> what is different."""
TAG = re.compile(r"\{\{(?!!)(.*?)\}\}|\{%(?!!)\s*(\w+)(.*?)%\}", re.DOTALL)
NAMES = re.compile(r"(?<![\w.])(gramex(?:\.\w+)+)")
ATTRIBUTES = re.compile(r"(?<![\w.])handler\.(\w+)")
FUNCTIONS = re.compile(r"(?<![\w.])(static_url|locale|_)\s*[.(]")
"""Names that Tornado gives to templates."""
PASSWORD = re.compile(r"current_user(\.password|\[['\"]password|\.get\(['\"]password)")


def page_findings(folders: Collection[Path], config: Config) -> Iterator[ConfigError]:
    """What is different for the templates and pages below ``folders``, each once."""
    templates = set(template_files(config))
    for file in sorted({*files_below(folders, PAGES), *templates}):
        if not file.is_file() or file.stat().st_size > LARGEST:
            continue
        text = file.read_text("utf-8", "replace")
        found = {(_line(text, match.start()), told) for told, match in _texts(text)}
        if file in templates or any(fnmatch(file.name, pattern) for pattern in TEMPLATES):
            found.update(_template(text))
        for line, message in sorted(found):
            yield ConfigError(f"{display(file)}:{line}", message)


def template_files(config: Config) -> Iterator[Path]:
    """The files that routes take for templates."""
    root = config.files[0].parent if config.files else Path.cwd()
    for route in config.routes:
        for path in _named(route):
            yield (root / path).resolve()
        if route.handler in ("FileHandler", "DirectoryHandler", "File", "Directory"):
            globs = list(_globs(route.kwargs))
            for place in _paths(route.kwargs.get("path")):
                yield from (file for file in _below((root / place).resolve()) if _fits(file, globs))


def _named(route: RouteConfig) -> Iterator[str]:
    """Templates that kwargs name."""
    errors = route.kwargs.get("error")
    for entry in errors.values() if isinstance(errors, Mapping) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get("path"), str):
            yield entry["path"]
    template = route.kwargs.get("template")
    if isinstance(template, str) and "*" not in template:
        yield template


def _globs(kwargs: Mapping[Any, Any]) -> Iterator[str]:
    template = kwargs.get("template")
    if template is True:
        yield "*"
    elif isinstance(template, str | list):
        yield from [template] if isinstance(template, str) else map(str, template)
    transform = kwargs.get("transform")
    for pattern, entry in transform.items() if isinstance(transform, Mapping) else ():
        if isinstance(entry, Mapping) and str(entry.get("function", "")).startswith("template"):
            yield from str(pattern).replace(",", " ").split()


def _paths(path: Any) -> list[str]:
    found = path.values() if isinstance(path, Mapping) else path if isinstance(path, list) else [path]
    return [str(each).partition("*")[0].partition("{")[0] for each in found if each]


def _below(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    elif place.is_dir():
        yield from files_below([place], ())


def _fits(file: Path, globs: list[str]) -> bool:
    return any(fnmatch(file.name, glob) or fnmatch(str(file), glob) for glob in globs)


def _texts(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    for pattern, told in TEXTS.items():
        yield from ((told, match) for match in re.finditer(pattern, text))


def _template(text: str) -> Iterator[tuple[int, str]]:
    """Line and what is different, for what stands in the tags of a template."""
    for tag in TAG.finditer(text):
        line = _line(text, tag.start())
        code, keyword = (tag[1] or tag[3] or "").strip(), tag[2]
        if keyword in ("comment", "include", "extends", "block"):
            continue
        if keyword in ("import", "from"):
            yield from ((line, told) for told in _imported(f"{keyword} {code}"))
        names = [missing_text(match[1]) for match in NAMES.finditer(code)] if keyword not in ("import", "from") else []
        attributes = [missing_attribute(match[1]) for match in ATTRIBUTES.finditer(code)]
        functions = [missing_attribute(match[1]) for match in FUNCTIONS.finditer(code)]
        yield from ((line, told) for told in (*names, *attributes, *functions) if told)
        if PASSWORD.search(code):
            yield line, "no password is in handler.current_user"


def _imported(code: str) -> Iterator[str]:
    try:
        [statement] = ast.parse(code).body
    except (SyntaxError, ValueError):
        return
    if isinstance(statement, ast.Import):
        modules, names = [alias.name for alias in statement.names], []
    elif isinstance(statement, ast.ImportFrom) and statement.module:
        modules, names = [statement.module], [f"{statement.module}.{alias.name}" for alias in statement.names]
    else:
        return
    for module in modules:
        told = missing_text(module) or not_installed(module)
        if told:
            yield told
            names = []
    yield from filter(None, map(missing_text, names))


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
