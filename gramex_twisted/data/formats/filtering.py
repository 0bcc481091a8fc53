"""Filters on the page: one chip for each, and a form for one more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape

from gramex_twisted.data.formats.page import FORM, Arguments, Page, Section, link
from gramex_twisted.data.names import condition
from gramex_twisted.data.query import Aggregate, Filter, Having, Op, Operand, Term
from gramex_twisted.data.regex import Pattern
from gramex_twisted.data.schema import Schema
from gramex_twisted.data.types import Kind, QueryError

MOST_VALUES = 5
"""Values that a chip shows."""
MOST_CHARACTERS = 60

WORDS: Mapping[Op, str] = {
    Op.IN: "is",
    Op.NOT_IN: "is not",
    Op.ABOVE: "is above",
    Op.FROM: "is at least",
    Op.BELOW: "is below",
    Op.TO: "is at most",
    Op.MATCH: "contains",
    Op.NOT_MATCH: "does not contain",
    Op.MATCH_CASELESS: "contains",
    Op.NOT_MATCH_CASELESS: "does not contain",
}
CHOICES: Mapping[str, str] = {
    "=": "is",
    "!": "is not",
    "*": "contains",
    "!*": "does not contain",
    ">": "is above",
    ">~": "is at least",
    "<": "is below",
    "<~": "is at most",
    "null!": "is empty",
    "null": "is not empty",
}
"""Values of the form's `_op`, and what people read."""


def asked(args: Arguments, schemas: Mapping[str, Schema]) -> str | None:
    """Where to redirect (303) when the form has been sent: a relative URL with one filter more; None where it was not.

    `schemas` are those of the datasets by name. "contains" looks for the text as it is, whatever its case; in columns
    that are no texts it is "is". A column that is not known is left to the next request to ignore.
    """
    column, op = (next(iter(args.get(name, ())), "") for name in ("_filter", "_op"))
    if not column or op not in CHOICES:
        return None
    value, dataset = (next(iter(args.get(name, ())), "") for name in ("_value", "_dataset"))
    schema = schemas.get(dataset) or next(iter(schemas.values()), Schema(()))
    prefix = f"{dataset}:" if dataset in schemas and len(schemas) > 1 else ""
    cut = {f"{prefix}{name}": None for name in ("_offset", "_after")} | {"_offset": None, "_after": None}
    if op.startswith("null") or not value:
        mark = "!" if op.endswith("!") and op != "!" else ""
        return link(args, {**cut, f"{prefix}{column}{mark}": [""]} if op.startswith("null") else cut)
    if op.endswith("*"):
        known = schema.names.get(column)
        textual = known is None or known.kind is Kind.TEXT
        op, value = (op, literal(value)) if textual else (op.replace("*", "") or "=", value)
    key = f"{prefix}{column}{op.removeprefix('=')}"
    others = () if op[0] in "<>" else tuple(text for text in args.get(key, ()) if text and text != value)
    return link(args, {**cut, key: (*others, value)})


def literal(text: str) -> str:
    """A regular expression that finds `text` and nothing else."""
    return re.sub(r"([\\.^$*+?{}()\[\]|])", r"\\\1", text)


def _unescaped(pattern: str) -> str:
    """The text that `literal` made a pattern of; other patterns as they are."""
    text = re.sub(r"\\([\\.^$*+?{}()\[\]|])", r"\1", pattern)
    return text if literal(text) == pattern else pattern


def chips(page: Page, name: str, section: Section) -> str:
    """What the rows are cut down to, each with a link that takes it away, as a list; "" where nothing is."""
    items = list(_chips(page, name, section))
    return f'<ul class="chips" aria-label="Filters">{"".join(items)}</ul>\n' if items else ""


def _chips(page: Page, dataset: str, section: Section) -> Iterator[str]:
    query, whole = section.query, len(section.schema.fields)
    conditions: list[Filter | Having] = [*query.filters, *query.having]
    for found in conditions:
        keys = _keys(found, page, dataset, section.schema)
        yield _chip(_sentence(found), page.turned(dataset, dict.fromkeys(keys)) if keys else None)
    grouped = any(key in page.args for key in page.own("_by", dataset))
    if query.by is not None and (grouped or query.aggregates):
        gone = [key for name in ("_by", "_c", "_sort") for key in page.own(name, dataset) if grouped]
        columns = ", ".join(query.by)
        yield _chip(f"grouped by <b>{escape(columns)}</b>" if columns else "in total", _without(page, dataset, gone))
    elif query.by is None and len(query.columns) < whole:
        gone = page.own("_c", dataset)
        yield _chip(f"<b>{len(query.columns)}</b> of {whole} columns", _without(page, dataset, gone))


def _without(page: Page, dataset: str, keys: list[str]) -> str | None:
    return page.turned(dataset, dict.fromkeys(keys)) if any(key in page.args for key in keys) else None


def _chip(text: str, href: str | None) -> str:
    if href is None:
        return f"<li><span>{text}</span></li>"
    plain = re.sub("<[^>]*>", "", text)
    return f'<li><span>{text}</span><a href="{escape(href)}" aria-label="Remove: {plain}">&times;</a></li>'


def _keys(found: Filter | Having, page: Page, dataset: str, schema: Schema) -> list[str]:
    """The arguments that made a filter: none where it is a default."""
    term: Term = found.column if isinstance(found, Filter) else found.aggregate
    prefix = page.key("", dataset)
    return [
        key
        for key in page.args
        if _read(key, schema) == (term, found.op)
        or (prefix and key.startswith(prefix) and _read(key.removeprefix(prefix), schema) == (term, found.op))
    ]


def _read(key: str, schema: Schema) -> tuple[Term, Op] | None:
    try:
        return condition(key, schema)
    except QueryError:
        return None


def _sentence(found: Filter | Having) -> str:
    """Such as `<b>city</b> is Oslo or Bergen`."""
    if isinstance(found, Filter):
        name = found.column
    else:
        aggregate: Aggregate = found.aggregate
        name = f"{aggregate.column}|{aggregate.function}"
    subject = f"<b>{escape(name)}</b>"
    if not found.values:
        return f"{subject} is empty" if found.op is Op.NOT_IN else f"{subject} is not empty"
    shown = [_shown(value) for value in found.values[:MOST_VALUES]]
    more = len(found.values) - len(shown)
    if more:
        shown.append(f"{more} more")
    return f"{subject} {WORDS[found.op]} {' or '.join([', '.join(shown[:-1]), shown[-1]]) if shown[1:] else shown[0]}"


def _shown(value: Operand) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = _unescaped(value.source) if isinstance(value, Pattern) else str(value)
    text = text.removesuffix(".0") if isinstance(value, float) else text
    return escape(text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…")


def form(page: Page, dataset: str, section: Section) -> str:
    """A form for one more filter: it needs no script, since the server makes an argument of what it sends."""
    fields = [f for f in section.schema.fields if f.kind is not Kind.OTHER]
    if not fields:
        return ""
    away = {*page.paging(dataset), *FORM}
    kept = [(key, text) for key, texts in page.args.items() if key not in away for text in texts]
    if own := page.dataset(dataset):
        kept.append(("_dataset", own))
    hidden = "".join(f'<input type="hidden" name="{escape(key)}" value="{escape(text)}">' for key, text in kept)
    columns = "".join(f'<option value="{escape(f.name)}">{escape(f.name) or "(no name)"}</option>' for f in fields)
    operators = "".join(f'<option value="{escape(value)}">{text}</option>' for value, text in CHOICES.items())
    return (
        '<details class="filter"><summary>Filter</summary><form method="get">'
        f'{hidden}<label>Column<select name="_filter">{columns}</select></label>'
        f'<label>Condition<select name="_op">{operators}</select></label>'
        '<label>Value<input name="_value" autocomplete="off"></label><button type="submit">Apply</button>'
        "</form></details>\n"
    )
