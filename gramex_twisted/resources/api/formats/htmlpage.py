"""HTML: the answer as a tree that folds, on one page, with nothing from elsewhere. It needs no script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import orjson

from gramex_twisted.resources.api.formats.plain import plain

ASSET = "_asset"
"""The argument that asks for the page's script."""

#: Values of one page, items of one list that are shown, and characters of one text.
MOST, MOST_ITEMS, LONGEST = 5000, 500, 2000
#: Levels that are unfolded, items of a list whose items are too, and characters that tell of what is folded.
UNFOLDED, UNFOLDED_ITEMS, GLANCE = 3, 60, 100
_OTHERS = ("json", "yaml", "msgpack", "jsonl")
_URL = re.compile(r"https?://[^\s<>\"'`\\]{1,2000}", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Page:
    """``title`` and ``query`` are the request's path and query. ``repeatable``: other formats are offered."""

    title: str
    query: str = ""
    status: int = 200
    repeatable: bool = True


def to_html(value: Any, page: Page) -> bytes:
    """``value`` as a page in UTF-8. Of a long answer it shows the beginning, and says so.

    :raises TypeError: for what JSON cannot say.
    """
    data = plain(value, long_numbers=int)
    tree = Tree()
    body = "".join(tree.shown(data))
    text = Template(_template()).substitute(
        title=escape(page.title),
        asked=escape(_asked(page)),
        formats=_formats(page),
        about=_about(data, page, cut=tree.cut),
        tree=body,
        script=f'<script src="?{ASSET}=tree.js"></script>' if page.repeatable else "",
    )
    return text.encode("utf-8", "replace")


@cache
def _template() -> str:
    return Path(__file__).with_name("page.html").read_text("utf-8")


@cache
def script() -> bytes:
    """The page's script, which copies paths."""
    return Path(__file__).with_name("tree.js").read_bytes()


def _arguments(page: Page) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parse_qsl(page.query, keep_blank_values=True) if name != "format"]


def _asked(page: Page) -> str:
    """The query as people read it."""
    text = "&".join(f"{name}={value}" if value else name for name, value in _arguments(page))
    return _cut(f"?{text}") if text else ""


def _formats(page: Page) -> str:
    if not page.repeatable:
        return ""
    links = (f'<a href="?{escape(urlencode([*_arguments(page), ("format", name)]))}">{name}</a>' for name in _OTHERS)
    return f'<nav aria-label="Other formats">{"".join(links)}</nav>'


def _about(data: Any, page: Page, *, cut: bool) -> str:
    failed = f"<b>{page.status}</b> " if page.status >= 400 else ""
    size = _size(data) if isinstance(data, (dict, list)) else ""
    shown = ". Only the beginning is shown: the other formats have it all" if cut else ""
    return f"{failed}{size}{shown}"


def _size(value: Any) -> str:
    word = "key" if isinstance(value, dict) else "item"
    return f"{len(value):,} {word}{'' if len(value) == 1 else 's'}"


class Tree:
    """Writes one value as nested lists, with at most ``MOST`` values. ``cut``: whether something was left out."""

    def __init__(self) -> None:
        self.left = MOST
        self.cut = False

    def shown(self, value: Any) -> Iterator[str]:
        """The whole tree."""
        if isinstance(value, (dict, list)) and value:
            yield '<ul class="tree">'
            yield from self._items(value, "", 1)
            yield "</ul>"
        else:
            yield f'<p class="alone">{self._scalar(value)}</p>'

    def _items(self, value: Any, path: str, level: int) -> Iterator[str]:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for number, (key, item) in enumerate(pairs):
            if number >= MOST_ITEMS or self.left <= 0:
                self.cut = True
                yield f'<li class="more">{len(value) - number:,} more</li>'
                return
            self.left -= 1
            yield from self._entry(key, item, path + step(key, first=not path), level)

    def _entry(self, key: Any, item: Any, path: str, level: int) -> Iterator[str]:
        kind = "i" if isinstance(key, int) else "k"
        place = escape(quote(path, safe="[].$*"))
        name = f'<a class="{kind}" id="{place}" href="#{place}" title="{escape(path)}">{escape(_cut(str(key)))}</a>'
        if not isinstance(item, (dict, list)) or not item:
            yield f"<li>{name} {self._scalar(item)}</li>"
            return
        # Of a long list at the top each item is a line: folded, it would be an empty page.
        long = len(item) > UNFOLDED_ITEMS
        unfolded = level < (2 if long else UNFOLDED)
        about = f'<span>{_size(item)}</span> <span class="g">{escape(glance(item))}</span>'
        yield f"<li><details{' open' if unfolded else ''}><summary>{name} {about}</summary><ul>"
        yield from self._items(item, path, UNFOLDED if long else level + 1)
        yield "</ul></details></li>"

    def _scalar(self, value: Any) -> str:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, (dict, list)):
            return '<span class="z">{}</span>' if isinstance(value, dict) else '<span class="z">[]</span>'
        if value is None or isinstance(value, bool):
            return f'<span class="z">{orjson.dumps(value).decode()}</span>'
        return f'<span class="n">{_cut(str(value))}</span>'

    def _text(self, text: str) -> str:
        if len(text) > LONGEST:
            self.cut = True
        elif _URL.fullmatch(text):
            return f'<a class="u" href="{escape(text)}" rel="noopener noreferrer">{escape(text)}</a>'
        return f'<q class="s">{escape(_cut(text))}</q>'


def glance(value: Any) -> str:
    """The first texts and numbers in an object or a list, on one line."""
    pairs = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    texts: list[str] = []
    left = GLANCE
    for key, item in pairs:
        if isinstance(item, (str, int, float)) and not isinstance(item, bool):
            text = " ".join(str(item)[:GLANCE].split())
            texts.append(text if key is None else f"{str(key)[:GLANCE]}: {text}")
            left -= len(texts[-1]) + 2
            if left < 0:
                break
    line = ", ".join(texts)
    return line if len(line) <= GLANCE else f"{line[:GLANCE]}…"


def step(key: str | int, *, first: bool) -> str:
    """A key or index as JMESPath and JavaScript write it after what it is in: ``.name``, ``["a b"]``, ``[0]``."""
    if isinstance(key, int):
        return f"[{key}]"
    if _WORD.fullmatch(key):
        return key if first else f".{key}"
    return f"[{orjson.dumps(key).decode()}]"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"
