"""Reads the arguments that filter: `city=Oslo`, `sales>~=5`, `sales|sum<=100`."""

from __future__ import annotations

from collections.abc import Sequence

from gramex_twisted.data.names import Reader, check, condition
from gramex_twisted.data.query import Aggregate, Filter, Having, Op, Operand
from gramex_twisted.data.regexparser import parse as parse_regex
from gramex_twisted.data.schema import Field
from gramex_twisted.data.types import Kind, QueryError, Value, convert


def read(reader: Reader, keys: Sequence[str], *, grouped: bool) -> tuple[tuple[Filter, ...], tuple[Having, ...]]:
    """The filters that the arguments `keys` make, and those on aggregates, which only groups have."""
    filters: list[Filter] = []
    having: list[Having] = []
    count = 0
    for key in keys:
        texts = reader.args[key]
        made = _condition(reader, key, texts, grouped=grouped)
        if isinstance(made, Filter):
            filters.append(made)
        elif made:
            having.append(made)
        else:
            reader.ignored.append((key, tuple(texts)))
        count += len(texts)
        reader.bound(key, count, reader.bounds.values, "values of filters")
        reader.bound(key, len(filters) + len(having), reader.bounds.filters, "filters")
    return tuple(filters), tuple(having)


def _condition(reader: Reader, key: str, texts: Sequence[str], *, grouped: bool) -> Filter | Having | None:
    """What one argument makes, or None if it is to be ignored."""
    found = condition(key, reader.schema)
    given = [text for text in dict.fromkeys(texts) if text]
    if found is None:
        return None
    term, op = found
    if not given and op not in (Op.IN, Op.NOT_IN):
        return None
    reader.bound(key, len(given), reader.bounds.values, "values of filters")
    if isinstance(term, str):
        return Filter(term, op, operands(key, reader.schema.names[term], op, given))
    if not grouped:
        return None
    check(term, key, given[0] if given else "", reader.schema)
    return Having(term, op, operands(key, _field(term, reader), op, given))


def _field(aggregate: Aggregate, reader: Reader) -> Field:
    return aggregate.field(f"{aggregate.column}|{aggregate.function}", reader.schema)


def operands(key: str, field: Field, op: Op, texts: Sequence[str]) -> tuple[Operand, ...]:
    """The values of a condition, of the column's kind: one only where that decides."""
    if op.is_regex:
        return tuple(_pattern(key, field, op, text) for text in texts)
    values = tuple(dict.fromkeys(_value(key, field, text) for text in texts))
    if op in (Op.ABOVE, Op.FROM):
        return (min(values),)
    if op in (Op.BELOW, Op.TO):
        return (max(values),)
    return values


def _value(key: str, field: Field, text: str) -> Value:
    try:
        return convert(text, field.kind)
    except ValueError as error:
        raise QueryError(key, text, f"{error} (column {field.name} is {field.kind.value})") from None


def _pattern(key: str, field: Field, op: Op, text: str) -> Operand:
    if field.kind is not Kind.TEXT:
        raise QueryError(key, text, f"only text is searched (column {field.name} is {field.kind.value})")
    try:
        convert(text, Kind.TEXT)
        return parse_regex(text, ignore_case=op in (Op.MATCH_CASELESS, Op.NOT_MATCH_CASELESS))
    except ValueError as error:
        raise QueryError(key, text, f"the regular expression {error}") from None
