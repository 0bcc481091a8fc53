"""From the arguments of a URL to a Query."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

from gramex_twisted.data import conditions, controls, cursor
from gramex_twisted.data.names import Bounds, Reader, without_namespaces
from gramex_twisted.data.query import LIMIT, Query
from gramex_twisted.data.schema import Schema
from gramex_twisted.data.types import Kind, QueryError, convert

Arguments: TypeAlias = Mapping[str, Sequence[str]]

CONTROLS = frozenset({"_sort", "_limit", "_offset", "_c", "_by", "_after", "_meta"})
HANDLED = frozenset({"_format", "_download", "_xsrf", "x-http-method-override"})
"""What others than a Query make use of."""
NONE: Arguments = MappingProxyType({})


def parse(
    args: Arguments,
    schema: Schema,
    *,
    defaults: Arguments = NONE,
    dataset: str = "",
    datasets: Collection[str] = (),
    handled: Collection[str] = HANDLED,
    limit: int | None = LIMIT,
    bounds: Bounds | None = None,
) -> Query:
    """The Query that `args`, decoded, asks of the columns of `schema`. Raises QueryError.

    `defaults` stand in for arguments that are missing. `dataset` is this table's name among `datasets`: of arguments
    like `name:key` it takes its own and leaves the others'. Arguments of `handled` are not reported as ignored.
    `limit` is the number of rows where `_limit` says nothing; None: all.
    """
    own = {**defaults, **without_namespaces(args, schema, dataset, datasets)}
    reader = Reader(own, schema, bounds or Bounds())
    by = controls.by(reader)
    keys = [key for key in own if key not in CONTROLS and key not in handled]
    filters, having = conditions.read(reader, keys, grouped=by is not None)
    columns, excluded = controls.columns(reader) if by is None else ((), ())
    aggregates, left_out = controls.aggregates(reader) if by is not None else ((), ())
    sort = controls.sort(reader, by)
    query = Query(
        columns=columns,
        filters=filters,
        by=by,
        aggregates=aggregates,
        having=having,
        sort=sort,
        limit=reader.number("_limit", limit),
        offset=reader.number("_offset", 0) or 0,
        meta=any(convert(text, Kind.BOOL) for text in own.get("_meta", ())),
        ignored=tuple(reader.ignored),
        excluded=excluded or left_out,
    )
    return _after(query, schema, [text for text in own.get("_after", ()) if text])


def _after(query: Query, schema: Schema, texts: Sequence[str]) -> Query:
    """`query` with what `_after` says."""
    if not texts:
        return query
    if query.offset:
        raise QueryError("_after", texts[0], "goes with no _offset")
    return replace(query, after=cursor.decode(texts[-1], query, schema))
