"""How the pages of the notebook are put together: what templates/*.html and the examples call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from notebook.highlight import highlighted

#: key -> title and text, in the order of the home page.
FAMILIES = {
    "functions": ("Functions", "Python that answers: an expression, a typed function, a pipeline, a stream."),
    "files": ("Files", "Served as they are, or as what a template, a transform or a compiler makes of them."),
    "data": ("Data", "Tables, trees and files that requests read and change."),
    "answers": ("When things go wrong", "Pages of your own for errors, and routes that fail alone."),
    "access": ("Who may", "Sign-in, API keys, rate limits, and a cache."),
    "mounts": ("Classes", "Klein apps, Twisted resources and handlers of your own, at any address."),
}
SHOWN = {".yaml", ".py", ".html", ".md", ".scss", ".ts", ".js"}


@dataclass(frozen=True)
class Page:
    """One example: what its gramex.yaml says in `notebook:`, and the handlers of its routes."""

    key: str
    number: int
    symbol: str
    title: str
    text: str
    family: str
    folder: Path
    handlers: tuple[str, ...]

    @property
    def url(self) -> str:
        """Where the example is shown."""
        return f"/page/{self.key}"

    @property
    def yaml(self) -> str:
        """Its gramex.yaml, as HTML."""
        return highlighted(self.folder / "gramex.yaml")

    @property
    def files(self) -> Iterator[tuple[str, str]]:
        """Its other files, as name and HTML. page.html is what shows them, and no part of the example."""
        for path in sorted(self.folder.rglob("*")):
            if path.suffix in SHOWN and path.name not in ("gramex.yaml", "page.html"):
                yield str(path.relative_to(self.folder)), highlighted(path)


def pages(handler: Any) -> list[Page]:
    """Every example, by number."""
    conf = handler.route.services.conf
    folder = Path(handler.gramex_root, "examples")
    found = [page(key, tile, folder / key, conf["url"]) for key, tile in conf["notebook"].items()]
    return sorted(found, key=lambda item: item.number)


def page(key: str, tile: Mapping[str, Any], folder: Path, routes: Mapping[str, Any]) -> Page:
    """The example `key`. Its routes are those that it lists, or the one of its name."""
    names = tile.get("routes", [key])
    handlers = dict.fromkeys(".".join(str(routes[name]["handler"]).split(".")[-2:]) for name in names)
    texts = (tile["title"], tile["text"], tile["family"])
    return Page(key, tile["number"], tile["symbol"], *texts, folder, tuple(handlers))


def families(handler: Any) -> Iterator[tuple[str, str, str, list[Page]]]:
    """What the home page shows: key, title, text and pages of each family."""
    everything = pages(handler)
    for key, (title, text) in FAMILIES.items():
        yield key, title, text, [item for item in everything if item.family == key]


def around(handler: Any) -> tuple[Page | None, Page, Page | None]:
    """The page that is asked for, with those before and after it."""
    everything = pages(handler)
    at = next(place for place, item in enumerate(everything) if item.key == handler.path_args[0])
    before = everything[at - 1] if at else None
    return before, everything[at], everything[at + 1] if at + 1 < len(everything) else None


def document(title: str, body: str) -> str:
    """A small page of its own, such as the frames of the examples show. `body` is HTML, `title` is text."""
    return f"{head(title)}<main>\n{body}\n</main>\n</body>\n</html>\n"


def head(title: str) -> str:
    """How such a page begins."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="/static/icon.svg">\n'
        '<link rel="stylesheet" href="/static/style.css">\n</head>\n<body class="frame">\n'
    )
