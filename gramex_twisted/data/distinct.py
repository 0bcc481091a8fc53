"""FilterHandler's questions: which values does a column still have, under the filters on the other columns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from gramex_twisted.data.arguments import HANDLED, NONE, Arguments, parse
from gramex_twisted.data.names import Bounds, aggregate_of, check, without_namespaces
from gramex_twisted.data.query import Aggregate, Query
from gramex_twisted.data.schema import Schema
from gramex_twisted.data.types import Kind, QueryError

LIMIT = 100
"""Values of each column, unless `_limit` says otherwise."""


def parse_distinct(
    args: Arguments,
    schema: Schema,
    *,
    defaults: Arguments = NONE,
    dataset: str = "",
    datasets: Collection[str] = (),
    handled: Collection[str] = HANDLED,
    limit: int | None = LIMIT,
    bounds: Bounds | None = None,
    separator: str = ",",
) -> dict[str, Query]:
    """One Query for each value of `_c`, by that value, for what compiles Queries. Raises QueryError.

    `_c=city` asks for its different values, null among them, `_c=country,city` for the pairs (or more columns),
    `_c=sales|min` for an aggregate, `_c=sales|range` for `sales|min` and `sales|max`. Filters on the same columns do
    not count. `_sort` and `_limit` go for each; a value that names no known column is not in the result.
    The options are those of `arguments.parse`.
    """
    own = {**defaults, **without_namespaces(args, schema, dataset, datasets)}
    texts = list(dict.fromkeys(text for text in own.pop("_c", ()) if text))
    bounds = bounds or Bounds()
    if len(texts) > bounds.terms:
        raise QueryError("_c", "...", f"more than {bounds.terms} questions in one request")
    queries: dict[str, Query] = {}
    for text in texts:
        found = _columns(text, schema, separator)
        if found:
            columns, aggregates = found
            own["_by"] = () if aggregates else columns
            query = parse(own, schema, handled=handled, limit=limit, bounds=bounds)
            queries[text] = _question(query, columns, aggregates)
    return queries


def _question(query: Query, columns: Collection[str], aggregates: tuple[tuple[str, Aggregate], ...]) -> Query:
    """`query` about these columns alone, without the filters on them."""
    filters = tuple(f for f in query.filters if f.column not in columns)
    having = () if aggregates else tuple(h for h in query.having if h.aggregate.column not in columns)
    limit = None if aggregates else query.limit
    return replace(query, aggregates=aggregates, filters=filters, having=having, limit=limit)


def _columns(
    text: str, schema: Schema, separator: str
) -> tuple[tuple[str, ...], tuple[tuple[str, Aggregate], ...]] | None:
    """The columns that `text` names, and their aggregates."""
    columns = _split(text, schema, separator)
    if columns:
        return columns, ()
    name, bar, function = text.rpartition("|")
    columns = _split(name, schema, separator) if bar else ()
    if not columns:
        return None
    functions = ("min", "max") if function.lower() == "range" else (function,)
    labels = [(column, f"{column}|{each}") for column in columns for each in functions]
    aggregates = tuple((label, aggregate_of(label, schema)) for _, label in labels)
    known = tuple((label, aggregate) for label, aggregate in aggregates if aggregate)
    for _, aggregate in known:
        check(aggregate, "_c", text, schema)
    return columns, known


def _split(text: str, schema: Schema, separator: str) -> tuple[str, ...]:
    """The known columns that `text` lists, or () if one is unknown. A name may hold the separator."""
    if text in schema.names:
        columns: tuple[str, ...] = (text,)
    else:
        columns = tuple(dict.fromkeys(text.split(separator)))
    for column in columns:
        if column not in schema.names:
            return ()
        if schema.names[column].kind is Kind.OTHER:
            raise QueryError("_c", text, f"column {column} is {Kind.OTHER.value}")
    return columns
