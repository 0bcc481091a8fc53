"""What `cache.open` calls for a type of file: as in Gramex, most return a pandas DataFrame."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

OPENING: dict[str, Any] = {
    "mode": "r",
    "buffering": -1,
    "encoding": "utf-8",
    "errors": "strict",
    "newline": None,
    "closefd": True,
}
MARKDOWN = ("codehilite", "extra", "toc", "meta", "sane_lists", "smarty")


def opener(callback: Callable[..., Any] | None, read: bool = False, **open_kwargs: Any) -> Callable[..., Any]:
    """A function of a path that calls `callback` with the open file, or with its content if `read` is true.

    With `read`, `callback` may be None: then the content is returned. The arguments of `open` are those of the
    built-in one, as given here or in the call, and are UTF-8 text by default; the others go to `callback`.
    Raises ValueError where there is nothing to call.
    """
    if not read and not callable(callback):
        raise ValueError(f"opener: {callback!r} cannot be called")
    defaults = {**OPENING, **open_kwargs}

    def method(path: str, **kwargs: Any) -> Any:
        given = {name: kwargs.pop(name, value) for name, value in defaults.items()}
        with builtins.open(path, **given) as file:
            found = file.read() if read else file
            return found if callback is None else callback(found, **kwargs)

    return method


def with_pandas(name: str) -> Callable[..., Any]:
    """What calls `pandas.<name>`."""

    def method(path: str, **kwargs: Any) -> Any:
        import pandas as pd  # type: ignore[import-untyped]

        return getattr(pd, name)(path, **kwargs)

    return method


def columnar(kind: str, name: str) -> Callable[..., Any]:
    """What reads Parquet or Arrow: with pandas where it has pyarrow, else with polars."""

    def method(path: str, **kwargs: Any) -> Any:
        import pandas as pd

        try:
            return getattr(pd, name)(path, **kwargs)
        except ImportError:
            return _ours(path, kind, kwargs)

    return method


def excel(path: str, **kwargs: Any) -> Any:
    """A sheet, or its `table`, `name` or `range`; with pandas where it takes options that fastexcel lacks."""
    from gramex_twisted.data.sources.readers.excel import KNOWN

    if isinstance(kwargs.get("header", 0), int | None) and set(kwargs) <= set(KNOWN):
        return _ours(path, "xlsx", kwargs)
    import pandas as pd

    return pd.read_excel(path, **kwargs)


def html(path: str, **kwargs: Any) -> list[Any]:
    """All tables of a page."""
    from gramex_twisted.data.frames import to_pandas
    from gramex_twisted.data.sources.readers import tables

    if not set(kwargs) <= {"encoding"}:
        import pandas as pd

        found: list[Any] = pd.read_html(path, **kwargs)
        return found
    return [to_pandas(frame) for _, frame in tables.frames_of(Path(path), kwargs)]


def json(file: Any, **kwargs: Any) -> Any:
    """As json.load."""
    from json import load

    return load(file, **kwargs)


def yaml(text: str, **kwargs: Any) -> Any:
    """As yaml.load, safely unless a Loader says otherwise."""
    from yaml import SafeLoader, load

    kwargs.setdefault("Loader", SafeLoader)
    return load(text, **kwargs)


def markdown(text: str, **kwargs: Any) -> str:
    """HTML, with the extensions that Gramex has."""
    from markdown import markdown as convert  # type: ignore[import-untyped]

    kwargs.setdefault("output_format", "html")
    kwargs.setdefault("extensions", [f"markdown.extensions.{name}" for name in MARKDOWN])
    return str(convert(text, **kwargs))


def template(path: str, **kwargs: Any) -> Any:
    """A Tornado template: see its `generate`."""
    from tornado.template import Loader

    folder, name = os.path.split(path)
    return Loader(folder, **kwargs).load(name)


def config(path: str, **kwargs: Any) -> Any:
    """YAML as gramex.yaml is read: with `import:` and variables, as an AttrDict."""
    from gramex_twisted.attrdict import AttrDict
    from gramex_twisted.config.reader import DEFAULTS, read

    document = read(path, **kwargs)
    ours = "/".join(DEFAULTS.parts[-3:])
    return AttrDict.deep({key: value for key, value in document.tree.items() if document.marks[(key,)].file != ours})


def _ours(path: str, kind: str, kwargs: dict[str, Any]) -> Any:
    from gramex_twisted.data.frames import to_pandas
    from gramex_twisted.data.sources.readers import read

    return to_pandas(read(Path(path), kind, kwargs))


CALLBACKS: dict[str, Callable[..., Any]] = {
    "bin": opener(None, read=True, mode="rb", encoding=None, errors=None),
    **dict.fromkeys(("txt", "text"), opener(None, read=True)),
    "csv": with_pandas("read_csv"),
    "table": with_pandas("read_table"),
    **dict.fromkeys(("excel", "xls", "xlsx"), excel),
    **dict.fromkeys(("hdf", "h5"), with_pandas("read_hdf")),
    "html": html,
    "json": opener(json),
    "jsondata": with_pandas("read_json"),
    "sas": with_pandas("read_sas"),
    "stata": with_pandas("read_stata"),
    "parquet": columnar("parquet", "read_parquet"),
    "feather": columnar("arrow", "read_feather"),
    **dict.fromkeys(("md", "markdown"), opener(markdown, read=True)),
    **dict.fromkeys(("tmpl", "template"), template),
    "config": config,
    **dict.fromkeys(("yml", "yaml"), opener(yaml, read=True)),
}
"""type -> function of a path; apps add theirs."""
BUILT_IN = frozenset(CALLBACKS)
"""Those that no app has added."""
