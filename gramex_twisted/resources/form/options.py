"""The options of FormHandler and FilterHandler."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from gramex_twisted.config.model import Count
from gramex_twisted.resources.base import Options


class FormOptions(Options):
    """FormHandler serves tables: GET filters them, POST, PUT and DELETE change rows by their `id`.

    With `url` (or `function`) at the top there is one dataset; otherwise each further key names a dataset that has
    these options. What no option names goes to the reader of the file (`sep`, `encoding`, ...) or to the database's
    engine.
    """

    extras: ClassVar[Literal["warn", "keep"]] = "keep"

    url: Any = Field(
        default=None,
        description="Where the table is: a file (csv, tsv, json, jsonl, xlsx, parquet, feather, html, yaml), an "
        "http(s) URL of one, a folder, or a database's SQLAlchemy URL. `{name}` is replaced by an argument.",
    )
    table: Any = Field(default=None, description="The table of a database; in an XLSX file, a named table.")
    query: Any = Field(
        default=None, description="SQL in place of `table`; `:name` is an argument, bound; `{name}` is one, as text."
    )
    queryfile: Any = Field(default=None, description="A file that has the `query`.")
    queryfunction: Any = Field(default=None, description="Function of `args, key, handler` that returns the `query`.")
    argstype: Any = Field(
        default=None, description="Types of the query's arguments: `{x: {type: int, expanding: true}}`."
    )
    state: Any = Field(
        default=None,
        description="Tables, a query or a function of `args, key, handler`: the result of `query` is kept while its "
        "value is the same.",
    )
    ext: Any = Field(default=None, description="What a file is, whatever its name ends with.")
    columns: Any = Field(
        default=None,
        description="Columns that the database's table is given if it lacks them: `{name: type}` or "
        "`{name: {type, default, nullable, primary_key, autoincrement}}`.",
    )
    id: Any = Field(default=None, description="The columns that tell rows apart. Without it nothing can be changed.")
    function: Any = Field(
        default=None,
        description="Function of `data, handler`: what it returns is the table. Without `url` it makes one.",
    )
    args: Any = Field(default=None, description="Positional arguments of `function`.")
    kwargs: Any = Field(default=None, description="Keyword arguments of `function`.")
    prepare: Any = Field(
        default=None, description="Function of `args, key, handler` that changes the arguments, or returns others."
    )
    modify: Any = Field(
        default=None,
        description="Function of `data, key, handler`: what it returns is answered. Beside several datasets, it gets "
        "all of them.",
    )
    default: Any = Field(default=None, description="Arguments where a request has none: `{_limit: 100, city: Oslo}`.")
    formats: Any = Field(
        default=None,
        description="Further values of `_format`: `{name: {format: template, template: page.html, headers: {}}}`.",
    )
    frames: Literal["pandas", "polars"] = Field(default="pandas", description="What functions get as `data`.")
    lenient: bool = Field(default=False, description="true: an unknown `_format` is json, as in Gramex 1.x, not a 400.")
    max_rows: Count = Field(
        default=1_000_000,
        ge=1,
        description="Rows that an answer may have which is not streamed, as json, jsonl and csv of databases are; "
        "a larger `_limit` is a 400 there.",
    )
    formulas: Literal["escape", "keep"] | None = Field(
        default=None, description="What csv does with text that a spreadsheet would take for a formula."
    )


class FilterOptions(FormOptions):
    """FilterHandler answers `?_c=city` with the different values of a column, under the filters on the others."""
